"""Groups are counted, marked and sorted as they are worth to training."""

from __future__ import annotations

import math

import pytest

from rftui.rollouts.groups import (
    GroupSummary,
    Sort,
    StepCounts,
    count_groups,
    nearest_step,
    pass_rates,
    sort_groups,
    sparkline,
    summarise,
)
from tests.rollout_rows import occurrence, sample


def summary(*rewards: float | None, accuracies: list[float | None] | None = None, number: int = 0) -> GroupSummary:
    """A group with these rewards, right where the reward is 1 unless said otherwise."""
    grades = accuracies if accuracies is not None else list(rewards)
    members = [
        sample(group=number, group_id=number, sample=place, reward=reward, accuracy=grade, advantage=reward)
        for place, (reward, grade) in enumerate(zip(rewards, grades, strict=True))
    ]
    return summarise(members)[0]


def test_samples_become_one_summary_a_group() -> None:
    groups = summarise([sample(group_id=1), sample(group_id=1, sample=1, tokens=30, matches=False), sample(group_id=2)])

    assert [(group.id, group.size, group.tokens, group.matches) for group in groups] == [(1, 2, 20, 1), (2, 1, 10, 1)]


@pytest.mark.parametrize(
    ("rewards", "marks"),
    [
        ([1.0, 1.0], (True, True, False)),  # solved, and so without spread
        ([0.0, 0.0], (False, True, False)),
        ([1.0, 0.0], (False, False, True)),
        ([0.0, 0.5], (False, False, False)),  # all wrong, yet the other rewards differ
        ([1.0], (True, False, False)),  # one completion has nothing to differ from
        ([1.0, None], (False, False, True)),  # one that has no reward
    ],
)
def test_a_group_is_solved_dead_or_at_the_frontier(rewards: list[float | None], marks: tuple[bool, ...]) -> None:
    group = summary(*rewards)

    assert (group.is_solved, group.is_dead, group.is_frontier) == marks


@pytest.mark.parametrize("accuracies", [[None, None], []])
def test_a_group_that_was_not_graded_has_no_pass_rate(accuracies: list[float | None]) -> None:
    group = summary(*[0.5] * len(accuracies), accuracies=accuracies) if accuracies else summary(0.5, accuracies=[None])

    assert group.pass_rate is None and not group.is_solved and not group.is_frontier


def test_nan_is_not_right() -> None:
    assert summary(math.nan, 1.0).right == 1


def test_groups_are_counted() -> None:
    groups = [summary(1.0, 1.0), summary(0.0, 0.0), summary(0.0, 1.0)]

    assert count_groups(groups) == StepCounts(groups=3, mixed=1, solved=1, missed=1, ungraded=0, dead=2)


@pytest.mark.parametrize(
    ("order", "is_reversed", "numbers"),
    [
        (Sort.NUMBER, False, [0, 1, 2]),
        (Sort.NUMBER, True, [2, 1, 0]),
        (Sort.PASS_RATE, False, [1, 2, 0]),
        (Sort.REWARD, True, [2, 1, 0]),
        (Sort.ADVANTAGE, True, [2, 0, 1]),  # 0 and 1 have no spread
    ],
)
def test_groups_are_sorted_and_those_without_the_value_come_last(
    order: Sort, is_reversed: bool, numbers: list[int]
) -> None:
    groups = [summary(None, number=0), summary(0.0, 0.0, number=1), summary(0.0, 1.0, number=2)]

    assert [group.number for group in sort_groups(groups, order, is_reversed=is_reversed)] == numbers


def test_equal_groups_keep_the_order_of_their_numbers() -> None:
    groups = [summary(1.0, number=number) for number in (3, 1, 2)]

    assert [group.number for group in sort_groups(groups, Sort.LENGTH, is_reversed=True)] == [1, 2, 3]


def test_a_sparkline_shows_the_newest_shares() -> None:
    assert sparkline([0.0, 0.5, None, 1.0], width=3) == "▅ █"
    assert sparkline([0.0], width=0) == ""
    assert sparkline(pass_rates([occurrence(1, 0), occurrence(2, None), occurrence(3, 4)]), width=9) == "▁ █"


@pytest.mark.parametrize(("wanted", "step"), [(5, 5), (1, 2), (100, 9), (7, 9), (3, 2)])
def test_the_nearest_step_is_found(wanted: int, step: int) -> None:
    assert nearest_step([2, 5, 9], wanted) == step


def test_there_is_no_nearest_step_without_steps() -> None:
    assert nearest_step([], 4) is None
