"""The rows of the run list: any number of them, of which only changed cells in sight are drawn again."""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from textual.geometry import Region, Size
from textual.message import Message

from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.guarded import undrawable_text
from rftui.widgets.line_list import LineList


class RunTable(LineList, inherit_bindings=False):
    """Rows with a cursor. Its keys are those of the screen, so that they work while something is typed."""

    class Scrolled(Message):
        """Other rows are in sight."""

    def __init__(self, draw: Callable[[int, int], Line], *, id: str) -> None:
        super().__init__(draw, empty="", id=id)
        self._drawn: dict[int, Line] = {}

    @property
    def in_sight(self) -> range:
        """Places of the rows in sight."""
        top = self.scroll_offset.y
        return range(top, min(self.count, top + self.size.height))

    def line_at(self, y: int) -> Line:
        """The row at `y`, which is remembered as what the terminal shows."""
        line = self._drawn[y] = self._line(y)
        return line

    def _line(self, y: int) -> Line:
        if self.count:
            try:
                return super().line_at(y)
            except Exception as error:
                # the list's boundary: a run that cannot be drawn must not hide the others
                return (Span(undrawable_text(self, error), Role.WRONG),)
        said = self.empty.split("\n")
        return (Span(said[y], Role.MUTED if y else Role.PLAIN),) if y < len(said) else ()

    def update(self, count: int, *, cursor: int) -> None:
        """Takes in that rows changed, and draws again what is different."""
        before = self.cursor
        self.count, self.cursor = count, max(0, min(count - 1, cursor))
        if self.virtual_size != (size := Size(1, count)):
            self.virtual_size = size
        self._bring_in_sight()
        if self.cursor != before:
            for row in (before, self.cursor):
                self.refresh_rows(row, row + 1)
        self.refresh_changed()

    def refresh_changed(self) -> None:
        """Draws again the cells in sight that are not what the terminal shows."""
        top, width = self.scroll_offset.y, self.size.width
        regions = []
        for y in range(top, top + self.size.height):
            before, after = self._drawn.get(y), self._line(y)
            if before == after:
                continue
            first, last = (0, width) if before is None else changed_cells(before, after)
            regions.append(Region(first, y - top, max(1, min(width, last) - first), 1))
        if regions:
            self.refresh(*regions)
        self._drawn = {y: line for y, line in self._drawn.items() if top <= y < top + self.size.height}

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Says that other rows came in sight."""
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) != round(new_value):
            self.post_message(self.Scrolled())


def changed_cells(before: Line, after: Line) -> tuple[int, int]:
    """The first cell that differs between two lines, and one past the last."""
    old, new = _cells(before), _cells(after)
    length = max(len(old), len(new))
    old += [("", "")] * (length - len(old))
    new += [("", "")] * (length - len(new))
    first = next((place for place in range(length) if old[place] != new[place]), length)
    last = next((place for place in range(length, first, -1) if old[place - 1] != new[place - 1]), first)
    return first, last


def _cells(line: Line) -> list[tuple[str, str]]:
    cells: list[tuple[str, str]] = []
    for span in line:
        for character in span.text:
            cells.append((character, span.role))
            # the second cell of a wide character changes with the first
            cells += [(character, span.role)] * (cell_len(character) - 1)
    return cells
