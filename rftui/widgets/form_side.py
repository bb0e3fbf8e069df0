"""What stands beside the fields of the launch form: lines that are scrolled by the form's keys."""

from __future__ import annotations

from collections.abc import Sequence

from textual.events import MouseScrollDown, MouseScrollUp

from rftui.terminal.spans import Line, Role, Span, fitted
from rftui.widgets.span_view import SpanView


class FormSide(SpanView):
    """Lines; only those that differ from the ones before are drawn.

    It keeps its own place: a scrollbar would be laid out anew, with the whole screen, at every line more or less.
    """

    DEFAULT_CSS = "FormSide { overflow: hidden; }"

    def __init__(self) -> None:
        super().__init__(id="side")
        self.lines: list[Line] = []
        self.top = 0
        """The first line in sight."""

    def show(self, lines: Sequence[Line], *, from_top: bool = False) -> None:
        """Shows other lines in the place of these."""
        before = self._in_sight()
        self.lines = list(lines)
        self.top = 0 if from_top else min(self.top, self._last_top)
        self._draw_changed(before)

    def page(self, pages: int) -> None:
        """Scrolls by most of what is in sight."""
        self._scroll(pages * max(1, self.size.height - 2))

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Further down."""
        self._scroll(2)

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Further up."""
        self._scroll(-2)

    def line_at(self, y: int) -> Line:
        """What stands in row `y`; the last row tells how much is below."""
        below = len(self.lines) - self.top - self.size.height
        if y == self.size.height - 1 and below > 0:
            return fitted((Span(f"↓ {below + 1} more lines", Role.MUTED),), self.size.width)
        return self.lines[self.top + y] if self.top + y < len(self.lines) else ()

    @property
    def _last_top(self) -> int:
        return max(0, len(self.lines) - self.size.height)

    def _scroll(self, rows: int) -> None:
        before = self._in_sight()
        self.top = max(0, min(self._last_top, self.top + rows))
        self._draw_changed(before)

    def _in_sight(self) -> list[Line]:
        return [self.line_at(y) for y in range(self.size.height)]

    def _draw_changed(self, before: Sequence[Line]) -> None:
        for y, (old, new) in enumerate(zip(before, self._in_sight(), strict=True)):
            if old != new:
                self.refresh_rows(y, y + 1)
