"""Reads curves from the catalogue, reduced to what a screen can show without losing spikes."""

from __future__ import annotations

import json
import math
import sqlite3
from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from store.metric_rows import FINITE, MINUS_INFINITY, NAN, PLUS_INFINITY, ROLLUP_STEPS

VALUES = {NAN: math.nan, PLUS_INFINITY: math.inf, MINUS_INFINITY: -math.inf}

_IS_CURRENT = "(a.superseded_from IS NULL OR t.step < a.superseded_from)"


POINT_BY_POINT_STEPS = 10_000
"""Steps of a part that are read point by point in 8 ms; of a longer one the roll-ups are close enough."""
LEAST_SKETCHED = 16
"""Steps a stretch, from which on reading every point can be felt."""
_LAST_STEP = (1 << 63) - 1


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
    spikes survive; of values that are not finite one a stretch is kept.
    """
    series = _series(connection, run, metric)
    if series is None:
        return []
    stretch = None if max_points is None else _stretch(connection, series, max_points)
    if stretch is None:
        return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in _points(connection, series)]
    return _reduced_from(connection, series, stretch, first=0)


def sketch(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[MetricPoint] | None:
    """A long curve from its roll-ups alone, in a tenth of the time; None where `curve` takes as little."""
    series = _series(connection, run, metric)
    stretch = None if series is None else _stretch(connection, series, max_points)
    if series is None or stretch is None or not LEAST_SKETCHED <= stretch < ROLLUP_STEPS:
        return None
    return _reduced_from(connection, series, ROLLUP_STEPS, first=0)


class CurveMemory:
    """Curves of one run that grows, reduced to the screen: only what may have changed is read again.

    What a run writes belongs to its last steps; whoever rebuilds the store reads from the beginning.
    """

    def __init__(self, run: str, *, max_points: int) -> None:
        self.run = run
        self.max_points = max_points
        self._known: dict[str, tuple[_Series, int, list[MetricPoint]]] = {}

    def curve(self, connection: sqlite3.Connection, metric: str) -> list[MetricPoint]:
        """The same as `curve` gives."""
        series = _series(connection, self.run, metric)
        stretch = None if series is None else _stretch(connection, series, self.max_points)
        if series is None or stretch is None:
            return curve(connection, self.run, metric, max_points=self.max_points)
        known = self._known.get(metric)
        before: list[MetricPoint] = []
        first = 0
        if known is not None and known[:2] == (series, stretch) and known[2]:
            # the stretch before the last one may still get what was logged late
            first = max(0, (known[2][-1].step // stretch - 1) * stretch)
            before = known[2][: bisect_left(known[2], first, key=itemgetter(0))]
        points = [*before, *_reduced_from(connection, series, stretch, first=first)]
        self._known[metric] = (series, stretch, points)
        return points


def curve_between(
    connection: sqlite3.Connection, run: str, metric: str, *, first: int, last: int, max_points: int
) -> list[MetricPoint]:
    """A metric from step `first` to step `last`, reduced like a whole curve where it has more than `max_points`."""
    series = _series(connection, run, metric)
    if series is None:
        return []
    steps = last - first + 1
    stretch = max(1, math.ceil(steps * 4 / max(4, max_points)))
    if steps > POINT_BY_POINT_STEPS:
        inside = [point for point in _from_rollups(connection, series, first, last) if first <= point[0] <= last]
        return _with_gaps(connection, series, _reduced(inside, stretch), stretch, first=first, last=last)
    rows = _points(connection, series, first=first, last=last)
    if len(rows) <= max_points:
        return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in rows]
    points = _reduced([row for row in rows if row[2] == FINITE], stretch)
    return _with_gaps(connection, series, points, stretch, first=first, last=last)


def outline(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[MetricPoint]:
    """A metric that only ever grows, such as tokens or epochs: of a longer curve the ends of some of its roll-ups."""
    series = _series(connection, run, metric)
    if series is None:
        return []
    if _stretch(connection, series, max_points) is None:
        return [MetricPoint(step, VALUES.get(kind, value)) for step, value, kind in _points(connection, series)]
    rows = _some_rollups(connection, series, "first_step, first, last_step, last", max_points)
    return sorted({point for row in rows for point in (MetricPoint(*row[:2]), MetricPoint(*row[2:]))})


def step_times(connection: sqlite3.Connection, run: str, metric: str, *, max_points: int) -> list[StepTime]:
    """When the steps of a metric were recorded; of a longer curve only the ends of some of its roll-ups."""
    series = _series(connection, run, metric)
    if series is None:
        return []
    if _stretch(connection, series, max_points) is None:
        return _times(connection, series, None)
    rows = _some_rollups(connection, series, "first_step, last_step", max_points)
    return _times(connection, series, sorted({step for row in rows for step in row}))


def _some_rollups(
    connection: sqlite3.Connection, series: _Series, columns: str, max_points: int
) -> list[tuple[Any, ...]]:
    """Columns of every so manieth roll-up of each attempt and of its last one, about `max_points` / 2 in all."""
    first, last = _span(connection, series) or (0, 0)
    apart = max(1, (last - first) // ROLLUP_STEPS * 2 // max_points)
    found: list[tuple[Any, ...]] = []
    for attempt, end in series.attempts:
        where = f"SELECT {columns} FROM metric_rollup WHERE run=? AND attempt=? AND key=? AND last_step<?"
        values = (series.run, attempt, series.key, end)
        found += connection.execute(f"{where} AND bucket % ? = 0", (*values, apart))
        found += connection.execute(f"{where} ORDER BY bucket DESC LIMIT 1", values)
    return found


def _times(connection: sqlite3.Connection, series: _Series, steps: list[int] | None) -> list[StepTime]:
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


class _Series(NamedTuple):
    """One metric of one run by its numbers: looking them up once is cheaper than joining them to every point."""

    run: int
    key: int
    attempts: tuple[tuple[int, int], ...]
    """Attempts that have steps which count, each with the first step that counts no more."""


def _series(connection: sqlite3.Connection, run: str, metric: str) -> _Series | None:
    found = connection.execute(
        "SELECT r.id, k.id FROM run r, metric_key k WHERE r.name=? AND k.name=?", (run, metric)
    ).fetchone()
    if found is None:
        return None
    attempts = connection.execute(
        "SELECT number, coalesce(superseded_from, ?) FROM attempt WHERE run=? ORDER BY number", (_LAST_STEP, found[0])
    )
    return _Series(found[0], found[1], tuple(attempts.fetchall()))


def _stretch(connection: sqlite3.Connection, series: _Series, max_points: int) -> int | None:
    """Steps a stretch, or None where every point can be shown. Four points come of each stretch."""
    ends = _span(connection, series)
    if ends is None:
        return None
    span = ends[1] - ends[0] + 1
    if span <= max_points:
        return None
    stretch = math.ceil(span * 4 / max(4, max_points))
    # longer ones are whole roll-ups
    return stretch if stretch < ROLLUP_STEPS else math.ceil(stretch / ROLLUP_STEPS) * ROLLUP_STEPS


def _span(connection: sqlite3.Connection, series: _Series) -> tuple[int, int] | None:
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


def _points(
    connection: sqlite3.Connection, series: _Series, *, first: int = 0, last: int = _LAST_STEP
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


def _reduced_from(connection: sqlite3.Connection, series: _Series, stretch: int, *, first: int) -> list[MetricPoint]:
    """The curve from a step on that begins a stretch; long stretches come from the roll-ups."""
    if stretch < ROLLUP_STEPS:
        return _reduced_points(connection, series, stretch, first=first)
    points = _reduced(_grouped_rollups(connection, series, stretch, first=first), stretch)
    return _with_gaps(connection, series, points, stretch, first=first)


def _grouped_rollups(
    connection: sqlite3.Connection, series: _Series, stretch: int, *, first: int
) -> list[tuple[int, float]]:
    """First, smallest, largest and last point of the roll-ups of each stretch, which holds whole ones.

    A roll-up that reaches into steps that a later attempt made again is read point by point.
    """
    points: set[tuple[int, float]] = set()
    where = "FROM metric_rollup WHERE run=?1 AND attempt=?2 AND key=?3 AND bucket>=?4 AND last_step<?5"
    for attempt, end in series.attempts:
        values = (series.run, attempt, series.key, first // ROLLUP_STEPS, end, stretch // ROLLUP_STEPS)
        # with one of min() and max() SQLite takes the other columns from the row that has it
        for column, step in (("min(min)", "min_step"), ("max(max)", "max_step"), ("first", "min(first_step)")):
            sql = f"SELECT {step}, {column} {where} GROUP BY bucket / ?6"
            points.update(connection.execute(sql, values))
        points.update(connection.execute(f"SELECT max(last_step), last {where} GROUP BY bucket / ?6", values))
        torn = connection.execute(
            "SELECT bucket FROM metric_rollup WHERE run=? AND attempt=? AND key=? AND first_step<? AND last_step>=?",
            (series.run, attempt, series.key, end, end),
        )
        for (bucket,) in torn.fetchall():
            one = series._replace(attempts=((attempt, end),))
            span = {"first": max(first, bucket * ROLLUP_STEPS), "last": (bucket + 1) * ROLLUP_STEPS - 1}
            points.update(_finite(connection, one, **span))
    return sorted(points)


def _reduced_points(
    connection: sqlite3.Connection, series: _Series, stretch: int, *, first: int = 0, last: int = _LAST_STEP
) -> list[MetricPoint]:
    points = _reduced(_finite(connection, series, first=first, last=last), stretch)
    return _with_gaps(connection, series, points, stretch, first=first, last=last)


def _finite(
    connection: sqlite3.Connection, series: _Series, *, first: int = 0, last: int = _LAST_STEP
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


def _with_gaps(
    connection: sqlite3.Connection,
    series: _Series,
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


def _from_rollups(connection: sqlite3.Connection, series: _Series, first: int, last: int) -> list[tuple[int, float]]:
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
                points.update(_finite(connection, one, **span))
            else:
                points.update(zip(values[::2], values[1::2], strict=True))
    return sorted(points)


def _reduced(points: Sequence[tuple[Any, ...]], stretch: int) -> list[MetricPoint]:
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
