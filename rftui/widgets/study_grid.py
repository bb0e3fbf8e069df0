"""The grid of a study: rows of cells with one of them under the cursor; draws the rows in sight that changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message

from rftui.studies.grid import TaskRow
from rftui.studies.grid_text import BLOCK, Room, entry_line, row_line
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.span_view import SpanView


class Shape(NamedTuple):
    """How rows are drawn."""

    room: Room
    lines: int
    """Of a row: 1, 4, or 5 with a rule below."""

    @property
    def is_compact(self) -> bool:
        """Whether a row is one line."""
        return self.lines < BLOCK


class StudyGrid(SpanView, can_focus=True):
    """Cells by row and column; who shows it moves the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = []

    class Pointed(Message):
        """The user pointed at a cell."""

        def __init__(self, row: int, column: int) -> None:
            super().__init__()
            self.row = row
            self.column = column

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows: Sequence[TaskRow] = ()
        self.cursor = (0, 0)
        self.shape = Shape(Room(0, 0, 0, 0, 0), BLOCK)
        self.empty = ""
        """What stands there while there is no row."""

    def show(self, rows: Sequence[TaskRow], *, cursor: tuple[int, int], shape: Shape, empty: str) -> None:
        """Shows rows with the cursor on a cell in sight; only those that are not as they were are drawn."""
        before, was_at, was_shaped, was_empty = self.rows, self.cursor, self.shape, self.empty
        self.rows, self.cursor, self.shape, self.empty = rows, cursor, shape, empty
        size = Size(1, len(rows) * shape.lines)
        if size != self.virtual_size:
            self.virtual_size = size
        if shape != was_shaped or empty != was_empty or len(rows) != len(before):
            self.refresh()
        else:
            for number, (row, old) in enumerate(zip(rows, before, strict=True)):
                if cursor != was_at and number in (cursor[0], was_at[0]):
                    self.refresh_rows(number * shape.lines, (number + 1) * shape.lines)
                elif row != old:
                    self._refresh_cells(number, row, old)
        self._bring_in_sight()

    def _refresh_cells(self, number: int, row: TaskRow, old: TaskRow) -> None:
        """Draws again the lines of a row's cells that are not as they were: of a run's next step, a few cells."""
        room, is_ascii = self.shape.room, self.is_ascii
        how = {"is_compact": self.shape.is_compact, "is_ascii": is_ascii}
        for place in range(room.first, room.first + room.shown):
            if row.entries[place] == old.entries[place]:
                continue
            x = room.label + (place - room.first) * room.column
            for line in range(min(self.shape.lines, BLOCK)):
                new, before = (entry_line(each.entries[place], line, room.column - 2, **how) for each in (row, old))
                y = number * self.shape.lines + line - self.scroll_offset.y
                if new != before and 0 <= y < self.size.height:
                    self.refresh(Region(x, y, room.column, 1))

    def line_at(self, y: int) -> Line:
        """The line at `y` of all rows."""
        number, line = divmod(y, self.shape.lines)
        if number >= len(self.rows):
            return (Span(self.empty, Role.MUTED),) if y == 0 else ()
        column = self.cursor[1] if number == self.cursor[0] else None
        row, room = self.rows[number], self.shape.room
        return row_line(row, line, room, column=column, is_compact=self.shape.is_compact, is_ascii=self.is_ascii)

    def on_click(self, event: Click) -> None:
        """Says which cell is under the pointer."""
        room = self.shape.room
        column = room.first + (event.x - room.label) // max(1, room.column)
        row = (event.y + self.scroll_offset.y) // self.shape.lines
        if event.x >= room.label and column < room.first + room.shown and row < len(self.rows):
            self.post_message(self.Pointed(row, column))

    def on_resize(self) -> None:
        """Keeps the cursor in sight."""
        self._bring_in_sight()

    def _bring_in_sight(self) -> None:
        height, top = max(1, self.size.height), self.scroll_offset.y
        first = self.cursor[0] * self.shape.lines
        last = first + min(self.shape.lines, BLOCK)
        if first < top:
            self.scroll_rows(first)
        elif last > top + height:
            self.scroll_rows(max(0, last - height))
