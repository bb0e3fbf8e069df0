"""One chart of cells on Textual's line API. It sends only cells that changed, and little more."""

from __future__ import annotations

import logging
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from rftui.charts.changes import changed_spans
from rftui.charts.plot import LABEL_WIDTH, Layers, Plot, Row, cells, draw_plot, fitted
from rftui.terminal.clean import one_line
from rftui.widgets.guarded import guarded_line
from rftui.widgets.used_styles import UsedStyles

logger = logging.getLogger(__name__)


class Chart(UsedStyles, Widget):
    """Draws the plot it is given."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "chart--axis",
        "chart--mark",
        "chart--cursor",
        "chart--title",
        "chart--chosen",
        "chart--value",
        *{f"chart--{kind}{number}" for kind in ("line", "raw") for number in range(4)},
    }
    DEFAULT_CSS = """
    Chart { width: 1fr; height: 1fr; }
    Chart > .chart--axis { color: $text-muted; }
    Chart > .chart--mark { color: $warning; }
    Chart > .chart--cursor { color: $secondary; }
    Chart > .chart--title { text-style: bold; }
    Chart > .chart--chosen { text-style: bold reverse; }
    Chart > .chart--value { text-style: bold; }
    Chart > .chart--line0 { color: $series-0; }
    Chart > .chart--line1 { color: $series-1; }
    Chart > .chart--line2 { color: $series-2; }
    Chart > .chart--line3 { color: $series-3; }
    Chart > .chart--raw0 { color: $series-0 50%; }
    Chart > .chart--raw1 { color: $series-1 50%; }
    Chart > .chart--raw2 { color: $series-2 50%; }
    Chart > .chart--raw3 { color: $series-3 50%; }
    Chart:ansi > .chart--raw0, Chart:ansi > .chart--raw1, Chart:ansi > .chart--raw2, Chart:ansi > .chart--raw3,
    Chart:nocolor > .chart--raw0, Chart:nocolor > .chart--raw1, Chart:nocolor > .chart--raw2,
    Chart:nocolor > .chart--raw3 { text-style: dim; }
    """
    is_chosen: reactive[bool] = reactive(False, init=False, repaint=False)
    """Whether keys that mean one chart mean this one."""

    def __init__(self) -> None:
        super().__init__()
        self._plot: Plot | None = None
        self._rows: list[Row] = []
        self._layers = Layers()
        self._size_drawn = Size(0, 0)
        self._background: Style | None = None
        # Textual forgets its own whenever a part is drawn again
        self._inks: dict[str, Style] = {}

    @property
    def plot_width(self) -> int:
        """Columns of cells between the axis and the right edge."""
        return max(1, self.size.width - LABEL_WIDTH - 1)

    @property
    def lines(self) -> list[str]:
        """What is drawn, as text."""
        return ["".join(cell.text for cell in row) for row in self._rows]

    def show(self, plot: Plot | None) -> None:
        """Draws another plot, or nothing; what shows the same is not drawn again."""
        if plot != self._plot or self._size_drawn != self.size:
            self._plot = plot
            self._draw()

    def on_resize(self) -> None:
        """Draws again at the new size."""
        self._draw()

    def watch_is_chosen(self) -> None:
        """The title alone shows it."""
        self.refresh(Region(0, 0, self.size.width, 1))

    def notify_style_update(self) -> None:
        """Another theme has other colours."""
        super().notify_style_update()
        self._background = None
        self._inks.clear()
        self.refresh()

    def _draw(self) -> None:
        width, height = self._size_drawn = self.size
        before, self._rows = self._rows, self._drawn(width, height)
        is_same_size = len(before) == len(self._rows) and all(len(row) == width for row in before)
        if not is_same_size:
            self.refresh()
            return
        regions = [Region(span.start, span.row, span.length, 1) for span in changed_spans(before, self._rows)]
        if regions:
            self.refresh(*regions)

    def _drawn(self, width: int, height: int) -> list[Row]:
        if self._plot is None or not width or not height:
            return []
        try:
            return draw_plot(self._plot, width=width, height=height, layers=self._layers)
        except Exception as error:
            # a chart's boundary: numbers that cannot be drawn must not take the others down
            logger.warning("a chart could not be drawn", exc_info=True)
            return [fitted(cells(f"cannot be drawn: {one_line(error)}", "axis"), width)]

    def render_line(self, y: int) -> Strip:
        """One row; one that cannot be drawn says why."""
        return guarded_line(self, self._draw_row, y)

    def _draw_row(self, y: int) -> Strip:
        if self._background is None:
            # Textual makes it anew from all ancestors, as costly as the line itself
            self._background = self.rich_style
        width, background = self.size.width, self._background
        if y >= len(self._rows) or len(self._rows[y]) != width:
            return Strip.blank(width, background)
        return Strip([Segment(text, self._style(ink, background)) for text, ink in _pieces(self._rows[y])], width)

    def _style(self, ink: str, background: Style) -> Style:
        if not ink:
            return background
        name = "chosen" if ink == "title" and self.is_chosen else ink
        if name not in self._inks:
            self._inks[name] = self.get_component_rich_style(f"chart--{name}")
        return self._inks[name]


def _pieces(row: Row) -> list[tuple[str, str]]:
    """Cells with one ink together, spaces in the ink before them: a change of colour costs more than a character."""
    pieces: list[tuple[str, str]] = []
    start, before = 0, ""
    for place, (text, ink) in enumerate(row):
        if ink != before and (text != " " or before == "title"):
            if place > start:
                pieces.append(("".join([cell[0] for cell in row[start:place]]), before))
            start, before = place, ink
    pieces.append(("".join([cell[0] for cell in row[start:]]), before))
    return pieces
