"""Reads what the rollouts view shows, one connection a read, so that any thread may ask. Draws nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import NamedTuple

from rftui.rollouts.groups import GroupSummary, summarise
from rftui.terminal.graphics import Protocol, Support
from rftui.terminal.half_blocks import Picture, Size, read_picture
from rftui.terminal.pixel_pictures import read_pixels
from store.layout import Home
from store.rollouts import (
    Occurrence,
    Rollout,
    RolloutTest,
    group_rollouts,
    matches_by_step,
    matching_samples,
    occurrences,
    open_rollouts,
    rollout_steps,
    rollouts_at,
    step_samples,
)

COUNTERS = 2
"""Threads that count what a query finds."""
STEPS_AT_ONCE = 10
"""Steps that one of them counts before it tells."""


class Extent(NamedTuple):
    """What there is of a run's rollouts."""

    steps: tuple[int, ...] = ()
    shown_step: int | None = None
    shown_rollouts: int = 0
    """Completions stored of that step."""


class StepPage(NamedTuple):
    """The groups of one step."""

    step: int
    groups: tuple[GroupSummary, ...] = ()
    rollouts: int = 0


class GroupPage(NamedTuple):
    """One group in full."""

    id: int
    rollouts: tuple[Rollout, ...] = ()
    found: frozenset[int] = frozenset()
    """Samples that the query found; empty without a query."""
    history: tuple[Occurrence, ...] = ()
    """Every step the prompt came at."""


class RolloutSource:
    """The rollouts of one run. Its methods raise StoreError and sqlite3.Error."""

    def __init__(self, home: Home, run: str) -> None:
        self.home = home
        self.run = run

    def extent(self, shown_step: int | None) -> Extent:
        """Which steps there are, and how much of the shown one."""
        with closing(open_rollouts(self.home, self.run)) as connection:
            count = 0 if shown_step is None else rollouts_at(connection, shown_step)
            return Extent(tuple(rollout_steps(connection)), shown_step, count)

    def stamp(self) -> tuple[tuple[int, int], ...]:
        """Changes whenever something was written; costs two looks at the disk."""
        path = self.home.rollouts(self.run)
        stamps = []
        for file in (path, path.with_name(f"{path.name}-wal")):
            try:
                stat = file.stat()
            except OSError:
                stamps.append((0, 0))
            else:
                stamps.append((stat.st_mtime_ns, stat.st_size))
        return tuple(stamps)

    def page(self, step: int, tests: Sequence[RolloutTest]) -> StepPage:
        """One step, with what the tests find in it."""
        with closing(open_rollouts(self.home, self.run)) as connection:
            samples = step_samples(connection, step, tests)
            return StepPage(step, tuple(summarise(samples)), rollouts_at(connection, step))

    def group(self, group_id: int, tests: Sequence[RolloutTest]) -> GroupPage:
        """One group in full."""
        with closing(open_rollouts(self.home, self.run)) as connection:
            rollouts = group_rollouts(connection, group_id)
            if not rollouts:
                return GroupPage(group_id)
            found = matching_samples(connection, group_id, tests) if tests else frozenset()
            return GroupPage(group_id, tuple(rollouts), found, tuple(occurrences(connection, rollouts[0].uid)))

    def hits(self, tests: Sequence[RolloutTest], *, around: int) -> Iterator[tuple[int, int]]:
        """How many completions the tests find at each step, the steps nearest to one first, as they are counted."""
        with closing(open_rollouts(self.home, self.run)) as connection:
            steps = sorted(rollout_steps(connection), key=lambda step: (abs(step - around), -step))
        batches = [steps[first : first + STEPS_AT_ONCE] for first in range(0, len(steps), STEPS_AT_ONCE)]
        # SQLite looks through texts without holding up Python, so two of them take half the time on two cores
        counters = ThreadPoolExecutor(COUNTERS, thread_name_prefix="rollout-count")
        try:
            for counted in counters.map(lambda batch: self._count(tests, batch), batches):
                yield from counted
        finally:
            counters.shutdown(wait=False, cancel_futures=True)

    def _count(self, tests: Sequence[RolloutTest], steps: Sequence[int]) -> list[tuple[int, int]]:
        with closing(open_rollouts(self.home, self.run)) as connection:
            return list(matches_by_step(connection, tests, steps))

    def picture(self, digest: str, space: Size, support: Support, *, is_ascii: bool, depth: str) -> Picture:
        """An image of the run for so many cells: in pixels where the terminal has them."""
        media = self.home.run(self.run).media
        if support.protocol is Protocol.NONE:
            return read_picture(media, digest, space, is_ascii=is_ascii)
        return read_pixels(media, digest, space, support, depth=depth)
