"""The tab of the system: GPUs with who holds them, CPU, memory, disk and energy in words, and as charts over time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Grid
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from rftui.actions import bindings
from rftui.charts.plot import Plot
from rftui.cli.output import is_ascii
from rftui.system.plots import Window, next_window
from rftui.system.reads import SystemPage, SystemSource
from rftui.system.text import system_lines
from rftui.widgets.chart import Chart
from rftui.widgets.charts_pane import Slots, slots_for
from rftui.widgets.pane import Pane
from rftui.widgets.span_view import SpanLines
from store.layout import Home

MOST_WORDS = 0.6
"""Share of the height that words may take from the charts."""


class SystemPane(Pane, can_focus=True):
    """What the run's machine does."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("system")
    DEFAULT_CSS = """
    SystemPane #system-words { height: 1; padding: 0 1; margin: 0 0 1 0; }
    SystemPane Grid { height: 1fr; grid-gutter: 0 1; }
    SystemPane #system-look { height: 1; color: $text-muted; padding: 0 1; }
    """

    def __init__(self, home: Home, name: str) -> None:
        super().__init__(home, name)
        self.source = SystemSource(home, name)
        self.page: SystemPage | None = None
        self.window = Window.WHOLE
        self.first = 0
        """The number of the chart in the first slot."""
        self.words = SpanLines(id="system-words")
        self._grid = Grid()
        self._charts: list[Chart] = []
        self._look = Static("reading the samples", id="system-look", markup=False)

    def content(self) -> Iterable[Widget]:
        """Words, charts, and a line that says what the charts show."""
        yield self.words
        yield self._grid
        yield self._look

    def read(self) -> SystemPage | None:
        """Everything so far; None where no sample came and nobody took or gave back a GPU."""
        page = self.source.page(self.window, is_ascii=is_ascii())
        return None if page == self.page else page

    def draw(self, found: SystemPage) -> None:
        """Shows what was read."""
        self.page = found
        self._show()

    def on_resize(self, event: Resize) -> None:
        """Fits the new size; the grid has its own only after this."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        page = self.page
        if page is None:
            return
        lines = system_lines(page, max(1, self.size.width - 2))
        height = max(1, min(len(lines), int(self.size.height * MOST_WORDS)))
        self.words.show(lines)
        if self.words.styles.height is None or self.words.styles.height.value != height:
            self.words.styles.height = height
            self.call_after_refresh(self._show_charts, page.plots)
        else:
            self._show_charts(page.plots)

    def _show_charts(self, plots: Sequence[Plot]) -> None:
        slots = slots_for(self.size.width, self._grid.size.height, max(1, len(plots)))
        self._lay_out(slots)
        self.first = max(0, min(self.first, len(plots) - 1)) // slots.charts * slots.charts
        for number, chart in enumerate(self._charts):
            chart.display = number < slots.charts
            place = self.first + number
            chart.show(plots[place] if number < slots.charts and place < len(plots) else None)
        self._say(self._look_text(len(plots), slots.charts))

    def _lay_out(self, slots: Slots) -> None:
        styles = self._grid.styles
        if (styles.grid_size_columns, styles.grid_size_rows) != (slots.across, slots.down):
            styles.grid_size_columns, styles.grid_size_rows = slots.across, slots.down
        missing = [Chart() for _ in range(slots.charts - len(self._charts))]
        if missing:
            self._charts += missing
            self._grid.mount(*missing)

    def _look_text(self, count: int, shown: int) -> str:
        if not count:
            return ""
        part = f"  charts {self.first + 1} to {min(count, self.first + shown)} of {count}" if shown < count else ""
        window = self.page.version[1] if self.page is not None else self.window
        return f"{window.value} (w){part}  a sample every 5 s; a pause is a gap"

    def _say(self, text: str) -> None:
        if str(self._look.content) != text:
            self._look.update(Text(text), layout=False)

    def action_window(self) -> None:
        """Shows more or less of the run's time."""
        self.window = next_window(self.window)
        self.read_again()

    def action_page(self, by: int) -> None:
        """Shows the charts before or after."""
        if self.page is not None:
            shown = sum(chart.display for chart in self._charts)
            if 0 <= self.first + by * shown < len(self.page.plots):
                self.first += by * shown
                self._show_charts(self.page.plots)
