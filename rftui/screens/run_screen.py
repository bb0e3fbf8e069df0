"""One run: a header, and tabs that read and draw only while they are shown."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static
from textual.worker import get_current_worker

from rftui.actions import bindings
from rftui.cli.output import is_ascii
from rftui.formats import COLOURS
from rftui.runs.texts import header_text
from rftui.runs.watch import RunNews, RunWatch
from rftui.screens.still_screen import StillScreen
from rftui.terminal.clean import one_line
from rftui.widgets.curves_pane import CurvesPane
from rftui.widgets.evals_pane import EvalsPane
from rftui.widgets.key_line import KeyLine
from rftui.widgets.logs_pane import LogsPane
from rftui.widgets.pane import Pane
from rftui.widgets.rollouts_view import RolloutsView
from rftui.widgets.system_pane import SystemPane
from rftui.widgets.text_panes import ConfigPane, ForecastPane, OverviewPane
from store.layout import Home
from store.runs import RunSummary

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.3


class Tab(NamedTuple):
    """One tab of a run; its digit is its place in the table."""

    id: str
    title: str
    make: Callable[[Home, RunSummary], Widget]
    """A Pane is told when to read; any other widget looks after itself."""


TABS = (
    Tab("curves", "Curves", lambda home, run: CurvesPane(home, run.name, method=run.method)),
    Tab("rollouts", "Rollouts", lambda home, run: RolloutsView(home, run.name)),
    # what a sampling before training has in the place of evaluations is its forecast
    Tab(
        "evals",
        "Evals",
        lambda home, run: (
            ForecastPane(home, run.name) if run.method == "suit" else EvalsPane(home, run.name, method=run.method)
        ),
    ),
    Tab("logs", "Logs", lambda home, run: LogsPane(home, run.name)),
    Tab("system", "System", lambda home, run: SystemPane(home, run.name)),
    Tab("config", "Config", lambda home, run: ConfigPane(home, run.name)),
    Tab("overview", "Overview", lambda home, run: OverviewPane(home, run.name)),
)
"""Every tab, in order."""


class RunScreen(StillScreen):
    """Everything about one run."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("run", "control", "app")
    DEFAULT_CSS = """
    RunScreen #header { height: 1; padding: 0 1; }
    RunScreen #tabs { height: 1; padding: 0 1; color: $text-muted; }
    RunScreen ContentSwitcher { height: 1fr; }
    """

    class Left(Message):
        """The user wants the list back."""

    class News(Message):
        """The run went on."""

        bubble = False

        def __init__(self, news: RunNews) -> None:
            super().__init__()
            self.news = news

    class Broke(Message):
        """The run could not be looked at."""

        bubble = False

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(
        self, home: Home, summary: RunSummary, tabs: tuple[Tab, ...] = TABS, *, first: str | None = None
    ) -> None:
        super().__init__()
        self.home = home
        self.summary = summary
        self._tabs = tabs
        self._first = first if first in [tab.id for tab in tabs] else tabs[0].id
        self._watch = RunWatch(home, summary.name)
        self._is_looking = False
        self._left_s: float | None = None
        self._header = Static("", id="header", markup=False)
        self._titles = Static("", id="tabs", markup=False)
        self._switcher = ContentSwitcher()
        self._bodies: dict[str, Widget] = {}
        """Tabs that were opened: one that nobody opened costs nothing."""
        self._news: RunNews | None = None

    def compose(self) -> ComposeResult:
        """Header, names of the tabs, one tab, keys."""
        yield self._header
        yield self._titles
        yield self._switcher
        yield KeyLine(id="keys", is_read_only=self.home.is_read_only)

    def _made(self, tab: Tab) -> Widget:
        try:
            return tab.make(self.home, self.summary)
        except Exception as error:
            # a tab's boundary: one that cannot be made must not keep the others away
            logger.warning("tab %s could not be made", tab.id, exc_info=True)
            return Static(Text(f"this tab cannot be shown: {one_line(error)}"), markup=False)

    @property
    def selected_runs(self) -> list[str]:
        """The run that keys which change runs mean."""
        return [self.summary.name]

    @property
    def shown(self) -> str:
        """The id of the tab in sight."""
        return self._switcher.current or self._tabs[0].id

    async def on_mount(self) -> None:
        """Shows a tab and starts to look."""
        self._show_header()
        await self.open_tab(self._first)
        self.set_interval(LOOK_EVERY_S, self._look)
        self._look()

    def on_unmount(self) -> None:
        """Lets go of the databases in a thread: the last one to close them writes back what was logged."""
        self.app.run_worker(self._watch.close, thread=True, exit_on_error=False)

    def on_resize(self) -> None:
        """The header fits the width."""
        self._show_header()

    async def open_tab(self, name: str) -> None:
        """Shows a tab, which is made where nobody opened it before."""
        if name not in self._bodies:
            body = self._bodies[name] = self._made(next(tab for tab in self._tabs if tab.id == name))
            body.id = name
            # keys that were typed ahead wait for what they are meant for
            await self._switcher.mount(body)
            self._tell(body)
        self.show_tab(name)

    def show_tab(self, name: str) -> None:
        """Shows a tab that was opened, which reads from now on, and quiets the others."""
        self._switcher.current = name
        for key, body in self._bodies.items():
            if isinstance(body, Pane):
                body.is_shown = key == name
        titles = Text()
        for number, tab in enumerate(self._tabs, 1):
            titles.append(f" {number} {tab.title} ", style="bold reverse" if tab.id == name else "")
            titles.append(" ")
        self._titles.update(titles, layout=False)
        body = self._bodies[name]
        body.focus() if body.focusable or isinstance(body, Pane) else self.set_focus(None)

    async def action_tab(self, number: int) -> None:
        """A digit."""
        if number <= len(self._tabs):
            await self.open_tab(self._tabs[number - 1].id)

    async def on_curves_pane_step_chosen(self, event: CurvesPane.StepChosen) -> None:
        """Opens the rollouts of the step, where they can be shown."""
        if any(tab.id == "rollouts" for tab in self._tabs):
            await self.open_tab("rollouts")
            body = self._bodies["rollouts"]
            if isinstance(body, RolloutsView):
                body.show_step(event.step)

    def action_back(self) -> None:
        """To the list."""
        self.post_message(self.Left())

    def _look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self.run_worker(self._look_in_thread, thread=True, group="look", exit_on_error=False)

    def _look_in_thread(self) -> None:
        worker = get_current_worker()
        try:
            news = self._watch.look()
        except Exception as error:
            # the boundary of the watcher: a store that cannot be read now may be readable in a moment
            logger.warning("%s could not be looked at", self.summary.name, exc_info=True)
            self._is_looking = False
            if not worker.is_cancelled:
                self.post_message(self.Broke(f"cannot be read: {one_line(error)}"))
            return
        self._is_looking = False
        if news is not None and not worker.is_cancelled:
            self.post_message(self.News(news))

    def on_run_screen_news(self, event: News) -> None:
        """Tells header and tabs."""
        self._news = event.news
        self.summary, self._left_s = event.news.summary, event.news.left_s
        self._show_header()
        for body in self._bodies.values():
            self._tell(body)

    def _tell(self, body: Widget) -> None:
        """Tells a tab how much there is to read."""
        if isinstance(body, Pane) and self._news is not None:
            # how the run ended is in the journals, also where its output is shown
            output = self._news.output if body.FOLLOWS_OUTPUT else 0
            body.version = self._news.journals + output

    def on_run_screen_broke(self, event: Broke) -> None:
        """What was shown stays, and the header says why it is old."""
        self._set_header(Text(f"{one_line(self.summary.name)}  {event.reason}"))

    def _show_header(self) -> None:
        aside = "  read-only" if self.home.is_read_only else ""
        width = max(20, self.size.width - 2 - len(aside))
        text = header_text(self.summary, left_s=self._left_s, width=width, is_ascii=is_ascii())
        name = one_line(self.summary.name)
        header = Text(text)
        header.stylize("bold", 0, len(name))
        if colour := COLOURS.get(self.summary.state):
            start = len(name) + 2
            header.stylize(colour, start, start + len(self.summary.state) + 2)
        header.append(aside, style="bold")
        self._set_header(header)

    def _set_header(self, header: Text) -> None:
        if self._header.content != header:
            self._header.update(header, layout=False)
