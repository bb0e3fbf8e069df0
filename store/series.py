"""The points of one metric of one run, by its numbers: one by one, or from roll-ups where there are too many."""

from __future__ import annotations

import math
import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from store.metric_rows import FINITE, MINUS_INFINITY, NAN, PLUS_INFINITY, ROLLUP_STEPS

VALUES = {NAN: math.nan, PLUS_INFINITY: math.inf, MINUS_INFINITY: -math.inf}
"""What the kinds of values stand for that are not finite."""
_LAST_STEP = (1 << 63) - 1


class MetricPoint(NamedTuple):
    """One value of a metric; NaN and infinities as themselves."""

    step: int
    value: float


class Series(NamedTuple):
    """One metric of one run by its numbers: looking them up once is cheaper than joining them to every point."""

    run: int
    key: int
    attempts: tuple[tuple[int, int], ...]
    """Attempts that have steps which count, each with the first step that counts no more."""


def series_of(connection: sqlite3.Connection, run: str, metric: str) -> Series | None:
    """The numbers of a metric; None where the run or the metric is not known."""
    found = connection.execute(
        "SELECT r.id, k.id FROM run r, metric_key k WHERE r.name=? AND k.name=?", (run, metric)
    ).fetchone()
    if found is None:
        return None
    attempts = connection.execute(
        "SELECT number, coalesce(superseded_from, ?) FROM attempt WHERE run=? ORDER BY number", (_LAST_STEP, found[0])
    )
    return Series(found[0], found[1], tuple(attempts.fetchall()))


def stretch_of(connection: sqlite3.Connection, series: Series, max_points: int) -> int | None:
    """Steps a stretch, or None where every point can be shown. Four points come of each stretch."""
    ends = span_of(connection, series)
    if ends is None:
        return None
    span = ends[1] - ends[0] + 1
    if span <= max_points:
        return None
    stretch = math.ceil(span * 4 / max(4, max_points))
    return whole_rollups(stretch)


def whole_rollups(stretch: int) -> int:
    """A stretch of steps that is longer than a roll-up, up to where one ends."""
    return stretch if stretch < ROLLUP_STEPS else math.ceil(stretch / ROLLUP_STEPS) * ROLLUP_STEPS


def span_of(connection: sqlite3.Connection, series: Series) -> tuple[int, int] | None:
    """First and last step that was ever recorded: of the outer roll-ups, since a million steps have 4,000."""
    ends = [
        row
        for attempt, _ in series.attempts
        for order in ("ASC", "DESC")
        for row in connection.execute(
            "SELECT first_step, last_step FROM metric_rollup WHERE run=? AND attempt=? AND key=? "
            f"ORDER BY bucket {order} LIMIT 1",
            (series.run, attempt, series.key),
        )
    ]
    return (min(row[0] for row in ends), max(row[1] for row in ends)) if ends else None


def all_points(
    connection: sqlite3.Connection, series: Series, *, first: int = 0, last: int = _LAST_STEP
) -> list[tuple[int, float, int]]:
    """Step, value and kind of the points that count, by step. A later attempt begins where the one before ends."""
    found: list[tuple[int, float, int]] = []
    for attempt, end in series.attempts:
        found += connection.execute(
            "SELECT step, value, kind FROM metric_point WHERE run=? AND attempt=? AND key=? AND step BETWEEN ? AND ? "
            "ORDER BY step",
            (series.run, attempt, series.key, first, min(last, end - 1)),
        ).fetchall()
    return found


def reduced_from(connection: sqlite3.Connection, series: Series, stretch: int, *, first: int) -> list[MetricPoint]:
    """The curve from a step on that begins a stretch; long stretches come from the roll-ups."""
    if stretch < ROLLUP_STEPS:
        return reduced_points(connection, series, stretch, first=first)
    points = reduced(grouped_rollups(connection, series, stretch, first, _LAST_STEP), stretch)
    return with_gaps(connection, series, points, stretch, first=first)


def grouped_rollups(
    connection: sqlite3.Connection, series: Series, stretch: int, first: int, last: int
) -> list[tuple[int, float]]:
    """First, smallest, largest and last point of the roll-ups of each stretch, which holds whole ones.

    A roll-up that reaches into steps that a later attempt made again is read point by point.
    """
    points: set[tuple[int, float]] = set()
    where = "FROM metric_rollup WHERE run=?1 AND attempt=?2 AND key=?3 AND bucket BETWEEN ?4 AND ?7 AND last_step<?5"
    for attempt, end in series.attempts:
        span = (first // ROLLUP_STEPS, last // ROLLUP_STEPS)
        values = (series.run, attempt, series.key, span[0], end, stretch // ROLLUP_STEPS, span[1])
        # with one of min() and max() SQLite takes the other columns from the row that has it
        for column, step in (("min(min)", "min_step"), ("max(max)", "max_step"), ("first", "min(first_step)")):
            sql = f"SELECT {step}, {column} {where} GROUP BY bucket / ?6"
            points.update(connection.execute(sql, values))
        points.update(connection.execute(f"SELECT max(last_step), last {where} GROUP BY bucket / ?6", values))
        torn = connection.execute(
            "SELECT bucket FROM metric_rollup WHERE run=? AND attempt=? AND key=? AND first_step<? AND last_step>=? "
            "AND bucket BETWEEN ? AND ?",
            (series.run, attempt, series.key, end, end, *span),
        )
        for (bucket,) in torn.fetchall():
            one = series._replace(attempts=((attempt, end),))
            steps = {"first": max(first, bucket * ROLLUP_STEPS), "last": (bucket + 1) * ROLLUP_STEPS - 1}
            points.update(finite_points(connection, one, **steps))
    return sorted(points)


def reduced_points(
    connection: sqlite3.Connection, series: Series, stretch: int, *, first: int = 0, last: int = _LAST_STEP
) -> list[MetricPoint]:
    """A part of the curve, reduced from every point of it."""
    points = reduced(finite_points(connection, series, first=first, last=last), stretch)
    return with_gaps(connection, series, points, stretch, first=first, last=last)


def finite_points(
    connection: sqlite3.Connection, series: Series, *, first: int = 0, last: int = _LAST_STEP
) -> list[tuple[int, float]]:
    """Steps and finite values of the points that count."""
    found: list[tuple[int, float]] = []
    for attempt, end in series.attempts:
        found += connection.execute(
            "SELECT step, value FROM metric_point WHERE run=? AND attempt=? AND key=? AND step BETWEEN ? AND ? "
            f"AND kind={FINITE} ORDER BY step",
            (series.run, attempt, series.key, first, min(last, end - 1)),
        ).fetchall()
    return found


def with_gaps(
    connection: sqlite3.Connection,
    series: Series,
    points: list[MetricPoint],
    stretch: int,
    *,
    first: int = 0,
    last: int = _LAST_STEP,
) -> list[MetricPoint]:
    """The points with the first value of each stretch that is not finite, so that a chart can leave a gap."""
    odd: list[MetricPoint] = []
    for attempt, end in series.attempts:
        rows = connection.execute(
            "SELECT min(step), kind FROM metric_point INDEXED BY ix_metric_point_odd "
            "WHERE run=? AND key=? AND attempt=? AND step BETWEEN ? AND ? AND kind <> 0 GROUP BY step / ?",
            (series.run, series.key, attempt, first, min(last, end - 1), stretch),
        )
        odd += [MetricPoint(step, VALUES[kind]) for step, kind in rows]
    return sorted([*points, *odd], key=itemgetter(0)) if odd else points


def between(
    connection: sqlite3.Connection, series: Series, stretch: int, first: int, last: int
) -> list[tuple[int, float]]:
    """The points of the roll-ups of a part: of stretches that lie in it whole four each, of those at its ends all."""
    begin, end = -(-first // stretch) * stretch, (last + 1) // stretch * stretch
    if stretch <= ROLLUP_STEPS or begin >= end:
        points = from_rollups(connection, series, first, last)
    else:
        points = from_rollups(connection, series, first, begin - 1) if first < begin else []
        points += grouped_rollups(connection, series, stretch, begin, end - 1)
        points += from_rollups(connection, series, end, last) if end <= last else []
    return [point for point in points if first <= point[0] <= last]


def from_rollups(connection: sqlite3.Connection, series: Series, first: int, last: int) -> list[tuple[int, float]]:
    """The points of the roll-ups that hold any step of a part."""
    points: set[tuple[int, float]] = set()
    for attempt, end in series.attempts:
        rows = connection.execute(
            "SELECT bucket, first_step, first, min_step, min, max_step, max, last_step, last FROM metric_rollup "
            "WHERE run=? AND attempt=? AND key=? AND bucket BETWEEN ? AND ? AND first_step < ?",
            (series.run, attempt, series.key, first // ROLLUP_STEPS, last // ROLLUP_STEPS, end),
        )
        for bucket, *values in rows.fetchall():
            if values[6] >= end:
                one = series._replace(attempts=((attempt, end),))
                span = {"first": bucket * ROLLUP_STEPS, "last": (bucket + 1) * ROLLUP_STEPS - 1}
                points.update(finite_points(connection, one, **span))
            else:
                points.update(zip(values[::2], values[1::2], strict=True))
    return sorted(points)


def reduced(points: Sequence[tuple[Any, ...]], stretch: int) -> list[MetricPoint]:
    """First, smallest, largest and last point of each stretch of steps, in order of steps."""
    kept: list[MetricPoint] = []
    value = itemgetter(1)
    first, count = 0, len(points)
    while first < count:
        end = (points[first][0] // stretch + 1) * stretch
        # points are at most one a step, so the stretch ends within so many
        after = bisect_left(points, (end,), first, min(count, first + stretch + 1))
        part = points[first:after]
        chosen = {part[0], min(part, key=value), max(part, key=value), part[-1]}
        kept += [MetricPoint(*point[:2]) for point in sorted(chosen)]
        first = after
    return kept


def some_rollups(
    connection: sqlite3.Connection, series: Series, columns: str, max_points: int
) -> list[tuple[Any, ...]]:
    """Columns of every so manieth roll-up of each attempt and of its last one, about `max_points` / 2 in all."""
    first, last = span_of(connection, series) or (0, 0)
    apart = max(1, (last - first) // ROLLUP_STEPS * 2 // max_points)
    found: list[tuple[Any, ...]] = []
    for attempt, end in series.attempts:
        where = f"SELECT {columns} FROM metric_rollup WHERE run=? AND attempt=? AND key=? AND last_step<?"
        values = (series.run, attempt, series.key, end)
        found += connection.execute(f"{where} AND bucket % ? = 0", (*values, apart))
        found += connection.execute(f"{where} ORDER BY bucket DESC LIMIT 1", values)
    return found
