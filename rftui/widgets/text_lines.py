"""Lines of text of any number with search and follow. Draws only the rows in sight."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rftui.actions import bindings
from rftui.terminal.clean import clean
from rftui.widgets.guarded import guarded_line

MARK = Style(reverse=True)
"""Of the signs at the edges of a line that goes on there."""


class TextLines(ScrollView, can_focus=True):
    """Shows clean lines; the last ones while it follows."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("lines")
    COMPONENT_CLASSES: ClassVar[set[str]] = {"text-lines--match"}
    DEFAULT_CSS = """
    TextLines { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; overflow-x: hidden; }
    TextLines > .text-lines--match { background: $warning 40%; text-style: bold; }
    """

    class SearchAsked(Message):
        """The user wants to write what to search for."""

    class Moved(Message):
        """Another part is in sight, or it follows, or follows no more."""

    def __init__(self, *, follows: bool = False) -> None:
        super().__init__()
        self.follows = follows
        """Whether the last line stays in sight as lines come."""
        self.pattern = ""
        self._lines: list[str] = []
        self._first_column = 0

    @property
    def lines(self) -> Sequence[str]:
        """Every line."""
        return self._lines

    @property
    def matches(self) -> list[int]:
        """Numbers of the lines that hold the searched text, whatever its case."""
        wanted = self.pattern.lower()
        return [number for number, line in enumerate(self._lines) if wanted in line.lower()] if wanted else []

    def show(self, lines: Sequence[str]) -> None:
        """Takes other lines, and sends the rows in sight that changed."""
        before = self._in_sight()
        self._lines = [clean(line).replace("\n", " ").expandtabs(4) for line in lines]
        self.virtual_size = Size(self.size.width, len(self._lines))
        if self.follows:
            self.call_after_refresh(self.scroll_end, animate=False, force=True)
        after = self._in_sight()
        changed = [row for row, (was, now) in enumerate(zip(before, after, strict=True)) if was != now]
        if changed:
            self.refresh(*[Region(0, row, self.size.width + 2, 1) for row in changed])

    def search(self, pattern: str) -> None:
        """Marks lines that hold a text and goes to the last one in a followed log, else to the first from here."""
        self.pattern = pattern
        self.refresh()
        if found := self.matches:
            here = self.scroll_offset.y
            self.go_to(found[-1] if self.follows else next((line for line in found if line >= here), found[0]))

    def _in_sight(self) -> list[str]:
        top = self.scroll_offset.y
        part = self._lines[top : top + self.size.height]
        return part + [""] * (self.size.height - len(part))

    def render_line(self, y: int) -> Strip:
        """One row; one that cannot be drawn says why."""
        return guarded_line(self, self._draw_row, y)

    def _draw_row(self, y: int) -> Strip:
        number = self.scroll_offset.y + y
        width = self.size.width
        if number >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        line = self._lines[number]
        is_match = bool(self.pattern) and self.pattern.lower() in line.lower()
        style = self.get_component_rich_style("text-lines--match") if is_match else self.rich_style
        first = self._first_column
        strip = Strip([Segment(line, style)])
        is_cut = strip.cell_length > first + width
        row = strip.crop_extend(first, first + width, self.rich_style)
        mark = style + MARK
        if is_cut and width > 2:
            row = Strip([*row.crop(0, width - 1), Segment(">", mark)], width)
        if first and line and width > 2:
            row = Strip([Segment("<", mark), *row.crop(1, width)], width)
        return row

    def on_resize(self) -> None:
        """Stays at the end where it follows."""
        self.virtual_size = Size(self.size.width, len(self._lines))
        if self.follows:
            self.scroll_end(animate=False, force=True)

    def go_to(self, line: int) -> None:
        """Brings a line in sight and follows no more."""
        self.follows = False
        self.scroll_to(y=max(0, line - self.size.height // 3), animate=False, force=True)
        self.post_message(self.Moved())

    def action_scroll(self, by: int) -> None:
        """Moves by lines; up ends following."""
        self._move(by)

    def action_page(self, by: int) -> None:
        """Moves by pages."""
        self._move(by * max(1, self.size.height - 1))

    def action_sideways(self, by: int) -> None:
        """Shows another part of lines that are longer than the width, half a width further."""
        width = self.size.width
        most = max((cell_len(line) for line in self._lines), default=0) - width
        # whole steps, so that the way back shows the same parts
        step = max(1, width // 2)
        target = max(0, min(self._first_column + by * step, -(-most // step) * step))
        if target != self._first_column:
            self._first_column = target
            self.refresh()

    def _move(self, by: int) -> None:
        target = max(0, min(self.max_scroll_y, self.scroll_offset.y + by))
        self.follows = self.follows and target >= self.max_scroll_y
        self.scroll_to(y=target, animate=False, force=True)
        self.post_message(self.Moved())

    def action_top(self) -> None:
        """To the first line."""
        self.follows = False
        self.scroll_home(animate=False, force=True)
        self.post_message(self.Moved())

    def action_bottom(self) -> None:
        """To the last line, and follows what comes."""
        self.follows = True
        self.scroll_end(animate=False, force=True)
        self.post_message(self.Moved())

    def action_search(self) -> None:
        """Asks for a text."""
        self.post_message(self.SearchAsked())

    def action_match(self, by: int) -> None:
        """Goes to another line found, round the ends."""
        found = self.matches
        if not found:
            return
        here = self.scroll_offset.y + self.size.height // 3
        if by > 0:
            self.go_to(next((line for line in found if line > here), found[0]))
        else:
            self.go_to(next((line for line in reversed(found) if line < here), found[-1]))
