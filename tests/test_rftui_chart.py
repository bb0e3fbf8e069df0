"""Curves as text."""

from __future__ import annotations

import math

from rftui.charts.chart import Point, draw
from rftui.formats import duration, fraction, interval, number, size, steps


def test_a_rising_line_rises() -> None:
    lines = draw([Point(step, float(step)) for step in range(11)], width=40, height=5, is_ascii=True)

    assert lines[0].rstrip().endswith("*")
    assert lines[4].split("|")[1].startswith("*")
    assert lines[0].split("|")[0].strip() == "10"
    assert lines[-1].split() == ["0", "10"]


def test_every_line_fits_the_width() -> None:
    points = [Point(step, math.sin(step)) for step in range(5000)]

    for is_ascii in (True, False):
        assert max(len(line) for line in draw(points, width=60, height=8, is_ascii=is_ascii)) <= 60


def test_ascii_is_ascii() -> None:
    points = [Point(step, math.sin(step)) for step in range(50)]

    assert "\n".join(draw(points, width=60, height=8, is_ascii=True)).isascii()


def test_values_that_are_not_finite_are_gaps_and_do_not_stretch_the_axis() -> None:
    values = [1.0, 2.0, math.nan, math.inf, 3.0, 4.0]

    lines = draw([Point(step, value) for step, value in enumerate(values)], width=40, height=6, is_ascii=True)

    assert lines[0].split("|")[0].strip() == "4"
    columns = {place for line in lines[:-1] for place, sign in enumerate(line.split("|")[1]) if sign == "*"}
    assert not columns & set(range(10, 20)), "nothing is drawn between step 1 and step 4"


def test_a_flat_curve_and_a_single_point_are_drawn() -> None:
    assert any("*" in line for line in draw([Point(1, 0.0)], width=40, height=5, is_ascii=True))
    assert any("*" in line for line in draw([Point(s, 2.0) for s in range(9)], width=40, height=5, is_ascii=True))


def test_nothing_finite_draws_nothing() -> None:
    assert draw([Point(1, math.nan)], width=40, height=5, is_ascii=True) == []


def test_numbers_read_as_people_write_them() -> None:
    assert [duration(s) for s in (5, 432, 11100, 187200)] == ["5s", "7m12s", "3h05m", "2d04h"]
    assert [number(v) for v in (None, 0.123456, math.nan)] == ["—", "0.1235", "nan"]
    assert interval(0.583, 0.54, 0.6251) == ".583 [.540, .625]"
    assert fraction(1.0) == "1.000"
    assert [steps(None, None), steps(3, 10), steps(None, 10)] == ["—", "3/10", "0/10"]
    assert size(3_200_000) == "3.2 MB"
