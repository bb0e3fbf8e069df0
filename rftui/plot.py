"""Draws several curves with axes, marks and a cursor as cells of text. Pure: an ink names what a cell is, no colour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from rich.cells import cell_len

from rftui.curves import (
    Axis,
    Column,
    Point,
    Range,
    axis_label,
    columns,
    height_of,
    log_ticks,
    place_of,
    short,
    stretches,
    ticks,
)

LABEL_WIDTH = 7
LEAST_WIDTH = LABEL_WIDTH + 9
LEAST_HEIGHT = 4
SERIES = 4
"""Series that can be told apart."""
# bit of each of a braille cell's 2 x 4 dots, by row then column
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
# drawn and left-out dots, in turn: series differ without colour
_DASHES = ((1, 0), (5, 3), (1, 2), (7, 5))
SAMPLES = ("━━", "╍╍", "┄┄", "━ ")
ASCII_SAMPLES = ("**", "++", "oo", "xx")
_ASCII_GLYPHS = "*+ox"
MARKER, ASCII_MARKER = "◆", "#"


class Cell(NamedTuple):
    """One character and what it belongs to."""

    text: str
    ink: str
    """axis, mark, cursor, title, value, line0 to line3, raw0 to raw3; empty for nothing."""


Row = list[Cell]
BLANK = Cell(" ", "")


class Series(NamedTuple):
    """One curve of a chart."""

    name: str
    points: Sequence[Point]
    smooth: Sequence[Point] = ()
    """Drawn bright over the raw points; where there is none, the raw points are bright."""
    edges: tuple[Sequence[Point], Sequence[Point]] | None = None
    """Lower and upper end of an interval or a spread."""
    has_markers: bool = False
    """Few points, each with its interval as a bar."""
    readout: str = ""
    """Its value as words, for the legend."""


class Mark(NamedTuple):
    """Something that happened at a place on the axis."""

    x: float
    kind: str
    """checkpoint, evaluation or attempt."""


class Plot(NamedTuple):
    """Everything a chart shows."""

    title: str
    series: Sequence[Series]
    view: Range
    values: Range | None
    """None where there is nothing to draw."""
    axis: Axis = Axis.STEP
    marks: Sequence[Mark] = ()
    cursor: float | None = None
    is_log: bool = False
    is_ascii: bool = False


_MARKS = {
    frozenset({"checkpoint"}): "▲",
    frozenset({"evaluation"}): "◆",
    frozenset({"checkpoint", "evaluation"}): "◈",
}
_ASCII_MARKS = {
    frozenset({"checkpoint"}): "^",
    frozenset({"evaluation"}): "e",
    frozenset({"checkpoint", "evaluation"}): "E",
}


def draw_plot(plot: Plot, *, width: int, height: int) -> list[Row]:
    """The chart as `height` rows of `width` cells: title with legend, curves, axis with marks, labels."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return [fitted(title_row(plot), width) for _ in range(min(1, height))]
    plot_width, plot_height = width - LABEL_WIDTH - 1, height - 3
    if plot.values is None:
        body, labels = _nothing(plot, plot_width, plot_height), {}
    else:
        canvas = _Canvas(plot, plot.values, plot_width, plot_height)
        for number, series in enumerate(plot.series[:SERIES]):
            canvas.add_raw(number, series)
        for number, series in enumerate(plot.series[:SERIES]):
            canvas.add_line(number, series)
        body, labels = canvas.rows(), _value_labels(plot.values, plot_height, is_log=plot.is_log)
    edge = "|" if plot.is_ascii else "│"
    rows = [fitted(title_row(plot), width)]
    for place, row in enumerate(body):
        label = labels.get(place, "")
        corner = edge if not label or plot.is_ascii else "┤"
        rows.append([*cells(f"{label:>{LABEL_WIDTH}}{corner}", "axis"), *row])
    return [*rows, *_foot(plot, plot_width)]


def title_row(plot: Plot) -> Row:
    """The name of the chart, then each series with the sample of its line and its value."""
    row = cells(plot.title, "title")
    samples = ASCII_SAMPLES if plot.is_ascii else SAMPLES
    for number, series in enumerate(plot.series[:SERIES]):
        row += cells("  ", "")
        row += cells(samples[number], f"line{number}")
        if series.name != plot.title:
            row += cells(f" {series.name}", "axis")
        if series.readout:
            row += cells(f" {series.readout}", "value")
    return row


def cells(text: str, ink: str) -> Row:
    """Text as cells; a character that is not one cell wide would shift the row, so it becomes `?`."""
    return [Cell(character if character.isascii() or cell_len(character) == 1 else "?", ink) for character in text]


def fitted(row: Row, width: int) -> Row:
    """A row cut or filled to a width."""
    if len(row) > width:
        return [*row[: max(0, width - 1)], Cell("…" if width else "", "axis")][:width]
    return row + [BLANK] * (width - len(row))


def _nothing(plot: Plot, width: int, height: int) -> list[Row]:
    text = "no value above 0 for a logarithm" if plot.is_log else "no value here"
    return [fitted(cells(f" {text}", "axis") if place == height // 2 else [], width) for place in range(height)]


def _value_labels(values: Range, height: int, *, is_log: bool) -> dict[int, str]:
    made = (log_ticks if is_log else ticks)(values, max(2, height // 3))
    rows = {value: round((1 - height_of(value, values, is_log=is_log)) * (height - 1)) for value in made}
    return {min(height - 1, max(0, row)): short(value)[:LABEL_WIDTH] for value, row in rows.items()}


def _foot(plot: Plot, width: int) -> tuple[Row, Row]:
    """The axis with ticks and marks, and the labels below."""
    line, tick, corner = ("-", "+", "+") if plot.is_ascii else ("─", "┬", "└")
    axis = [Cell(line, "axis")] * width
    labels = [BLANK] * width
    for value in _places(plot, width):
        place = place_of(value, plot.view, width)
        if not 0 <= place < width:
            continue
        text = cells(axis_label(value, plot.axis), "axis")
        start = min(max(0, place - len(text) // 2), width - len(text))
        if start < 0 or any(cell != BLANK for cell in labels[max(0, start - 1) : start + len(text) + 1]):
            continue
        axis[place] = Cell(tick, "axis")
        labels[start : start + len(text)] = text
    for place, kinds in _marks_by_place(plot, width).items():
        signs = _ASCII_MARKS if plot.is_ascii else _MARKS
        sign = signs.get(frozenset(kinds - {"attempt"}))
        if sign is not None:
            axis[place] = Cell(sign, "mark")
    if plot.cursor is not None and 0 <= (place := place_of(plot.cursor, plot.view, width)) < width:
        axis[place] = Cell("^" if plot.is_ascii else "┴", "cursor")
    return (
        [*cells(" " * LABEL_WIDTH + corner, "axis"), *axis],
        [*[BLANK] * (LABEL_WIDTH + 1), *labels],
    )


def _places(plot: Plot, width: int) -> list[float]:
    """Where the axis is labelled: round numbers, and for clocks equal parts."""
    count = max(1, width // 12)
    if plot.axis is Axis.CLOCK:
        return [plot.view.low + (plot.view.high - plot.view.low) * part / count for part in range(count + 1)]
    return ticks(plot.view, count)


def _marks_by_place(plot: Plot, width: int) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for mark in plot.marks:
        place = place_of(mark.x, plot.view, width)
        if 0 <= place < width:
            found.setdefault(place, set()).add(mark.kind)
    return found


class _Canvas:
    """Dots of curves: raw ones below, bright ones above; a cell shows only the brightest kind that touches it."""

    def __init__(self, plot: Plot, values: Range, width: int, height: int) -> None:
        self.plot, self.values = plot, values
        self.width, self.height = width, height
        across, down = (1, 1) if plot.is_ascii else (2, 4)
        self.dots_across, self.dots_down = width * across, height * down
        self._across, self._down = across, down
        self._bits: dict[tuple[int, int], int] = {}
        self._inks: dict[tuple[int, int], str] = {}
        self._signs: dict[tuple[int, int], str] = {}

    def add_raw(self, number: int, series: Series) -> None:
        """What lies dim under a line: its raw points where it is smoothed, its spread, the bars of its intervals."""
        ink = f"raw{number}"
        if series.smooth:
            self._curve(series.points, ink, dashes=(1, 0))
        if series.edges is None:
            return
        lows, highs = series.edges
        if series.has_markers:
            for low, high in zip(lows, highs, strict=True):
                x = self._x(low.x)
                self._stroke([(x, y) for y in self._between(low.value, high.value)], ink, dashes=(1, 0))
        else:
            self._curve(lows, ink, dashes=(1, 3))
            self._curve(highs, ink, dashes=(1, 3))

    def add_line(self, number: int, series: Series) -> None:
        """The curve that the eye should follow."""
        self._curve(series.smooth or series.points, f"line{number}", dashes=_DASHES[number])
        if series.has_markers:
            sign = ASCII_MARKER if self.plot.is_ascii else MARKER
            for stretch in stretches(series.points):
                for point in stretch:
                    place = (self._x(point.x) // self._across, self._y(point.value) // self._down)
                    self._signs[place] = sign
                    self._inks[place] = f"line{number}"

    def rows(self) -> list[Row]:
        """The cells, with the cursor and the starts of attempts where nothing else is."""
        plot = self.plot
        bars: dict[int, Cell] = {}
        for place, kinds in _marks_by_place(plot, self.width).items():
            if "attempt" in kinds:
                bars[place] = Cell(":" if plot.is_ascii else "┊", "mark")
        if plot.cursor is not None:
            bars[place_of(plot.cursor, plot.view, self.width)] = Cell("|" if plot.is_ascii else "│", "cursor")
        return [[self._cell(x, y) or bars.get(x, BLANK) for x in range(self.width)] for y in range(self.height)]

    def _cell(self, x: int, y: int) -> Cell | None:
        ink = self._inks.get((x, y))
        if ink is None:
            return None
        if sign := self._signs.get((x, y)):
            return Cell(sign, ink)
        if self.plot.is_ascii:
            return Cell("." if ink.startswith("raw") else _ASCII_GLYPHS[int(ink[-1])], ink)
        return Cell(chr(0x2800 + self._bits[x, y]), ink)

    def _curve(self, points: Sequence[Point], ink: str, *, dashes: tuple[int, int]) -> None:
        for stretch in stretches(points):
            binned = columns(stretch, self.plot.view, self.dots_across)
            self._stroke(_path(binned, self._y_or_outside), ink, dashes=dashes)

    def _stroke(self, dots: Sequence[tuple[int, int]], ink: str, *, dashes: tuple[int, int]) -> None:
        drawn, left_out = dashes
        for count, (x, y) in enumerate(dots):
            if count % (drawn + left_out) >= drawn or not (0 <= x < self.dots_across and 0 <= y < self.dots_down):
                continue
            place = (x // self._across, y // self._down)
            is_over_dim = ink.startswith("line") and self._inks.get(place, ink).startswith("raw")
            bits = 0 if is_over_dim else self._bits.get(place, 0)
            self._bits[place] = bits | (0 if self.plot.is_ascii else _DOTS[y % 4][x % 2])
            self._inks[place] = ink

    def _x(self, x: float) -> int:
        return place_of(x, self.plot.view, self.dots_across)

    def _y(self, value: float) -> int:
        return min(self.dots_down - 1, max(0, self._y_or_outside(value)))

    def _y_or_outside(self, value: float) -> int:
        """The row of a value; at most one height outside, so that a line there costs no more than one inside."""
        share = height_of(value, self.values, is_log=self.plot.is_log)
        return round((1 - min(2.0, max(-1.0, share))) * (self.dots_down - 1))

    def _between(self, low: float, high: float) -> range:
        return range(self._y(high), self._y(low) + 1)


def _path(binned: Sequence[Column], y_of: Callable[[float], int]) -> list[tuple[int, int]]:
    """Dots in the order that a pen makes them: each column from its smallest to its largest, joined by lines."""
    dots: list[tuple[int, int]] = []
    before: tuple[int, int] | None = None
    for column in binned:
        if before is not None:
            dots += _line(before, (column.place, y_of(column.first)))[1:]
        top, bottom = y_of(column.high), y_of(column.low)
        if top != bottom or before is None:
            dots += [(column.place, y) for y in range(top, bottom + 1)]
        before = (column.place, y_of(column.last))
    return dots


def _line(start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int]]:
    (x0, y0), (x1, y1) = start, end
    count = max(abs(x1 - x0), abs(y1 - y0), 1)
    return [(round(x0 + (x1 - x0) * i / count), round(y0 + (y1 - y0) * i / count)) for i in range(count + 1)]


class Span(NamedTuple):
    """Changed cells of one row: from `start`, `length` long."""

    row: int
    start: int
    length: int


MERGE_WITHIN = 6
"""Unchanged cells between two changes that are cheaper to send again than a jump of the cursor."""


def changed_spans(before: Sequence[Row], after: Sequence[Row]) -> list[Span]:
    """Where two drawings of the same size differ; a row that mostly differs comes whole."""
    spans: list[Span] = []
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        changed = [place for place, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
        if len(changed) * 2 > len(new):
            spans.append(Span(number, 0, len(new)))
            continue
        start = last = changed[0]
        for place in changed[1:]:
            if place - last > MERGE_WITHIN:
                spans.append(Span(number, start, last - start + 1))
                start = place
            last = place
        spans.append(Span(number, start, last - start + 1))
    return spans
