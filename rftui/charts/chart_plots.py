"""Makes the plot of a panel from what was read of a run and how the user looks at it. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple

from rftui.charts.curve_reads import RunCurves, placed
from rftui.charts.curves import Axis, Point, Range, Scale, nearest, opened, points_at, roomy, smoothed, value_range
from rftui.charts.growing_line import GrowingLine
from rftui.charts.panels import Panel, Trace, held_out_kind
from rftui.charts.plot import Mark, Plot, Series
from rftui.formats import fraction, number
from rftui.terminal.clean import one_line
from store.metrics import EvaluationPoint, MetricPoint

LEAST_SMOOTHED = 5
"""Fewer points are shown as they are."""
LEAST_ROOM = {Axis.STEP: 10.0, Axis.RELATIVE: 60.0, Axis.CLOCK: 60.0}
"""What the axis of a live run grows by at least."""


class Look(NamedTuple):
    """How the user looks at all charts of a run."""

    axis: Axis = Axis.STEP
    weight: float = 0.9
    """Of the past in the moving average; 0 smooths nothing."""
    is_log: bool = False
    view: Range | None = None
    """The part of the axis that is shown; None for the whole, however long it grows."""
    cursor: int | None = None
    """A step."""
    is_ascii: bool = False


def scale_of(data: RunCurves, axis: Axis) -> Scale | None:
    """What places steps on an axis; None for steps themselves."""
    return None if axis is Axis.STEP else data.scales.get(axis)


def whole_of(data: RunCurves, axis: Axis) -> Range:
    """From the first to the last place of a run on an axis; of a live one to a round place beyond."""
    steps = data.steps or Range(0, 1)
    low, high = place(data, axis, int(steps.low)), place(data, axis, int(steps.high))
    whole = Range(low, high if high > low else low + 1)
    return roomy(whole, least=LEAST_ROOM.get(axis, 0.0)) if data.is_live else whole


def place(data: RunCurves, axis: Axis, step: int) -> float:
    """Where a step lies on an axis."""
    scale = scale_of(data, axis)
    return float(step) if scale is None else scale.at(step)


def steps_in(data: RunCurves, axis: Axis, view: Range) -> Range | None:
    """The steps of a part of an axis; None where nothing lies in it."""
    if axis is Axis.STEP:
        return view
    found = [point.step for point in _longest(data, axis) if view.low <= point.x <= view.high]
    return Range(found[0], found[-1] + 1) if found else None


def moved_cursor(data: RunCurves, look: Look, *, cells: int, width: int) -> int | None:
    """The step that the cursor stands on after it went some of `width` cells, at least one step; None without steps."""
    points = _longest(data, look.axis)
    if not points:
        return None
    view = look.view or whole_of(data, look.axis)
    if look.cursor is None:
        here = max(0, sum(point.x <= view.high for point in points) - 1)
        if abs(cells) == 1:
            # the first press only shows where it is
            return points[here].step
    else:
        here = min(len(points) - 1, bisect_left(points, look.cursor, key=lambda point: point.step))
    target = points[here].x + cells * (view.high - view.low) / max(1, width - 1)
    there = nearest(points, target)
    if there is None:
        return look.cursor
    if (there - here) * cells <= 0:
        there = here + (1 if cells > 0 else -1)
    return points[min(len(points) - 1, max(0, there))].step


class Lines:
    """The lines of one run as they were last made: another cursor changes none of them, so none is drawn again."""

    def __init__(self) -> None:
        self._kept: dict[Trace, Series] = {}
        self._made_of: tuple[RunCurves, Axis, float] | None = None
        self._growing: dict[Trace, GrowingLine] = {}

    def line(self, trace: Trace, data: RunCurves, look: Look, cursor: float | None) -> Series:
        """One curve with its value at the cursor or the end."""
        kept = self._made_of
        if kept is None or kept[0] is not data or kept[1:] != (look.axis, look.weight):
            self._kept.clear()
            self._made_of = (data, look.axis, look.weight)
        if trace not in self._kept:
            growing = self._growing.setdefault(trace, GrowingLine())
            self._kept[trace] = series_of(trace, data, look, None, growing=growing)
        line = self._kept[trace]
        return line if cursor is None else line._replace(readout=_readout(trace, line, data, cursor))


def plot_of(panel: Panel, data: RunCurves, look: Look, lines: Lines | None = None) -> Plot:
    """The plot of one panel; `lines` are those of the plots before."""
    view = look.view or whole_of(data, look.axis)
    cursor = None if look.cursor is None else place(data, look.axis, look.cursor)
    made = lines or Lines()
    series = [made.line(trace, data, look, cursor) for trace in panel.traces if trace.metric in data.curves]
    return Plot(
        title=one_line(panel.title),
        series=series,
        view=view,
        values=_value_range(series, view, is_log=look.is_log, is_live=data.is_live),
        axis=look.axis,
        marks=_marks(data, look.axis),
        cursor=cursor,
        is_log=look.is_log,
        is_ascii=look.is_ascii,
    )


def series_of(
    trace: Trace, data: RunCurves, look: Look, cursor: float | None, *, growing: GrowingLine | None = None
) -> Series:
    """One curve of a run with its spread or intervals, and its value at the cursor or the end.

    `growing` is the curve as it was made before, over steps.
    """
    scale = scale_of(data, look.axis)
    over_steps = None if scale is not None else growing or GrowingLine()
    curve = data.curves[trace.metric]
    points = placed(curve, scale) if over_steps is None else over_steps.points(curve)
    if trace.is_held_out:
        line = _held_out(trace, points, data)
        return line._replace(readout=_readout(trace, line, data, cursor))
    smooth: list[Point] = []
    if look.weight and len(points) >= LEAST_SMOOTHED:
        smooth = _smooth(points, look.weight) if over_steps is None else over_steps.smooth(look.weight)
    edges = _spread(points, data.curves.get(trace.spread or "", []), look.weight)
    line = Series(one_line(trace.label), points, smooth, edges)
    return line._replace(readout=_readout(trace, line, data, cursor))


def _smooth(points: Sequence[Point], weight: float) -> list[Point]:
    if not points:
        return []
    places, values, steps = zip(*points, strict=True)
    return points_at(places, smoothed(values, weight), steps)


def _spread(
    points: Sequence[Point], deviations: Sequence[MetricPoint], weight: float
) -> tuple[list[Point], list[Point]] | None:
    """One standard deviation below and above, smoothed as the curve is; None where there is none."""
    by_step = {deviation.step: deviation.value for deviation in deviations}
    both = [point for point in points if point.step in by_step]
    if not both:
        return None
    lows = [point._replace(value=point.value - by_step[point.step]) for point in both]
    highs = [point._replace(value=point.value + by_step[point.step]) for point in both]
    return _smooth(lows, weight), _smooth(highs, weight)


def _recorded(trace: Trace, data: RunCurves) -> dict[int, EvaluationPoint]:
    """The evaluations of a curve of them, by step."""
    kind = held_out_kind(trace.metric)
    return {item.step: item for item in data.evaluations if (item.prompt, item.decoding) == kind}


def _held_out(trace: Trace, points: list[Point], data: RunCurves) -> Series:
    """Markers with their intervals, as the evaluations recorded them."""
    recorded = _recorded(trace, data)
    known = [point for point in points if point.step in recorded]
    edges = None
    if known:
        lows = [point._replace(value=recorded[point.step].low) for point in known]
        edges = (lows, [point._replace(value=recorded[point.step].high) for point in known])
    return Series(one_line(trace.label), points, (), edges, has_markers=True)


def _hundredths(value: float) -> str:
    """An end of an interval, short: a legend has little room."""
    return f"{value:.2f}".removeprefix("0")


def _index(points: Sequence[Point], cursor: float | None) -> int | None:
    """The point to read out: nearest to the cursor, or the last."""
    if not points:
        return None
    return nearest(points, points[-1].x if cursor is None else cursor)


def _readout(trace: Trace, line: Series, data: RunCurves, cursor: float | None) -> str:
    """What a line says of the place of the cursor, or of its end."""
    points, edges = line.points, line.edges
    at = _index(points, cursor)
    if at is None:
        return ""
    if trace.is_held_out:
        item = _recorded(trace, data).get(points[at].step)
        ends = "" if item is None else f" [{_hundredths(item.low)}, {_hundredths(item.high)}]"
        return fraction(points[at].value) + ends
    text = number(points[at].value, digits=3)
    spread = next((high for high in edges[1] if high.step == points[at].step), None) if edges else None
    low = next((low for low in edges[0] if low.step == points[at].step), None) if edges else None
    return f"{text} ±{number((spread.value - low.value) / 2, digits=2)}" if spread and low else text


def _value_range(series: Sequence[Series], view: Range, *, is_log: bool, is_live: bool) -> Range | None:
    found = value_range(_values(series, view), is_log=is_log)
    return opened(found) if found is not None and is_live and not is_log else found


def _values(series: Sequence[Series], view: Range) -> list[float]:
    """Values that the view must have room for."""
    found = []
    for one in series:
        for points in (one.points, *(one.edges or ())):
            found += [point.value for point in points if view.low <= point.x <= view.high]
    return found


def _marks(data: RunCurves, axis: Axis) -> list[Mark]:
    kinds = {
        "checkpoint": data.milestones.checkpoints,
        "evaluation": sorted({item.step for item in data.evaluations}),
        "attempt": data.milestones.attempts,
        "alert": sorted({alert.step for alert in data.alerts}),
    }
    return [Mark(place(data, axis, step), kind) for kind, steps in kinds.items() for step in steps]


def _longest(data: RunCurves, axis: Axis) -> list[Point]:
    """The curve with the most points on an axis: the steps that a cursor can stand on."""
    return placed(max(data.curves.values(), key=len, default=[]), scale_of(data, axis))
