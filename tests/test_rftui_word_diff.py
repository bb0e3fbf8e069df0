"""Two texts compared word by word: the marks are signs, nothing is lost, and nothing steers a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.rollouts.word_diff import MOST_WORDS, word_diff
from rftui.terminal.clean import clean
from rftui.terminal.spans import Role, line_width
from tests.rollout_rows import HOSTILE

WORDS = st.lists(st.sampled_from(["left", "right", "cube", "lamp", "of"]), max_size=30).map(" ".join)


def said(before: str, after: str, *, width: int = 60) -> str:
    return "\n".join("".join(span.text for span in line) for line in word_diff(before, after).lines(width))


def test_what_is_gone_and_new_stands_in_signs() -> None:
    text = said("The cube is left of the lamp.", "The red cube is right of the lamp.")

    assert text == "The {+red+} cube is [-left-] {+right+} of the lamp."


def test_marks_have_roles_too() -> None:
    (line,) = word_diff("a b", "a c").lines(60)

    assert [(span.text, span.role) for span in line if span.role is not Role.PLAIN] == [
        ("[-b-]", Role.WRONG),
        ("{+c+}", Role.RIGHT),
    ]


def test_equal_texts_differ_in_nothing() -> None:
    difference = word_diff("one two\nthree", "one two\nthree")

    assert (difference.gone, difference.new, difference.left_out) == (0, 0, 0)
    assert said("one two\nthree", "one  two\nthree") == "one  two\nthree"


@given(WORDS, WORDS)
def test_each_text_can_be_read_out_of_the_marks(before: str, after: str) -> None:
    spans = [span for line in word_diff(before, after).lines(10_000) for span in line]

    new = " ".join(span.text.removeprefix("{+").removesuffix("+}") for span in spans if span.role is not Role.WRONG)
    old = " ".join(span.text.removeprefix("[-").removesuffix("-]") for span in spans if span.role is not Role.RIGHT)
    assert (old.split(), new.split()) == (before.split(), after.split())


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_clean_and_fits(text: str) -> None:
    for before, after in ((text, "left"), ("left", text), (text, text[::-1])):
        for line in word_diff(before, after).lines(20):
            assert line_width(line) <= 20
            assert all(clean(span.text) == span.text and "\n" not in span.text for span in line)


def test_what_is_beyond_the_limit_is_counted() -> None:
    difference = word_diff("a " * (MOST_WORDS + 5), "a")

    assert difference.left_out == 5
