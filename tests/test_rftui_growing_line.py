"""A curve that is made piece by piece is the one that is made at once."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from rftui.charts.curve_reads import placed
from rftui.charts.curves import Point, smoothed
from rftui.charts.growing_line import GrowingLine
from store.metrics import MetricPoint

VALUES = st.lists(st.sampled_from([0.1, -2.5, 1e300, math.nan, math.inf, 3.0]), max_size=12)


def said(points: list[Point]) -> str:
    """To the last bit, also where nothing equals itself."""
    return repr([tuple(point) for point in points])


@given(
    st.lists(st.tuples(st.integers(0, 12), VALUES, st.sampled_from([0.6, 0.9])), min_size=1, max_size=5),
)
def test_a_line_that_grows_is_the_same_as_one_that_is_made_at_once(
    turns: list[tuple[int, list[float], float]],
) -> None:
    line = GrowingLine()
    curve: list[MetricPoint] = []

    for kept, values, weight in turns:
        # a resumed run writes its last steps once more
        curve = curve[:kept]
        curve = curve + [MetricPoint(len(curve) + number, value) for number, value in enumerate(values)]

        points = line.points(curve)
        smooth = line.smooth(weight)

        expected = placed(curve, None)
        assert said(points) == said(expected)
        at_once = smoothed([point.value for point in expected], weight)
        assert said(smooth) == said([p._replace(value=v) for p, v in zip(expected, at_once, strict=True)])


def test_what_did_not_grow_is_the_same_list_and_what_grew_another() -> None:
    line = GrowingLine()
    curve = [MetricPoint(step, 0.5) for step in range(9)]
    before, smooth_before = line.points(curve), line.smooth(0.9)

    assert line.points(list(curve)) is before
    assert line.smooth(0.9) is smooth_before

    grown, smooth_grown = line.points([*curve, MetricPoint(9, 1.0)]), line.smooth(0.9)
    assert grown is not before and smooth_grown is not smooth_before
    assert (len(before), len(smooth_before)) == (9, 9)
