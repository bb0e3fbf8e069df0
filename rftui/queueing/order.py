"""Which waiting runs start now, and on what: the whole policy of the queue, pure.

Order: higher priority first, then who waits longest. A run that has to wait keeps what is free of what it could use,
so a later one starts before it only with what it cannot use. Among runs of one priority nobody starves: whatever an
earlier run could use goes to no later one, however small.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple


@dataclass(frozen=True)
class Wants:
    """What a run must hold while it runs. Without any GPU it is a slot of the CPU."""

    count: int = 0
    """How many GPUs, whichever; 0 where they are named."""
    named: frozenset[int] = frozenset()
    """GPUs that it was launched on by index."""
    allowed: frozenset[int] | None = None
    """Where `count` may choose; None is everywhere."""

    @property
    def is_slot(self) -> bool:
        """Whether it runs without a GPU."""
        return not self.count and not self.named

    def usable(self, gpus: frozenset[int]) -> frozenset[int]:
        """Those of these GPUs that the run could use."""
        if self.is_slot:
            return frozenset()
        if self.named:
            return gpus & self.named
        return gpus if self.allowed is None else gpus & self.allowed

    @property
    def needed(self) -> int:
        """How many GPUs it needs."""
        return len(self.named) or self.count


class Waiting(NamedTuple):
    """A queued run as the policy sees it."""

    uid: int
    name: str
    wants: Wants
    since: float
    """When it came into the queue."""
    priority: int = 0
    is_blocked: bool = False
    """Held, or waiting for another run: it starts nothing and keeps nothing."""

    @property
    def place(self) -> tuple[int, float, int]:
        """Smaller ones stand before it."""
        return (-self.priority, self.since, self.uid)


class Free(NamedTuple):
    """What nobody holds at this moment."""

    gpus: frozenset[int] = frozenset()
    slots: int = 0
    installed: frozenset[int] = frozenset()
    """Every GPU of the machine, free or not."""


class Verdict(Enum):
    """What becomes of a waiting run now."""

    START = auto()
    BLOCKED = auto()
    """By a hold or another run, whatever is free."""
    WAITS = auto()
    """Not enough is free, or what is free is kept for an earlier run."""
    IMPOSSIBLE = auto()
    """The machine does not have what it wants; it keeps nothing, so that others go on."""


class Decision(NamedTuple):
    """The verdict about one run."""

    run: Waiting
    verdict: Verdict
    gpus: tuple[int, ...] = ()
    """GPUs that it starts on, by index; none for a slot."""
    kept_for: str = ""
    """An earlier run that free GPUs it could use are kept for."""


def in_order(waiting: Iterable[Waiting]) -> list[Waiting]:
    """The runs as they stand in the queue."""
    return sorted(waiting, key=lambda run: run.place)


def decide(waiting: Iterable[Waiting], free: Free) -> list[Decision]:
    """A decision about each run, in the order of the queue. Decisions to start can all be carried out together."""
    slots, gpus, kept = free.slots, set(free.gpus), dict[int, str]()
    decisions = []
    for run in in_order(waiting):
        if run.is_blocked:
            decisions.append(Decision(run, Verdict.BLOCKED))
        elif run.wants.is_slot:
            decisions.append(Decision(run, Verdict.START if slots > 0 else Verdict.WAITS))
            slots -= 1
        else:
            decision = _on_gpus(run, free, frozenset(gpus), kept)
            decisions.append(decision)
            gpus -= set(decision.gpus)
            if decision.verdict is Verdict.WAITS:
                mine = run.wants.usable(frozenset(gpus))
                kept |= dict.fromkeys(mine, run.name)
                gpus -= mine
    return decisions


def _on_gpus(run: Waiting, free: Free, gpus: frozenset[int], kept: dict[int, str]) -> Decision:
    wants = run.wants
    if len(wants.usable(free.installed)) < wants.needed:
        return Decision(run, Verdict.IMPOSSIBLE)
    usable = sorted(wants.usable(gpus))
    if len(usable) >= wants.needed:
        return Decision(run, Verdict.START, tuple(usable[: wants.needed]))
    mine = sorted(wants.usable(frozenset(kept)))
    return Decision(run, Verdict.WAITS, kept_for=kept[mine[0]] if mine else "")
