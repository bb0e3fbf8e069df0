"""Differences between the cells of a study: by hand, by brute force, and what five seeds change."""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pytest
from scipy.special import stdtrit

from evals.interaction import LEAST_SEEDS, Cells, interaction
from evals.scoring import wilson
from evals.statistics import mcnemar, paired_difference
from evals.study_statistics import (
    EXACT,
    NORMAL,
    WELCH,
    SeedContrast,
    Side,
    clustered_share,
    difference_over_seeds,
    interaction_over_seeds,
    mean_over_seeds,
    sign_flip_p,
)


def graded(text: str) -> dict[str, bool]:
    """`110` as the grades of examples 0, 1 and 2."""
    return {str(place): sign == "1" for place, sign in enumerate(text)}


def drawn(rng: np.random.Generator, seeds: int, n: int, share: float) -> list[dict[str, bool]]:
    """Evaluations of independent answers."""
    return [{str(place): bool(flag) for place, flag in enumerate(rng.random(n) < share)} for _ in range(seeds)]


def by_all_signs(changes: list[int]) -> float:
    """The p-value of the sign-flip test by going through every choice of signs."""
    choices = product((-1, 1), repeat=len(changes))
    sums = [abs(sum(sign * change for sign, change in zip(signs, changes, strict=True))) for signs in choices]
    return sum(found >= abs(sum(changes)) for found in sums) / len(sums)


@pytest.mark.parametrize(
    "changes",
    [
        [1, 1, 1],
        [1, -1, 0, 0],
        [2, 1, -1],  # sizes that differ
        [3, 3, 3, -1, 2],
        [2, 2, -4, 2],  # a common divisor
        [1] * 11 + [-1] * 2,
        [6, -5, 4, 3, 3, 2, 1, 1, -1, 1],
    ],
)
def test_sign_flip_p_is_that_of_every_choice_of_signs(changes: list[int]) -> None:
    assert sign_flip_p([change / 6 for change in changes], denominator=6) == pytest.approx(by_all_signs(changes))


def test_sign_flip_p_of_whole_flips_is_mcnemars() -> None:
    before = [False] * 17 + [True] * 6 + [True] * 40
    after = [True] * 17 + [False] * 6 + [True] * 40

    changes = [now - then for then, now in zip(before, after, strict=True)]

    assert sign_flip_p(changes, denominator=1) == pytest.approx(mcnemar(before, after).p, rel=1e-9)


def test_sign_flip_p_stays_right_where_it_is_tiny() -> None:
    # 60 examples, all gained: only two of 2^60 choices of signs go as far
    assert sign_flip_p([1.0] * 60, denominator=1) == pytest.approx(2.0**-59)


def test_nothing_that_moved_has_p_one() -> None:
    assert sign_flip_p([0.0, 0.0], denominator=3) == 1.0


def test_one_evaluation_a_side_has_the_numbers_of_a_paired_comparison() -> None:
    before, after = graded("1100110010"), graded("1111110000")

    found = difference_over_seeds(Side([before], is_trained=False), Side([after]))

    pair = paired_difference(list(before.values()), list(after.values()))
    assert (found.difference, found.low, found.high) == (pair.mean, pair.low, pair.high)
    assert found.p == mcnemar(list(before.values()), list(after.values())).p
    assert (found.test, found.moved, found.n) == (EXACT, 3, 10)


def test_difference_is_of_means_over_seeds_and_pairs_examples() -> None:
    before = Side([graded("1000")], is_trained=False)
    after = Side([graded("1100"), graded("1010"), graded("1000")])

    found = difference_over_seeds(before, after)

    # changes by example: 0, 1/3, 1/3, 0
    assert found.before == pytest.approx(1 / 4)
    assert found.after == pytest.approx(5 / 12)
    assert found.difference == pytest.approx(1 / 6)
    assert found.p == pytest.approx(by_all_signs([1, 1]))
    assert (found.seeds_before, found.seeds_after, found.moved) == (1, 3, 2)
    assert not found.are_seeds_resampled
    assert found.is_interval_narrow


def test_only_examples_that_every_evaluation_graded_count() -> None:
    before = Side([{"a": True, "b": False, "x": True}], is_trained=False)
    after = Side([{"b": True, "a": True}, {"a": True, "b": True, "y": False}])

    found = difference_over_seeds(before, after)

    assert (found.n, found.difference) == (2, 0.5)


def test_four_seeds_are_not_resampled_and_five_are() -> None:
    rng = np.random.default_rng(0)
    base = Side(drawn(rng, 1, 50, 0.5), is_trained=False)

    four, five = (difference_over_seeds(base, Side(drawn(rng, seeds, 50, 0.5))) for seeds in (4, LEAST_SEEDS))

    assert (four.are_seeds_resampled, four.test) == (False, EXACT)
    assert (five.are_seeds_resampled, five.test) == (True, WELCH)


def test_few_seeds_of_one_trained_side_keep_the_claim_to_checkpoints() -> None:
    rng = np.random.default_rng(0)

    found = difference_over_seeds(Side(drawn(rng, 3, 50, 0.5)), Side(drawn(rng, 9, 50, 0.5)))

    assert not found.are_seeds_resampled


def test_two_baselines_have_no_seeds_to_resample() -> None:
    found = difference_over_seeds(Side([graded("10")], is_trained=False), Side([graded("11")], is_trained=False))

    assert not found.are_seeds_resampled


def test_five_seeds_by_hand() -> None:
    # all four examples are alike in each seed, so that only seeds vary: means 1, 1, 1, 1 and 0 against 0
    before = Side([graded("0000")], is_trained=False)
    after = Side([graded("1111")] * 4 + [graded("0000")])

    found = difference_over_seeds(before, after)

    # variance of the five means is 0.2, of their mean 0.04; t with 4 degrees of freedom: 2.7764451
    assert found.difference == pytest.approx(0.8)
    assert found.high - found.difference == pytest.approx(2.7764451 * 0.2)
    assert found.p == pytest.approx(0.01613, abs=1e-5)  # t = 4, two-sided


def test_paired_seeds_drop_what_both_sides_of_a_checkpoint_share() -> None:
    # checkpoints that differ much, and <think> that adds one example of four to each
    direct = [graded(text * 10) for text in ("1000", "1100", "0000", "1110", "0000")]
    think = [graded(text * 10) for text in ("1001", "1101", "0001", "1111", "0001")]

    apart = difference_over_seeds(Side(direct), Side(think))
    together = difference_over_seeds(Side(direct), Side(think), are_seeds_paired=True)

    assert together.difference == apart.difference == pytest.approx(0.25)
    # only the examples vary: 30 changes of 0 and 10 of 1; t with 39 degrees of freedom: 2.0226909
    assert together.high - together.low == pytest.approx(2 * 2.0226909 * sqrt(7.5 / 39 / 40))
    assert apart.high - apart.low > together.high - together.low


def test_variance_is_that_of_drawing_seeds_and_examples_again() -> None:
    rng = np.random.default_rng(1)
    shift = rng.normal(0, 0.1, size=(6, 1))
    scores_SN = (rng.random((6, 40)) < 0.5 + shift).astype(float)
    after = Side([{str(place): bool(flag) for place, flag in enumerate(row)} for row in scores_SN])
    before = Side([{str(place): False for place in range(40)}], is_trained=False)

    found = difference_over_seeds(before, after)

    means_S, means_N = scores_SN.mean(axis=1), scores_SN.mean(axis=0)
    seeds = means_S[rng.integers(6, size=(200_000, 6))].mean(axis=1).var() * 6 / 5
    items = means_N[rng.integers(40, size=(200_000, 40))].mean(axis=1).var() * 40 / 39
    residual_SN = scores_SN - means_S[:, None] - means_N + scores_SN.mean()
    noise = (residual_SN**2).sum() / (5 * 39) / 240  # in both of them
    freedom = (seeds + items) ** 2 / (seeds**2 / 5 + items**2 / 39)

    expected = sqrt(seeds + items - noise) * float(stdtrit(freedom, 0.975))
    assert found.high - found.difference == pytest.approx(expected, rel=0.01)


def test_five_seeds_never_say_more_than_the_same_examples_would_alone() -> None:
    # five checkpoints that are as good as each other to the example
    rows = [graded(("0" * seed + "1" + "0" * (4 - seed)) * 8) for seed in range(5)]

    found = difference_over_seeds(Side([graded("0" * 40)], is_trained=False), Side(rows))

    changes_N = np.array([[float(flag) for flag in row.values()] for row in rows]).mean(axis=0)
    assert found.high - found.difference >= 1.96 * changes_N.std(ddof=1) / sqrt(40)


def test_no_spread_at_all_is_told_apart_only_from_something_else() -> None:
    same = Side([graded("10")] * 5)

    assert difference_over_seeds(same, same).p == 1.0
    assert difference_over_seeds(Side([graded("00")] * 5), Side([graded("11")] * 5)).p == 0.0


@pytest.mark.parametrize(("correct", "n"), [(7, 20), (0, 30), (30, 30), (250, 500)])
def test_mean_of_one_evaluation_has_wilsons_interval(correct: int, n: int) -> None:
    grades = {str(place): place < correct for place in range(n)}

    found = mean_over_seeds(Side([grades]))

    assert (found.low, found.high) == pytest.approx(wilson(correct, n))
    assert (found.mean, found.n, found.seeds) == (correct / n, n, 1)


def test_mean_of_seeds_that_agree_is_worth_no_more_examples_than_one() -> None:
    grades = graded("1110100101")

    assert mean_over_seeds(Side([grades] * 3))[:3] == pytest.approx(mean_over_seeds(Side([grades]))[:3])


def test_mean_of_independent_seeds_is_worth_as_many_examples_as_there_are_answers() -> None:
    rng = np.random.default_rng(0)

    found = mean_over_seeds(Side(drawn(rng, 4, 4000, 0.5)))

    assert found.high - found.low == pytest.approx(2 * 1.96 * sqrt(0.25 / 16_000), rel=0.05)


def test_seeds_that_differ_widen_the_mean_from_five_on() -> None:
    evaluations = [graded("1111111111"), graded("0000000000"), graded("1111100000"), graded("1111111100")]

    few = mean_over_seeds(Side(evaluations))
    many = mean_over_seeds(Side([*evaluations, graded("1111111111")]))

    assert not few.are_seeds_resampled
    assert many.are_seeds_resampled
    assert many.high - many.low > few.high - few.low


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([], [graded("10")], "needs an evaluation"),
        ([{"a": True}], [{"b": True}], "not one in common"),
    ],
)
def test_cells_that_cannot_be_held_together_are_refused(
    before: list[dict[str, bool]], after: list[dict[str, bool]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        difference_over_seeds(Side(before), Side(after))


def test_seeds_said_to_be_paired_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="as many on both sides; found 1 and 2"):
        difference_over_seeds(Side([graded("1")]), Side([graded("1")] * 2), are_seeds_paired=True)


def test_interaction_below_five_seeds_is_that_of_the_command() -> None:
    rng = np.random.default_rng(3)
    first, second = ((drawn(rng, 2, 60, 0.4), drawn(rng, 3, 60, 0.6)) for _ in range(2))

    found = interaction_over_seeds(*(SeedContrast(Side(before), Side(after)) for before, after in (first, second)))

    expected = interaction(Cells(*first), Cells(*second))
    assert (found.difference, found.low, found.high, found.p) == expected[2:6]
    assert (found.test, found.n_first, found.are_seeds_resampled) == (NORMAL, 60, False)


def test_interaction_from_five_seeds_adds_both_variances() -> None:
    rng = np.random.default_rng(4)
    contrasts = [SeedContrast(Side(drawn(rng, 5, 80, 0.4)), Side(drawn(rng, 5, 80, 0.6))) for _ in range(2)]

    found = interaction_over_seeds(*contrasts)

    one, other = (difference_over_seeds(*contrast[:2]) for contrast in contrasts)
    assert found.difference == pytest.approx(one.difference - other.difference)
    assert (found.test, found.are_seeds_resampled) == (WELCH, True)
    # variances add, and but for degrees of freedom so do squared widths
    assert (found.high - found.low) ** 2 == pytest.approx(
        (one.high - one.low) ** 2 + (other.high - other.low) ** 2, rel=0.05
    )


def test_interaction_of_thinking_pairs_the_checkpoints() -> None:
    rng = np.random.default_rng(5)
    levels = [0.1, 0.3, 0.5, 0.7, 0.9]
    direct = [drawn(rng, 1, 60, level)[0] for level in levels]
    think = [{uid: flag or uid == "0" for uid, flag in grades.items()} for grades in direct]

    paired, apart = (
        interaction_over_seeds(*[SeedContrast(Side(direct), Side(think), are_seeds_paired=how)] * 2)
        for how in (True, False)
    )

    assert paired.high - paired.low < apart.high - apart.low


def test_clusters_of_one_answer_have_wilsons_interval() -> None:
    found = clustered_share([(1, 1)] * 7 + [(0, 1)] * 13)

    assert found == pytest.approx((0.35, *wilson(7, 20)))


def test_answers_that_repeat_each_other_are_worth_one() -> None:
    assert clustered_share([(3, 3)] * 7 + [(0, 3)] * 13) == pytest.approx((0.35, *wilson(7, 20)))
