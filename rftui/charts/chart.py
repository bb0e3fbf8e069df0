"""Draws one curve as lines of text: braille where the terminal can, ASCII elsewhere. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rftui.formats import number

LABEL_WIDTH = 9
# bit of each of a braille cell's 2 x 4 dots, by row then column
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Point(NamedTuple):
    """One value of a curve; not finite is a gap."""

    step: int
    value: float


class Frame(NamedTuple):
    """The ranges that a chart spans."""

    first_step: int
    last_step: int
    low: float
    high: float


def frame_of(points: Sequence[Point]) -> Frame | None:
    """The ranges of the finite points; None where there is none. A flat curve gets room above and below."""
    finite = [point for point in points if math.isfinite(point.value)]
    if not finite:
        return None
    low, high = min(point.value for point in finite), max(point.value for point in finite)
    if low == high:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    return Frame(points[0].step, points[-1].step, low, high)


def draw(points: Sequence[Point], *, width: int, height: int, is_ascii: bool) -> list[str]:
    """The curve with its axes, `height` lines of drawing and one of steps below. Empty without a finite value."""
    frame = frame_of(points)
    if frame is None:
        return []
    columns = max(8, width - LABEL_WIDTH - 2)
    rows = _ascii_rows(points, frame, columns, height) if is_ascii else _braille_rows(points, frame, columns, height)
    edge = "|" if is_ascii else "┤"
    labels = {0: frame.high, height // 2: (frame.low + frame.high) / 2, height - 1: frame.low}
    drawn = [
        f"{number(labels[place]) if place in labels else '':>{LABEL_WIDTH}} {edge}{row}"
        for place, row in enumerate(rows)
    ]
    first, last = str(frame.first_step), str(frame.last_step)
    padding = " " * (LABEL_WIDTH + 2)
    return [*drawn, f"{padding}{first}{last.rjust(columns - len(first))}"]


def _braille_rows(points: Sequence[Point], frame: Frame, columns: int, height: int) -> list[str]:
    cells = [[0] * columns for _ in range(height)]
    for x, y in _raster(points, frame, width=2 * columns, height=4 * height):
        cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]
    return ["".join(chr(0x2800 + cell) if cell else " " for cell in row).rstrip() for row in cells]


def _ascii_rows(points: Sequence[Point], frame: Frame, columns: int, height: int) -> list[str]:
    cells = [[" "] * columns for _ in range(height)]
    for x, y in _raster(points, frame, width=columns, height=height):
        cells[y][x] = "*"
    return ["".join(row).rstrip() for row in cells]


def _raster(points: Sequence[Point], frame: Frame, *, width: int, height: int) -> list[tuple[int, int]]:
    """Dots of the curve, neighbours joined by straight lines; a value that is not finite breaks the line."""
    span = max(1, frame.last_step - frame.first_step)
    dots: list[tuple[int, int]] = []
    previous: tuple[int, int] | None = None
    for point in points:
        if not math.isfinite(point.value):
            previous = None
            continue
        x = round((point.step - frame.first_step) / span * (width - 1))
        y = round((frame.high - point.value) / (frame.high - frame.low) * (height - 1))
        dots += [(x, y)] if previous is None else _line(previous, (x, y))
        previous = (x, y)
    return dots


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    (x0, y0), (x1, y1) = start, end
    count = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(round(x0 + (x1 - x0) * i / count), round(y0 + (y1 - y0) * i / count)) for i in range(count + 1)]
