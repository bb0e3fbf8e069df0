"""The command palette: what works here by name, runs to open, metrics of the run in sight, themes.

Run and metric names are foreign: Textual's palette reads markup out of texts and help, so everything goes in as Text.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from rich.text import Text
from textual.command import CommandInput, CommandPalette, DiscoveryHit, Hit, Hits, Provider, SearchIcon
from textual.dom import DOMNode
from textual.screen import Screen
from textual.types import IgnoreReturnCallbackType

from rftui.actions import BY_ID, PLACES
from rftui.key_names import key_name
from rftui.screens.run_screen import RunScreen
from rftui.terminal.clean import one_line
from rftui.terminal.themes import OURS
from rftui.widgets.curves_pane import CurvesPane
from store.errors import StoreError
from store.runs import RunSummary, list_runs, open_catalogue

if TYPE_CHECKING:
    from rftui.app import RunListApp

logger = logging.getLogger(__name__)

MOST_SHOWN = 50
"""Of one kind: an option list pays for every option, and more letters narrow it down."""
ORDER = {name: place for place, name in enumerate(BY_ID)}
"""Places in the table."""
NEWEST_RUNS = 5
"""Runs offered before anything is typed."""


class Command(NamedTuple):
    """Something that can be done."""

    title: str
    """What is searched."""
    aside: str
    """Shown behind it: keys, state, what it is."""
    run: IgnoreReturnCallbackType

    @property
    def prompt(self) -> Text:
        """One line of the list."""
        return Text.assemble(self.title, (f"   {self.aside}" if self.aside else "", "dim"), no_wrap=True)


def fitting(query: str, titles: Iterable[str]) -> Iterator[tuple[float, int]]:
    """Scores over 0 and places of the titles that hold every word of the query; the start of a word scores more.

    A fuzzy match of ten thousand names would take longer than the next key does.
    """
    words = query.lower().split()
    for place, title in enumerate(titles):
        text = title.lower()
        at = [text.find(word) for word in words]
        if all(start >= 0 for start in at):
            at_starts = sum(start == 0 or not text[start - 1].isalnum() for start in at)
            # of two that fit alike, the one offered earlier stands first
            yield (1 + at_starts) / (1 + len(words)) - place / 1e9, place


class _FirstHit(DiscoveryHit):
    """An offer with a place: Textual asks its providers in no order."""

    place = 0

    @property
    def score(self) -> float:
        """Higher stands further up."""
        return float(-self.place)


class _Commands(Provider):
    """Finds commands by words; subclasses say which there are."""

    ORDER: ClassVar[int] = 0
    """Kinds with lower numbers are offered first."""

    def commands(self) -> Sequence[Command]:
        """Everything there is, in the order in which it is offered."""
        raise NotImplementedError

    def first(self) -> Sequence[Command]:
        """What is offered before anything is typed."""
        return self.commands()

    async def discover(self) -> Hits:
        """Offers the first."""
        for place, command in enumerate(self.first()):
            hit = _FirstHit(command.prompt, command.run, text=command.title)
            hit.place = self.ORDER * 1000 + place
            yield hit

    async def search(self, query: str) -> Hits:
        """Offers what holds every word."""
        commands = self.commands()
        found = sorted(fitting(query, [command.title for command in commands]), reverse=True)
        for score, place in found[:MOST_SHOWN]:
            command = commands[place]
            yield Hit(score, command.prompt, command.run, text=command.title)

    @property
    def dashboard(self) -> RunListApp:
        """The application."""
        return cast("RunListApp", self.app)


class ActionCommands(_Commands):
    """Every action of the table that works on this screen, with this focus."""

    ORDER = 2

    def commands(self) -> Sequence[Command]:
        """In the order of the table, those of this place before those of everywhere."""
        keys: dict[str, list[str]] = {}
        nodes: dict[str, DOMNode] = {}
        for key, active in self.screen.active_bindings.items():
            name = active.binding.id or ""
            if name in BY_ID and active.enabled and name != "app.palette":
                keys.setdefault(name, []).append(key_name(key))
                nodes.setdefault(name, active.node)
        actions = sorted((BY_ID[name] for name in keys), key=lambda action: (action.place == "app", ORDER[action.id]))
        return [
            Command(
                action.tooltip,
                f"{' '.join(keys[action.id])}  {PLACES[action.place]}",
                partial(self.app.run_action, action.action, nodes[action.id]),
            )
            for action in actions
        ]


class RunCommands(_Commands):
    """Opens any run."""

    ORDER = 1

    def __init__(self, screen: Screen[Any], match_style: Any = None) -> None:
        super().__init__(screen, match_style)
        self._runs: Sequence[RunSummary] = ()

    async def startup(self) -> None:
        """Reads the runs, in a thread."""
        self._runs = await asyncio.to_thread(self._read)

    def _read(self) -> Sequence[RunSummary]:
        try:
            with closing(open_catalogue(self.dashboard.home)) as connection:
                return list_runs(connection)
        except (OSError, StoreError, sqlite3.Error) as error:
            # the palette's boundary: without the store it still has keys and themes
            logger.warning("the palette cannot offer runs: %s", one_line(error))
            return ()

    def commands(self) -> Sequence[Command]:
        """Newest first."""
        return [self._command(run) for run in self._runs]

    def first(self) -> Sequence[Command]:
        """The newest few."""
        return [self._command(run) for run in self._runs[:NEWEST_RUNS]]

    def _command(self, run: RunSummary) -> Command:
        what = "  ".join(one_line(part, width=60) for part in (run.state, run.task, run.method, run.model) if part)
        return Command(f"open run {one_line(run.name, width=60)}", what, partial(self.dashboard.open_run, run))


class StudyCommands(_Commands):
    """Opens any study."""

    ORDER = 1

    def __init__(self, screen: Screen[Any], match_style: Any = None) -> None:
        super().__init__(screen, match_style)
        self._names: Sequence[str] = ()

    async def startup(self) -> None:
        """Reads the names of the studies, in a thread."""
        self._names = await asyncio.to_thread(self._read)

    def _read(self) -> Sequence[str]:
        # studies are defined by pydantic: 0.1 s that a home without any need not pay
        if not (self.dashboard.home.path / "studies").is_dir():
            return ()
        from rftui.studies.places import study_names

        try:
            return study_names(self.dashboard.home)
        except OSError as error:
            # the palette's boundary: it still has everything else
            logger.warning("the palette cannot offer studies: %s", one_line(error))
            return ()

    def commands(self) -> Sequence[Command]:
        """By name."""
        return [
            Command(f"open study {one_line(name)}", "its grid", partial(self.dashboard.open_study, name))
            for name in self._names
        ]


class MetricCommands(_Commands):
    """Shows any metric of the run in sight."""

    ORDER = 3

    def commands(self) -> Sequence[Command]:
        """In the order in which the run has them."""
        screen = self.screen
        if not isinstance(screen, RunScreen):
            return ()
        return [
            Command(f"metric {one_line(name, width=90)}", "add its chart", partial(self._show, screen, name))
            for curves in screen.query(CurvesPane)
            for name in curves.names
        ]

    def _show(self, screen: RunScreen, name: str) -> None:
        for curves in screen.query(CurvesPane):
            screen.show_tab(curves.id or "")
            curves.add_metric(name)

    def first(self) -> Sequence[Command]:
        """None: there are many."""
        return ()


class ThemeCommands(_Commands):
    """Another look, remembered."""

    ORDER = 4

    def commands(self) -> Sequence[Command]:
        """Ours first."""
        others = sorted(set(self.app.available_themes) - set(OURS))
        now = self.app.theme
        return [
            Command(
                f"theme {name}",
                "in use" if name == now else "colours that colour-blind eyes tell apart" if name in OURS[:2] else "",
                partial(self.dashboard.choose_theme, name),
            )
            for name in (*OURS, *others)
        ]

    def first(self) -> Sequence[Command]:
        """Ours."""
        return self.commands()[: len(OURS)]


class Palette(CommandPalette):
    """Textual's palette with our providers, in their order."""

    PROVIDERS: ClassVar[tuple[type[Provider], ...]] = (
        *(ActionCommands, RunCommands, StudyCommands),
        *(MetricCommands, ThemeCommands),
    )
    DEFAULT_CSS = """
    Palette CommandList > .option-list--option { text-style: none; }
    """

    def __init__(self) -> None:
        super().__init__(self.PROVIDERS, placeholder="an action, a run, a study, a metric, a theme")

    def on_mount(self) -> None:
        """The sign of the key that opened it."""
        self.query_one(SearchIcon).icon = ":"
        line = self.query_one(CommandInput)
        # a caret that blinks sends 2 kB/s
        line.cursor_blink = False
        line.focus()
