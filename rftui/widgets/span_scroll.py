"""A column of lines of any number that is scrolled by keys and draws only the rows in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message

from rftui.actions import bindings
from rftui.terminal.spans import Line
from rftui.widgets.span_view import SpanView


class SpanScroll(SpanView, can_focus=True):
    """Lines to read."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("text")

    class WidthChanged(Message):
        """Lines that were made for the width before no longer fit."""

        def __init__(self, sender: SpanScroll) -> None:
            super().__init__()
            self.sender = sender

        @property
        def control(self) -> SpanScroll:
            """The column."""
            return self.sender

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._width = 0

    @property
    def lines(self) -> Sequence[Line]:
        """Every line."""
        return self._lines

    @property
    def text(self) -> str:
        """Every line as text."""
        return "\n".join("".join(span.text for span in line) for line in self._lines)

    def show(self, lines: Sequence[Line], *, from_top: bool = False) -> None:
        """Shows other lines; only those in sight that differ are drawn, unless it goes to the top."""
        before, self._lines = self._lines, list(lines)
        self.virtual_size = Size(1, len(self._lines))
        if from_top and self.scroll_offset.y:
            self.scroll_rows(0)
        top = min(self.scroll_offset.y, max(0, len(self._lines) - self.size.height))
        for y in range(top, top + self.size.height):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_rows(y, y + 1)

    def on_resize(self) -> None:
        """Asks for lines that fit."""
        if self._width != self.size.width:
            self._width = self.size.width
            self.post_message(self.WidthChanged(self))

    def line_at(self, y: int) -> Line:
        """The line at `y`; an empty one beyond the last."""
        return self._lines[y] if y < len(self._lines) else ()

    def action_scroll_by(self, rows: int) -> None:
        """Scrolls by lines."""
        self.scroll_rows(self.scroll_offset.y + rows)

    def action_page(self, pages: int) -> None:
        """Scrolls by what is in sight."""
        self.action_scroll_by(pages * max(1, self.size.height - 1))

    def action_edge(self, is_end: bool) -> None:
        """Scrolls to the first or last line."""
        self.scroll_rows(len(self._lines) if is_end else 0)
