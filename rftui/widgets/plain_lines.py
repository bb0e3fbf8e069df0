"""Lines of a widget without a frame: what it draws goes to the screen without a detour.

Textual 8.2.8 reads two dozen styles for every line that it may have to frame, and makes another strip for every step
on the way, each with seven caches; that took
longer than to draw the lines.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from rich.style import Style
from textual._styles_cache import StylesCache
from textual.color import Color
from textual.filter import LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class PlainLines(StylesCache):
    """Keeps lines as they go to the screen; a widget with a frame gets what Textual makes of it."""

    def __init__(self) -> None:
        super().__init__()
        self._made_for: tuple[Color, Sequence[LineFilter]] | None = None
        """The background and the filters of the lines that are kept; None where Textual made them."""

    def render_widget(self, widget: Widget, crop: Region) -> list[Strip]:
        """Lines of a part of the widget."""
        if not _is_plain(widget):
            if self._made_for is not None:
                self.clear()
                self._made_for = None
            return super().render_widget(widget, crop)
        filters = widget.get_line_filters()
        base, background = widget.background_colors
        width = widget.region.width
        if width != self._width or self._made_for != (background, filters):
            self.clear()
            self._width = width
            self._made_for = (background, filters)
        kept, dirty = self._cache, self._dirty_lines
        fill = self.get_inner_outer(base, background)[0].rich_style
        left, right = widget.styles.padding.left, widget.styles.padding.right
        strips = []
        for y in crop.line_range:
            strip = kept.get(y)
            if strip is None or y in dirty:
                segments = list(widget.render_line(y).adjust_cell_length(width - left - right, fill))
                if left or right:
                    segments = [*blank(left, fill), *segments, *blank(right, fill)]
                for each in filters:
                    segments = each.apply(segments, background)
                strip = kept[y] = Strip(segments, width)
            strips.append(strip)
        dirty.difference_update(crop.line_range)
        if crop.column_span != (0, width):
            return [strip.crop(*crop.column_span) for strip in strips]
        return strips


def blank(width: int, style: Style) -> list[Segment]:
    """So many spaces."""
    return [Segment(" " * width, style)] if width else []


def _is_plain(widget: Widget) -> bool:
    """Whether nothing is drawn around its lines or over them but spaces beside them."""
    styles = widget.styles
    return (
        not any(edge for edge, _ in styles.border)
        and not styles.padding.height
        and not any(edge for edge, _ in styles.outline)
        and not styles.tint.a
        and styles.text_opacity == 1.0
        and widget.opacity == 1.0
        and not styles.has_rule("hatch")
    )
