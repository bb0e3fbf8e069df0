"""Reads curves from the catalogue, reduced to what a screen can show without losing spikes."""

from __future__ import annotations

import json
import math
import sqlite3
from bisect import bisect_left
from operator import itemgetter
from typing import NamedTuple

from store.metric_rows import FINITE, ROLLUP_STEPS
from store.series import (
    VALUES,
    Series,
    all_points,
    between,
    reduced,
    reduced_from,
    series_of,
    some_rollups,
    stretch_of,
    whole_rollups,
    with_gaps,
)
from store.series import MetricPoint as MetricPoint

_IS_CURRENT = "(a.superseded_from IS NULL OR t.step < a.superseded_from)"

POINT_BY_POINT_STEPS = 10_000
"""Steps of a part that are read point by point in 8 ms; of a longer one the roll-ups are close enough."""
LATE_STEPS = 16
"""Steps of a curve that is shown point by point, of whose last ones as many are read again."""
LEAST_SKETCHED = 16
"""Steps a stretch, from which on reading every point can be felt."""


class StepTime(NamedTuple):
    """When a step was recorded."""

    step: int
    time: float
    """Seconds since 1970."""


class EvaluationPoint(NamedTuple):
    """The accuracy of one held-out evaluation with its interval."""

    step: int
    prompt: str
    decoding: str
    split: str
    accuracy: float | None
    low: float
    high: float


class Milestones(NamedTuple):
    """Steps at which something happened that is no metric."""

    checkpoints: tuple[int, ...]
    attempts: tuple[int, ...]
    """First steps of the second attempt and those after it."""


def metric_names(connection: sqlite3.Connection, run: str) -> list[str]:
    """Names of the metrics that a run has written, in alphabetical order."""
    rows = connection.execute(
        "SELECT k.name FROM metric_last l JOIN metric_key k ON k.id=l.key JOIN run r ON r.id=l.run WHERE r.name=? "
        "ORDER BY k.name",
        (run,),
    )
    return [row[0] for row in rows]


def curve(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int | None = None) -> list[MetricPoint]:
    """A metric over steps, stitched over attempts without overlap.

    With `max_points` a longer curve comes back as first, smallest, largest and last of each stretch of steps, so that
    spikes survive; of values that are not finite one a stretch is kept.
    """
    series = series_of(connection, run, metric)
    if series is None:
        return []
    stretch = None if max_points is None else stretch_of(connection, series, max_points)
    if stretch is None:
        return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in all_points(connection, series)]
    return reduced_from(connection, series, stretch, first=0)


def sketch(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[MetricPoint] | None:
    """A long curve from its roll-ups alone, in a tenth of the time; None where `curve` takes as little."""
    series = series_of(connection, run, metric)
    stretch = None if series is None else stretch_of(connection, series, max_points)
    if series is None or stretch is None or not LEAST_SKETCHED <= stretch < ROLLUP_STEPS:
        return None
    return reduced_from(connection, series, ROLLUP_STEPS, first=0)


class CurveMemory:
    """Curves of one run that grows, reduced to the screen: only what may have changed is read again.

    What a run writes belongs to its last steps; whoever rebuilds the store reads from the beginning.
    """

    def __init__(self, run: str, *, max_points: int) -> None:
        self.run = run
        self.max_points = max_points
        self._known: dict[str, tuple[Series, int | None, list[MetricPoint]]] = {}

    def curve(self, connection: sqlite3.Connection, metric: str) -> list[MetricPoint]:
        """The same as `curve` gives."""
        series = series_of(connection, self.run, metric)
        if series is None:
            return []
        stretch = stretch_of(connection, series, self.max_points)
        known = self._known.get(metric)
        before: list[MetricPoint] = []
        first = 0
        if known is not None and known[:2] == (series, stretch) and known[2]:
            # the stretch before the last one may still get what was logged late
            late = stretch or LATE_STEPS
            first = max(0, (known[2][-1].step // late - 1) * late)
            before = known[2][: bisect_left(known[2], first, key=itemgetter(0))]
        if stretch is None:
            rows = all_points(connection, series, first=first)
            points = [*before, *(MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in rows)]
        else:
            points = [*before, *reduced_from(connection, series, stretch, first=first)]
        self._known[metric] = (series, stretch, points)
        return points


def curve_between(
    connection: sqlite3.Connection, run: str, metric: str, *, first: int, last: int, max_points: int
) -> list[MetricPoint]:
    """A metric from step `first` to step `last`, reduced like a whole curve where it has more than `max_points`."""
    series = series_of(connection, run, metric)
    if series is None:
        return []
    steps = last - first + 1
    stretch = max(1, math.ceil(steps * 4 / max(4, max_points)))
    if steps > POINT_BY_POINT_STEPS:
        stretch = whole_rollups(stretch)
        inside = between(connection, series, stretch, first, last)
        return with_gaps(connection, series, reduced(inside, stretch), stretch, first=first, last=last)
    rows = all_points(connection, series, first=first, last=last)
    if len(rows) <= max_points:
        return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in rows]
    points = reduced([row for row in rows if row[2] == FINITE], stretch)
    return with_gaps(connection, series, points, stretch, first=first, last=last)


def outline(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[MetricPoint]:
    """A metric that only ever grows, such as tokens or epochs: of a longer curve the ends of some of its roll-ups."""
    series = series_of(connection, run, metric)
    if series is None:
        return []
    if stretch_of(connection, series, max_points) is None:
        return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in all_points(connection, series)]
    rows = some_rollups(connection, series, "first_step, first, last_step, last", max_points)
    return sorted({point for row in rows for point in (MetricPoint(*row[:2]), MetricPoint(*row[2:]))})


def step_times(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[StepTime]:
    """When the steps of a metric were recorded; of a longer curve only the ends of some of its roll-ups."""
    series = series_of(connection, run, metric)
    if series is None:
        return []
    if stretch_of(connection, series, max_points) is None:
        return _times(connection, series, None)
    rows = some_rollups(connection, series, "first_step, last_step", max_points)
    return _times(connection, series, sorted({step for row in rows for step in row}))


def _times(connection: sqlite3.Connection, series: Series, steps: list[int] | None) -> list[StepTime]:
    """When these steps were recorded; all where none are named."""
    found: list[StepTime] = []
    for attempt, end in series.attempts:
        if steps is None:
            sql = "SELECT step, time FROM metric_point WHERE run=? AND attempt=? AND key=? AND step<? ORDER BY step"
            rows = connection.execute(sql, (series.run, attempt, series.key, end))
        else:
            # CROSS: each step is looked up; SQLite would rather go through a million
            rows = connection.execute(
                "SELECT p.step, p.time FROM json_each(?) j CROSS JOIN metric_point p "
                "ON p.run=? AND p.attempt=? AND p.key=? AND p.step=j.value ORDER BY j.id",
                (json.dumps([step for step in steps if step < end]), series.run, attempt, series.key),
            )
        found += [StepTime(*row) for row in rows]
    return found


def evaluation_points(connection: sqlite3.Connection, run: str) -> list[EvaluationPoint]:
    """Every held-out evaluation of a run that counts, by step."""
    rows = connection.execute(
        "SELECT t.step, t.prompt, t.decoding, t.split, t.accuracy, t.low, t.high FROM evaluation t "
        "JOIN attempt a ON a.run=t.run AND a.number=t.attempt JOIN run r ON r.id=t.run "
        f"WHERE r.name=? AND {_IS_CURRENT} ORDER BY t.step",
        (run,),
    )
    return [EvaluationPoint(*row) for row in rows]


def milestones(connection: sqlite3.Connection, run: str) -> Milestones:
    """Where a run saved its weights, and where it was taken up again."""
    checkpoints = connection.execute(
        "SELECT DISTINCT t.step FROM checkpoint t JOIN run r ON r.id=t.run WHERE r.name=? ORDER BY t.step", (run,)
    )
    attempts = connection.execute(
        "SELECT t.first_step FROM attempt t JOIN run r ON r.id=t.run "
        "WHERE r.name=? AND t.number > 1 AND t.first_step IS NOT NULL ORDER BY t.number",
        (run,),
    )
    return Milestones(tuple(row[0] for row in checkpoints), tuple(row[0] for row in attempts))


def last_values(connection: sqlite3.Connection, run: str) -> dict[str, float]:
    """The last value of every metric."""
    rows = connection.execute(
        "SELECT k.name, l.value, l.kind FROM metric_last l JOIN metric_key k ON k.id=l.key JOIN run r ON r.id=l.run "
        "WHERE r.name=?",
        (run,),
    )
    return {name: VALUES.get(kind, value) for name, value, kind in rows}
