"""Turns curves into the dots of cells: 2 x 4 in one of braille, one in one of ASCII. Pure; knows no colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rftui.charts.curves import Column, Point, Range, columns, height_of, place_of, stretches

# bit of each of a braille cell's 2 x 4 dots, by row then column
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
Dot = tuple[int, int]
"""Column and row of a dot, from the left and from above."""


class Frame(NamedTuple):
    """All that places a point on the canvas."""

    view: Range
    values: Range
    width: int
    height: int
    is_log: bool
    is_ascii: bool


class Pen:
    """Sets dots in a frame."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.across, self.down = (1, 1) if frame.is_ascii else (2, 4)
        self.dots_across, self.dots_down = frame.width * self.across, frame.height * self.down
        self.dots: dict[int, int] = {}
        """Bits of each cell, which are numbered row by row."""
        self._rows: dict[float, int] = {}

    def curve(self, points: Sequence[Point], *, dashes: tuple[int, int]) -> tuple[int, int] | None:
        """Draws a line with gaps; gives column and row of the cell where its part in sight ends."""
        end = None
        for stretch in stretches(points):
            binned = columns(stretch, self.frame.view, self.dots_across)
            path = _path(binned, self._y_or_outside)
            self.stroke(path, dashes=dashes)
            seen = next((dot for dot in reversed(path) if self._is_inside(dot)), None)
            end = end if seen is None else (seen[0] // self.across, seen[1] // self.down)
        return end

    def stroke(self, path: Sequence[Dot], *, dashes: tuple[int, int]) -> None:
        """Sets the dots of a path; `dashes` are drawn and left-out dots in turn."""
        drawn, period = dashes[0], dashes[0] + dashes[1]
        dots, width, across, down = self.dots, self.frame.width, self.across, self.down
        right, bottom = self.dots_across, self.dots_down
        # a noisy line goes over the same dots again and again, and only dashes depend on their order
        for count, (x, y) in enumerate(path if dashes[1] else set(path)):
            if count % period < drawn and 0 <= x < right and 0 <= y < bottom:
                place = y // down * width + x // across
                dots[place] = dots.get(place, 0) | _BITS[y % 4][x % 2]

    def x(self, x: float) -> int:
        """The column of dots of a place on the axis, at most one outside."""
        return place_of(x, self.frame.view, self.dots_across)

    def y(self, value: float) -> int:
        """The row of dots of a value, the nearest one where it lies outside."""
        return min(self.dots_down - 1, max(0, self._y_or_outside(value)))

    def _is_inside(self, dot: Dot) -> bool:
        return 0 <= dot[0] < self.dots_across and 0 <= dot[1] < self.dots_down

    def _y_or_outside(self, value: float) -> int:
        """The row of a value; at most one height outside, so that a line there costs no more than one inside."""
        row = self._rows.get(value)
        if row is None:
            # a column's ends are asked for several times
            share = height_of(value, self.frame.values, is_log=self.frame.is_log)
            row = self._rows[value] = round((1 - min(2.0, max(-1.0, share))) * (self.dots_down - 1))
        return row


def _path(binned: Sequence[Column], y_of: Callable[[float], int]) -> list[Dot]:
    """Dots in the order that a pen makes them: each column from its smallest to its largest, joined by lines."""
    dots: list[Dot] = []
    before: Dot | None = None
    for column in binned:
        if before is not None:
            dots += _line(before, (column.place, y_of(column.first)))[1:]
        top, bottom = y_of(column.high), y_of(column.low)
        if top != bottom or before is None:
            dots += [(column.place, y) for y in range(top, bottom + 1)]
        before = (column.place, y_of(column.last))
    return dots


def _line(start: Dot, end: Dot) -> list[Dot]:
    (x0, y0), (x1, y1) = start, end
    count = max(abs(x1 - x0), abs(y1 - y0), 1)
    if count == 1:
        return [start, end]
    return [(round(x0 + (x1 - x0) * i / count), round(y0 + (y1 - y0) * i / count)) for i in range(count + 1)]
