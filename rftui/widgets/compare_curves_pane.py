"""The curves of several runs on the same charts, read out at one cursor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

from textual.binding import BindingType
from textual.message import Message

from rftui.actions import bindings
from rftui.charts.curve_reads import MAX_POINTS
from rftui.charts.curves import Axis, Range, axis_label
from rftui.charts.panels import Panel, metrics_of
from rftui.charts.plot import Plot
from rftui.comparing.curve_reads import CurveCache, ManyCurves
from rftui.comparing.curves import (
    Overlay,
    Shown,
    Strand,
    axes_of,
    moved_place,
    overlay_panels,
    places_of,
    seed_groups,
    step_at,
    strands_of,
    whole_of_all,
)
from rftui.comparing.runs import CompareRuns
from rftui.widgets.charts_pane import ChartsPane
from rftui.widgets.compare_pane import WHAT
from store.layout import Home


class Found(NamedTuple):
    """What was read."""

    many: ManyCurves
    groups: list[tuple[str, ...]]
    """Runs that differ only by seed, and others alone."""


class CompareCurvesPane(ChartsPane):
    """Charts of several runs; each has one metric, and one line a run or a mean over seeds."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("overlay")

    class StepsChosen(Message):
        """The user wants to see what happened at a place of the axis."""

        def __init__(self, steps: Mapping[str, int]) -> None:
            super().__init__()
            self.steps = steps
            """The nearest step of each run."""

    def __init__(self, home: Home, runs: CompareRuns) -> None:
        super().__init__(home, WHAT)
        self.runs = runs
        self.is_banded = True
        self.cursor: float | None = None
        self.data: Found | None = None
        self._cache = CurveCache(home)
        self._overlay = Overlay()
        self._settings: dict[str, Mapping[str, Any]] = {}
        self._names: tuple[str, ...] = ()
        self._panels: list[Panel] = []

    def read(self) -> Found:
        """The curves of all charts; those of runs that did not go on are not read again."""
        runs = self.runs
        many = self._cache.read(runs.versions, metrics_of(self.panels), steps=self.part)
        if many.names != self._names or not self._panels:
            # which charts there are is known only now
            self._names = many.names
            methods = {name: summary.method for name, summary in runs.summaries.items()}
            self._panels = overlay_panels([(methods[name], set(data.names)) for name, data in many.runs.items()])
            many = self._cache.read(runs.versions, metrics_of(self.panels), steps=self.part)
        for name in many.runs:
            if name not in self._settings:
                # pydantic costs 0.1 s; the list of runs does without
                from rftui.comparing.compared_runs import run_settings

                self._settings[name] = run_settings(self.home.run(name))
        return Found(many, seed_groups({name: self._settings[name] for name in many.runs}))

    def draw(self, found: Found) -> None:
        """Shows what was read."""
        self.data = found
        problems = [f"{name} cannot be read: {why}" for name, why in found.many.problems.items()]
        self.say_problem("  ".join(problems))
        self.show_charts()

    @property
    def _curves(self) -> Mapping[str, Any]:
        return {} if self.data is None else self.data.many.runs

    @property
    def strands(self) -> list[Strand]:
        """The lines of every chart."""
        if self.data is None:
            return []
        groups = self.data.groups if self.is_banded else [(name,) for name in self._curves]
        return strands_of(self.runs.letters, groups)

    @property
    def has_data(self) -> bool:
        """Whether the runs were read."""
        return self.data is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that any of the runs has written."""
        return self._names

    @property
    def preset_panels(self) -> list[Panel]:
        """The charts of the methods of all runs."""
        return self._panels

    @property
    def axes(self) -> list[Axis]:
        """The axes that any run has a place on."""
        return axes_of(self._curves.values())

    @property
    def whole(self) -> Range:
        """From the first place of any run to beyond the last of any."""
        return whole_of_all(self._curves.values(), self.look.axis)

    @property
    def cursor_place(self) -> float | None:
        """Where the cursor stands."""
        return self.cursor

    def put_cursor(self, *, cells: int, width: int) -> None:
        """Moves the cursor, to where any run has a point."""
        places = places_of(self._curves.values(), self.look.axis)
        view = self.look.view or self.whole
        self.cursor = moved_place(places, self.cursor, view, cells=cells, width=width)

    def cursor_words(self) -> list[str]:
        """Which lines are means, and where the cursor stands."""
        said = [
            f"{strand.letter} mean of {len(strand.names)} seeds"
            f" ({' '.join(self.runs.letters[name] for name in strand.names)}), dim and in (): lowest to highest"
            for strand in self.strands
            if strand.is_seeds
        ]
        if self.cursor is not None:
            said.append(f"at {axis_label(self.cursor, self.look.axis)}")
        return said

    def plot(self, panel: Panel) -> Plot:
        """One metric of all runs."""
        view = self.look.view or self.whole
        return self._overlay.plot(panel, Shown(self.strands, self._curves, self.look, view, self.cursor))

    def part_of(self, view: Range) -> Range | None:
        """The steps of the view, where it is one of steps and a run is longer than what is read of it."""
        spans = [data.steps for data in self._curves.values() if data.steps is not None]
        is_long = any(span.high - span.low > MAX_POINTS for span in spans)
        return view if is_long and self.look.axis is Axis.STEP else None

    def change_axis(self, axis: Axis) -> None:
        """Keeps the cursor on the same step of the first run."""
        if self.cursor is not None:
            self.cursor = self._moved_to(axis, self.cursor)
        super().change_axis(axis)

    def _moved_to(self, axis: Axis, cursor: float) -> float | None:
        for data in self._curves.values():
            step = step_at(data, self.look.axis, cursor)
            if step is not None and (axis is Axis.STEP or axis in data.scales):
                return float(step) if axis is Axis.STEP else data.scales[axis].at(step)
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only seeds have a band."""
        if action == "band":
            return self.data is not None and any(len(group) > 1 for group in self.data.groups)
        return super().check_action(action, parameters)

    def action_band(self) -> None:
        """Mean and band over seeds, or every run by itself."""
        self.is_banded = not self.is_banded
        self.show_charts()

    def action_choose(self) -> None:
        """Asks for the rollouts at the cursor, or of the last steps."""
        axis = self.look.axis
        at = self.whole.high if self.cursor is None else self.cursor
        found = {name: step_at(data, axis, at) for name, data in self._curves.items()}
        steps = {name: step for name, step in found.items() if step is not None}
        if steps:
            self.post_message(self.StepsChosen(steps))
