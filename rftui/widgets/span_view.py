"""The base of views that draw lines of spans by the line API: a role becomes the theme's style, and nothing else is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rftui.cli.output import is_ascii
from rftui.terminal.spans import Line, Role, in_ascii
from rftui.widgets.guarded import guarded_line
from rftui.widgets.used_styles import UsedStyles


class SpanView(UsedStyles, ScrollView, can_focus=False, inherit_bindings=False):
    """Lines of spans. Subclasses say what line stands at `y` and keep `virtual_size` true."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"span--cursor", *(f"span--{role.value}" for role in Role)}
    DEFAULT_CSS = """
    SpanView {
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
        & > .span--plain { color: $foreground; }
        & > .span--muted { color: $text-muted; }
        & > .span--strong { text-style: bold; }
        & > .span--right { color: $text-success; }
        & > .span--wrong { color: $text-error; }
        & > .span--warning { color: $text-warning; }
        & > .span--bar { color: $text-primary; }
        & > .span--match { text-style: reverse bold; }
        & > .span--line0 { color: $primary-lighten-1; }
        & > .span--line1 { color: $warning; }
        & > .span--line2 { color: $success; }
        & > .span--line3 { color: $error; }
        & > .span--cursor { background: $boost; }
        &:focus > .span--cursor { background: $primary-muted; }
    }
    """

    def line_at(self, y: int) -> Line:
        """The line at `y` of the whole column."""
        raise NotImplementedError

    def is_marked(self, y: int) -> bool:
        """Whether the cursor is on the line."""
        return False

    def render_line(self, y: int) -> Strip:
        """One row of the screen; one that cannot be drawn says why."""
        return guarded_line(self, self.draw_row, y)

    def draw_row(self, y: int) -> Strip:
        """One row of the screen, filled to the width."""
        at = y + self.scroll_offset.y
        width = self.size.width
        base = self.get_component_rich_style("span--plain")
        if self.is_marked(at):
            base += self.get_component_rich_style("span--cursor", partial=True)
        # looked up once a row: it reads the environment
        is_ascii = self.is_ascii
        segments = [
            Segment(in_ascii(span.text) if is_ascii else span.text, base + self._style(span.role))
            for span in self.line_at(at)
            if span.text
        ]
        return Strip(segments).adjust_cell_length(width, base)

    @property
    def is_ascii(self) -> bool:
        """Whether the terminal shows nothing but ASCII."""
        return is_ascii()

    def _style(self, role: Role) -> Style:
        return self.get_component_rich_style(f"span--{role.value}", partial=True)

    def refresh_rows(self, top: int, bottom: int) -> None:
        """Draws again what is visible of the lines from `top` up to `bottom`."""
        first = max(0, top - self.scroll_offset.y)
        last = min(self.size.height, bottom - self.scroll_offset.y)
        if first < last:
            self.refresh(Region(0, first, self.size.width, last - first))

    def scroll_rows(self, y: int) -> None:
        """Scrolls so that line `y` is the first."""
        self.scroll_to(y=y, animate=False, force=True, immediate=True)


class SpanLines(SpanView):
    """A few lines that do not scroll."""

    DEFAULT_CSS = "SpanLines { overflow: hidden; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []

    def show(self, lines: Sequence[Line]) -> None:
        """Shows other lines; only those that differ are drawn."""
        before, self._lines = self._lines, list(lines)
        for y in range(max(len(before), len(self._lines))):
            if before[y : y + 1] != self._lines[y : y + 1]:
                self.refresh_rows(y, y + 1)

    def line_at(self, y: int) -> Line:
        """The line at `y`; an empty one beyond the last."""
        return self._lines[y] if y < len(self._lines) else ()
