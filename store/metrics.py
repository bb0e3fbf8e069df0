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


class MetricPoint(NamedTuple):
    """One value of a metric; NaN and infinities as themselves."""

    step: int
    value: float


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
