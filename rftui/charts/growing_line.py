"""The points of a curve that grows, and their smoothing: only what is new is made. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import eq

from rftui.charts.curves import Point, points_at
from store.metrics import MetricPoint


class GrowingLine:
    """One curve over steps as it was last made; what it gives is the same as if all of it were made again."""

    def __init__(self) -> None:
        self._made_of: list[MetricPoint] = []
        self._points: list[Point] = []
        self._weight = 0.0
        self._smooth: list[Point] = []
        self._states: list[tuple[float, float]] = []
        """Average and trust behind each smoothed point, as `smoothed` has them."""

    def points(self, curve: Sequence[MetricPoint]) -> list[Point]:
        """The points of the curve; the same list as before where nothing came."""
        alike = _alike(self._made_of, curve)
        if alike < len(self._made_of) or alike < len(curve):
            new = curve[alike:]
            self._points = self._points[:alike] + points_at(
                [float(point[0]) for point in new], [point[1] for point in new], [point[0] for point in new]
            )
            self._made_of = list(curve)
            if len(self._smooth) > alike:
                self._smooth = self._smooth[:alike]
                del self._states[alike:]
        return self._points

    def smooth(self, weight: float) -> list[Point]:
        """The points of `points` as `smoothed` has them; the same list as before where nothing came."""
        if weight != self._weight:
            self._weight, self._smooth, self._states = weight, [], []
        new = self._points[len(self._smooth) :]
        if not new:
            return self._smooth
        average, trust = self._states[-1] if self._states else (0.0, 0.0)
        values = []
        for _, value, _ in new:
            if math.isfinite(value):
                average = weight * average + (1 - weight) * value
                trust = weight * trust + (1 - weight)
                values.append(average / trust)
            else:
                values.append(math.nan)
            self._states.append((average, trust))
        # another list: who draws knows a line that did not change by its lists
        self._smooth = self._smooth + points_at([point[0] for point in new], values, [point[2] for point in new])
        return self._smooth


def _alike(one: Sequence[MetricPoint], other: Sequence[MetricPoint]) -> int:
    """How many points two curves begin with alike."""
    same = list(map(eq, one, other))
    return len(same) if all(same) else same.index(False)
