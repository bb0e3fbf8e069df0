"""The rows of the run list are those asked for, in the order asked for, and stay where they need not move."""

from __future__ import annotations

import math

import pytest

from rftui.runs.filter import Known, parse_filter
from rftui.runs.view import (
    GROUPS,
    SORTS,
    GroupHead,
    RunView,
    arrange,
    next_group,
    next_sort,
    stays,
    view_fields,
    view_of,
)
from tests.listed_runs import summary

RUNS = {
    3: summary("banner-sft-3", accuracy=0.7, reward=None, state="running", created_at=3.0, tags=("study:b",)),
    2: summary("sat-sft-2", accuracy=None, created_at=2.0),
    1: summary("sat-grpo-1", accuracy=0.6, created_at=1.0, tags=("study:a", "x")),
}
KNOWN = Known(values={"kl": {1: 0.5, 2: math.nan}, "mixed": {1: "word", 3: 2.0}})


@pytest.mark.parametrize(
    ("sort", "is_reversed", "expected"),
    [
        ("age", False, [3, 2, 1]),
        ("age", True, [1, 2, 3]),
        ("name", False, [3, 1, 2]),
        ("state", False, [3, 2, 1]),
        ("accuracy", False, [3, 1, 2]),
        ("accuracy", True, [1, 3, 2]),  # what has none comes last from either end
        ("reward", False, [2, 1, 3]),
        ("kl", False, [1, 3, 2]),
        ("mixed", True, [3, 1, 2]),  # a number in one run, a word in another
        ("never written", False, [3, 2, 1]),
    ],
)
def test_runs_are_sorted_with_the_best_first(sort: str, is_reversed: bool, expected: list[int]) -> None:
    assert arrange(RUNS, RunView(sort=sort, is_reversed=is_reversed), KNOWN) == expected


def test_only_what_fits_the_filter_is_shown() -> None:
    assert arrange(RUNS, RunView(filter=parse_filter("task:sat")), KNOWN) == [2, 1]


def test_groups_have_heads_that_count_and_name_the_best() -> None:
    entries = arrange(RUNS, RunView(group="task"), KNOWN)

    assert entries == [
        GroupHead("banner", total=1, live=1, best=3, is_folded=False),
        3,
        GroupHead("sat", total=2, live=0, best=1, is_folded=False),
        2,
        1,
    ]


def test_a_folded_group_keeps_its_head_alone() -> None:
    entries = arrange(RUNS, RunView(group="study", folded=frozenset({"a", ""})), KNOWN)

    names = [entry.name if isinstance(entry, GroupHead) else entry for entry in entries]
    assert names == ["a", "b", 3, ""]


def test_keys_go_through_every_column_and_every_group() -> None:
    view, sorts, groups = RunView(sort="kl", is_reversed=True), [], []
    for _ in SORTS:
        view = next_sort(view)
        sorts.append(view.sort)
    for _ in GROUPS:
        view = next_group(view)
        groups.append(view.group)

    assert tuple(sorts) == SORTS and not view.is_reversed
    assert groups == ["task", "method", "study", ""]


def test_a_view_comes_back_as_it_was() -> None:
    view = RunView(parse_filter("task:sat lr>0"), "kl", True, "method", frozenset({"sft"}))

    assert view_of(view_fields(view)) == view


@pytest.mark.parametrize(
    "fields",
    [
        None,
        [],
        "view",
        {"filter": 'a"', "sort": 3, "group": "odd", "folded": 5, "reversed": "yes"},
        {"sort": "", "folded": [1, None]},
    ],
)
def test_a_view_that_somebody_edited_is_the_plain_one(fields: object) -> None:
    assert view_of(fields) == RunView()


def test_a_row_stays_unless_its_place_could_change() -> None:
    before = RUNS[1]
    view = RunView(sort="accuracy", filter=parse_filter("state:finished"))

    assert stays(view, KNOWN, 1, before, before._replace(step=301, reward=0.9))
    assert not stays(view, KNOWN, 1, before, before._replace(accuracy=0.9))
    assert not stays(view, KNOWN, 1, before, before._replace(state="failed"))
    assert not stays(RunView(group="task"), KNOWN, 1, before, before._replace(accuracy=0.9))
