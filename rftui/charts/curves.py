"""The numbers behind a chart: smoothing, what each column of dots shows, ranges and ticks. Pure; draws nothing."""

from __future__ import annotations

import math
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import StrEnum
from operator import itemgetter
from typing import NamedTuple

from rftui.formats import duration

_VALUE = itemgetter(1)


class Axis(StrEnum):
    """What runs along a chart."""

    STEP = "step"
    """Updates of the weights."""
    RELATIVE = "relative time"
    """Seconds since the first point."""
    CLOCK = "wall clock"
    """Seconds since 1970, shown as local time."""
    EPOCH = "epoch"
    """Passes over the training data."""
    TOKENS = "tokens"
    """Tokens that the model saw and wrote."""


class Point(NamedTuple):
    """One value; one that is not finite is a gap."""

    x: float
    value: float
    step: int


def points_at(places: Iterable[float], values: Iterable[float], steps: Iterable[int]) -> list[Point]:
    """Points of three lists of one length. Live charts make 20,000 a second, and the class itself takes its time."""
    new = tuple.__new__
    return [new(Point, each) for each in zip(places, values, steps, strict=True)]


class Range(NamedTuple):
    """An interval with low < high."""

    low: float
    high: float


class Column(NamedTuple):
    """What one column of dots shows of the points that fall into it."""

    place: int
    first: float
    low: float
    high: float
    last: float


class Scale:
    """Turns steps into another axis by straight lines between known places; never runs backwards."""

    def __init__(self, known: Sequence[tuple[int, float]]) -> None:
        self._steps: list[int] = []
        self._values: list[float] = []
        for step, value in known:
            if math.isfinite(value):
                self._steps.append(step)
                # a resumed run may count tokens from nothing again; a line must not turn back
                self._values.append(max(value, self._values[-1]) if self._values else value)

    def __bool__(self) -> bool:
        return bool(self._steps)

    def at(self, step: int) -> float:
        """The place of a step; the first or last known one outside. Raises IndexError where nothing is known."""
        after = bisect_left(self._steps, step)
        if after == len(self._steps):
            return self._values[-1]
        if self._steps[after] == step or after == 0:
            return self._values[after]
        before = after - 1
        share = (step - self._steps[before]) / (self._steps[after] - self._steps[before])
        return self._values[before] + share * (self._values[after] - self._values[before])


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average without the pull of its start; a value that is not finite stays and moves nothing.

    `weight` of the past in [0, 1). Debiasing as in Adam (arXiv 1412.6980, section 3).
    """
    average, trust, found = 0.0, 0.0, []
    for value in values:
        if not math.isfinite(value):
            found.append(math.nan)
            continue
        average = weight * average + (1 - weight) * value
        trust = weight * trust + (1 - weight)
        found.append(average / trust)
    return found


def stretches(points: Iterable[Point]) -> list[list[Point]]:
    """Runs of finite points between gaps."""
    whole = list(points)
    # nearly every curve is one piece: a sum that is finite has no gap in it
    if whole and math.isfinite(sum(map(_VALUE, whole))):
        return [whole]
    found: list[list[Point]] = [[]]
    for point in whole:
        if math.isfinite(point.value):
            found[-1].append(point)
        elif found[-1]:
            found.append([])
    return found if found[-1] else found[:-1]


def columns(stretch: Sequence[Point], view: Range, count: int) -> list[Column]:
    """A stretch binned into `count` columns, extremes kept; columns without a point are left out.

    Points outside the view land left of 0 or right of `count`, one on either side, so that lines leave the chart.
    """
    inside_from = max(0, bisect_left(stretch, view.low, key=lambda point: point.x) - 1)
    start, end = view
    width, last_place = end - start, count - 1
    found: list[Column] = []
    here, first, low, high, last = -2, 0.0, 0.0, 0.0, 0.0
    # a chart of four live runs comes through here two dozen times a second: no calls and no tuples for each point
    for x, value, _ in stretch[inside_from:]:
        place = round((x - start) / width * last_place)
        place = -1 if place < -1 else count if place > count else place
        if place != here:
            if here != -2:
                found.append(Column(here, first, low, high, last))
            here, first, low, high = place, value, value, value
        elif value < low:
            low = value
        elif value > high:
            high = value
        last = value
        if x > end:
            break
    if here != -2:
        found.append(Column(here, first, low, high, last))
    return found


def place_of(x: float, view: Range, count: int) -> int:
    """The column of a place on the axis; at most one outside on either side."""
    return max(-1, min(count, round((x - view.low) / (view.high - view.low) * (count - 1))))


def height_of(value: float, values: Range, *, is_log: bool) -> float:
    """Where a value lies between bottom (0) and top (1); below 0 where a logarithm has none."""
    if not is_log:
        return (value - values.low) / (values.high - values.low)
    if value <= 0:
        return -1.0
    return math.log(value / values.low) / math.log(values.high / values.low)


def value_range(values: Iterable[float], *, is_log: bool) -> Range | None:
    """Smallest to largest finite value (positive ones for a logarithm), room around a flat curve; None without any."""
    usable = [value for value in values if math.isfinite(value) and (value > 0 or not is_log)]
    if not usable:
        return None
    low, high = min(usable), max(usable)
    if is_log:
        return Range(low, high) if high > low * 1.001 else Range(low / 2, high * 2)
    # a difference that a float cannot hold apart is flat
    if high - low <= abs(high) * 1e-12:
        # most metrics that are flat at nothing are shares
        return Range(low - abs(low) * 0.1, high + abs(high) * 0.1) if low else Range(0.0, 1.0)
    if math.isinf(high - low):
        return Range(low / 2, high / 2)
    return Range(low, high)


def ticks(span: Range, at_most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) within a range, as many as fit; at least one apart."""
    rough = (span.high - span.low) / max(1, at_most)
    if not math.isfinite(rough) or rough <= 0:
        return []
    power = 10.0 ** math.floor(math.log10(rough))
    if power == 0:
        return []
    apart = next((factor * power for factor in (1, 2, 5) if factor * power >= rough), 10 * power)
    first = math.ceil(span.low / apart - 1e-9)
    last = math.floor(span.high / apart + 1e-9)
    # adding steps up would drift: 0.30000000000000004
    return [round(number * apart, 12) if apart > 1e-9 else number * apart for number in range(first, last + 1)]


def log_ticks(span: Range, at_most: int) -> list[float]:
    """Powers of ten within a positive range, thinned to `at_most`; 1, 2 and 5 of each where there is room."""
    low, high = math.floor(math.log10(span.low)), math.ceil(math.log10(span.high))
    fine = [factor * 10.0**power for power in range(low, high + 1) for factor in (1, 2, 5)]
    within = [value for value in fine if span.low * (1 - 1e-9) <= value <= span.high * (1 + 1e-9)]
    if len(within) <= at_most:
        return within
    decades = [10.0**power for power in range(low, high + 1) if span.low <= 10.0**power <= span.high]
    return decades[:: max(1, math.ceil(len(decades) / max(1, at_most)))]


def short(value: float) -> str:
    """A number for an axis, at most seven characters: `0.25`, `1.2k`, `30M`, `2e-06`."""
    size = abs(value)
    if size and (size < 1e-3 or size >= 1e12):
        return f"{value:.3g}" if len(f"{value:.3g}") <= 7 else f"{value:.0e}"
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            return f"{value / (1e3 if unit == 'k' else limit):.4g}{unit}"
    return f"{value:.4g}"


def axis_label(x: float, axis: Axis) -> str:
    """A place on the axis as people read it."""
    if axis is Axis.RELATIVE:
        return duration(x)
    if axis is Axis.CLOCK:
        return time.strftime("%H:%M:%S", time.localtime(x))
    return short(x)


def nearest(points: Sequence[Point], x: float) -> int | None:
    """The index of the finite point nearest to a place; None where there is none."""
    after = bisect_left(points, x, key=lambda point: point.x)
    left = next((place for place in range(after - 1, -1, -1) if math.isfinite(points[place].value)), None)
    right = next((place for place in range(after, len(points)) if math.isfinite(points[place].value)), None)
    if left is None or right is None:
        return right if left is None else left
    return left if x - points[left].x <= points[right].x - x else right


def zoomed(view: Range, whole: Range, *, factor: float, around: float) -> Range:
    """The view with its width times `factor`, `around` kept in place, never beyond the whole."""
    width = min(whole.high - whole.low, (view.high - view.low) * factor)
    if width <= 0 or width < (whole.high - whole.low) * 1e-6:
        return view
    share = (around - view.low) / (view.high - view.low)
    return _within(around - share * width, width, whole)


def panned(view: Range, whole: Range, *, share: float) -> Range:
    """The view moved by a share of its width, never beyond the whole."""
    width = view.high - view.low
    return _within(view.low + share * width, width, whole)


def _within(low: float, width: float, whole: Range) -> Range:
    low = max(whole.low, min(low, whole.high - width))
    return Range(low, low + width)


def roomy(whole: Range, *, least: float = 0.0) -> Range:
    """The range up to a round number beyond it, so that what grows a little moves nothing.

    It grows by a twelfth to a third of its width at a time, at least by `least`.
    """
    apart = max(least, _round_above((whole.high - whole.low) / 12))
    high = math.ceil(whole.high / apart - 1e-9) * apart if apart > 0 and math.isfinite(apart) else whole.high
    return Range(whole.low, high if high > whole.low else whole.high)


def opened(values: Range) -> Range:
    """The range opened to round numbers, so that a value a little beyond the others moves nothing."""
    apart = _round_above((values.high - values.low) / 10)
    if not 0 < apart < math.inf:
        return values
    low, high = math.floor(values.low / apart + 1e-9) * apart, math.ceil(values.high / apart - 1e-9) * apart
    return Range(low, high) if low < high else values


def _round_above(value: float) -> float:
    """The smallest of 1, 2 and 5 times a power of ten that is not below; the value itself where there is none."""
    if not math.isfinite(value) or value <= 0:
        return value
    power = 10.0 ** math.floor(math.log10(value))
    return next((factor * power for factor in (1, 2, 5, 10) if factor * power >= value * (1 - 1e-9)), value)
