"""What the groups of one step are worth to training: passed, dead, at the frontier; sorted and counted. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from itertools import groupby
from math import fsum
from operator import itemgetter
from typing import NamedTuple

from store.rollouts import Occurrence, StepSample

BAR_WIDTH = 8
SPARKS = "▁▂▃▄▅▆▇█"


class GroupSummary(NamedTuple):
    """One prompt of a step and how its completions did."""

    id: int
    number: int
    uid: str
    kind: str
    size: int
    right: int | None
    """Completions that the accuracy reward calls right; None where it graded none."""
    reward: float | None
    """Mean reward; None where no completion has one."""
    is_dead: bool
    """Whether all rewards are equal, so that no completion has an advantage."""
    advantage_spread: float
    """Largest advantage less the smallest."""
    tokens: float
    """Mean length."""
    malformed: int
    clipped: int
    matches: int
    """Completions that a query found."""

    @property
    def is_solved(self) -> bool:
        """Whether every completion is right."""
        return self.right == self.size

    @property
    def is_frontier(self) -> bool:
        """Whether some completions are right and some are not."""
        return self.right is not None and 0 < self.right < self.size

    @property
    def pass_rate(self) -> float | None:
        """Share of right completions; None where none was graded."""
        return None if self.right is None else self.right / self.size


class StepCounts(NamedTuple):
    """The groups of a step, counted. A group that is not mixed can be dead, and most are."""

    groups: int
    mixed: int
    """Some completions are right: the frontier of what the policy can do."""
    solved: int
    """All are right."""
    missed: int
    """None is right."""
    ungraded: int
    dead: int
    """All rewards are equal, so that nothing is learned from them."""


class Sort(StrEnum):
    """Orders of a step's groups, in the turn in which a key goes through them."""

    NUMBER = "number"
    """As the step had them."""
    PASS_RATE = "pass rate"
    """Share of right completions."""
    REWARD = "reward"
    """Mean reward."""
    ADVANTAGE = "advantage"
    """Spread of the advantages: most to learn from first when reversed."""
    LENGTH = "length"
    """Mean tokens."""


_SORT_KEYS: dict[Sort, Callable[[GroupSummary], float | None]] = {
    Sort.NUMBER: lambda group: group.number,
    Sort.PASS_RATE: lambda group: group.pass_rate,
    Sort.REWARD: lambda group: group.reward,
    Sort.ADVANTAGE: lambda group: group.advantage_spread,
    Sort.LENGTH: lambda group: group.tokens,
}


def summarise(samples: Iterable[StepSample]) -> list[GroupSummary]:
    """The groups of samples that come group by group."""
    return [_summary(list(members)) for _, members in groupby(samples, key=itemgetter(0))]


def _summary(members: Sequence[StepSample]) -> GroupSummary:
    # by columns: a step of thousands is looked at whenever somebody goes to it
    columns = list(zip(*members, strict=True))
    rewards = [reward for reward in columns[5] if reward is not None]
    grades = [grade for grade in columns[6] if grade is not None]
    advantages = [advantage for advantage in columns[7] if advantage is not None]
    first, size = members[0], len(members)
    return GroupSummary(
        id=first.group_id,
        number=first.group,
        uid=first.uid,
        kind=first.kind,
        size=size,
        right=sum(grade >= 1 for grade in grades) if grades else None,
        reward=fsum(rewards) / len(rewards) if rewards else None,
        is_dead=len(rewards) == size > 1 and max(rewards) == min(rewards),
        advantage_spread=max(advantages) - min(advantages) if advantages else 0.0,
        tokens=fsum(columns[8]) / size,
        malformed=sum(columns[9]),
        clipped=sum(columns[10]),
        matches=sum(columns[11]),
    )


def is_right(accuracy: float | None) -> bool | None:
    """Whether an accuracy reward calls an answer right; None where the gold cannot be graded."""
    return None if accuracy is None or math.isnan(accuracy) else accuracy >= 1


def count_groups(groups: Sequence[GroupSummary]) -> StepCounts:
    """How many groups there are of each sort."""
    return StepCounts(
        groups=len(groups),
        mixed=sum(group.is_frontier for group in groups),
        solved=sum(group.is_solved for group in groups),
        missed=sum(group.right == 0 for group in groups),
        ungraded=sum(group.right is None for group in groups),
        dead=sum(group.is_dead for group in groups),
    )


def sort_groups(groups: Iterable[GroupSummary], order: Sort, *, is_reversed: bool) -> list[GroupSummary]:
    """Groups in an order, equal ones by number; those without the value come last either way."""
    value = _SORT_KEYS[order]
    sign = -1 if is_reversed else 1

    def key(group: GroupSummary) -> tuple[bool, float, int]:
        found = value(group)
        is_missing = found is None or math.isnan(found)
        return is_missing, 0.0 if found is None or is_missing else sign * found, group.number

    return sorted(groups, key=key)


def sparkline(shares: Sequence[float | None], *, width: int) -> str:
    """Shares from 0 to 1 as one character each, the newest `width` of them; a space for none."""
    last = shares[-width:] if width > 0 else []
    return "".join(" " if share is None else SPARKS[min(7, max(0, int(share * 8)))] for share in last)


def pass_rates(rows: Iterable[Occurrence]) -> list[float | None]:
    """Share of right completions at each step that a prompt came at."""
    return [None if row.right is None else row.right / row.size for row in rows]


def nearest_step(steps: Sequence[int], wanted: int) -> int | None:
    """The step that is there and nearest to the wanted one, the later of two; None where there is none."""
    return min(steps, key=lambda step: (abs(step - wanted), -step), default=None)
