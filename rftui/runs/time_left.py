"""How long a live run will take to its end: steps at the pace of the last ones, and evaluations to come. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import NamedTuple

from store.metrics import StepTime

RECENT_STEPS = 50
TIMED_BY = ("num_tokens", "loss", "reward", "suit/direct/pass_at_1")
"""Metrics that every training step, or every second one of a sampling, has one of; evaluations have none."""
EVALUATION_SECONDS = "time/eval_s"
"""The metric that says what an evaluation took."""


class Evaluations(NamedTuple):
    """When a run evaluates, and how long that took so far."""

    every: int
    """Steps from one to the next, as `evaluation.every` has it; 0 for the end alone. One at the end comes besides."""
    took_s: Mapping[int, float]
    """Seconds that each took, by step, the one before the first step too; empty where none was measured."""

    def within(self, first: int, last: int, *, total: int) -> int:
        """How many come after the step `first`, up to the step `last`, of a run of `total` steps."""
        if last <= first:
            return 0
        regular = last // self.every - first // self.every if self.every else 0
        is_extra = first < total <= last and (not self.every or total % self.every != 0)
        return regular + is_extra

    def spent_s(self, first: int, last: int, *, total: int) -> float:
        """Seconds for those: as measured where they were, else as long as they usually take."""
        if not self.took_s:
            return 0.0
        measured = [seconds for step, seconds in self.took_s.items() if first < step <= last]
        others = max(0, self.within(first, last, total=total) - len(measured))
        return sum(measured) + others * median(self.took_s.values())


def seconds_left(
    times: Sequence[StepTime], *, since: float | None, step: int, total: int, evaluations: Evaluations | None = None
) -> float | None:
    """Time to the end at the pace of the last steps since an attempt began; None before two of them.

    Evaluations to come are counted by what earlier ones took; before the first was measured, and where it is not known
    when they come, they are left out, and those among the last steps count as a part of the pace.
    """
    recent = [item for item in times[-RECENT_STEPS:] if since is None or item.time >= since]
    if len(recent) < 2 or recent[-1].step <= recent[0].step or total <= 0:
        return None
    first, last = recent[0], recent[-1]
    took_s = last.time - first.time
    to_come_s = 0.0
    if evaluations is not None:
        # an evaluation comes before the record of its step is written
        took_s = max(0.0, took_s - evaluations.spent_s(first.step, last.step, total=total))
        to_come_s = evaluations.spent_s(step, total, total=total)
    return max(0.0, took_s / (last.step - first.step) * (total - step)) + to_come_s
