"""What stands beside the fields of the launch form: lines that are scrolled by the form's keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Size

from rftui.spans import Line
from rftui.widgets.span_view import SpanView


class FormSide(SpanView):
    """Lines; only those that differ from the ones before are drawn."""

    def __init__(self) -> None:
        super().__init__(id="side")
        self._lines: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Shows other lines in the place of these."""
        before, self._lines = self._lines, list(lines)
        if len(before) != len(self._lines):
            self.virtual_size = Size(1, len(self._lines))
        for y in range(max(len(before), len(self._lines))):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_rows(y, y + 1)

    def line_at(self, y: int) -> Line:
        """The line at `y`."""
        return self._lines[y] if y < len(self._lines) else ()

    def page(self, pages: int) -> None:
        """Scrolls by most of what is in sight."""
        step = max(1, self.size.height - 2)
        self.scroll_rows(max(0, min(self.virtual_size.height - self.size.height, self.scroll_offset.y + pages * step)))
