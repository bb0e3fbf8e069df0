"""Reads curves from the catalogue, reduced to what a screen can show without losing spikes."""

from __future__ import annotations

import math
import sqlite3
from typing import NamedTuple

from store.metric_rows import MINUS_INFINITY, NAN, PLUS_INFINITY, ROLLUP_STEPS

VALUES = {NAN: math.nan, PLUS_INFINITY: math.inf, MINUS_INFINITY: -math.inf}

_CURRENT = (
    "JOIN attempt a ON a.run=t.run AND a.number=t.attempt JOIN run r ON r.id=t.run JOIN metric_key k ON k.id=t.key "
    "WHERE r.name=? AND k.name=?"
)


_IS_CURRENT = "(a.superseded_from IS NULL OR t.step < a.superseded_from)"


POINT_BY_POINT_STEPS = 20_000
"""Steps of a part that are read point by point in 0.15 s; of a longer one the roll-ups are close enough."""


class MetricPoint(NamedTuple):
    """One value of a metric; NaN and infinities as themselves."""

    step: int
    value: float


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
    spikes survive; values that are not finite are then left out.
    """
    stretch = _stretch(connection, run, metric, max_points)
    if stretch is None:
        return _all_points(connection, run, metric)
    if stretch >= ROLLUP_STEPS:
        # a roll-up that reaches into steps that a later attempt made again is read point by point
        return _reduced(_from_rollups(connection, run, metric), stretch)
    return _reduced([point for point in _all_points(connection, run, metric) if math.isfinite(point.value)], stretch)


def curve_between(
    connection: sqlite3.Connection, run: str, metric: str, *, first: int, last: int, max_points: int
) -> list[MetricPoint]:
    """A metric from step `first` to step `last`, reduced like a whole curve where it has more than `max_points`."""
    steps = last - first + 1
    stretch = max(1, math.ceil(steps * 4 / max(4, max_points)))
    if steps > POINT_BY_POINT_STEPS:
        return _reduced([p for p in _from_rollups(connection, run, metric) if first <= p.step <= last], stretch)
    rows = connection.execute(
        f"SELECT t.step, t.value, t.kind FROM metric_point t {_CURRENT} AND {_IS_CURRENT} "
        "AND t.step BETWEEN ? AND ? ORDER BY t.step",
        (run, metric, first, last),
    )
    points = [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in rows]
    if len(points) <= max_points:
        return points
    return _reduced([point for point in points if math.isfinite(point.value)], stretch)


def step_times(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[StepTime]:
    """When the steps of a metric were recorded; of a longer curve only the ends of its roll-ups."""
    if _stretch(connection, run, metric, max_points) is None:
        sql = f"SELECT t.step, t.time FROM metric_point t {_CURRENT} AND {_IS_CURRENT}"
        return [StepTime(*row) for row in connection.execute(f"{sql} ORDER BY t.step", (run, metric))]
    ends = connection.execute(
        f"SELECT k.id, t.run, t.attempt, t.first_step, t.last_step FROM metric_rollup t {_CURRENT} "
        "AND (a.superseded_from IS NULL OR t.last_step < a.superseded_from) ORDER BY t.first_step",
        (run, metric),
    ).fetchall()
    thinned = ends[:: max(1, len(ends) * 2 // max_points)] + ends[-1:]
    found = {
        StepTime(*row)
        for key, number, attempt, first, last in thinned
        for row in connection.execute(
            "SELECT step, time FROM metric_point WHERE run=? AND attempt=? AND key=? AND step IN (?, ?)",
            (number, attempt, key, first, last),
        )
    }
    return sorted(found)


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


def _stretch(connection: sqlite3.Connection, run: str, metric: str, max_points: int | None) -> int | None:
    """Steps a stretch, or None where every point can be shown. Four points come of each stretch."""
    if max_points is None:
        return None
    row = connection.execute(
        f"SELECT min(t.first_step), max(t.last_step) FROM metric_rollup t {_CURRENT}", (run, metric)
    ).fetchone()
    if row[0] is None:
        return None
    span = row[1] - row[0] + 1
    return None if span <= max_points else max(1, math.ceil(span * 4 / max(4, max_points)))


def _all_points(connection: sqlite3.Connection, run: str, metric: str) -> list[MetricPoint]:
    rows = connection.execute(
        f"SELECT t.step, t.value, t.kind FROM metric_point t {_CURRENT} "
        "AND (a.superseded_from IS NULL OR t.step < a.superseded_from) ORDER BY t.step",
        (run, metric),
    )
    return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in rows]


def _from_rollups(connection: sqlite3.Connection, run: str, metric: str) -> list[MetricPoint]:
    points: list[MetricPoint] = []
    rows = connection.execute(
        "SELECT t.attempt, t.bucket, a.superseded_from, t.first_step, t.first, t.min_step, t.min, t.max_step, t.max, "
        f"t.last_step, t.last FROM metric_rollup t {_CURRENT} "
        "AND (a.superseded_from IS NULL OR t.first_step < a.superseded_from)",
        (run, metric),
    ).fetchall()
    for attempt, bucket, superseded_from, *values in rows:
        if superseded_from is not None and values[6] >= superseded_from:
            points += _bucket_points(connection, run, metric, attempt=attempt, bucket=bucket, before=superseded_from)
        else:
            points += [MetricPoint(step, value) for step, value in zip(values[::2], values[1::2], strict=True)]
    return sorted(set(points))


def _bucket_points(
    connection: sqlite3.Connection, run: str, metric: str, *, attempt: int, bucket: int, before: int
) -> list[MetricPoint]:
    rows = connection.execute(
        f"SELECT t.step, t.value FROM metric_point t {_CURRENT} "
        "AND t.attempt=? AND t.step>=? AND t.step<? AND t.kind=0",
        (run, metric, attempt, bucket * ROLLUP_STEPS, min(before, (bucket + 1) * ROLLUP_STEPS)),
    )
    return [MetricPoint(*row) for row in rows]


def _reduced(points: list[MetricPoint], stretch: int) -> list[MetricPoint]:
    """First, smallest, largest and last point of each stretch of steps, in order of steps."""
    kept: list[MetricPoint] = []
    first = 0
    while first < len(points):
        bucket = points[first].step // stretch
        after = first
        while after < len(points) and points[after].step // stretch == bucket:
            after += 1
        part = points[first:after]
        chosen = {part[0], min(part, key=lambda p: p.value), max(part, key=lambda p: p.value), part[-1]}
        kept += sorted(chosen)
        first = after
    return kept
