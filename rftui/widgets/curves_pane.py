"""The tab of curves: the charts of a method and any other metric of one run."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from rftui.actions import bindings
from rftui.charts.alerts import WATCHED, Alert, alerts_of
from rftui.charts.chart_plots import Lines, moved_cursor, place, plot_of, steps_in, whole_of
from rftui.charts.curve_reads import (
    AS_IT_IS,
    MAX_POINTS,
    RunCurves,
    memory_of,
    read_curves,
    read_names,
    sketch_curves,
)
from rftui.charts.curves import Axis, Range, axis_label
from rftui.charts.panels import Panel, metrics_of, preset
from rftui.charts.plot import ALERT, Plot
from rftui.terminal.clean import one_line
from rftui.widgets.charts_pane import ChartsPane
from store.layout import Home


class CurvesPane(ChartsPane):
    """Charts of one run."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("alerts")

    class StepChosen(Message):
        """The user wants to see what happened at a step."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self, home: Home, name: str, *, method: str) -> None:
        super().__init__(home, name)
        self.method = method
        self.data: RunCurves | None = None
        self._names: tuple[str, ...] = ()
        self._alerts: tuple[Alert, ...] = ()
        self._memory = memory_of(home.path, name)
        self._lines = Lines()

    def on_mount(self) -> None:
        """Reads what the store holds at once, while it is looked whether the run went on."""
        self.version = AS_IT_IS

    def read(self) -> RunCurves:
        """The curves of the charts on this page and on all others: paging should not wait."""
        # which charts there are depends on what the run has written
        self._names = read_names(self.home, self.run_name)
        wanted = metrics_of(self.panels) | WATCHED
        if self.data is None and (first := sketch_curves(self.home, self.run_name, wanted)) is not None:
            return first
        version, part = self.version, self.part
        known = self._memory.known_at(version)
        if part is not None:
            # a part of a run cannot tell what went wrong outside of it
            wanted = metrics_of(self.panels)
        memory = self._memory.curves
        found = read_curves(self.home, self.run_name, wanted, steps=part, memory=memory, known=known)
        if part is None:
            self._alerts = alerts_of(found.curves, found.evaluations)
        self._memory.keep(version, found)
        return found._replace(alerts=self._alerts)

    def draw(self, found: RunCurves) -> None:
        """Shows what was read."""
        self.data = found
        self.show_charts()
        if found.is_sketch:
            self.read_again()

    @property
    def known(self) -> RunCurves:
        """What was read. Nothing asks for it before."""
        assert self.data is not None
        return self.data

    @property
    def has_data(self) -> bool:
        """Whether the run was read."""
        return self.data is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that the run has written."""
        return self._names

    @property
    def preset_panels(self) -> list[Panel]:
        """The charts of the method."""
        return preset(self.method, self._names)

    @property
    def axes(self) -> list[Axis]:
        """The axes on which the run's steps have a place."""
        return [axis for axis in Axis if axis is Axis.STEP or axis in self.known.scales]

    @property
    def whole(self) -> Range:
        """From the first to the last step."""
        return whole_of(self.known, self.look.axis)

    @property
    def cursor_place(self) -> float | None:
        """The place of the step under the cursor."""
        step = self.look.cursor
        return None if step is None else place(self.known, self.look.axis, step)

    def put_cursor(self, *, cells: int, width: int) -> None:
        """Moves the cursor, from step to step."""
        self.look = self.look._replace(cursor=moved_cursor(self.known, self.look, cells=cells, width=width))

    def cursor_words(self) -> list[str]:
        """Its step, and its place on another axis."""
        x, axis = self.cursor_place, self.look.axis
        if x is None:
            return self._alert_words()
        place_words = [axis_label(x, axis)] if axis is not Axis.STEP else []
        return [f"step {self.look.cursor}", *place_words, *self._alert_words()]

    def _alert_words(self) -> list[str]:
        """The alarms at the cursor, else how many there are."""
        alerts = self.known.alerts
        here = [f"{ALERT} {one_line(alert.text)}" for alert in alerts if alert.step == self.look.cursor]
        return here or ([f"{ALERT} {len(alerts)} alarm{'s' * (len(alerts) > 1)} (a)"] if alerts else [])

    def action_alert(self) -> None:
        """Puts the cursor on the next alarm; after the last one on the first."""
        steps = sorted({alert.step for alert in self.data.alerts}) if self.data is not None else []
        if not steps:
            self.app.notify("no alarm: groups, lengths, KL, entropy and all numbers look sound", markup=False)
            return
        here = -1 if self.look.cursor is None else self.look.cursor
        self.look = self.look._replace(cursor=next((step for step in steps if step > here), steps[0]))
        self.follow_cursor()

    @property
    def signs(self) -> str:
        """Marks on the axis."""
        checkpoint, evaluation, attempt = ("^", "e", ":") if self.look.is_ascii else ("▲", "◆", "┊")
        alarm = f" {ALERT} alarm" if self.known.alerts else ""
        return f"{checkpoint} checkpoint {evaluation} evaluation {attempt} attempt{alarm}"

    def plot(self, panel: Panel) -> Plot:
        """The curves of a panel."""
        return plot_of(panel, self.known, self.look, self._lines)

    def part_of(self, view: Range) -> Range | None:
        """The steps of the view, where the run is longer than what is read of it."""
        steps = self.known.steps
        if steps is None or steps.high - steps.low <= MAX_POINTS:
            return None
        return steps_in(self.known, self.look.axis, view)

    def action_choose(self) -> None:
        """Asks for the step under the cursor, or the last."""
        if self.data is not None and self.data.steps is not None:
            step = self.look.cursor
            self.post_message(self.StepChosen(int(self.data.steps.high) if step is None else step))
