"""Reads what the charts of one run show, in a thread of the dashboard. Draws nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from rftui.charts.alerts import WATCHED, Alert, alert_lines, alerts_of, watched_in
from rftui.charts.curves import Axis, Point, Range, Scale, points_at
from store.layout import Home
from store.metrics import (
    CurveMemory,
    EvaluationPoint,
    MetricPoint,
    Milestones,
    StepTime,
    curve_between,
    evaluation_points,
    metric_names,
    milestones,
    outline,
    sketch,
    step_times,
)
from store.runs import open_catalogue
from store.states import State, is_live

MAX_POINTS = 800
"""Of one curve: four for each column of dots of a wide chart."""
AS_IT_IS = 0
"""The version of a run of which nobody has looked yet whether it went on."""
REMEMBERED_RUNS = 8
"""Whose curves are kept when they are closed, about 1 MB each."""
_TIMED_BY = ("num_tokens", "loss", "reward", "step_time")
"""Metrics that are written at every step, the likeliest first."""


class RunCurves(NamedTuple):
    """Curves of one run over steps, with what places them on other axes and what is marked on them."""

    names: tuple[str, ...]
    """Every metric that the run has written."""
    curves: dict[str, list[MetricPoint]]
    scales: dict[Axis, Scale]
    """Axes other than steps; those without a known place are left out."""
    evaluations: tuple[EvaluationPoint, ...]
    milestones: Milestones
    steps: Range | None
    """First to last step of the run, also where the curves are a part; None without a step."""
    is_live: bool = False
    """Whether more will come."""
    alerts: tuple[Alert, ...] = ()
    """What is wrong with the run, by step, where it was looked for."""
    is_sketch: bool = False
    """Whether the curves are a first answer, with few points."""


class RunMemory:
    """What is known of the curves of one run, so that opening it again reads only what is new."""

    def __init__(self, name: str) -> None:
        self.curves = CurveMemory(name, max_points=MAX_POINTS)
        self._known: tuple[int, RunCurves] | None = None

    def keep(self, version: int, found: RunCurves) -> None:
        """Keeps what was read of the run at a version."""
        if version != AS_IT_IS:
            self._known = (version, found)

    def known_at(self, version: int) -> RunCurves | None:
        """What was read at the version; None where the run went on. Before it is looked, a run that ended has not."""
        if self._known is None or version not in (self._known[0], AS_IT_IS):
            return None
        known = self._known[1]
        return None if version == AS_IT_IS and known.is_live else known


@lru_cache(maxsize=REMEMBERED_RUNS)
def memory_of(home: Path, name: str) -> RunMemory:
    """The memory of a run in a home, as long as few other runs were opened."""
    return RunMemory(name)


def read_names(home: Home, name: str) -> tuple[str, ...]:
    """Every metric that the run has written."""
    with closing(open_catalogue(home)) as connection:
        return tuple(metric_names(connection, name))


def read_curves(
    home: Home,
    name: str,
    wanted: Collection[str],
    *,
    steps: Range | None = None,
    memory: CurveMemory | None = None,
    known: RunCurves | None = None,
) -> RunCurves:
    """The wanted curves, reduced; only from one step to another where `steps` is given.

    With the memory of an earlier read of whole curves only what is new is read. `known` is what was read of the run
    when it was as it is: only its curves are read then, since the scales of a long one take as long as they.
    """

    def read(connection: sqlite3.Connection, metric: str) -> list[MetricPoint]:
        if steps is not None:
            first, last = int(steps.low), int(steps.high) + 1
            return curve_between(connection, name, metric, first=first, last=last, max_points=MAX_POINTS)
        return (memory or CurveMemory(name, max_points=MAX_POINTS)).curve(connection, metric)

    with closing(open_catalogue(home)) as connection:
        if known is not None:
            return known._replace(curves=_curves(connection, known.names, wanted, read), is_sketch=False)
        return _read(connection, name, wanted, read)


def read_alert_lines(home: Home, name: str) -> list[str]:
    """What is wrong with a run, from the metrics it wrote, in words."""
    found = read_curves(home, name, WATCHED)
    alerts = alerts_of(found.curves, found.evaluations)
    return list(alert_lines(alerts, watched_in(found.curves, found.evaluations)))


def sketch_curves(home: Home, name: str, wanted: Collection[str]) -> RunCurves | None:
    """The wanted curves in few points, at once, where reading them takes long; None where it does not."""
    with closing(open_catalogue(home)) as connection:
        sketches = {metric: sketch(connection, name, metric, max_points=MAX_POINTS) for metric in wanted}
        if not any(sketches.values()):
            return None
        found = _read(connection, name, wanted, lambda _, metric: sketches[metric] or [])
        return found._replace(is_sketch=True)


def _read(
    connection: sqlite3.Connection,
    name: str,
    wanted: Collection[str],
    read: Callable[[sqlite3.Connection, str], list[MetricPoint]],
) -> RunCurves:
    names = tuple(metric_names(connection, name))
    curves = _curves(connection, names, wanted, read)
    timed_by = next((metric for metric in _TIMED_BY if metric in names), next(iter(names), ""))
    times = step_times(connection, name, timed_by, max_points=MAX_POINTS)
    evaluations = tuple(evaluation_points(connection, name))
    return RunCurves(
        names=names,
        curves=curves,
        scales=_scales(connection, name, times),
        evaluations=evaluations,
        milestones=milestones(connection, name),
        steps=_span([*curves.values(), times], [evaluation.step for evaluation in evaluations]),
        is_live=_is_live(connection, name),
    )


def _curves(
    connection: sqlite3.Connection,
    names: Collection[str],
    wanted: Collection[str],
    read: Callable[[sqlite3.Connection, str], list[MetricPoint]],
) -> dict[str, list[MetricPoint]]:
    return {metric: read(connection, metric) for metric in sorted(wanted) if metric in names}


def _is_live(connection: sqlite3.Connection, name: str) -> bool:
    row = connection.execute("SELECT state FROM run WHERE name=?", (name,)).fetchone()
    return row is not None and is_live(State(row[0]))


def _span(series: Sequence[Sequence[MetricPoint | StepTime]], others: Sequence[int]) -> Range | None:
    ends = [point.step for points in series if points for point in (points[0], points[-1])] + list(others)
    if not ends:
        return None
    return Range(min(ends), max(max(ends), min(ends) + 1))


def _scales(connection: sqlite3.Connection, name: str, times: Sequence[StepTime]) -> dict[Axis, Scale]:
    scales = {
        Axis.RELATIVE: Scale([(item.step, item.time - times[0].time) for item in times]),
        Axis.CLOCK: Scale(times),
        Axis.EPOCH: Scale(outline(connection, name, "epoch", max_points=MAX_POINTS)),
        Axis.TOKENS: Scale(outline(connection, name, "num_tokens", max_points=MAX_POINTS)),
    }
    return {axis: scale for axis, scale in scales.items() if scale}


def placed(points: Collection[MetricPoint], scale: Scale | None) -> list[Point]:
    """A curve on an axis; without a scale on steps."""
    if not points:
        return []
    steps, values = zip(*points, strict=True)
    return points_at(map(float if scale is None else scale.at, steps), values, steps)
