"""Which runs the list shows and in what order: filter, sort, groups. Pure; holds no widget and reads nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rftui.errors import QueryError
from rftui.runs.filter import Known, RunFilter, fitting, parse_filter, study_of
from rftui.terminal.clean import clean
from store.runs import RunSummary
from store.states import State, is_live

SORTS = ("age", "name", "state", "step", "accuracy", "reward", "task", "method", "model")
"""Columns that a key goes through; any metric and any setting may be asked for beside them."""
DEFAULT_SORT = SORTS[0]
ASCENDING = frozenset({"name", "state", "task", "method", "model"})
"""What is read from the small end; of everything else the largest, or the newest, comes first."""
GROUPS = ("", "task", "method", "study")
"""What runs can be grouped by; nothing at first."""
NOT_IN_A_STUDY = "no study: tag a run study:NAME"
_STATE_ORDER = {state.value: place for place, state in enumerate(State)}
_LONGEST_NAME = 200


class GroupHead(NamedTuple):
    """The row above the runs of a group."""

    name: str
    """What its runs have in common; empty for those that have nothing."""
    total: int
    live: int
    best: int | None
    """Uid of the run with the highest held-out accuracy."""
    is_folded: bool


Entry = int | GroupHead
"""A row of the list: a run by its uid, or the head of a group."""


class RunView(NamedTuple):
    """How somebody looks at the list."""

    filter: RunFilter = RunFilter()
    sort: str = DEFAULT_SORT
    """One of SORTS, or the name of a metric or setting."""
    is_reversed: bool = False
    group: str = ""
    """One of GROUPS."""
    folded: frozenset[str] = frozenset()
    """Names of the groups whose runs are hidden."""

    @property
    def names(self) -> frozenset[str]:
        """Settings and metrics whose values filter and order need."""
        return self.filter.names | ({self.sort} if self.sort not in SORTS else set())


def view_fields(view: RunView) -> dict[str, Any]:
    """The view as JSON values."""
    return {
        "filter": view.filter.text,
        "sort": view.sort,
        "reversed": view.is_reversed,
        "group": view.group,
        "folded": sorted(view.folded),
    }


def view_of(fields: object) -> RunView:
    """The view that `view_fields` gave; anything that is none of ours is left out."""
    if not isinstance(fields, Mapping):
        return RunView()
    try:
        wanted = parse_filter(str(fields.get("filter") or ""))
    except QueryError:
        wanted = RunFilter()
    sort, group, folded = fields.get("sort"), fields.get("group"), fields.get("folded")
    return RunView(
        filter=wanted,
        sort=sort if isinstance(sort, str) and 0 < len(sort) <= _LONGEST_NAME else DEFAULT_SORT,
        is_reversed=fields.get("reversed") is True,
        group=group if isinstance(group, str) and group in GROUPS else "",
        folded=frozenset(name for name in folded if isinstance(name, str)) if isinstance(folded, list) else frozenset(),
    )


def next_sort(view: RunView) -> RunView:
    """Sorted by the next column, from its usual end."""
    place = SORTS.index(view.sort) + 1 if view.sort in SORTS else 0
    return view._replace(sort=SORTS[place % len(SORTS)], is_reversed=False)


def next_group(view: RunView) -> RunView:
    """Grouped by the next thing, all groups open."""
    return view._replace(group=GROUPS[(GROUPS.index(view.group) + 1) % len(GROUPS)], folded=frozenset())


def sort_words(view: RunView, *, is_ascii: bool) -> str:
    """The order as people read it, with an arrow down where the largest comes first."""
    ascends = (view.sort in ASCENDING) != view.is_reversed
    up, down = ("^", "v") if is_ascii else ("↑", "↓")
    return f"{view.sort} {up if ascends else down}"


def group_of(view: RunView, run: RunSummary) -> str:
    """The name of a run's group; empty where nothing is grouped, and for a run without a study."""
    if view.group == "study":
        return study_of(run)
    return run.task if view.group == "task" else run.method if view.group == "method" else ""


def sort_key(view: RunView, known: Known) -> Callable[[int, RunSummary], float | str | None]:
    """What runs are ordered by; None for a run that has no such value, which comes last from either end."""
    fields: Mapping[str, Callable[[RunSummary], float | str | None]] = {
        "age": lambda run: run.created_at,
        "name": lambda run: run.name,
        "state": lambda run: _STATE_ORDER.get(run.state, len(_STATE_ORDER)),
        "step": lambda run: run.step,
        "accuracy": lambda run: run.accuracy,
        "reward": lambda run: run.reward,
        "task": lambda run: run.task,
        "method": lambda run: run.method,
        "model": lambda run: run.model,
    }
    read = fields.get(view.sort)
    if read is not None:
        return lambda uid, run: read(run)
    values = known.values.get(view.sort, {})
    return lambda uid, run: _ordered(values.get(uid))


def _ordered(value: float | str | None) -> float | str | None:
    return None if isinstance(value, float) and math.isnan(value) else value


def arrange(runs: Mapping[int, RunSummary], view: RunView, known: Known) -> list[Entry]:
    """The rows of the list. `runs` come newest first, which decides between equals."""
    fits, key = fitting(view.filter, known), sort_key(view, known)
    shown = [uid for uid, run in runs.items() if fits(uid, run)] if view.filter.tests else list(runs)
    ordered = _sorted(shown, {uid: key(uid, runs[uid]) for uid in shown}, view)
    if not view.group:
        return list(ordered)
    groups: dict[str, list[int]] = {}
    for uid in ordered:
        groups.setdefault(group_of(view, runs[uid]), []).append(uid)
    entries: list[Entry] = []
    for name in sorted(groups, key=lambda name: (name == "", name)):
        members = groups[name]
        is_folded = name in view.folded
        entries.append(_head(name, members, runs, is_folded=is_folded))
        entries += [] if is_folded else members
    return entries


def _sorted(uids: list[int], keys: Mapping[int, float | str | None], view: RunView) -> list[int]:
    ascends = (view.sort in ASCENDING) != view.is_reversed
    having = [uid for uid in uids if keys[uid] is not None]
    is_mixed = len({isinstance(keys[uid], str) for uid in having}) > 1

    def by(uid: int) -> Any:
        value = keys[uid]
        # a setting may be a number in one run and a word in another
        return (isinstance(value, str), str(value) if isinstance(value, str) else value) if is_mixed else value

    having.sort(key=by, reverse=not ascends)
    return having + [uid for uid in uids if keys[uid] is None]


def _head(name: str, members: list[int], runs: Mapping[int, RunSummary], *, is_folded: bool) -> GroupHead:
    measured = [uid for uid in members if runs[uid].accuracy is not None]
    return GroupHead(
        name=name,
        total=len(members),
        live=sum(is_live(runs[uid].state) for uid in members),
        best=max(measured, key=lambda uid: runs[uid].accuracy or 0.0, default=None),
        is_folded=is_folded,
    )


def stays(view: RunView, known: Known, uid: int, before: RunSummary, after: RunSummary) -> bool:
    """Whether a run that changed is shown where it was, so that only its own row has to be drawn."""
    fits, key = fitting(view.filter, known), sort_key(view, known)
    return (
        fits(uid, before) == fits(uid, after)
        and key(uid, before) == key(uid, after)
        and group_of(view, before) == group_of(view, after)
        and (not view.group or (before.state, before.accuracy) == (after.state, after.accuracy))
    )


def group_title(head: GroupHead, view: RunView) -> str:
    """`task sat`, or what a run needs to be in a group."""
    if head.name:
        return f"{view.group} {clean(head.name)}"
    return NOT_IN_A_STUDY if view.group == "study" else f"no {view.group}"
