"""The dots of a line: filled column by column, they are those that a pen would make on its way."""

from __future__ import annotations

import math
import random

import pytest

from rftui.charts.curves import Point, Range
from rftui.charts.pen import Frame, Pen

EVERY_DOT = (1 << 30, 1)
"""Dashes so long that no dot is left out: the line is drawn dot by dot along its path."""


def noisy(chance: random.Random, count: int) -> list[Point]:
    """A curve over 0 to 100 that jumps, stays, and has gaps."""
    places = sorted(chance.uniform(0, 100) for _ in range(count))
    values = [chance.choice([chance.gauss(0, 1), 0.5]) if chance.random() > 0.02 else math.nan for _ in places]
    return [Point(x, value, step) for step, (x, value) in enumerate(zip(places, values, strict=True))]


@pytest.mark.parametrize("is_ascii", [False, True])
@pytest.mark.parametrize("is_log", [False, True])
@pytest.mark.parametrize(
    "view",
    [
        Range(0, 100),  # several points a column
        Range(20, 23),  # several columns a point, and the line comes from outside
        Range(99, 140),  # ends in sight
        Range(-50, 500),  # few columns for all points
    ],
)
def test_a_filled_line_has_the_dots_of_its_path(view: Range, is_log: bool, is_ascii: bool) -> None:
    chance = random.Random(7)
    for count in (1, 2, 5, 40, 300):
        curve = noisy(chance, count)
        frame = Frame(view, Range(0.01, 1.2), 37, 9, is_log, is_ascii)
        filled, dotted = Pen(frame), Pen(frame)

        end = filled.curve(curve, dashes=(1, 0))

        assert end == dotted.curve(curve, dashes=EVERY_DOT)
        # of ASCII it counts only which cells are touched
        assert filled.dots.keys() == dotted.dots.keys()
        assert is_ascii or filled.dots == dotted.dots


def test_a_bar_ends_at_the_edges_of_its_frame() -> None:
    pen = Pen(Frame(Range(0, 1), Range(0, 1), 2, 2, is_log=False, is_ascii=False))

    pen.bar(1, -5, 100)
    pen.bar(2, 3, 4)
    pen.bar(4, 0, 7)
    pen.bar(0, 8, 9)

    assert pen.dots == {0: 0xB8, 1: 0x40, 2: 0xB8, 3: 0x01}
