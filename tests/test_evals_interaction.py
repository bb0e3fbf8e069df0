"""Differences of paired differences: worked out by hand, paired within tasks, and how often they are a false alarm."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest
from scipy.stats import norm

from evals.interaction import Cells, Interaction, interaction


def cells(*, gained: int, lost: int, both: int = 20, neither: int = 20) -> Cells:
    """One evaluation without and one with a change that flips so many examples each way."""
    without = [True] * both + [False] * gained + [True] * lost + [False] * neither
    with_it = [True] * both + [True] * gained + [False] * lost + [False] * neither
    return Cells([graded(without)], [graded(with_it)])


def graded(flags: Sequence[bool]) -> Mapping[str, bool]:
    """An evaluation from right and wrong."""
    return {str(number): flag for number, flag in enumerate(flags)}


def test_the_interaction_is_one_effect_less_the_other() -> None:
    hard, easy = cells(gained=30, lost=10, both=30, neither=30), cells(gained=5, lost=15, both=60, neither=20)

    found = interaction(hard, easy)

    assert (found.first.mean, found.second.mean) == pytest.approx((0.2, -0.1))
    assert (found.first.n, found.second.n) == (100, 100)
    assert found.difference == pytest.approx(0.3)
    assert found.low < 0.3 < found.high


def test_interval_and_test_are_those_of_two_independent_means_of_changes() -> None:
    """By hand: the variance of a mean change of n examples is (gained + lost - n mean²) / n², and they add up."""
    hard, easy = cells(gained=120, lost=80, both=100, neither=100), cells(gained=40, lost=60, both=200, neither=200)
    first, second = (200 - 400 * 0.1**2) / 400**2, (100 - 500 * 0.04**2) / 500**2
    error = (first + second) ** 0.5

    found = interaction(hard, easy)

    assert found.difference == pytest.approx(0.14)
    assert (found.low, found.high) == pytest.approx((0.14 - 1.96 * error, 0.14 + 1.96 * error), abs=4e-3)
    assert found.p == pytest.approx(2 * norm.sf(0.14 / error), rel=0.2)


def test_two_significant_effects_of_one_size_are_no_interaction() -> None:
    found = interaction(cells(gained=40, lost=5), cells(gained=40, lost=5))

    assert found.first.low > 0 and found.second.low > 0
    assert (found.difference, found.p) == (0.0, 1.0)


def test_tasks_change_places_with_the_sign() -> None:
    hard, easy = cells(gained=30, lost=10), cells(gained=5, lost=15)

    there, back = interaction(hard, easy), interaction(easy, hard)

    assert there.difference == pytest.approx(-back.difference)
    assert (there.low, there.high) == pytest.approx((-back.high, -back.low), abs=0.02)


def test_examples_that_one_evaluation_did_not_grade_are_left_out_of_all() -> None:
    without, with_it = {"a": True, "b": False, "c": False}, {"b": True, "c": False, "d": True}

    found = interaction(Cells([without], [with_it]), cells(gained=1, lost=1))

    assert (found.first.mean, found.first.n) == (0.5, 2)


def seeded(rate: float, change: float, *, seeds: int, n: int, rng: random.Random, spread: float = 0.0) -> Cells:
    """Runs of a method whose seeds differ by `spread`, without and with a change of its accuracy."""

    def run(share: float) -> Mapping[str, bool]:
        own = share + rng.gauss(0, spread)
        return graded([rng.random() < own for _ in range(n)])

    return Cells([run(rate) for _ in range(seeds)], [run(rate + change) for _ in range(seeds)])


def test_seeds_are_resampled_from_five_on_and_widen_the_interval() -> None:
    rng = random.Random(3)
    few = interaction(*(seeded(0.5, 0.1, seeds=4, n=300, rng=rng, spread=0.08) for _ in range(2)))
    many = interaction(*(seeded(0.5, 0.1, seeds=5, n=300, rng=rng, spread=0.08) for _ in range(2)))

    assert (few.are_seeds_resampled, many.are_seeds_resampled) == (False, True)
    assert many.high - many.low > 1.5 * (few.high - few.low)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Cells([], [{"a": True, "b": True}]), "found 0 and 1"),
        (Cells([{"a": True}], [{"a": True}]), "found 1"),
        (Cells([{"a": True, "b": True}], [{"c": True, "d": True}]), "found 0"),
    ],
)
def test_what_has_no_effect_to_speak_of_is_refused(wrong: Cells, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        interaction(wrong, cells(gained=1, lost=1))


def test_the_same_seed_gives_the_same_numbers() -> None:
    def once() -> Interaction:
        return interaction(cells(gained=9, lost=2), cells(gained=3, lost=4), seed=5)

    assert once() == once()


def test_it_raises_a_false_alarm_about_5_times_in_100_and_holds_the_truth_about_95(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # enough resamples for an error bar, so that hundreds of experiments take seconds
    monkeypatch.setattr("evals.interaction.RESAMPLES", 400)
    rng = random.Random(17)
    experiments, alarms, held = 300, 0, 0

    for _ in range(experiments):
        pairs = [
            rng.choices([(True, True), (False, True), (True, False), (False, False)], weights, k=120)
            for weights in ([0.4, 0.2, 0.1, 0.3], [0.6, 0.15, 0.05, 0.2])
        ]
        hard, easy = (Cells([graded([a for a, _ in pair])], [graded([b for _, b in pair])]) for pair in pairs)
        found = interaction(hard, easy)
        # both tasks gain 0.1 on average
        alarms += found.p < 0.05
        held += found.low <= 0 <= found.high

    assert 0.02 <= alarms / experiments <= 0.09
    assert 0.91 <= held / experiments <= 0.98
