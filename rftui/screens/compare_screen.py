"""Several runs beside each other: curves, settings that differ, evaluations with tests, rollouts of the same prompt."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static
from textual.worker import get_current_worker

from rftui.actions import bindings
from rftui.cli.output import is_ascii
from rftui.comparing.comparison import Contrast
from rftui.comparing.runs import CompareRuns, legend_lines, warning_lines
from rftui.comparing.watch import CompareWatch, WatchedRun
from rftui.screens.still_screen import StillScreen
from rftui.widgets.compare_curves_pane import CompareCurvesPane
from rftui.widgets.compare_evaluations_pane import CompareEvaluationsPane
from rftui.widgets.compare_pane import ComparePane
from rftui.widgets.compare_rollouts_pane import CompareRolloutsPane
from rftui.widgets.compare_settings_pane import CompareSettingsPane
from rftui.widgets.key_line import KeyLine
from rftui.widgets.span_view import SpanLines
from store.layout import Home

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.45
"""Each of several live runs writes at another moment, and each look that finds one draws all charts: with four of them
this halves what is drawn, and what was written is on the screen within half a second.
"""
CURVES, SETTINGS, EVALUATIONS, ROLLOUTS = "curves", "settings", "evaluations", "rollouts"
TABS = {CURVES: "Curves", SETTINGS: "Settings", EVALUATIONS: "Evaluations", ROLLOUTS: "Rollouts"}
"""Titles in order; the digit of a tab is its place."""
LOW = 30
"""Below so many lines the head gives way."""


class CompareScreen(StillScreen):
    """Everything about several runs; the first one is the baseline."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("compare", "app")
    DEFAULT_CSS = """
    CompareScreen #runs { height: 1; padding: 0 1; }
    CompareScreen #warnings { height: 1; padding: 0 1; display: none; }
    CompareScreen #tabs { height: 1; padding: 0 1; color: $text-muted; }
    CompareScreen ContentSwitcher { height: 1fr; }
    """

    class Left(Message):
        """The user wants the list back."""

    class News(Message):
        """Any of the runs went on."""

        bubble = False

        def __init__(self, runs: Sequence[WatchedRun]) -> None:
            super().__init__()
            self.runs = runs

    def __init__(self, home: Home, names: Sequence[str], pinned: str | None = None) -> None:
        super().__init__()
        self.home = home
        ordered = list(dict.fromkeys([*([pinned] if pinned else []), *names]))
        self.runs = CompareRuns([WatchedRun(name) for name in ordered])
        self._watch = CompareWatch(home, ordered)
        self._is_looking = False
        self._legend = SpanLines(id="runs")
        self._warnings = SpanLines(id="warnings")
        self._titles = Static("", id="tabs", markup=False)
        self._switcher = ContentSwitcher()
        self.curves = CompareCurvesPane(home, self.runs)
        self.settings = CompareSettingsPane(home, self.runs)
        self.evaluations = CompareEvaluationsPane(home, self.runs)
        self.rollouts = CompareRolloutsPane(home, self.runs)

    @property
    def _bodies(self) -> dict[str, CompareCurvesPane | ComparePane]:
        bodies = (self.curves, self.settings, self.evaluations, self.rollouts)
        return dict(zip(TABS, bodies, strict=True))

    def compose(self) -> ComposeResult:
        """Runs by letter, what must be said of them, names of the tabs, one tab, keys."""
        yield self._legend
        yield self._warnings
        yield self._titles
        yield self._switcher
        yield KeyLine(id="keys", is_read_only=self.home.is_read_only)

    @property
    def shown(self) -> str:
        """The id of the tab in sight."""
        return self._switcher.current or CURVES

    def on_mount(self) -> None:
        """Shows the first tab and starts to look."""
        self.show_tab(CURVES)
        self.set_interval(LOOK_EVERY_S, self.look)
        self.look()

    def on_unmount(self) -> None:
        """Lets go of the databases in a thread: the last one to close them writes back what was logged."""
        self.app.run_worker(self._watch.close, thread=True, exit_on_error=False)

    def on_resize(self) -> None:
        """The head fits the width."""
        self._show_head()

    def show_tab(self, name: str) -> None:
        """Shows a tab, which reads from now on, and quiets the others. One that nobody opened costs nothing."""
        if not self._bodies[name].is_attached:
            self._bodies[name].id = name
            self._switcher.mount(self._bodies[name])
        self._switcher.current = name
        for key, body in self._bodies.items():
            body.is_shown = key == name
        titles = Text()
        for number, (key, title) in enumerate(TABS.items(), 1):
            titles.append(f" {number} {title} ", style="bold reverse" if key == name else "")
            titles.append(" ")
        self._titles.update(titles, layout=False)
        self.call_after_refresh(self._bodies[name].focus)

    def action_tab(self, number: int) -> None:
        """A digit."""
        if number <= len(TABS):
            self.show_tab(list(TABS)[number - 1])

    def action_back(self) -> None:
        """To the list."""
        self.post_message(self.Left())

    @on(CompareCurvesPane.StepsChosen)
    def _open_steps(self, event: CompareCurvesPane.StepsChosen) -> None:
        """A place on the curves: the rollouts of those steps."""
        self.rollouts.show_steps(event.steps)
        self.show_tab(ROLLOUTS)

    @on(CompareEvaluationsPane.FlipsWanted)
    def _open_flips(self, event: CompareEvaluationsPane.FlipsWanted) -> None:
        """A test: the answers that two runs do not share."""
        contrast: Contrast = event.contrast
        self.rollouts.show_flips(contrast)
        self.show_tab(ROLLOUTS)

    def look(self) -> None:
        """Looks whether any of the runs went on, where it is not looking already."""
        # what nobody sees need not be read; a dialog is left soon
        if not self._is_looking and self.is_current:
            self._is_looking = True
            self.run_worker(self._look_in_thread, thread=True, group="look", exit_on_error=False)

    def _look_in_thread(self) -> None:
        worker = get_current_worker()
        try:
            runs = self._watch.look()
        except Exception:
            # the boundary of the watcher: what cannot be looked at now may be in a moment
            logger.warning("the runs could not be looked at", exc_info=True)
            return
        finally:
            self._is_looking = False
        if runs is not None and not worker.is_cancelled:
            self.post_message(self.News(runs))

    @on(News)
    def _take_news(self, event: News) -> None:
        """Tells head and tabs."""
        self.runs = CompareRuns(event.runs)
        self._show_head()
        for body in self._bodies.values():
            body.runs = self.runs
            body.version += 1

    def _show_head(self) -> None:
        width = self.size.width - 2
        if width <= 0:
            return
        is_low = self.size.height < LOW
        legend = legend_lines(self.runs, width, at_most=3 if is_low else 5, is_ascii=is_ascii())
        warnings = warning_lines(self.runs, width, at_most=1 if is_low else 3)
        for view, lines in ((self._legend, legend), (self._warnings, warnings)):
            _fit(view, len(lines))
            view.show(lines)


def _fit(view: Widget, height: int) -> None:
    """Gives a view its lines; another height moves everything below, so only where it is another one."""
    is_there = height > 0
    if view.display != is_there:
        view.display = is_there
    if is_there and (view.styles.height is None or view.styles.height.value != height):
        view.styles.height = height
