"""Cells and columns of strangers' tables: the many ways in which images, options and answers are written."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import pytest

from evals.errors import TaskError
from evals.files.cells import (
    AnswerAs,
    CellError,
    answer_cell,
    chosen_option,
    fitting_way,
    image_cells,
    option_texts,
    question_text,
    text_of,
)
from evals.files.columns import find_columns
from tests.picture_files import picture

PNG = picture("red", size=(60, 40))
LONG_BASE64 = base64.b64encode(PNG * 20).decode()


@pytest.mark.parametrize(
    ("cell", "found"),
    [
        ("a/b.png", [("a/b.png", None)]),
        ("  file:///data/x.png ", [("/data/x.png", None)]),
        ("a\\b.png", [("a/b.png", None)]),  # written on Windows
        (["a.png", "b.png"], [("a.png", None), ("b.png", None)]),
        ('["a.png", "b.png"]', [("a.png", None), ("b.png", None)]),  # a list in a cell of CSV
        ("['a.png', 'b.png']", [("a.png", None), ("b.png", None)]),  # as Python prints one
        (PNG, [("", PNG)]),
        ({"bytes": PNG, "path": "a.png"}, [("", PNG)]),
        ({"bytes": None, "path": "a.png"}, [("a.png", None)]),
        ([{"bytes": PNG}], [("", PNG)]),
        (LONG_BASE64, [("", PNG * 20)]),
        ("data:image/png;base64," + base64.b64encode(PNG).decode(), [("", PNG)]),
        (None, []),
        ("", []),
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_images_are_found_however_they_are_written(cell: Any, found: list[tuple[str, bytes | None]]) -> None:
    assert [image[:2] for image in image_cells(cell)] == found


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ("https://example.org/a.png", "address on the net"),
        pytest.param("a caption, " * 200, "no base64", id="long"),
        ({"height": 3}, "neither bytes nor path"),
        (3, "neither text nor bytes"),
        ("[a, b", "list that cannot be read"),
    ],
)
def test_what_is_no_image_says_so(cell: Any, said: str) -> None:
    with pytest.raises(CellError, match=said):
        image_cells(cell)


@pytest.mark.parametrize(
    ("cell", "options"),
    [
        (["left", "right"], ("left", "right")),
        ('["left", "right"]', ("left", "right")),
        ("['it''s', 'left of']", ("its", "left of")),
        ("left, right", ("left", "right")),
        ("left of the lamp; right, or so", ("left of the lamp", "right, or so")),
        ("left|right|", ("left", "right")),
        ("A. left\nB. right", ("left", "right")),
        ("(A) left of it (B) right of it", ("left of it", "right of it")),
        ("A: 3, B: 4, C: 5", ("3", "4", "5")),
        (["A. left", "B. right"], ("left", "right")),
        (["A. Smith", "C. Jones"], ("A. Smith", "C. Jones")),  # initials, not labels
        ({"A": "left", "B": "right"}, ("left", "right")),
        ({"text": ["left", "right"], "label": ["A", "B"]}, ("left", "right")),  # ARC on the Hub
        ([1, 2.0, True], ("1", "2", "true")),
        ("New York", ("New York",)),
        (None, ()),
        ([], ()),
    ],
)
def test_options_are_found_however_they_are_written(cell: Any, options: tuple[str, ...]) -> None:
    assert option_texts(cell) == options


@pytest.mark.parametrize(
    ("cell", "texts"),
    [
        ("left", ("left",)),
        ("<answer> 3 </answer>", ("3",)),  # R1-V's column of solutions
        ("<think>hm</think>\n<answer>3</answer>", ("3",)),
        (3, ("3",)),
        (3.0, ("3",)),
        (False, ("false",)),
        (["net", "web", "web"], ("web", "net")),  # VQA: what most people said
        ([{"answer": "a"}, {"answer": "b"}], ("a", "b")),
        ({"text": ["a"], "answer_start": [3]}, ("a",)),
        ('["a", "b"]', ("a", "b")),
        ("[unclear", ("[unclear",)),
        (None, ()),
        (" ", ()),
    ],
)
def test_answers_are_found_however_they_are_written(cell: Any, texts: tuple[str, ...]) -> None:
    assert answer_cell(cell).texts == texts


@pytest.mark.parametrize(
    ("text", "way", "chosen"),
    [
        ("Right Of.", AnswerAs.TEXT, "right of"),
        ("B", AnswerAs.LETTER, "right of"),
        ("(b)", AnswerAs.LETTER, "right of"),
        ("B.", AnswerAs.LETTER, "right of"),
        ("D", AnswerAs.LETTER, None),
        ("B. right of", AnswerAs.TEXT, "right of"),
        ("right of", AnswerAs.LETTER, "right of"),  # its own text always counts
        ("0", AnswerAs.INDEX, "left of"),
        ("3", AnswerAs.INDEX, None),
        ("1", AnswerAs.INDEX1, "left of"),
        ("0", AnswerAs.INDEX1, None),
        ("B", AnswerAs.TEXT, None),
        ("right of or left of", AnswerAs.TEXT, None),
    ],
)
def test_an_answer_means_an_option(text: str, way: AnswerAs, chosen: str | None) -> None:
    assert chosen_option(text, ("left of", "right of", "behind"), way) == chosen


def test_numbers_that_are_options_are_texts_before_they_are_places() -> None:
    assert chosen_option("2", ("1", "2", "3"), AnswerAs.TEXT) == "2"
    assert fitting_way(Counter({AnswerAs.TEXT: 5, AnswerAs.INDEX: 5, AnswerAs.INDEX1: 4})) is AnswerAs.TEXT


def test_marks_of_images_leave_the_question() -> None:
    assert question_text("<image>\nWhat is in <image 2>?") == "What is in image 2?"
    assert text_of(None) == ""


@pytest.mark.parametrize(
    ("names", "image", "question", "options", "answer"),
    [
        (["image", "question", "options", "answer", "split"], ("image",), "question", ("options",), "answer"),
        (["images", "question", "answers", "correct_answer"], ("images",), "question", ("answers",), "correct_answer"),
        (["image", "question", "answers"], ("image",), "question", (), "answers"),  # VQA
        (["image", "problem", "solution"], ("image",), "problem", (), "solution"),  # R1-V
        (["index", "image", "question", "A", "B", "C", "answer"], ("image",), "question", ("A", "B", "C"), "answer"),
        (["Image Path", "Question", "option_a", "option_b", "Label"], ("Image Path",), "Question", None, "Label"),
        (["image_1", "image_2", "image_10", "question", "answer"], None, "question", (), "answer"),  # MMMU
        (["sentence", "label", "identifier", "image", "split"], ("image",), "sentence", (), "label"),  # NLVR
    ],
)
def test_columns_are_found_by_the_names_that_data_sets_use(
    names: list[str],
    image: tuple[str, ...] | None,
    question: str,
    options: tuple[str, ...] | None,
    answer: str,
) -> None:
    columns = find_columns(names, {}, has_question=False)

    assert columns.image == (image or ("image_1", "image_2", "image_10"))
    assert (columns.question, columns.answer) == (question, answer)
    assert columns.options == (("option_a", "option_b") if options is None else options)


def test_columns_that_the_user_names_come_first() -> None:
    names = ["image", "question", "caption", "label", "answer"]

    columns = find_columns(names, {"question": "caption", "answer": "label"}, has_question=False)

    assert (columns.question, columns.answer) == ("caption", "label")


@pytest.mark.parametrize(
    ("names", "given", "said"),
    [
        (["image", "question", "x"], {}, "no column for the answer among image, question, x"),
        (["img", "conversations"], {}, "conversations holds whole conversations"),
        (["image", "question", "answer"], {"answer": "anwser"}, "task_options.answer_column=answer"),
        (["a"], {}, "image and the question and the answer"),
    ],
)
def test_columns_that_are_not_there_are_named(names: list[str], given: dict[str, str], said: str) -> None:
    with pytest.raises(TaskError, match=said):
        find_columns(names, given, has_question=False)


def test_a_question_of_the_users_own_needs_no_column() -> None:
    assert find_columns(["image", "label"], {}, has_question=True).question == ""
