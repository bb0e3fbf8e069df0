"""Charts in pages that are looked at alike: one cursor, one axis, one zoom for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Grid
from textual.events import Resize
from textual.widget import Widget
from textual.widgets import Static

from rftui.actions import bindings
from rftui.charts.chart_plots import Look
from rftui.charts.curves import Axis, Range, axis_label, panned, zoomed
from rftui.charts.panels import Panel, single
from rftui.charts.plot import Plot
from rftui.cli.output import is_ascii
from rftui.widgets.chart import Chart
from rftui.widgets.metric_search import MetricSearch
from rftui.widgets.pane import Pane
from store.layout import Home

WEIGHTS = (0.6, 0.8, 0.9, 0.97, 0.99)
LEAST_CHART_WIDTH = 40
LEAST_CHART_HEIGHT = 10
MOST_ACROSS = 3
EMPTY = "no metrics yet: the first come with the first step; Logs shows what the run prints"


class Slots(NamedTuple):
    """How many charts stand across and down."""

    across: int
    down: int

    @property
    def charts(self) -> int:
        """Charts of a page."""
        return self.across * self.down


def slots_for(width: int, height: int, panels: int) -> Slots:
    """As many charts as can be read, at least one, no more than there are."""
    across = max(1, min(MOST_ACROSS, width // LEAST_CHART_WIDTH, panels))
    down = max(1, min(height // LEAST_CHART_HEIGHT, -(-panels // across)))
    # four charts stand better two by two than three and one
    return Slots(min(across, -(-panels // down)), down)


class ChartsPane(Pane, can_focus=True):
    """Charts in pages, looked at alike. Subclasses say what is charted, and where on the axis their cursor stands."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("curves")
    DEFAULT_CSS = """
    ChartsPane Grid { height: 1fr; grid-gutter: 0 1; }
    ChartsPane #look { height: 1; color: $text-muted; padding: 0 1; }
    """

    def __init__(self, home: Home, name: str) -> None:
        super().__init__(home, name)
        self.look = Look(is_ascii=is_ascii())
        self.chosen = 0
        self.is_alone = False
        self.part: Range | None = None
        """Steps that are read in their own detail; None for the whole run."""
        self._added: list[Panel] = []
        self._strength = WEIGHTS.index(0.9)
        self._grid = Grid()
        self._charts: list[Chart] = []
        self._line = Static("reading the curves", id="look", markup=False)

    # what subclasses say

    @property
    def has_data(self) -> bool:
        """Whether anything was read."""
        raise NotImplementedError

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that can be charted."""
        raise NotImplementedError

    @property
    def preset_panels(self) -> list[Panel]:
        """The charts that are there without being asked for."""
        raise NotImplementedError

    @property
    def axes(self) -> list[Axis]:
        """The axes that there are."""
        raise NotImplementedError

    @property
    def whole(self) -> Range:
        """All there is of the axis."""
        raise NotImplementedError

    @property
    def cursor_place(self) -> float | None:
        """Where the cursor stands on the axis; None without one."""
        raise NotImplementedError

    def put_cursor(self, *, cells: int, width: int) -> None:
        """Moves the cursor by some of `width` cells."""
        raise NotImplementedError

    def cursor_words(self) -> list[str]:
        """Where the cursor stands."""
        raise NotImplementedError

    def plot(self, panel: Panel) -> Plot:
        """What a chart shows."""
        raise NotImplementedError

    def part_of(self, view: Range) -> Range | None:
        """The steps of a view that should be read in their own detail; None where there is no more to see."""
        raise NotImplementedError

    # what all have

    def content(self) -> Iterable[Widget]:
        """The charts, and a line that says how they are looked at."""
        yield self._grid
        yield self._line

    @property
    def panels(self) -> list[Panel]:
        """Every chart there is, the user's first."""
        return [*self._added, *self.preset_panels]

    @property
    def first_shown(self) -> int:
        """The number of the panel in the first slot."""
        return self.chosen if self.is_alone else self.chosen // self._slots.charts * self._slots.charts

    @property
    def _slots(self) -> Slots:
        if self.is_alone:
            return Slots(1, 1)
        return slots_for(self.size.width, self._grid.size.height, max(1, len(self.panels)))

    def on_resize(self, event: Resize) -> None:
        """Another size holds another number of charts; the grid has its own only after this."""
        self.call_after_refresh(self.show_charts)

    def show_charts(self) -> None:
        """Draws every chart of the page, each of which sends what changed."""
        panels = self.panels
        if not self.has_data:
            return
        if not panels:
            self._say(EMPTY)
            return
        self.chosen = min(self.chosen, len(panels) - 1)
        across, down = self._slots
        self._lay_out(across, down)
        first = self.first_shown
        for number, chart in enumerate(self._charts):
            panel = panels[first + number] if first + number < len(panels) and number < across * down else None
            chart.display = number < across * down
            chart.is_chosen = panel is not None and first + number == self.chosen
            chart.show(None if panel is None else self.plot(panel))
        self._say(self._look_line(len(panels), first, across * down))

    def _lay_out(self, across: int, down: int) -> None:
        if (self._grid.styles.grid_size_columns, self._grid.styles.grid_size_rows) != (across, down):
            self._grid.styles.grid_size_columns, self._grid.styles.grid_size_rows = across, down
        missing = [Chart() for _ in range(across * down - len(self._charts))]
        if missing:
            self._charts += missing
            self._grid.mount(*missing)

    def _look_line(self, count: int, first: int, shown: int) -> str:
        look = self.look
        parts = self.cursor_words()
        parts.append(f"x {look.axis.value}")
        parts.append(f"smoothing {look.weight}" if look.weight else "not smoothed")
        if look.is_log:
            parts.append("log y")
        if look.view is not None:
            parts.append(f"{axis_label(look.view.low, look.axis)} to {axis_label(look.view.high, look.axis)}")
        last = min(count, first + shown)
        parts.append(f"chart {self.chosen + 1} of {count}" + (f", {first + 1} to {last} here" if shown < count else ""))
        text, signs = "  ".join(parts), self.signs
        return f"{text}  {signs}" if signs and len(text) + len(signs) + 4 <= self.size.width else text

    @property
    def signs(self) -> str:
        """What the signs on the charts mean, where any stand there."""
        return ""

    def _say(self, text: str) -> None:
        if str(self._line.content) != text:
            self._line.update(Text(text), layout=False)

    def _change(self, **changed: object) -> None:
        self.look = self.look._replace(**changed)  # type: ignore[arg-type]
        self.show_charts()

    def action_cursor(self, cells: int) -> None:
        """Moves the cursor of all charts; the view follows it."""
        if not self.has_data or not self._charts:
            return
        self.put_cursor(cells=cells, width=self._charts[0].plot_width)
        self.follow_cursor()

    def follow_cursor(self) -> None:
        """Shows the cursor where it stands now, and moves the view to it."""
        x, view = self.cursor_place, self.look.view
        if x is not None and view is not None and not view.low <= x <= view.high:
            share = (x - (view.high if x > view.high else view.low)) / (view.high - view.low)
            view = panned(view, self.whole, share=share)
        self._view(view)

    def action_chart(self, by: int) -> None:
        """Chooses another chart."""
        self.chosen = max(0, min(len(self.panels) - 1, self.chosen + by))
        self.show_charts()

    def action_page(self, by: int) -> None:
        """Shows the charts before or after."""
        self.action_chart(by * self._slots.charts)

    def action_alone(self) -> None:
        """Shows the chosen chart alone, or all."""
        self.is_alone = not self.is_alone
        self.show_charts()
        self.call_after_refresh(self.show_charts)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where all charts are shown, escape means what it means outside."""
        return self.is_alone if action == "all" else True

    def action_all(self) -> None:
        """Shows all charts again."""
        self.action_alone()

    def action_axis(self) -> None:
        """Takes the next axis that there is."""
        if self.has_data:
            known, axis = self.axes, self.look.axis
            after = known[(known.index(axis) + 1) % len(known)] if axis in known else Axis.STEP
            self.change_axis(after)
            self._reads_part()

    def change_axis(self, axis: Axis) -> None:
        """Shows everything on another axis."""
        self._change(axis=axis, view=None)

    def action_smooth(self) -> None:
        """Smooths, or shows the curves as they are."""
        self._change(weight=0.0 if self.look.weight else WEIGHTS[self._strength])

    def action_strength(self) -> None:
        """Smooths more; after the most, least."""
        self._strength = (self._strength + 1) % len(WEIGHTS)
        self._change(weight=WEIGHTS[self._strength])

    def action_log(self) -> None:
        """Logarithmic or linear values."""
        self._change(is_log=not self.look.is_log)

    def action_zoom(self, factor: float) -> None:
        """Shows less or more around the cursor, or around the right end without one."""
        if not self.has_data:
            return
        whole, cursor = self.whole, self.cursor_place
        view = self.look.view or whole
        around = view.high if cursor is None else cursor
        near = zoomed(view, whole, factor=factor, around=min(view.high, max(view.low, around)))
        self._view(None if near == whole else near)

    def action_pan(self, share: float) -> None:
        """Moves the view."""
        if self.has_data and self.look.view is not None:
            self._view(panned(self.look.view, self.whole, share=share))

    def action_whole(self) -> None:
        """Shows everything, and what will come."""
        self._view(None)

    def _view(self, view: Range | None) -> None:
        """Shows another part of the axis; of a long run once it was read in its own detail, not twice."""
        self.look = self.look._replace(view=view)
        if not self._reads_part():
            self.show_charts()

    def _reads_part(self) -> bool:
        """Reads the part of a long run that is viewed, where it is another one."""
        view = self.look.view
        part = self.part_of(view) if self.has_data and view is not None else None
        if part == self.part:
            return False
        self.part = part
        self.read_again()
        return True

    def on_pane_broke(self, event: Pane.Broke) -> None:
        """What cannot be read in its detail is shown as it is known."""
        self.show_charts()

    def action_search(self) -> None:
        """Adds the chart of any metric."""
        self.app.push_screen(MetricSearch(self.names), self.add_metric)

    def add_metric(self, metric: str | None) -> None:
        """Adds the chart of a metric and goes to it; None adds nothing."""
        if metric is None:
            return
        panel = single(metric)
        if panel not in self._added:
            self._added.insert(0, panel)
        self.chosen = self._added.index(panel)
        self.read_again()
