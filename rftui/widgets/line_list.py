"""A list of any length that draws only the rows in sight."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message

from rftui.actions import bindings
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.span_view import SpanView


class LineList(SpanView, can_focus=True):
    """Rows with a cursor. What a row looks like is asked for when it comes in sight."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("rows")

    class OfRow(Message):
        """The user did something with a row."""

        def __init__(self, sender: LineList, index: int) -> None:
            super().__init__()
            self.sender = sender
            self.index = index

        @property
        def control(self) -> LineList:
            """The list."""
            return self.sender

    class Moved(OfRow):
        """The user put the cursor on another row."""

    class Chosen(OfRow):
        """The user chose the row under the cursor; who only follows the cursor is not told."""

    def __init__(self, draw: Callable[[int, int], Line], *, empty: str, id: str) -> None:
        super().__init__(id=id)
        self._draw = draw
        self.empty = empty
        self.count = 0
        self.cursor = 0

    def show(self, count: int, *, cursor: int = 0) -> None:
        """Shows other rows, with the cursor on one of them in sight."""
        self.count = count
        self.cursor = max(0, min(count - 1, cursor))
        self.virtual_size = Size(1, count)
        self._bring_in_sight()
        self.refresh()

    def line_at(self, y: int) -> Line:
        """The row at `y`; a word instead of the first where there is none."""
        if y < self.count:
            return self._draw(y, self.size.width)
        return (Span(self.empty, Role.MUTED),) if y == 0 and self.count == 0 else ()

    def is_marked(self, y: int) -> bool:
        """Whether the cursor is on the row."""
        return y == self.cursor < self.count

    def action_move(self, rows: int) -> None:
        """Moves the cursor, and says so where it moved."""
        self.put_cursor(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        """Moves the cursor by what is in sight."""
        self.put_cursor(self.cursor + pages * max(1, self.size.height - 1))

    def action_choose(self) -> None:
        """Chooses the row under the cursor."""
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: Click) -> None:
        """Puts the cursor where the pointer is."""
        self.put_cursor(event.y + self.scroll_offset.y)

    def put_cursor(self, index: int) -> None:
        """Puts the cursor on a row, and says so where it was on another."""
        before, self.cursor = self.cursor, max(0, min(self.count - 1, index))
        if self.cursor == before:
            return
        self._bring_in_sight()
        self.refresh_rows(before, before + 1)
        self.refresh_rows(self.cursor, self.cursor + 1)
        self.post_message(self.Moved(self, self.cursor))

    def on_resize(self) -> None:
        """Keeps the cursor in sight."""
        self._bring_in_sight()

    def _bring_in_sight(self) -> None:
        height, top = max(1, self.size.height), self.scroll_offset.y
        if self.cursor < top:
            self.scroll_rows(self.cursor)
        elif self.cursor >= top + height:
            self.scroll_rows(self.cursor - height + 1)
