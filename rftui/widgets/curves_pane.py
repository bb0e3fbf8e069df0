"""The tab of curves: the charts of a method and any other metric, one cursor through all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.binding import BindingType
from textual.containers import Grid
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from rftui.actions import bindings
from rftui.chart_plots import Look, moved_cursor, place, plot_of, steps_in, whole_of
from rftui.cli.output import is_ascii
from rftui.curve_reads import MAX_POINTS, RunCurves, read_curves
from rftui.curves import Axis, Range, axis_label, panned, zoomed
from rftui.panels import Panel, metrics_of, preset, single
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


class CurvesPane(Pane, can_focus=True):
    """Charts of one run."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("curves")
    DEFAULT_CSS = """
    CurvesPane Grid { height: 1fr; grid-gutter: 0 1; }
    CurvesPane #look { height: 1; color: $text-muted; padding: 0 1; }
    """

    class StepChosen(Message):
        """The user wants to see what happened at a step."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, home: Home, name: str, *, method: str) -> None:
        super().__init__(home, name)
        self.method = method
        self.look = Look(is_ascii=is_ascii())
        self.data: RunCurves | None = None
        self.chosen = 0
        self.is_alone = False
        self._added: list[Panel] = []
        self._strength = WEIGHTS.index(0.9)
        self._names: tuple[str, ...] = ()
        self._part: Range | None = None
        self._viewed: Range | None = None
        self._grid = Grid()
        self._charts: list[Chart] = []
        self._line = Static("reading the curves", id="look", markup=False)

    def content(self) -> Iterable[Widget]:
        """The charts, and a line that says how they are looked at."""
        yield self._grid
        yield self._line

    @property
    def panels(self) -> list[Panel]:
        """Every chart there is, the user's first."""
        return [*self._added, *preset(self.method, self._names)]

    @property
    def first_shown(self) -> int:
        """The number of the panel in the first slot."""
        return self.chosen if self.is_alone else self.chosen // self._slots.charts * self._slots.charts

    @property
    def _slots(self) -> Slots:
        if self.is_alone:
            return Slots(1, 1)
        return slots_for(self.size.width, self._grid.size.height, max(1, len(self.panels)))

    def read(self) -> RunCurves:
        """The curves of the charts on this page and on all others: paging should not wait."""
        found = read_curves(self.home, self.run_name, metrics_of(self.panels), steps=self._part)
        if found.names != self._names:
            # which charts there are is known only now
            self._names = found.names
            found = read_curves(self.home, self.run_name, metrics_of(self.panels), steps=self._part)
        return found

    def draw(self, found: RunCurves) -> None:
        """Shows what was read."""
        self.data = found
        self._show()

    def on_resize(self, event: Resize) -> None:
        """Another size holds another number of charts; the grid has its own only after this."""
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        """Draws every chart of the page, each of which sends what changed."""
        data, panels = self.data, self.panels
        if data is None:
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
            chart.show(None if panel is None else plot_of(panel, data, self.look))
        self._say(self._look_line(data, len(panels), first, across * down))

    def _lay_out(self, across: int, down: int) -> None:
        if (self._grid.styles.grid_size_columns, self._grid.styles.grid_size_rows) != (across, down):
            self._grid.styles.grid_size_columns, self._grid.styles.grid_size_rows = across, down
        missing = [Chart() for _ in range(across * down - len(self._charts))]
        if missing:
            self._charts += missing
            self._grid.mount(*missing)

    def _look_line(self, data: RunCurves, count: int, first: int, shown: int) -> str:
        look = self.look
        parts = []
        if look.cursor is not None:
            parts.append(f"step {look.cursor}")
            if look.axis is not Axis.STEP:
                parts.append(axis_label(place(data, look.axis, look.cursor), look.axis))
        parts.append(f"x {look.axis.value}")
        parts.append(f"smoothing {look.weight}" if look.weight else "not smoothed")
        if look.is_log:
            parts.append("log y")
        if look.view is not None:
            parts.append(f"{axis_label(look.view.low, look.axis)} to {axis_label(look.view.high, look.axis)}")
        last = min(count, first + shown)
        parts.append(f"chart {self.chosen + 1} of {count}" + (f", {first + 1} to {last} here" if shown < count else ""))
        signs = "^ checkpoint e evaluation : attempt" if look.is_ascii else "▲ checkpoint ◆ evaluation ┊ attempt"
        text = "  ".join(parts)
        return f"{text}  {signs}" if len(text) + len(signs) + 4 <= self.size.width else text

    def _say(self, text: str) -> None:
        if str(self._line.content) != text:
            self._line.update(Text(text), layout=False)

    def _change(self, **changed: object) -> None:
        self.look = self.look._replace(**changed)  # type: ignore[arg-type]
        self._show()

    def action_cursor(self, cells: int) -> None:
        """Moves the cursor of all charts; the view follows it."""
        if self.data is None or not self._charts:
            return
        step = moved_cursor(self.data, self.look, cells=cells, width=self._charts[0].plot_width)
        view = self.look.view
        if step is not None and view is not None:
            x, width = place(self.data, self.look.axis, step), view.high - view.low
            if not view.low <= x <= view.high:
                share = (x - (view.high if x > view.high else view.low)) / width
                view = panned(view, whole_of(self.data, self.look.axis), share=share)
        self._change(cursor=step, view=view)
        if view != self._viewed:
            self._read_part()

    def action_choose(self) -> None:
        """Asks for the step under the cursor, or the last."""
        if self.data is not None and self.data.steps is not None:
            step = self.look.cursor
            self.post_message(self.StepChosen(int(self.data.steps.high) if step is None else step))

    def action_chart(self, by: int) -> None:
        """Chooses another chart."""
        self.chosen = max(0, min(len(self.panels) - 1, self.chosen + by))
        self._show()

    def action_page(self, by: int) -> None:
        """Shows the charts before or after."""
        self.action_chart(by * self._slots.charts)

    def action_alone(self) -> None:
        """Shows the chosen chart alone, or all."""
        self.is_alone = not self.is_alone
        self._show()
        self.call_after_refresh(self._show)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where all charts are shown, escape means what it means outside."""
        return self.is_alone if action == "all" else True

    def action_all(self) -> None:
        """Shows all charts again."""
        self.action_alone()

    def action_axis(self) -> None:
        """Takes the next axis that this run has."""
        if self.data is not None:
            known = [axis for axis in Axis if axis is Axis.STEP or axis in self.data.scales]
            after = known[(known.index(self.look.axis) + 1) % len(known)] if self.look.axis in known else Axis.STEP
            self._change(axis=after, view=None)
            self._read_part()

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
        if self.data is None:
            return
        whole = whole_of(self.data, self.look.axis)
        view = self.look.view or whole
        cursor = self.look.cursor
        around = view.high if cursor is None else place(self.data, self.look.axis, cursor)
        near = zoomed(view, whole, factor=factor, around=min(view.high, max(view.low, around)))
        self._change(view=None if near == whole else near)
        self._read_part()

    def action_pan(self, share: float) -> None:
        """Moves the view."""
        if self.data is not None and self.look.view is not None:
            self._change(view=panned(self.look.view, whole_of(self.data, self.look.axis), share=share))
            self._read_part()

    def action_whole(self) -> None:
        """Shows everything, and what will come."""
        self._change(view=None)
        self._read_part()

    def _read_part(self) -> None:
        """Reads a part of a long run in its own detail."""
        self._viewed = self.look.view
        data, view = self.data, self.look.view
        part = None
        if data is not None and data.steps is not None and view is not None:
            is_long = data.steps.high - data.steps.low > MAX_POINTS
            part = steps_in(data, self.look.axis, view) if is_long else None
        if part != self._part:
            self._part = part
            self.read_again()

    def action_search(self) -> None:
        """Adds the chart of any metric."""
        self.app.push_screen(MetricSearch(self._names), self._add)

    def _add(self, metric: str | None) -> None:
        if metric is None:
            return
        panel = single(metric)
        if panel not in self._added:
            self._added.insert(0, panel)
        self.chosen = self._added.index(panel)
        self.read_again()
