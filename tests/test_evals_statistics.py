"""The paired difference by hand, and how often its interval holds the truth."""

from __future__ import annotations

import random

import pytest

from evals.statistics import Difference, paired_difference


def answers(*, both: int, gained: int, lost: int, neither: int) -> tuple[list[bool], list[bool]]:
    """Evaluations before and after with so many examples of each kind."""
    before = [True] * both + [False] * gained + [True] * lost + [False] * neither
    after = [True] * both + [True] * gained + [False] * lost + [False] * neither
    return before, after


@pytest.mark.parametrize(
    ("counts", "mean"),
    [
        ({"both": 5, "gained": 3, "lost": 1, "neither": 1}, 0.2),
        ({"both": 5, "gained": 1, "lost": 3, "neither": 1}, -0.2),
        ({"both": 0, "gained": 2, "lost": 2, "neither": 6}, 0.0),
    ],
)
def test_the_difference_is_gains_less_losses_over_all_examples(counts: dict[str, int], mean: float) -> None:
    difference = paired_difference(*answers(**counts))

    assert difference.mean == pytest.approx(mean)
    assert difference.low < mean < difference.high
    assert difference.n == 10


@pytest.mark.parametrize(
    ("counts", "mean"),
    [
        ({"both": 6, "gained": 0, "lost": 0, "neither": 4}, 0.0),  # they agree on every example
        ({"both": 0, "gained": 10, "lost": 0, "neither": 0}, 1.0),
        ({"both": 0, "gained": 0, "lost": 1, "neither": 0}, -1.0),  # a single example
    ],
)
def test_changes_that_are_all_alike_have_an_interval_without_width(counts: dict[str, int], mean: float) -> None:
    before, after = answers(**counts)

    assert paired_difference(before, after) == Difference(mean, mean, mean, len(before))


def test_swapping_the_evaluations_changes_only_the_sign() -> None:
    before, after = answers(both=50, gained=30, lost=10, neither=10)

    there, back = paired_difference(before, after), paired_difference(after, before)

    assert there.mean == -back.mean
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.02)


def test_agreement_narrows_the_interval_at_equal_accuracies() -> None:
    alike = paired_difference(*answers(both=45, gained=15, lost=5, neither=35))
    unlike = paired_difference(*answers(both=20, gained=40, lost=30, neither=10))

    assert alike.mean == pytest.approx(unlike.mean)
    assert alike.high - alike.low < unlike.high - unlike.low


def test_the_interval_is_that_of_resampling_the_examples() -> None:
    """Against the normal interval of the mean change, which a bootstrap of 2000 examples is close to."""
    before, after = answers(both=900, gained=400, lost=200, neither=500)
    n, mean = 2000, 0.1
    deviation = ((600 - n * mean**2) / n / n) ** 0.5

    difference = paired_difference(before, after)

    assert (difference.low, difference.high) == pytest.approx(
        (mean - 1.96 * deviation, mean + 1.96 * deviation), abs=2e-3
    )


def test_a_seed_gives_the_same_interval_whatever_the_order_of_the_examples() -> None:
    before, after = answers(both=50, gained=30, lost=10, neither=10)
    order = random.Random(0).sample(range(100), 100)

    shuffled = paired_difference([before[i] for i in order], [after[i] for i in order], seed=3)

    assert shuffled == paired_difference(before, after, seed=3)


def test_a_95_percent_interval_holds_the_true_change_about_95_times_in_100() -> None:
    rng = random.Random(7)
    gain, loss, experiments = 0.2, 0.1, 400

    held = 0
    for experiment in range(experiments):
        changes = rng.choices([1, -1, 0], [gain, loss, 1 - gain - loss], k=200)
        before, after = [change < 0 for change in changes], [change > 0 for change in changes]
        difference = paired_difference(before, after, seed=experiment)
        held += difference.low <= gain - loss <= difference.high

    assert 0.92 <= held / experiments <= 0.98


@pytest.mark.parametrize(("before", "after"), [([True], [True, False]), ([], []), ([True], [])])
def test_evaluations_of_other_examples_cannot_be_paired(before: list[bool], after: list[bool]) -> None:
    with pytest.raises(ValueError, match=f"found {len(before)} and {len(after)}"):
        paired_difference(before, after)
