"""Accuracy and its interval against published examples, and what counts where something could not be read or graded."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scoring import Scored, circular_score, score, share, wilson


def scored(
    correct: bool | None, *, kind: str = "count", parsed: bool = True, tokens: int = 10, clipped: bool = False
) -> Scored:
    return Scored(kind, correct, parsed, tokens, tokens // 2, clipped)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998) 857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons_to_the_published_digits(correct: int, n: int, low: float, high: float) -> None:
    interval = wilson(correct, n)

    assert interval == pytest.approx((low, high), abs=5e-5)


@given(n=st.integers(1, 5000), data=st.data())
def test_each_end_is_where_the_score_test_just_rejects(n: int, data: st.DataObject) -> None:
    """Wilson's own definition, without his formula: at an end of the interval, |share - p| is z standard errors."""
    correct = data.draw(st.integers(0, n))
    z = NormalDist().inv_cdf(0.975)

    for end in wilson(correct, n):
        if 0 < end < 1:
            assert abs(correct / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n), rel=1e-6)


def test_nothing_is_known_of_no_answers() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert math.isnan(share([]).accuracy)


@given(n=st.integers(1, 2000), data=st.data())
def test_an_interval_holds_its_share_and_mirrors_that_of_the_wrong_answers(n: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, n))

    interval, mirrored = wilson(correct, n), wilson(n - correct, n)

    assert 0 <= interval.low <= correct / n + 1e-12
    assert correct / n - 1e-12 <= interval.high <= 1
    assert interval == pytest.approx((1 - mirrored.high, 1 - mirrored.low), abs=1e-9)


def test_a_higher_level_makes_a_wider_interval() -> None:
    narrow, wide = wilson(7, 20, level=0.8), wilson(7, 20, level=0.99)

    assert wide.low < narrow.low < narrow.high < wide.high


def test_answers_that_cannot_be_graded_are_left_out_of_accuracy_and_counted() -> None:
    totals = score([scored(True), scored(False), scored(None), scored(None, kind="move")])

    assert (totals.total.n, totals.total.correct, totals.total.accuracy) == (2, 1, 0.5)
    assert totals.ungradable == 2
    assert set(totals.by_kind) == {"count"}


def test_answers_that_cannot_be_read_are_wrong_and_counted_apart() -> None:
    totals = score([scored(True), scored(False, parsed=False), scored(False)])

    assert (totals.total.n, totals.total.correct, totals.unparsed) == (3, 1, 1)


def test_each_question_type_has_its_own_share() -> None:
    totals = score([scored(True, kind="move"), scored(False, kind="move"), scored(True)])

    assert {kind: (part.correct, part.n) for kind, part in totals.by_kind.items()} == {"count": (1, 1), "move": (1, 2)}
    assert list(totals.by_kind) == ["count", "move"]
    assert totals.by_kind["move"][3:] == tuple(wilson(1, 2))


def test_lengths_are_averaged_over_every_answer_and_cut_off_ones_counted() -> None:
    totals = score([scored(True, tokens=10), scored(None, tokens=30), scored(False, tokens=20, clipped=True)])

    assert (totals.mean_tokens, totals.mean_think_tokens, totals.clipped) == (20.0, 10.0, 1)


def test_no_answers_give_no_accuracy_and_no_error() -> None:
    totals = score([])

    assert (totals.total.n, totals.unparsed, totals.mean_tokens) == (0, 0, 0.0)
    assert math.isnan(totals.total.accuracy)


def test_a_record_has_the_fields_of_the_journal() -> None:
    record = score([scored(True, kind="move")]).as_record()

    assert record["by_kind"]["move"] == {"n": 1, "correct": 1, "accuracy": 1.0, **wilson(1, 1)._asdict()}
    assert {"n", "correct", "accuracy", "low", "high", "level", "method", "unparsed", "ungradable"} <= set(record)
    assert (record["method"], record["level"]) == ("wilson", 0.95)


def test_unread_answers_are_counted_by_the_form_of_their_completion() -> None:
    totals = score(
        [
            scored(True)._replace(malformed="text outside tags"),
            scored(False, parsed=False)._replace(malformed="no answer tag"),
            scored(False, parsed=False)._replace(malformed="no answer tag"),
            scored(False, parsed=False)._replace(malformed="empty answer"),
        ]
    )

    assert totals.unparsed_by == {"no answer tag": 2, "empty answer": 1}
    assert totals.malformed == {"no answer tag": 2, "text outside tags": 1, "empty answer": 1}


def test_a_model_that_picks_a_place_is_right_in_one_rotation_of_four_and_in_every_one_never() -> None:
    verdicts = {str(number): {turn: turn == number % 4 for turn in range(4)} for number in range(100)}

    found = circular_score(verdicts, dict.fromkeys(verdicts, 4))

    assert found is not None
    assert (found.n, found.rotations, found.mean, found.every.correct) == (100, 400, 0.25, 0)
    assert [part.correct for part in found.by_rotation] == [25, 25, 25, 25]
    assert found.every[3:] == tuple(wilson(0, 100))


def test_examples_count_alike_however_many_options_they_have() -> None:
    verdicts = {"two": {0: True, 1: True}, "four": {0: True, 1: False, 2: False, 3: False}}

    found = circular_score(verdicts, {"two": 2, "four": 4})

    assert found is not None
    assert (found.mean, found.every.correct, found.every.n) == (0.625, 1, 2)
    assert [part.n for part in found.by_rotation] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    "verdicts",
    [
        {"a": {0: True}},  # one of two rotations is missing
        {"a": {0: True, 1: None}},  # one cannot be graded
        {},
    ],
)
def test_examples_without_every_rotation_are_left_out_of_circular_scores(
    verdicts: dict[str, dict[int, bool | None]],
) -> None:
    assert circular_score(verdicts, dict.fromkeys(verdicts, 2)) is None
