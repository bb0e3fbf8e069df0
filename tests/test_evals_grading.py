"""What counts as the gold answer: its whole text, however spaced or cased, and nothing that only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.grading import matches_gold, normalized


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        ("left", "left"),
        ("  Left. ", "left"),
        ("LEFT", "left"),
        ("the  red\n cube", "The red cube"),
        ("the\u00a0red cube", "the red cube"),  # a no-break space
        ("cafe\u0301", "caf\u00e9"),  # one letter in two code points
        ("left .", "left"),
        ("left", "Left."),
        ("F/A-18", "f/a-18"),
        ("\u212a", "k"),  # the Kelvin sign is canonically the letter K
    ],
)
def test_case_spacing_composition_and_a_full_stop_make_no_difference(answer: str, gold: str) -> None:
    assert matches_gold(answer, gold) is True


@pytest.mark.parametrize(
    ("answer", "gold"),
    [
        (None, "left"),
        ("", "left"),
        (".", "left"),
        ("left or right", "left"),
        ("left, right, above, below", "left"),
        ("not left", "left"),
        ("left left", "left"),
        ("le", "left"),  # part of the gold
        ("to the left", "left"),  # the gold is part of it
        ("left..", "left"),
        ("l\u0435ft", "left"),  # a Cyrillic e
        ("le\u200bft", "left"),  # a zero-width space
        ("\uff4c\uff45\uff46\uff54", "left"),  # full-width letters
        ("\u017fquare", "square"),  # a long s
        ("\ufb01ve", "five"),  # a ligature
        ("F-16A/B", "F-16"),
        ("F-16", "F-16A/B"),
        ("12", "2"),
        ("2.0", "2"),
    ],
)
def test_an_answer_that_is_less_more_or_only_like_the_gold_is_wrong(answer: str | None, gold: str) -> None:
    assert matches_gold(answer, gold) is False


@pytest.mark.parametrize("gold", ["", "  ", ".", " . ", "\n"])
@pytest.mark.parametrize("answer", ["", ".", "left", None])
def test_nothing_can_be_right_where_the_gold_is_empty(gold: str, answer: str | None) -> None:
    assert matches_gold(answer, gold) is None


@given(text=st.text())
def test_any_gold_that_can_be_graded_matches_itself(text: str) -> None:
    assert matches_gold(text, text) is (True if normalized(text) else None)


@given(answer=st.text(), gold=st.text())
def test_grading_never_raises_and_only_pays_equal_normal_forms(answer: str, gold: str) -> None:
    assert matches_gold(answer, gold) in (None, normalized(answer) == normalized(gold))


@given(options=st.lists(st.text(min_size=1), min_size=2, max_size=6, unique_by=normalized))
def test_one_answer_is_right_for_one_option_only(options: list[str]) -> None:
    for answer in options:
        assert sum(matches_gold(answer, gold) is True for gold in options) <= 1
