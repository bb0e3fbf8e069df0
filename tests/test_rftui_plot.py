"""What a chart looks like as cells: its size, its gaps, its marks, and that series differ without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rftui.charts.changes import changed_spans
from rftui.charts.curves import Axis, Point, Range, value_range
from rftui.charts.plot import LABEL_WIDTH, Cell, Mark, Plot, Row, Series, draw_plot, fitted
from tests.store_runs import PATIENTLY

VIEW = Range(0.0, 40.0)


def points(values: Sequence[float]) -> list[Point]:
    """Values at x = 0, 1, 2 …"""
    return [Point(float(place), value, place) for place, value in enumerate(values)]


def plot_of(values: Sequence[float], *, is_ascii: bool = False, is_log: bool = False) -> Plot:
    """A chart of one curve."""
    span = value_range(values, is_log=is_log)
    return Plot("reward", [Series("reward", points(values))], VIEW, span, is_ascii=is_ascii, is_log=is_log)


def text(rows: Sequence[Row]) -> list[str]:
    """Rows as plain lines."""
    return ["".join(cell.text for cell in row) for row in rows]


def inks(rows: Sequence[Row]) -> set[str]:
    """Every ink that a drawing uses."""
    return {cell.ink for row in rows for cell in row}


@PATIENTLY
@given(
    st.lists(st.floats(width=32), max_size=60),
    st.booleans(),
    st.booleans(),
    st.text(max_size=20),
    st.integers(1, 50),
    st.integers(1, 12),
)
def test_every_drawing_fills_exactly_its_cells(
    values: list[float], is_ascii: bool, is_log: bool, title: str, width: int, height: int
) -> None:
    plot = plot_of(values, is_ascii=is_ascii, is_log=is_log)._replace(title=title, cursor=3.0)

    rows = draw_plot(plot, width=width, height=height)

    assert {len(row) for row in rows} == {width}
    assert len(rows) in (1, height)
    assert all(cell.text == "" or cell.text.isascii() or cell_len(cell.text) == 1 for row in rows for cell in row)


def test_a_rising_line_rises() -> None:
    lines = text(draw_plot(plot_of(range(41), is_ascii=True), width=50, height=10))

    assert lines[1].endswith("*")
    assert lines[7][LABEL_WIDTH + 1] == "*"
    assert lines[8].startswith(" " * LABEL_WIDTH + "+")


def test_a_gap_is_left_empty() -> None:
    values = [1.0] * 10 + [math.nan] * 21 + [1.0] * 10

    lines = text(draw_plot(plot_of(values, is_ascii=True), width=LABEL_WIDTH + 42, height=9))

    drawn = next(line for line in lines[1:] if "*" in line)[LABEL_WIDTH + 1 :]
    assert drawn == "*" * 10 + " " * 21 + "*" * 10


def test_ascii_is_ascii() -> None:
    plot = plot_of([math.sin(place) for place in range(41)], is_ascii=True)
    marked = plot._replace(marks=[Mark(5.0, "checkpoint"), Mark(9.0, "evaluation"), Mark(20.0, "attempt")], cursor=3.0)

    assert "".join(text(draw_plot(marked, width=60, height=12))).isascii()


def test_series_differ_without_colour() -> None:
    flat = [Series(str(level), points([float(level)] * 41)) for level in range(4)]
    plot = Plot("four", flat, VIEW, Range(-1.0, 4.0))

    lines = text(draw_plot(plot, width=60, height=23))

    drawn = {line[LABEL_WIDTH + 1 :] for line in lines[1:-2] if line[LABEL_WIDTH + 1 :].strip()}
    assert len(drawn) == 4
    assert {"━━ 0", "╍╍ 1", "┄┄ 2"} <= {lines[0][start : start + 4] for start in range(len(lines[0]))}


def test_a_smoothed_line_lies_bright_over_its_dim_points() -> None:
    raw = points([0.0, 1.0] * 20)
    level = points([0.5] * 40)
    plot = Plot("loss", [Series("loss", raw, level)], VIEW, Range(0.0, 1.0))

    found = inks(draw_plot(plot, width=50, height=12))

    assert {"raw0", "line0"} <= found


def test_an_interval_is_a_bar_through_its_marker() -> None:
    held_out = points([math.nan] * 20 + [0.5])
    ends = (points([math.nan] * 20 + [0.0]), points([math.nan] * 20 + [1.0]))
    plot = Plot("accuracy", [Series("held out", held_out, (), ends, True)], VIEW, Range(0.0, 1.0))

    rows = draw_plot(plot, width=LABEL_WIDTH + 42, height=14)

    column = [row[LABEL_WIDTH + 1 + 20] for row in rows[1:-2]]
    assert Cell("◆", "line0") in column
    assert all(cell.ink in ("line0", "raw0") for cell in column)


def test_marks_stand_on_the_axis_and_a_new_attempt_runs_through() -> None:
    marks = [Mark(10.0, "checkpoint"), Mark(20.0, "evaluation"), Mark(20.0, "checkpoint"), Mark(30.0, "attempt")]

    rows = draw_plot(plot_of([0.0])._replace(marks=marks), width=LABEL_WIDTH + 42, height=9)

    axis = text(rows)[-2][LABEL_WIDTH + 1 :]
    assert (axis[10], axis[20]) == ("▲", "◈")
    assert {row[LABEL_WIDTH + 1 + 30].text for row in rows[1:-2]} == {"┊"}


def test_the_cursor_runs_through_empty_cells() -> None:
    rows = draw_plot(plot_of([0.0])._replace(cursor=25.0), width=LABEL_WIDTH + 42, height=9)

    assert {row[LABEL_WIDTH + 1 + 25].ink for row in rows[1:-1]} == {"cursor"}


def test_a_chart_without_values_says_so() -> None:
    assert "no value here" in "".join(text(draw_plot(plot_of([math.nan]), width=60, height=9)))
    assert "no value above 0" in "".join(text(draw_plot(plot_of([-1.0], is_log=True), width=60, height=9)))


def test_clock_times_label_a_clock() -> None:
    plot = plot_of([])._replace(axis=Axis.CLOCK, view=Range(1.7e9, 1.7e9 + 3600))

    assert text(draw_plot(plot, width=60, height=9))[-1].count(":") >= 4


def test_foreign_names_keep_the_row_straight() -> None:
    plot = plot_of([1.0])._replace(title="汉字 [/b] \u200b")

    assert text(draw_plot(plot, width=40, height=8))[0].startswith("?? [/b] ?")


def test_unchanged_drawings_send_nothing() -> None:
    rows = draw_plot(plot_of(range(41)), width=50, height=10)

    assert changed_spans(rows, draw_plot(plot_of(range(41)), width=50, height=10)) == []


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ((3,), [(3, 1)]),
        ((3, 6), [(3, 4)]),  # nearer than a jump of the cursor costs
        ((3, 30), [(3, 1), (30, 1)]),
        (tuple(range(25)), [(0, 40)]),  # most of the row
    ],
)
def test_changes_come_as_spans(places: tuple[int, ...], expected: list[tuple[int, int]]) -> None:
    before = [fitted([], 40), fitted([], 40)]
    after = [before[0], [Cell("x", "line0") if place in places else cell for place, cell in enumerate(before[1])]]

    assert [(span.start, span.length) for span in changed_spans(before, after)] == expected
    assert {span.row for span in changed_spans(before, after)} == {1}
