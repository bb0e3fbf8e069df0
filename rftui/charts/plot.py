"""Draws several curves with axes, marks and a cursor as cells of text. Pure: an ink names what a cell is, no colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len

from rftui.charts.curves import Axis, Point, Range, axis_label, height_of, log_ticks, place_of, short, stretches, ticks
from rftui.charts.pen import Frame, Pen

LABEL_WIDTH = 7
LEAST_WIDTH = LABEL_WIDTH + 9
LEAST_HEIGHT = 4
COLOURS = 4
SERIES = 16
"""Series that can be told apart: each has another pair of colour and dashes."""
# drawn and left-out dots, in turn: series differ without colour
_DASHES = ((1, 0), (5, 3), (1, 2), (7, 5))
SAMPLES = ("━━", "╍╍", "┄┄", "━ ")
ASCII_SAMPLES = ("**", "++", "oo", "xx")
_ASCII_GLYPHS = "*+ox"
LETTER_STOPS = 4
"""Letters stand in columns of which this is a divisor."""
READOUT_STEP = 4
"""Widths of values in a legend are multiples of it, so that one digit more moves nothing."""
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
    letter: str = ""
    """Stands at the end of its line and for its name in the legend; `A+C` for a line of several runs."""


class Mark(NamedTuple):
    """Something that happened at a place on the axis."""

    x: float
    kind: str
    """checkpoint, evaluation, attempt or alert."""


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


ALERT = "!"
"""Stands before whatever else is marked there."""
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


class Layer(NamedTuple):
    """The dots of one series by cell, which are numbered row by row."""

    raw: dict[int, int]
    """What lies dim under the line."""
    line: dict[int, int]
    signs: dict[int, str]
    end: tuple[int, int] | None
    """Column and row of the cell where the line ends in sight."""


class Layers:
    """Keeps the dots of series that did not change: where one of several live runs went on, one is drawn again."""

    def __init__(self) -> None:
        self.letters: dict[int, tuple[int, int]] = {}
        """Column and row of the letter of a series as it was last drawn."""
        self._kept: dict[int, tuple[Frame, Series, Layer]] = {}

    def layer(self, number: int, series: Series, frame: Frame) -> Layer:
        """The dots of a series in a frame. A series whose lists of points are the same objects has not changed."""
        kept = self._kept.get(number)
        if kept is not None and kept[0] == frame and _draws_alike(kept[1], series):
            return kept[2]
        layer = _layer(series, number, frame)
        self._kept[number] = (frame, series, layer)
        return layer


def _draws_alike(one: Series, other: Series) -> bool:
    return (
        one.points is other.points
        and one.smooth is other.smooth
        and one.edges is other.edges
        and one.has_markers == other.has_markers
        and one.letter == other.letter
    )


def draw_plot(plot: Plot, *, width: int, height: int, layers: Layers | None = None) -> list[Row]:
    """The chart as `height` rows of `width` cells: title with legend, curves, axis with marks, labels."""
    if width < LEAST_WIDTH or height < LEAST_HEIGHT:
        return [fitted(title_row(plot), width) for _ in range(min(1, height))]
    titles = title_rows(plot, width, at_most=max(1, height // 5))
    plot_width, plot_height = width - LABEL_WIDTH - 1, height - 2 - len(titles)
    marks = _marks_by_place(plot, plot_width)
    if plot.values is None:
        body, labels = _nothing(plot, plot_width, plot_height), {}
    else:
        frame = Frame(plot.view, plot.values, plot_width, plot_height, plot.is_log, plot.is_ascii)
        kept = layers or Layers()
        drawn = [kept.layer(number, series, frame) for number, series in enumerate(plot.series[:SERIES])]
        kept.letters = _letter_cells(plot, frame, drawn, kept.letters)
        body = _body(plot, frame, drawn, kept.letters, _bars(plot, marks, plot_width))
        labels = _value_labels(plot.values, plot_height, is_log=plot.is_log)
    edge = "|" if plot.is_ascii else "│"
    rows = titles
    for place, row in enumerate(body):
        label = labels.get(place, "")
        corner = edge if not label or plot.is_ascii else "┤"
        rows.append([*cells(f"{label:>{LABEL_WIDTH}}{corner}", "axis"), *row])
    return [*rows, *_foot(plot, marks, plot_width)]


def ink_of(number: int) -> str:
    """The colour of a line, `line0` to `line3`."""
    return f"line{number % COLOURS}"


def sample_of(number: int, *, is_ascii: bool) -> str:
    """Two characters that look like a line."""
    samples = ASCII_SAMPLES if is_ascii else SAMPLES
    return samples[_dash_number(number) % len(samples)]


def _dash_number(number: int) -> int:
    """Another pair of colour and dashes for each of the first sixteen lines."""
    return (number + number // COLOURS) % len(_DASHES)


def title_rows(plot: Plot, width: int, *, at_most: int) -> list[Row]:
    """The title with its legend; a legend of letters goes on in further rows where there is room for them."""
    if not any(series.letter for series in plot.series):
        return [fitted(title_row(plot), width)]
    rows = [cells(plot.title, "title")]
    for number, series in enumerate(plot.series[:SERIES]):
        if not series.points:
            # a letter that stands nowhere on the chart needs no explanation
            continue
        room = -(-len(series.readout) // READOUT_STEP) * READOUT_STEP
        entry = [*cells(f"  {series.letter} ", ink_of(number)), *cells(f"{series.readout:<{room}}", "value")]
        if rows[-1] and len(rows[-1]) + len(entry) > width and len(rows) < at_most:
            rows.append([])
        rows[-1] = [*rows[-1], *entry]
    return [fitted(_trimmed(row), width) for row in rows]


def _trimmed(row: Row) -> Row:
    """A row without the blanks at its end."""
    end = len(row)
    while end and row[end - 1].text == " ":
        end -= 1
    return row[:end]


def title_row(plot: Plot) -> Row:
    """The name of the chart, then each series with the sample of its line and its value."""
    row = cells(plot.title, "title")
    for number, series in enumerate(plot.series[:SERIES]):
        row += cells("  ", "")
        row += cells(sample_of(number, is_ascii=plot.is_ascii), ink_of(number))
        if series.name != plot.title:
            row += cells(f" {series.name}", "axis")
        if series.readout:
            row += cells(f" {series.readout}", "value")
    return row


def cells(text: str, ink: str) -> Row:
    """Text as cells; a character that is not one cell wide would shift the row, so it becomes `?`."""
    return list(_cells(text, ink))


@lru_cache(maxsize=1024)
def _cells(text: str, ink: str) -> tuple[Cell, ...]:
    # the axis and its labels are the same in every chart that is drawn again
    return tuple(Cell(character if character.isascii() or cell_len(character) == 1 else "?", ink) for character in text)


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


def _foot(plot: Plot, marks: Mapping[int, set[str]], width: int) -> tuple[Row, Row]:
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
    for place, kinds in marks.items():
        signs = _ASCII_MARKS if plot.is_ascii else _MARKS
        sign = ALERT if "alert" in kinds else signs.get(frozenset(kinds - {"attempt"}))
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


def _body(
    plot: Plot,
    frame: Frame,
    layers: Sequence[Layer],
    letters: Mapping[int, tuple[int, int]],
    bars: Mapping[int, Cell],
) -> list[Row]:
    """The cells of all series: a cell shows only the brightest kind that touches it, and the last colour of those."""
    dots: dict[int, int] = {}
    inks: dict[int, str] = {}
    signs: dict[int, str] = {}
    glyphs: dict[int, str] = {}
    for number, layer in enumerate(layers):
        for place, own in layer.raw.items():
            dots[place] = dots.get(place, 0) | own
        inks.update(dict.fromkeys(layer.raw, f"raw{number % COLOURS}"))
    bright: set[int] = set()
    for number, layer in enumerate(layers):
        for place, own in layer.line.items():
            dots[place] = own | dots[place] if place in bright else own
        bright.update(layer.line)
        signs.update(layer.signs)
        if plot.is_ascii:
            glyphs.update(dict.fromkeys(layer.line, _glyph(number, plot.series[number])))
        inks.update(dict.fromkeys([*layer.line, *layer.signs], ink_of(number)))
    for number, (x, y) in letters.items():
        for at, letter in enumerate(plot.series[number].letter, y * frame.width + x):
            signs[at], inks[at] = letter, ink_of(number)
    blank = [bars.get(x, BLANK) for x in range(frame.width)]
    rows = [list(blank) for _ in range(frame.height)]
    for place, ink in inks.items():
        sign = signs.get(place) or (glyphs.get(place, ".") if plot.is_ascii else chr(0x2800 + dots[place]))
        rows[place // frame.width][place % frame.width] = Cell(sign, ink)
    return rows


def _bars(plot: Plot, marks: Mapping[int, set[str]], width: int) -> dict[int, Cell]:
    """The cursor and the starts of attempts, which show where nothing else is."""
    bars: dict[int, Cell] = {}
    for place, kinds in marks.items():
        if "attempt" in kinds:
            bars[place] = Cell(":" if plot.is_ascii else "┊", "mark")
    if plot.cursor is not None:
        bars[place_of(plot.cursor, plot.view, width)] = Cell("|" if plot.is_ascii else "│", "cursor")
    return bars


def _glyph(number: int, series: Series) -> str:
    """What draws a line where there are no dots."""
    return series.letter[:1].lower() or _ASCII_GLYPHS[number % COLOURS]


def _letter_cells(
    plot: Plot, frame: Frame, layers: Sequence[Layer], before: Mapping[int, tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    """The cell of each letter: behind the end of its line, or as near as no other letter stands.

    A letter that was drawn a row beside the end stays: one that follows each step of its line is sent at each.
    """
    cells: dict[int, tuple[int, int]] = {}
    for number, (series, layer) in enumerate(zip(plot.series, layers, strict=False)):
        if not series.letter or layer.end is None or series.has_markers:
            # its markers are its letter
            continue
        length = len(series.letter)
        if length > frame.width:
            continue
        x = min(frame.width - length, -(-(layer.end[0] + 1) // LETTER_STOPS) * LETTER_STOPS)
        y = layer.end[1]
        old_x, old_y = before.get(number, (-1, -1))
        places = [(x, old_y)] if old_x == x and abs(old_y - y) <= 1 else []
        places += [(x, row) for distance in range(frame.height) for row in (y - distance, y + distance)]
        taken = {(column, row) for one, (left, row) in cells.items() for column in _columns(left, plot.series[one])}
        free = next(
            (
                (left, row)
                for left, row in places
                if 0 <= row < frame.height and not any((at, row) in taken for at in _columns(left, series))
            ),
            None,
        )
        if free is not None:
            cells[number] = free
    return cells


def _columns(left: int, series: Series) -> range:
    """Where the letters of a line stand."""
    return range(left, left + len(series.letter))


def _layer(series: Series, number: int, frame: Frame) -> Layer:
    pen = Pen(frame)
    if series.smooth:
        pen.curve(series.points, dashes=(1, 0))
    if series.edges is not None:
        lows, highs = series.edges
        if series.has_markers:
            for low, high in zip(lows, highs, strict=True):
                pen.bar(pen.x(low.x), pen.y(high.value), pen.y(low.value))
        else:
            pen.curve(lows, dashes=(1, 3))
            pen.curve(highs, dashes=(1, 3))
    raw, pen.dots = pen.dots, {}
    # a line of letters is told apart without gaps
    dashes = (1, 0) if frame.is_ascii and series.letter else _DASHES[_dash_number(number)]
    end = pen.curve(series.smooth or series.points, dashes=dashes)
    signs = {}
    if series.has_markers:
        sign = series.letter or (ASCII_MARKER if frame.is_ascii else MARKER)
        for stretch in stretches(series.points):
            for point in stretch:
                column = pen.x(point.x) // pen.across
                for at, letter in enumerate(sign, column):
                    if 0 <= at < frame.width:
                        signs[pen.y(point.value) // pen.down * frame.width + at] = letter
    return Layer(raw, pen.dots, signs, end)
