"""By how much runs are above the pinned one, as far as it was read. Pure; base_reads.py reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from store.runs import RunSummary

MOST_KNOWN = 2000
"""Differences that are kept, so that going back reads nothing."""


class VersusBase(NamedTuple):
    """By how much the held-out accuracy of a run is above that of the pinned one, over the same examples, paired."""

    difference: float
    """In shares, as are the ends of its 95% interval."""
    low: float
    high: float
    n: int
    is_narrow: bool = False
    """Whether so few examples flipped that the interval is too narrow to go by."""


class Pinned(NamedTuple):
    """The run that others are held against."""

    uid: int
    run: RunSummary


class KnownDifferences:
    """The differences of rows to the pinned run, with the runs as they were when these were read."""

    def __init__(self) -> None:
        self._pinned: Pinned | None = None
        self._known: dict[int, tuple[RunSummary, RunSummary, VersusBase | None]] = {}

    def pin(self, pinned: Pinned | None) -> None:
        """Takes in which run is pinned; differences to another one are forgotten."""
        if pinned is None or self._pinned is None or pinned.uid != self._pinned.uid:
            self._known.clear()
        self._pinned = pinned

    @property
    def pinned(self) -> Pinned | None:
        """The run that others are held against; None where none is pinned."""
        return self._pinned

    def is_known(self, uid: int) -> bool:
        """Whether it was read."""
        return uid in self._known

    def get(self, uid: int) -> VersusBase | None:
        """None where it is not known, or the examples are not the same."""
        return self._known[uid][2] if uid in self._known else None

    def is_behind(self, uid: int, run: RunSummary) -> bool:
        """Whether either run did something since it was read, or it never was."""
        if self._pinned is None or uid == self._pinned.uid:
            return False
        known = self._known.get(uid)
        return known is None or known[0] is not run or known[1] is not self._pinned.run

    def take(self, pinned: Pinned, runs: Mapping[int, RunSummary], found: Mapping[int, VersusBase | None]) -> None:
        """Takes in what was read, unless another run is pinned by now."""
        if self._pinned is None or pinned.uid != self._pinned.uid:
            return
        for uid, versus in found.items():
            self._known.pop(uid, None)
            self._known[uid] = (runs[uid], pinned.run, versus)
        while len(self._known) > MOST_KNOWN:
            self._known.pop(next(iter(self._known)))
