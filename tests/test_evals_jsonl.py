"""The task `jsonl`: questions about images from a user's own table."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.errors import TaskError
from evals.task import Example
from evals.tasks import load_task
from evals.tasks.jsonl import Jsonl, TableExamples
from tests.picture_files import make_folder, numbered, picture
from tests.real_data import real_file

SPLITS = ("train", "validation", "heldout")
Row = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "data", {f"images/{number}.png": numbered(number) for number in range(60)})


def table(folder: Path, rows: list[Row], name: str = "rows.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def row(number: int, **cells: Any) -> Row:
    """A row about one of the images; without `options=None` it has four options."""
    cells = {"image": f"images/{number}.png", "question": f"Where is it ({number})?", "answer": "left", **cells}
    cells = {"options": ["left", "right", "above", "below"], **cells}
    return {name: cell for name, cell in cells.items() if cell is not None}


def examples_of(path: Path, split: str = "train", *, seed: int = 0, **options: Any) -> TableExamples:
    task = load_task("jsonl", options)
    assert isinstance(task, Jsonl)
    return task.examples(split, seed=seed, difficulty=0.5, source=task.source(str(path)))


def all_of(path: Path, split: str = "", **options: Any) -> list[Example]:
    """Examples of one split, or of all of them."""
    found = [examples_of(path, one, **options) for one in ([split] if split else SPLITS)]
    return [examples[index] for examples in found for index in range(examples.length)]


def detail(path: Path, **options: Any) -> str:
    return load_task("jsonl", options).source(str(path)).detail


def test_rows_become_questions_with_options_and_gold(folder: Path) -> None:
    path = table(folder, [row(1, type="place", id="q1"), row(2, answer="below", type="place", id="q2")])

    first, second = sorted(all_of(path), key=lambda example: example.uid)

    assert (first.question, first.options) == ("Where is it (1)?", ("left", "right", "above", "below"))
    assert (first.gold, second.gold, first.kind) == ("left", "below", "place")
    assert first.uid.startswith("jsonl/q1/")
    assert first.images[0].getpixel((0, 0)) == (1, 0, 77)


@pytest.mark.parametrize(
    ("answers", "golds"),
    [
        (["left", "RIGHT.", "below"], ["left", "right", "below"]),
        (["A", "B", "D"], ["left", "right", "below"]),
        ([0, 1, 3], ["left", "right", "below"]),
        ([1, 2, 4], ["left", "right", "below"]),  # counted from 1, as a 4 and no 0 shows
        ([1, 2, 2], ["right", "above", "above"]),  # nothing says otherwise: from 0
        (["<answer>A</answer>", "(B)", "D."], ["left", "right", "below"]),
    ],
)
def test_how_answers_are_written_is_seen_from_all_rows(folder: Path, answers: list[Any], golds: list[str]) -> None:
    path = table(folder, [row(number, answer=answer) for number, answer in enumerate(answers)])

    found = sorted(all_of(path), key=lambda example: example.question)

    assert [example.gold for example in found] == golds


def test_how_answers_are_written_can_be_said(folder: Path) -> None:
    path = table(folder, [row(1, answer=1)])

    assert [example.gold for example in all_of(path, answer_as="index1")] == ["left"]


def test_numbers_among_the_options_are_texts(folder: Path) -> None:
    path = table(folder, [row(n, options=["1", "2", "3"], answer=n % 3 + 1) for n in range(6)])

    assert {(example.question, example.gold) for example in all_of(path)} == {
        (f"Where is it ({n})?", str(n % 3 + 1)) for n in range(6)
    }


def test_rows_that_cannot_be_asked_are_counted_and_the_rest_is_asked(folder: Path) -> None:
    rows = [
        row(1),
        row(2, image="images/none.png"),
        row(3, image="images/none2.png"),
        row(4, answer="behind"),
        row(5, options=["left", "Left"]),
        row(6, question=""),
        row(7, answer=""),
        row(8, image="https://example.org/8.png"),
        row(9, image=[]),
    ]
    path = table(folder, rows)
    with path.open("a") as file:
        file.write('\n{"image": "images/9.png", "quest')

    task = load_task("jsonl")
    assert isinstance(task, Jsonl)
    problems = task.data(str(path)).rows.problems

    assert len(all_of(path)) == 1
    assert problems.counts == {
        "without an image that is there": 2,
        "whose answer is none of the options": 1,
        "with the same option twice": 1,
        "without a question": 1,
        "without an answer": 1,
        "without an image": 1,
        "with an image that is an address on the net (rftui downloads none)": 1,
        "that cannot be read": 1,
    }
    assert problems.rows["without an image that is there"] == ["row 2: images/none.png", "row 3: images/none2.png"]
    assert problems.rows["whose answer is none of the options"][0].startswith("row 4: 'behind' of ['left'")
    assert detail(path).startswith("1 question in rows.jsonl; 9 rows left out: 2 without an image that is there")


def test_a_table_of_which_no_row_can_be_asked_says_why(folder: Path) -> None:
    path = table(folder, [row(1, image="elsewhere/1.png")])

    with pytest.raises(TaskError, match=r"1 without an image that is there \(row 1: elsewhere/1.png\).*image_root"):
        examples_of(path)


def test_images_are_looked_for_around_the_table(folder: Path, tmp_path: Path) -> None:
    bare = [row(n, image=f"{n}.png") for n in range(3)]
    (folder / "lists").mkdir()

    assert len(all_of(table(folder, bare))) == 3, "in images/ beside it"
    assert len(all_of(table(folder / "lists", [row(n) for n in range(3)]))) == 3, "one folder above"
    far = table(tmp_path, bare)
    assert len(all_of(far, image_root="data/images")) == 3
    with pytest.raises(TaskError, match="no folder"):
        examples_of(far, image_root="data/pictures")


def test_a_path_that_leads_from_the_table_is_taken_before_the_folder_of_the_others(folder: Path) -> None:
    rows = [row(0, image="../elsewhere/0.png"), *(row(n, image=f"{n}.png") for n in range(1, 3))]
    make_folder(folder.parent, {"elsewhere/0.png": picture("blue")})

    examples = all_of(table(folder, rows))

    assert len(examples) == 3
    assert (0, 0, 255) in {example.images[0].getpixel((0, 0)) for example in examples}


def test_one_row_left_out_is_told_as_one(folder: Path) -> None:
    path = table(folder, [*(row(n) for n in range(3)), row(3, image="images/none.png")])
    task = load_task("jsonl")

    remarks = task.remarks(task.source(str(path)))

    assert "1 row left out, without an image that is there: row 4: images/none.png" in remarks


def test_images_may_be_in_the_table_itself(folder: Path) -> None:
    encoded = base64.b64encode(picture("blue", size=(400, 400), kind="BMP")).decode()

    (example,) = all_of(table(folder, [row(1, image=encoded)]))

    assert example.images[0].getpixel((5, 5)) == (0, 0, 255)


def test_a_row_may_have_several_images(folder: Path) -> None:
    path = table(folder, [row(n, image=[f"images/{n}.png", f"images/{n + 1}.png"]) for n in range(3)])

    assert {len(example.images) for example in all_of(path)} == {2}


def test_rows_that_share_an_image_over_others_are_in_one_split(folder: Path) -> None:
    chain = [row(n, image=[f"images/{n}.png", f"images/{n + 1}.png"], id=f"chain-{n}") for n in range(0, 29)]
    apart = [row(n, image=[f"images/{n}.png"], id=f"apart-{n}") for n in range(31, 60)]
    path = table(folder, chain + apart)

    splits_of = {
        kind: {split for split in SPLITS for example in all_of(path, split) if example.uid.startswith(f"jsonl/{kind}")}
        for kind in ("chain", "apart")
    }

    assert len(splits_of["chain"]) == 1
    assert len(splits_of["apart"]) > 1


def test_questions_about_equal_images_are_in_one_split(folder: Path) -> None:
    make_folder(folder, {f"copies/{number}.png": numbered(number) for number in range(60)})
    rows = [row(n, image=f"{place}/{n}.png") for n in range(60) for place in ("images", "copies")]
    path = table(folder, rows)

    scenes = [{example.scene for example in all_of(path, split)} for split in SPLITS]

    assert all(scenes)
    assert sum(len(scene) for scene in scenes) == 60


def test_splits_that_rows_name_are_kept(folder: Path) -> None:
    rows = [row(n, split=split) for n, split in enumerate(["train"] * 5 + ["dev"] * 2 + ["test"] * 3)]
    path = table(folder, rows)

    assert [len(all_of(path, split)) for split in SPLITS] == [5, 2, 3]


def test_a_table_of_one_split_is_split_by_its_images(folder: Path) -> None:
    path = table(folder, [row(n, split="dev") for n in range(60)])
    task = load_task("jsonl")
    assert isinstance(task, Jsonl)

    assert len(all_of(path, "train")) > 30
    assert "names only validation" in task.data(str(path)).splits.remark


def test_few_answers_are_offered_where_rows_have_no_options(folder: Path) -> None:
    yes_no = table(folder, [row(n, options=None, answer=["no", "yes"][n % 2]) for n in range(20)], "few.jsonl")
    open_ones = table(folder, [row(n, options=None, answer=f"{n} red cubes") for n in range(20)], "many.jsonl")

    assert {example.options for example in all_of(yes_no)} == {("no", "yes")}
    assert {example.options for example in all_of(yes_no, options_shown="none")} == {()}
    assert {example.options for example in all_of(yes_no, options_shown="own")} == {()}
    assert {example.options for example in all_of(open_ones)} == {()}


def test_several_answers_count_as_right_and_the_most_frequent_is_gold(folder: Path) -> None:
    answers = [{"answer": text} for text in ("net", "web", "web", "spider web")]
    path = table(folder, [row(n, options=None, answer=None, answers=answers) for n in range(12)])
    task = load_task("jsonl", {"options_shown": "none"})

    example = all_of(path, options_shown="none")[0]

    assert example.gold == "web"
    assert [task.grade(text, example) for text in ("web", "Net.", "spider web", "webs", "", None)] == [
        *(True, True, True),
        *(False, False, False),
    ]
    assert task.grade("web", replace(example, gold="tree")) is False, "a control experiment changed the gold"


def test_a_question_can_be_made_of_columns(folder: Path) -> None:
    rows = [row(n, question=None, sentence=f"there are {n}", answer="true", options=None) for n in range(3)]
    path = table(folder, [*rows, row(9, question=None, sentence="no", answer="false", options=None)])

    asked = {example.question for example in all_of(path, question="Is it true that {sentence}?")}

    assert "Is it true that there are 2?" in asked
    with pytest.raises(TaskError, match=r"asks for \{sentense\}.*write \{sentence\}"):
        examples_of(path, question="{sentense}")


def test_paths_of_images_can_be_made_of_columns(folder: Path) -> None:
    path = folder / "labels.csv"
    path.write_text("number,label\n" + "".join(f"{n},{'cat' if n % 2 else 'dog'}\n" for n in range(20)))

    found = all_of(path, image_column="images/{number}.png", question="Which animal?")

    assert len(found) == 20
    assert {example.options for example in found} == {("cat", "dog")}
    with pytest.raises(TaskError, match=r"image_column asks for \{numbr\}.*write \{number\}"):
        examples_of(path, image_column="images/{numbr}.png", question="Which animal?")


def test_options_can_be_shuffled(folder: Path) -> None:
    path = table(folder, [row(n, id=str(n)) for n in range(60)])

    places = Counter(example.options.index("left") for example in all_of(path, shuffle_options=True))

    assert {example.options.index("left") for example in all_of(path)} == {0}
    assert set(places) == {0, 1, 2, 3}
    assert all_of(path, shuffle_options=True) == all_of(path, shuffle_options=True)


def test_csv_rows_are_asked_like_any(folder: Path) -> None:
    path = folder / "rows.csv"
    path.write_text('image,question,A,B,answer\nimages/1.png,"Left, or right?",left,right,B\n')

    (example,) = all_of(path)

    assert (example.question, example.options, example.gold) == ("Left, or right?", ("left", "right"), "right")


def test_an_example_is_the_same_wherever_the_table_lies(folder: Path, tmp_path: Path) -> None:
    path = table(folder, [row(n) for n in range(20)])
    absolute = table(tmp_path, [row(n, image=str(folder / f"images/{n}.png")) for n in range(20)])

    assert {example.uid for example in all_of(path)} == {example.uid for example in all_of(absolute)}


def test_a_table_that_was_written_again_is_read_again(folder: Path) -> None:
    path = table(folder, [row(1)])
    assert detail(path) == "1 question in rows.jsonl"

    table(folder, [row(1), row(2)])
    os.utime(path, ns=(1, 1))

    assert detail(path) == "2 questions in rows.jsonl"


def test_nlvr_is_a_task_with_a_question_of_the_users_own() -> None:
    path = real_file("nlvr1/nlvr.jsonl")
    found = all_of(path, question="Is this true of the image? {sentence}")

    assert len(found) == 989
    assert Counter(example.gold for example in found) == {"true": 547, "false": 442}
    assert found[0].options == ("false", "true")
    assert found[0].images[0].size == (400, 100)


def test_spatialmqa_is_a_task_as_far_as_its_photos_are_there() -> None:
    path = real_file("spatialmqa/with_image.jsonl")

    assert len(all_of(path)) == 4
    with pytest.raises(TaskError, match=r"4,203 without an image that is there"):
        examples_of(path.with_name("spatialmqa.jsonl"))


def parquet(path: Path, *, rows: int = 40, kind: str = "struct", group: int = 7) -> Path:
    """A table as the Hub publishes it: images in the file, in small row groups."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    images: list[Any] = [{"bytes": numbered(n), "path": f"{n}.png"} for n in range(rows)]
    if kind == "binary":
        images = [image["bytes"] for image in images]
    if kind == "list":
        images = [[images[n], images[(n + 1) % rows]] if n < rows // 2 else [images[n]] for n in range(rows)]
    columns = {
        "images" if kind == "list" else "image": images,
        "question": [f"Where ({n})?" for n in range(rows)],
        "choices": [["left", "right"]] * rows,
        "answer": [n % 2 for n in range(rows)],
    }
    pq.write_table(pa.table(columns), path, row_group_size=group)
    return path


@pytest.mark.parametrize("kind", ["struct", "binary", "list"])
def test_parquet_as_the_hub_publishes_it_is_asked_like_any(tmp_path: Path, kind: str) -> None:
    path = parquet(tmp_path / "test.parquet", kind=kind)

    found = sorted(all_of(path), key=lambda example: int(example.question[7:-2]))

    assert len(found) == 40
    assert [example.gold for example in found[:3]] == ["left", "right", "left"]
    assert [example.images[0].getpixel((0, 0)) for example in found] == [(n, 0, 77) for n in range(40)]
    assert {len(example.images) for example in found} == ({1, 2} if kind == "list" else {1})


def test_parquet_rows_that_share_images_are_in_one_split(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", kind="list")

    chained = [{int(one.question[7:-2]) for one in all_of(path, split)} & set(range(20)) for split in SPLITS]

    assert sorted(map(len, chained)) == [0, 0, 20]


def test_an_empty_cell_of_parquet_leaves_its_example_out(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "x.parquet"
    cells = {"image": pa.array([picture(), None, b"no image"], pa.binary()), "question": ["?"] * 3, "answer": ["a"] * 3}
    pq.write_table(pa.table(cells | {"split": ["train", "train", "test"]}), path)

    train, heldout = all_of(path, "train"), all_of(path, "heldout")

    failed = [example for example in train if example.scene.startswith("unreadable-")]
    assert len(failed) == 1
    with pytest.raises(OSError, match="row 2 has no image"):
        assert failed[0].images
    with pytest.raises(OSError, match="cannot identify"):
        assert heldout[0].images


def test_parquet_with_huge_row_groups_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evals.files.parquet_table.MAX_GROUP_BYTES", 1000)

    with pytest.raises(TaskError, match="row_group_size=500"):
        examples_of(parquet(tmp_path / "x.parquet", group=40))
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(TaskError, match="not read as parquet"):
        examples_of(tmp_path / "broken.parquet")


def test_nlvr_in_the_form_of_sat_is_a_table_too() -> None:
    found = all_of(real_file("nlvr1/sat_shape_struct.parquet"))

    assert len(found) == 400
    assert found[0].gold in found[0].options
