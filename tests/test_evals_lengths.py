"""Length against accuracy: bins and slopes worked out by hand, and what prompts confound where they are pooled."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

import pytest

from evals.lengths import Graded, by_length, by_rank, within_prompts
from evals.scoring import wilson


def test_bins_hold_about_as_many_answers_each() -> None:
    found = by_length([10, 20, 30, 40, 50, 60, 70, 80], [True, True, True, False, True, False, False, False])

    assert [(each.shortest, each.longest, each.n, each.correct) for each in found] == [
        (10, 20, 2, 2),
        (30, 40, 2, 1),
        (50, 60, 2, 1),
        (70, 80, 2, 0),
    ]
    assert found[1][4:] == (0.5, *wilson(1, 2))


@pytest.mark.parametrize(
    ("lengths", "bins"),
    [
        ([5] * 10, [(5, 5, 10)]),  # all alike
        ([1, 5, 5, 5, 5, 5, 5, 9], [(1, 5, 7), (9, 9, 1)]),  # most of one length
        ([1, 2], [(1, 1, 1), (2, 2, 1)]),  # fewer than bins
        ([3] * 11 + [9], [(3, 9, 12)]),  # one that would be a bin of its own
        ([], []),
    ],
)
def test_answers_of_one_length_are_never_parted(lengths: list[int], bins: list[tuple[int, int, int]]) -> None:
    found = by_length(lengths, [True] * len(lengths))

    assert [(each.shortest, each.longest, each.n) for each in found] == bins


def test_every_answer_is_in_one_bin_whatever_the_order() -> None:
    rng = random.Random(1)
    lengths = [rng.randrange(1, 30) for _ in range(237)]

    found = by_length(lengths, [length > 9 for length in lengths], bins=5)

    assert sum(each.n for each in found) == 237
    assert sum(each.correct for each in found) == sum(length > 9 for length in lengths)
    assert all(one.longest < other.shortest for one, other in pairwise(found))


def test_lengths_without_grades_are_refused() -> None:
    with pytest.raises(ValueError, match="found 2 and 1"):
        by_length([1, 2], [True])


def group(number: int, *members: tuple[int, bool]) -> list[Graded]:
    """Completions of one prompt: tokens, and whether right."""
    return [Graded(number, tokens, is_right) for tokens, is_right in members]


def test_the_slope_is_that_of_centred_lengths_in_exact_numbers() -> None:
    """By hand: centred cross products over centred squares, summed over prompts."""
    completions = [
        *group(1, (100, False), (200, False), (300, True)),  # xy: 100 * 2/3 - (-100) * 1/3 = 100; xx: 20,000
        *group(2, (50, True), (150, False)),  # xy: -50; xx: 5,000
        *group(3, (10, True), (30, True)),  # xy: 0; xx: 200
        *group(4, (70, True), (70, False)),  # no lengths to tell apart
    ]

    found = within_prompts(completions)

    assert found is not None
    assert found.slope == pytest.approx(float(100 * Fraction(50, 25_200)))
    assert (found.prompts, found.mixed, found.completions) == (3, 2, 7)
    # 300 - 150 in the first prompt, 50 - 150 in the second
    assert found.gap == pytest.approx(25.0)


def test_where_no_lengths_differ_nothing_is_said() -> None:
    assert within_prompts(group(1, (9, True), (9, False))) is None
    assert within_prompts([]) is None


def test_prompts_all_right_or_all_wrong_have_no_gap_and_a_slope_of_0() -> None:
    found = within_prompts([*group(1, (9, True), (90, True)), *group(2, (9, False), (90, False))])

    assert found is not None
    assert (found.slope, found.slope_low, found.slope_high) == (0.0, 0.0, 0.0)
    assert (found.mixed, found.gap) == (0, None)


def confounded(prompts: int, *, effect: float, seed: int) -> list[Graded]:
    """Hard prompts draw long answers; at one prompt, 100 tokens more add `effect` to the chance to be right."""
    rng = random.Random(seed)
    completions = []
    for number in range(prompts):
        hardness = rng.random()
        for _ in range(8):
            more = rng.gauss(0, 40)
            rate = 0.75 - 0.5 * hardness + effect * more / 100
            completions.append(Graded(number, round(200 + 400 * hardness + more), rng.random() < rate))
    return completions


def test_within_prompts_length_helps_although_pooled_it_seems_to_harm() -> None:
    completions = confounded(400, effect=0.15, seed=2)

    found = within_prompts(completions)
    pooled = by_length([each.tokens for each in completions], [each.is_right for each in completions])
    ranked = by_rank(completions)

    assert pooled[0].low > pooled[-1].high
    assert found is not None and found.slope_low > 0.05
    assert found.slope_low < 0.15 < found.slope_high
    assert found.gap_low is not None and found.gap_low > 0
    assert ranked[0].high < ranked[-1].low


def test_the_interval_of_the_slope_holds_the_truth_about_95_times_in_100(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evals.lengths.RESAMPLES", 400)
    experiments = 200

    found = [within_prompts(confounded(60, effect=0.1, seed=seed), seed=seed) for seed in range(experiments)]

    held = sum(each is not None and each.slope_low <= 0.1 <= each.slope_high for each in found)
    assert 0.90 <= held / experiments <= 0.985


def test_places_within_a_prompt_are_by_rank_and_equal_lengths_share_theirs() -> None:
    completions = [
        *group(1, (1, True), (2, False), (3, False), (4, False)),
        *group(2, (9, True), (9, False), (20, True), (20, True)),
        *group(3, (5, True), (5, True)),  # all of one length: left out
    ]

    found = by_rank(completions, bins=2)

    assert [(each.place, each.prompts, each.completions) for each in found] == [(0, 2, 4), (1, 2, 4)]
    # the first prompt is right in a quarter: a half and none are +1/4 and -1/4; the second the other way round
    assert [each.difference for each in found] == pytest.approx([0.0, 0.0])


def test_a_place_that_only_hard_prompts_have_is_not_called_hard() -> None:
    completions = [
        *group(1, (1, True), (2, True), (2, True), (2, True)),  # solved, and none at the second of three places
        *group(2, (1, False), (2, False), (3, False), (4, False)),  # never solved, at all of them
    ]

    assert [each.difference for each in by_rank(completions, bins=3)] == [0.0, 0.0, 0.0]
