"""Turns curves into the dots of cells: 2 x 4 in one of braille, one in one of ASCII. Pure; knows no colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rftui.charts.curves import Column, Point, Range, columns, height_of, place_of, stretches

# bit of each of a braille cell's 2 x 4 dots, by row then column
_BITS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
# bits of a column of dots in a cell, by that column, its first row and its last
_BARS = tuple(
    tuple(tuple(sum(_BITS[y][x] for y in range(first, last + 1)) for last in range(4)) for first in range(4))
    for x in range(2)
)
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
            if dashes[1]:
                self.stroke(_path(binned, self._y_or_outside), dashes=dashes)
            else:
                self._fill(binned)
            seen = self._last_seen(binned)
            end = end if seen is None else (seen[0] // self.across, seen[1] // self.down)
        return end

    def stroke(self, path: Sequence[Dot], *, dashes: tuple[int, int]) -> None:
        """Sets the dots of a path; `dashes` are drawn and left-out dots in turn."""
        drawn, period = dashes[0], dashes[0] + dashes[1]
        dots, width, across, down = self.dots, self.frame.width, self.across, self.down
        right, bottom = self.dots_across, self.dots_down
        for count, (x, y) in enumerate(path):
            if count % period < drawn and 0 <= x < right and 0 <= y < bottom:
                place = y // down * width + x // across
                dots[place] = dots.get(place, 0) | _BITS[y % 4][x % 2]

    def bar(self, x: int, top: int, bottom: int) -> None:
        """Sets the dots of a column from one row to another, as far as they are in the frame."""
        top, bottom = max(top, 0), min(bottom, self.dots_down - 1)
        if top > bottom or not 0 <= x < self.dots_across:
            return
        dots, width, down = self.dots, self.frame.width, self.down
        place = top // down * width + x // self.across
        if down == 1:
            for each in range(place, place + (bottom - top) * width + 1, width):
                dots[each] = 1
            return
        last = bottom // 4 * width + x // 2
        bars = _BARS[x % 2]
        if place == last:
            dots[place] = dots.get(place, 0) | bars[top % 4][bottom % 4]
            return
        dots[place] = dots.get(place, 0) | bars[top % 4][3]
        whole = bars[0][3]
        for each in range(place + width, last, width):
            dots[each] = dots.get(each, 0) | whole
        dots[last] = dots.get(last, 0) | bars[0][bottom % 4]

    def x(self, x: float) -> int:
        """The column of dots of a place on the axis, at most one outside."""
        return place_of(x, self.frame.view, self.dots_across)

    def y(self, value: float) -> int:
        """The row of dots of a value, the nearest one where it lies outside."""
        return min(self.dots_down - 1, max(0, self._y_or_outside(value)))

    def _fill(self, binned: Sequence[Column]) -> None:
        """The dots of a line without gaps: they are one piece in each column, since a pen never leaves the paper.

        A noisy line goes over the same dots again and again: its path costs ten times as much.
        """
        row = self._y_or_outside
        bars: dict[int, tuple[int, int]] = {}
        x0 = y0 = 0
        for x, first, low, high, last in binned:
            top, bottom = row(high), row(low)
            y1 = row(first)
            if bars:
                apart = abs(y1 - y0)
                if x - x0 > 1:
                    for dot_x, dot_y in _line((x0, y0), (x, y1))[1:-1]:
                        before, after = bars.get(dot_x, (dot_y, dot_y))
                        bars[dot_x] = min(before, dot_y), max(after, dot_y)
                    top, bottom = min(top, bars.get(x, (top, 0))[0]), max(bottom, bars.get(x, (0, bottom))[1])
                elif apart > 1:
                    # half of the way up or down is in either column; the dot in the middle goes to the even one
                    here = (apart - 1) // 2 + (apart % 2 == 0 and x0 % 2 == 0)
                    before, after = bars[x0]
                    if y1 > y0:
                        bars[x0] = before, max(after, y0 + here)
                        top = min(top, y0 + here + 1)
                    else:
                        bars[x0] = min(before, y0 - here), after
                        bottom = max(bottom, y0 - here - 1)
            bars[x] = top, bottom
            x0, y0 = x, row(last)
        for x, (top, bottom) in bars.items():
            self.bar(x, top, bottom)

    def _last_seen(self, binned: Sequence[Column]) -> Dot | None:
        """The last dot of a line that is in the frame."""
        for number in range(len(binned) - 1, -1, -1):
            path = _path(binned[max(0, number - 1) : number + 1], self._y_or_outside)
            seen = next((dot for dot in reversed(path) if self._is_inside(dot)), None)
            if seen is not None:
                return seen
        return None

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
