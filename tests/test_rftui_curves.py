"""The numbers of a chart: nothing is lost, nothing is invented, and odd values break nothing."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.charts.curves import (
    Axis,
    Point,
    Range,
    Scale,
    axis_label,
    columns,
    log_ticks,
    nearest,
    opened,
    panned,
    roomy,
    short,
    smoothed,
    stretches,
    ticks,
    value_range,
    zoomed,
)
from tests.store_runs import PATIENTLY

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)
anything = st.floats(width=32)


def points(*values: float) -> list[Point]:
    """Values at x = 0, 1, 2 …"""
    return [Point(float(place), value, place) for place, value in enumerate(values)]


def test_the_first_smoothed_value_is_the_first_value() -> None:
    assert smoothed([5.0, 5.0, 5.0], 0.99) == pytest.approx([5.0, 5.0, 5.0])


def test_no_weight_smooths_nothing() -> None:
    assert smoothed([1.0, -2.0, 3.0], 0.0) == [1.0, -2.0, 3.0]


def test_a_gap_moves_no_average() -> None:
    with_gap = smoothed([1.0, math.nan, math.inf, 3.0], 0.5)

    assert [value for value in with_gap if math.isfinite(value)] == smoothed([1.0, 3.0], 0.5)
    assert math.isnan(with_gap[1])
    assert math.isnan(with_gap[2])


@given(st.lists(finite, min_size=1), st.sampled_from([0.0, 0.6, 0.99]))
def test_an_average_lies_between_the_extremes(values: list[float], weight: float) -> None:
    room = 1e-6 * max(1.0, *map(abs, values))

    assert min(values) - room <= min(smoothed(values, weight))
    assert max(smoothed(values, weight)) <= max(values) + room


def test_values_that_are_not_finite_part_a_curve() -> None:
    parts = stretches(points(math.nan, 1.0, 2.0, math.inf, math.nan, 3.0, math.nan))

    assert [[point.value for point in part] for part in parts] == [[1.0, 2.0], [3.0]]


@PATIENTLY
@given(st.lists(finite, min_size=1, max_size=300), st.integers(2, 40))
def test_columns_keep_extremes_and_ends(values: list[float], count: int) -> None:
    stretch = points(*values)

    found = columns(stretch, Range(0.0, max(1.0, len(values) - 1.0)), count)

    assert min(column.low for column in found) == min(values)
    assert max(column.high for column in found) == max(values)
    assert (found[0].first, found[-1].last) == (values[0], values[-1])
    assert [column.place for column in found] == sorted({column.place for column in found})


def test_a_line_leaves_the_view_on_both_sides() -> None:
    found = columns(points(*range(10)), Range(3.2, 5.8), 20)

    assert [column.place for column in found] == [-1, 6, 13, 20]


def test_not_finite_values_do_not_reach_the_range() -> None:
    assert value_range([math.nan, 1.0, math.inf, 3.0, -math.inf], is_log=False) == Range(1.0, 3.0)


def test_a_logarithm_leaves_out_what_has_none() -> None:
    assert value_range([0.0, -5.0, 0.1, 10.0], is_log=True) == Range(0.1, 10.0)
    assert value_range([0.0, -5.0], is_log=True) is None


@PATIENTLY
@given(st.lists(anything, max_size=20), st.booleans())
def test_a_range_has_room_and_finite_ticks(values: list[float], is_log: bool) -> None:
    found = value_range(values, is_log=is_log)

    if found is not None:
        assert found.low < found.high
        assert math.isfinite(found.high - found.low)
        made = (log_ticks if is_log else ticks)(found, 5)
        assert len(made) <= 11
        # a tick may stand some billionths beside the range, which no cell shows
        beside = 2e-9 * max(found.high - found.low, abs(found.low), abs(found.high))
        assert all(found.low - beside <= value <= found.high + beside for value in made)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        (Range(0.0, 1.0), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (Range(0.07, 0.43), [0.1, 0.2, 0.3, 0.4]),
        (Range(0.0, 300.0), [0.0, 100.0, 200.0, 300.0]),
        (Range(-3.0, 3.0), [-2.0, 0.0, 2.0]),
    ],
)
def test_ticks_are_round(span: Range, expected: list[float]) -> None:
    assert ticks(span, 5) == expected


def test_ticks_of_a_logarithm_are_powers_of_ten() -> None:
    assert log_ticks(Range(1e-6, 10.0), 8) == pytest.approx([10.0**power for power in range(-6, 2)])
    assert log_ticks(Range(0.9, 6.0), 5) == [1.0, 2.0, 5.0]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.0, "0"), (0.25, "0.25"), (2e-6, "2e-06"), (9999.0, "9999"), (12000.0, "12k"), (1.5e6, "1.5M"), (3e9, "3G")],
)
def test_axis_numbers_are_short(value: float, expected: str) -> None:
    assert short(value) == expected


@given(finite)
def test_no_axis_number_is_long(value: float) -> None:
    assert len(short(value)) <= 8


def test_relative_time_reads_as_a_duration() -> None:
    assert axis_label(432.0, Axis.RELATIVE) == "7m12s"


def test_the_nearest_point_is_finite() -> None:
    curve = points(1.0, math.nan, 3.0, math.nan)

    assert nearest(curve, 1.4) == 2
    assert nearest(curve, 99.0) == 2
    assert nearest(curve, 0.2) == 0
    assert nearest(points(math.nan), 0.0) is None


def test_a_scale_interpolates_and_never_turns_back() -> None:
    scale = Scale([(0, 100.0), (10, 200.0), (11, 50.0), (20, 400.0)])

    assert [scale.at(step) for step in (-5, 0, 5, 10, 11, 20, 99)] == [100, 100, 150, 200, 200, 400, 400]


def test_zoom_keeps_the_place_and_the_whole_bounds_it() -> None:
    whole = Range(0.0, 100.0)
    near = zoomed(whole, whole, factor=0.5, around=80.0)

    assert near == Range(40.0, 90.0)
    assert zoomed(near, whole, factor=100, around=80.0) == whole
    assert panned(near, whole, share=5) == Range(50.0, 100.0)
    assert panned(near, whole, share=-5) == Range(0.0, 50.0)


@pytest.mark.parametrize(
    ("whole", "least", "high"),
    [
        ((1, 187), 10.0, 200.0),
        ((1, 200), 10.0, 200.0),  # round already
        ((1, 201), 10.0, 220.0),
        ((1, 2), 10.0, 10.0),
        ((1, 1003), 10.0, 1100.0),
        ((0, 3.2e6), 0.0, 3.5e6),
        ((0, 3.5e6), 0.0, 3.5e6),
        ((1_700_000_000, 1_700_000_090), 60.0, 1_700_000_100.0),
        ((0, 0.013), 0.0, 0.014),
    ],
)
def test_the_axis_of_what_grows_ends_at_a_round_place(whole: tuple[float, float], least: float, high: float) -> None:
    assert roomy(Range(*whole), least=least) == pytest.approx((whole[0], high))


def test_an_axis_with_room_moves_seldom() -> None:
    ends = {roomy(Range(1, step), least=10.0).high for step in range(2, 1001)}

    assert len(ends) <= 35


@pytest.mark.parametrize(
    ("values", "wider"), [((0.13, 0.87), (0.1, 0.9)), ((0.0, 1.0), (0.0, 1.0)), ((-3.0, 41.0), (-5.0, 45.0))]
)
def test_values_get_room_up_to_round_numbers(values: tuple[float, float], wider: tuple[float, float]) -> None:
    assert opened(Range(*values)) == pytest.approx(wider)


@pytest.mark.parametrize("values", [(-1e308, 1e308), (5e-324, 1e-323), (1e15, 1e15 + 1)])
def test_odd_ranges_get_no_room_that_breaks(values: tuple[float, float]) -> None:
    low, high = opened(Range(*values))

    assert low <= values[0] and high >= values[1] and low < high
