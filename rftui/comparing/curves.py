"""Curves of several runs, one metric a chart: lines by letter, runs that differ by seed as mean and band."""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from rftui.charts.chart_plots import LEAST_ROOM, Look, place, scale_of, series_of
from rftui.charts.curve_reads import RunCurves, placed
from rftui.charts.curves import Axis, Point, Range, nearest, opened, roomy, value_range
from rftui.charts.growing_line import GrowingLine
from rftui.charts.panels import Panel, Trace, held_out_kind, preset
from rftui.charts.plot import SERIES, Plot, Series
from rftui.formats import fraction, number
from rftui.terminal.clean import one_line

SEED = "seed"
PLACEMENT = ("gpus",)
"""Settings that say where a run is computed and change none of its numbers but by rounding."""
LIVE_ROOM = 0.5
"""Share of its length by which the axis of live runs grows at most."""
MOST_MEANS = 400
"""Points of a mean over seeds."""
MOST_LETTERS = 3
NOT_THERE = "—"
TRAINING = "accuracy of training groups"


class Strand(NamedTuple):
    """One line of every chart: a run, or runs that differ only by seed."""

    letter: str
    """Of the run; `A+C` for several, since no letter of a run may stand for others too."""
    names: tuple[str, ...]

    @property
    def is_seeds(self) -> bool:
        """Whether it is a mean with a band."""
        return len(self.names) > 1


def strands_of(letters: Mapping[str, str], groups: Iterable[tuple[str, ...]]) -> list[Strand]:
    """Lines for groups of runs, in the order of their first runs."""
    order = list(letters)
    placed_groups = sorted((group for group in groups if group), key=lambda group: order.index(group[0]))
    return [Strand(_sign_of([letters[name] for name in group]), group) for group in placed_groups]


def _sign_of(letters: Sequence[str]) -> str:
    """`A`, `A+C`, `A+B+C`; more would not fit at the end of a line: `A+5` for A and five others."""
    return "+".join(letters) if len(letters) <= MOST_LETTERS else f"{letters[0]}+{len(letters) - 1}"


def seed_groups(settings: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Runs by settings without the seed; only runs of different seeds stand together.

    Runs whose settings are not known stand alone, and so does a second run of the same seed.
    """
    groups: dict[str, dict[str, str]] = {}
    alone: list[tuple[str, ...]] = []
    for name, values in settings.items():
        rest = {key: value for key, value in values.items() if key != SEED and key not in PLACEMENT}
        members = groups.setdefault(json.dumps(rest, sort_keys=True, default=str), {})
        seed = str(values.get(SEED))
        if not values or seed in members:
            alone.append((name,))
        else:
            members[seed] = name
    return [*(tuple(members.values()) for members in groups.values() if members), *alone]


def overlay_panels(runs: Sequence[tuple[str, Collection[str]]]) -> list[Panel]:
    """A chart for each metric of the presets of runs, given by method and metrics; what several have comes first."""
    found: dict[str, Panel] = {}
    for method, names in runs:
        for panel in preset(method, names):
            for trace in panel.traces:
                title = _title(panel, trace)
                chart = Panel(title, (trace._replace(label=title, spread=None),))
                # as a part of the reward it is the same metric, and less is said of it
                found[trace.metric] = chart if title == TRAINING else found.get(trace.metric, chart)
    having = {metric: sum(metric in names for _, names in runs) for metric in found}
    return sorted(found.values(), key=lambda panel: len(runs) > 1 and having[panel.traces[0].metric] < 2)


def _title(panel: Panel, trace: Trace) -> str:
    if trace.is_held_out:
        prompt, decoding = held_out_kind(trace.metric)
        return f"held-out accuracy, {prompt}" + ("" if decoding == "greedy" else f" {decoding}")
    if panel.title == "accuracy":
        return TRAINING
    if panel.title == "reward parts":
        return f"reward: {trace.label}"
    return panel.title if len(panel.traces) == 1 else f"{panel.title}: {trace.label}"


def axes_of(curves: Iterable[RunCurves]) -> list[Axis]:
    """Steps, and each axis that any run has a place on."""
    known = {axis for data in curves for axis in data.scales}
    return [axis for axis in Axis if axis is Axis.STEP or axis in known]


def whole_of_all(curves: Iterable[RunCurves], axis: Axis) -> Range:
    """From the first place of any run to a round place after the last, so that the axis stands still for a while."""
    known = [data for data in curves if data.steps is not None and _is_on(data, axis)]
    ends = [place(data, axis, int(end)) for data in known for end in data.steps or ()]
    if not ends:
        return Range(0.0, 1.0)
    low, high = min(ends), max(ends)
    # a little more than the last place, for the letters at the ends of lines
    whole = Range(low, high + max(high - low, 1.0) / 100)
    if not any(data.is_live for data in known):
        return roomy(whole)
    # with another axis every line of every chart is sent again
    return roomy(whole, least=max(LEAST_ROOM.get(axis, 0.0), _power_of_two((high - low) * LIVE_ROOM)))


def _power_of_two(value: float) -> float:
    """The largest power of two that is not above."""
    return 2.0 ** math.floor(math.log2(value)) if value > 0 else 0.0


def _power_of_ten(value: float) -> float:
    """The largest power of ten that is not above, or five of them."""
    power = 10.0 ** math.floor(math.log10(value)) if 0 < value < math.inf else 0.0
    return 5 * power if 5 * power <= value else power


def _is_on(data: RunCurves, axis: Axis) -> bool:
    return axis is Axis.STEP or axis in data.scales


def steady(values: Range | None, *, is_log: bool, is_live: bool = False) -> Range | None:
    """The range opened to round numbers, so that a value a little beyond the others moves nothing.

    For live runs by up to a quarter at either end: with another range every line of the chart is sent again.
    """
    if values is None or is_log:
        return values
    apart = _power_of_two((values.high - values.low) / 4) if is_live else 0.0
    if not 0 < apart < math.inf:
        return opened(values)
    return Range(math.floor(values.low / apart) * apart, math.ceil(values.high / apart) * apart)


class Shown(NamedTuple):
    """What is charted, and how it is looked at."""

    strands: Sequence[Strand]
    curves: Mapping[str, RunCurves]
    look: Look
    view: Range
    cursor: float | None
    """A place on the axis."""


class _Kept(NamedTuple):
    sources: tuple[RunCurves, ...]
    how: tuple[Axis, float, Range | None, int]
    series: Series | None
    extents: dict[tuple[Range, bool], list[float]]


class Overlay:
    """Makes the plots of several runs, and keeps the lines of those that did not change."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, tuple[str, ...]], _Kept] = {}
        self._growing: dict[tuple[str, str], GrowingLine] = {}
        """By metric and run."""

    def plot(self, panel: Panel, shown: Shown) -> Plot:
        """One metric of all runs."""
        is_log = shown.look.is_log
        strands = shown.strands[:SERIES]
        lines = [self._line(panel.traces[0], strand, number, shown) for number, strand in enumerate(strands)]
        ends = [end for kept in lines for end in _extent(kept, shown.view, is_log=is_log)]
        is_growing = any(data.is_live for kept in lines for data in kept.sources)
        values = steady(value_range(ends, is_log=is_log), is_log=is_log, is_live=is_growing)
        series = []
        for strand, kept in zip(strands, lines, strict=True):
            line = kept.series or Series("", ())
            is_live = any(data.is_live for data in kept.sources)
            said = readout(line, shown.cursor, coarse=values if is_live else None, is_mean=strand.is_seeds)
            if shown.look.is_ascii:
                said = said.replace(NOT_THERE, "-")
            series.append(line._replace(letter=strand.letter, readout=said))
        return Plot(
            title=one_line(panel.title),
            series=series,
            view=shown.view,
            values=values,
            axis=shown.look.axis,
            cursor=shown.cursor,
            is_log=is_log,
            is_ascii=shown.look.is_ascii,
        )

    def _line(self, trace: Trace, strand: Strand, number_of: int, shown: Shown) -> _Kept:
        key = (trace.metric, strand.names)
        look = shown.look
        names = [name for name in strand.names if name in shown.curves]
        sources = tuple(shown.curves[name] for name in names)
        how = (look.axis, look.weight, shown.view if trace.is_held_out else None, len(shown.strands))
        kept = self._kept.get(key)
        if kept is None or kept.how != how or not _are_same(kept.sources, sources):
            lines = [line for name in names if (line := self._line_of(trace, name, shown)) is not None]
            series = seed_mean(lines) if strand.is_seeds else next(iter(lines), None)
            if series is not None and trace.is_held_out:
                series = _beside(series, shown, number_of)
            if series is not None and len(shown.strands) > 1 and series.smooth:
                # raw points of several runs hide each other
                series = series._replace(points=series.smooth, smooth=())
            kept = self._kept[key] = _Kept(sources, how, series, {})
        return kept

    def _line_of(self, trace: Trace, name: str, shown: Shown) -> Series | None:
        """A metric of one run; None where it has no value, or no place on the axis."""
        data, look = shown.curves[name], shown.look
        if not data.curves.get(trace.metric) or not _is_on(data, look.axis):
            return None
        growing = self._growing.setdefault((trace.metric, name), GrowingLine())
        return series_of(trace, data, look, None, growing=growing)


def _are_same(one: Sequence[RunCurves], other: Sequence[RunCurves]) -> bool:
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _beside(series: Series, shown: Shown, number_of: int) -> Series:
    """Markers of several lines at one step, side by side: intervals that lie on each other cannot be read."""
    shift = (number_of - (len(shown.strands) - 1) / 2) * (shown.view.high - shown.view.low) / 80
    low, high = shown.view

    def moved(points: Sequence[Point]) -> list[Point]:
        return [point._replace(x=min(high, max(low, point.x + shift))) for point in points if low <= point.x <= high]

    edges = None if series.edges is None else (moved(series.edges[0]), moved(series.edges[1]))
    return series._replace(points=moved(series.points), edges=edges)


def _extent(kept: _Kept, view: Range, *, is_log: bool) -> list[float]:
    """Smallest and largest value in the view."""
    known = kept.extents.get((view, is_log))
    if known is None:
        series = kept.series
        values = [] if series is None else _values_in(series, view)
        usable = [value for value in values if value > 0] if is_log else values
        known = [min(usable), max(usable)] if usable else []
        kept.extents.clear()
        kept.extents[view, is_log] = known
    return known


def _values_in(series: Series, view: Range) -> list[float]:
    found: list[float] = []
    for points in (series.points, series.smooth, *(series.edges or ())):
        values = [point[1] for point in points]
        # nearly every line lies in the view and has no gap, and a sum that is finite has none in it
        if points and view.low <= points[0].x and points[-1].x <= view.high and math.isfinite(sum(values)):
            found += values
        else:
            found += [p.value for p in points if view.low <= p.x <= view.high and math.isfinite(p.value)]
    return found


def seed_mean(lines: Sequence[Series]) -> Series | None:
    """The mean of curves with their lowest and highest as edges, where all of them have values.

    Curves with markers are averaged at places that all have; others in between by straight lines.
    """
    bright = [[p for p in (line.smooth or line.points) if math.isfinite(p.value)] for line in lines]
    if not bright or not all(bright):
        return None
    first, last = max(points[0].x for points in bright), min(points[-1].x for points in bright)
    if lines[0].has_markers:
        common = set.intersection(*({p.x for p in points} for points in bright))
        places = [p for p in bright[0] if p.x in common]
    else:
        merged = {p.x: p for points in bright for p in points if first <= p.x <= last}
        ordered = [merged[x] for x in sorted(merged)]
        thin = -(-len(ordered) // MOST_MEANS) or 1
        # the last place is where a live run is
        places = ordered[::thin] + (ordered[-1:] if len(ordered) % thin != 1 and thin > 1 else [])
    rows = [(p, [_at(points, p.x) for points in bright]) for p in places]
    means = [p._replace(value=sum(values) / len(values)) for p, values in rows]
    lows = [p._replace(value=min(values)) for p, values in rows]
    highs = [p._replace(value=max(values)) for p, values in rows]
    return Series(lines[0].name, means, (), (lows, highs), has_markers=lines[0].has_markers)


def _at(points: Sequence[Point], x: float) -> float:
    """The value of a curve at a place within it."""
    after = bisect_left(points, x, key=lambda point: point.x)
    if (after < len(points) and points[after].x == x) or after == 0:
        return points[after].value
    if after == len(points):
        return points[-1].value
    left, right = points[after - 1], points[after]
    return left.value + (x - left.x) / (right.x - left.x) * (right.value - left.value)


def readout(series: Series, cursor: float | None, *, coarse: Range | None = None, is_mean: bool = False) -> str:
    """The value of the line at the cursor, or its last one; a dash where the line is not there.

    Of one run `.699 [.67, .73]`, which is a 95% interval; of several `mean .788 (.78 to .80)`, which are the
    lowest and the highest of them.

    Without a cursor the value of a live run is rounded to what a chart of the range `coarse` shows: more digits would
    be sent at every step, and nobody could read them.
    """
    points = series.points
    at = nearest(points, points[-1].x if cursor is None else cursor) if points else None
    if at is None or (cursor is not None and not _is_within(points, cursor)):
        return NOT_THERE
    value, step = points[at].value, points[at].step
    if not series.has_markers:
        if cursor is None and coarse is not None:
            apart = _power_of_ten((coarse.high - coarse.low) / 20)
            value = round(value / apart) * apart if apart > 0 else value
        return f"mean {number(value, digits=3)}" if is_mean else number(value, digits=3)
    lows, highs = series.edges or ((), ())
    ends = [next((p.value for p in edge if p.step == step), None) for edge in (lows, highs)]
    if ends[0] is None or ends[1] is None:
        return fraction(value)
    low, high = (f"{end:.2f}".removeprefix("0") for end in (ends[0], ends[1]))
    if is_mean:
        return f"mean {fraction(value)} ({low} to {high})"
    return f"{fraction(value)} [{low}, {high}]"


def _is_within(points: Sequence[Point], x: float) -> bool:
    """Whether a place lies on a line, or no further beside it than its points lie apart."""
    spacing = (points[-1].x - points[0].x) / max(1, len(points) - 1)
    return points[0].x - spacing <= x <= points[-1].x + spacing


def places_of(curves: Iterable[RunCurves], axis: Axis) -> list[float]:
    """Where a cursor can stand: wherever the longest curve of any run has a point."""
    found: set[float] = set()
    for data in curves:
        if _is_on(data, axis):
            longest = max(data.curves.values(), key=len, default=[])
            found.update(point.x for point in placed(longest, scale_of(data, axis)))
    return sorted(found)


def moved_place(places: Sequence[float], at: float | None, view: Range, *, cells: int, width: int) -> float | None:
    """The place that a cursor stands on after it went some of `width` cells, at least one place; None without any."""
    if not places:
        return None
    if at is None:
        here = max(0, bisect_left(places, view.high + 1e-9) - 1)
        if abs(cells) == 1:
            # the first press only shows where it is
            return places[here]
    else:
        here = min(len(places) - 1, bisect_left(places, at))
    target = places[here] + cells * (view.high - view.low) / max(1, width - 1)
    there = bisect_left(places, target)
    if cells > 0:
        there = max(here + 1, there)
    elif there >= here:
        there = here - 1
    return places[max(0, min(len(places) - 1, there))]


def step_at(data: RunCurves, axis: Axis, x: float) -> int | None:
    """The step of a run that lies nearest to a place; None where the run has none on that axis."""
    if not _is_on(data, axis):
        return None
    longest = placed(max(data.curves.values(), key=len, default=[]), scale_of(data, axis))
    if not longest:
        return None
    after = bisect_left(longest, x, key=lambda point: point.x)
    near = longest[max(0, after - 1) : after + 1]
    return min(near, key=lambda point: abs(point.x - x)).step
