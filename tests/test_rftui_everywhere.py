"""What works on every screen: one table of keys, the palette, themes, the user's keys, reading alone, the last run."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.command import Command, CommandList
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.widgets import Input

import rftui.screens
import rftui.widgets
from rftui.actions import ACTIONS, BY_ID
from rftui.app import RunListApp, last_run
from rftui.palette import Palette, fitting
from rftui.screens.help_screen import HelpScreen, help_text
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from rftui.terminal.themes import DARK, LIGHT, OURS
from rftui.user_keys import UserKeys, parse_user_keys
from rftui.view_memory import recall, remember
from store.layout import Home
from tests.dashboard import HOSTILE, curved_run


def our_nodes() -> Iterator[type[DOMNode]]:
    """Every screen and widget class of ours, and the application."""
    for package in (rftui.screens, rftui.widgets):
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    found = [DOMNode]
    for node in found:
        found += [below for below in node.__subclasses__() if below not in found]
    return (node for node in found if node.__module__.startswith("rftui."))


def test_every_binding_of_ours_comes_from_the_table() -> None:
    for node in our_nodes():
        for binding in node.__dict__.get("BINDINGS", ()):
            action = BY_ID[binding.id]
            assert (binding.key, binding.action) == (action.keys, action.action), f"{node.__name__}: {binding}"


def test_keys_that_work_together_at_one_screen_or_widget_mean_one_thing() -> None:
    for node in our_nodes():
        # keys of a widget above another win over those below; on one node only check_action can keep two apart
        is_choosing = any(
            "check_action" in base.__dict__ for base in node.__mro__ if base.__module__.startswith("rftui.")
        )
        meanings: dict[tuple[str, str], set[str]] = {}
        for binding in node.__dict__.get("BINDINGS", ()):
            place = BY_ID[binding.id].place if is_choosing else ""
            for key in binding.key.split(","):
                meanings.setdefault((place, key), set()).add(binding.id)
        assert {key: ids for key, ids in meanings.items() if len(ids) > 1} == {}, node.__name__


def test_every_place_is_bound_somewhere() -> None:
    bound = {BY_ID[binding.id].place for node in our_nodes() for binding in node.__dict__.get("BINDINGS", ())}

    assert {action.place for action in ACTIONS} == bound


def test_the_help_fits_eighty_columns_and_indents_what_it_wraps() -> None:
    lines = help_text((), {}).plain.split("\n")

    assert max(map(len, lines)) <= 70
    assert all(line.startswith("  ") or line[:1].strip() or not line for line in lines)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("grpo", "open run sat-grpo-12"),  # of two that fit alike, the one that was offered first
        ("grpo 9", "open run air-grpo-9"),
        ("light", "theme rftui-light"),  # the start of a word, and not of dark-twilight
        ("9 air", "open run air-grpo-9"),  # in any order
    ],
)
def test_the_palette_finds_by_words(query: str, first: str) -> None:
    titles = ["open run sat-grpo-12", "open run air-grpo-9", "theme twilight", "theme rftui-light"]

    assert titles[max(fitting(query, titles))[1]] == first
    assert list(fitting("nothing like it", titles)) == []


class Open:
    """An application under Textual's pilot."""

    def __init__(self, app: RunListApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits for something to become true."""
        async with asyncio.timeout(20):
            while not condition():
                await self.pilot.pause(0.02)

    async def palette(self, query: str, *, at_least: int = 1) -> list[str]:
        """Opens the palette and searches; the titles that it offers."""
        await self.pilot.press("colon")
        await self.until(lambda: isinstance(self.app.screen, Palette))
        self.app.screen.query_one(Input).value = query
        options = self.app.screen.query_one(CommandList)
        await self.until(
            lambda: (
                [hit for hit in self._hits() if all(word in str(hit.text).lower() for word in query.lower().split())][
                    at_least - 1 :
                ]
                and len(self._hits()) == options.option_count
            )
        )
        await self.pilot.pause(0.3)
        return [str(hit.text) for hit in self._hits()]

    def _hits(self) -> list[Any]:
        options = self.app.screen.query_one(CommandList)
        return [option.hit for option in options.options if isinstance(option, Command)]


def drive(app: RunListApp, scenario: Callable[[Open], Awaitable[None]], *, size: tuple[int, int] = (120, 40)) -> None:
    """Runs a scenario once the list shows its run."""

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            opened = Open(app, pilot)
            await opened.until(lambda: isinstance(app.screen, RunListScreen) and app.screen.selected_runs)
            await scenario(opened)

    asyncio.run(run())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with one run, which no test changes."""
    place = Home(tmp_path_factory.mktemp("home"))
    curved_run(place)
    return place


def test_the_palette_opens_a_run_shows_a_metric_and_a_theme(home: Home) -> None:
    async def scenario(opened: Open) -> None:
        await opened.palette("open run")
        await opened.pilot.press("enter")
        await opened.until(lambda: isinstance(opened.app.screen, RunScreen))
        screen = opened.app.screen
        await opened.until(lambda: screen.query_one("CurvesPane").names)  # type: ignore[attr-defined]

        titles = await opened.palette("metric odd")
        assert titles == ["metric odd/[/b] [@click=app.quit()]x[/] abc"]
        await opened.pilot.press("enter")
        await opened.until(lambda: opened.app.screen is screen)
        await opened.until(lambda: HOSTILE in screen.query_one("CurvesPane").panels[0].title)  # type: ignore[attr-defined]

        await opened.palette(f"theme {LIGHT}")
        await opened.pilot.press("enter")
        await opened.until(lambda: opened.app.theme == LIGHT)
        assert recall(None, "theme") == LIGHT

    drive(RunListApp(home), scenario)


def test_the_palette_does_what_a_key_of_this_screen_does(home: Home) -> None:
    async def scenario(opened: Open) -> None:
        titles = await opened.palette("every key that works")
        assert titles[0] == BY_ID["app.help"].tooltip
        await opened.pilot.press("enter")
        await opened.until(lambda: isinstance(opened.app.screen, HelpScreen))

    drive(RunListApp(home), scenario)


@pytest.mark.parametrize("theme", OURS)
def test_every_theme_of_ours_draws_every_screen(home: Home, theme: str) -> None:
    async def scenario(opened: Open) -> None:
        await opened.pilot.press("enter")
        await opened.until(lambda: isinstance(opened.app.screen, RunScreen))
        await opened.until(lambda: opened.app.screen.query("Chart"))
        await opened.pilot.press("question_mark")
        await opened.until(lambda: isinstance(opened.app.screen, HelpScreen))
        assert opened.app.current_theme.name == theme

    remember(None, "theme", theme)
    drive(RunListApp(home), scenario)


@pytest.mark.parametrize("kept", ["no such theme", ["a"], {"b": 1}, 3])
def test_a_theme_that_is_none_is_the_default(home: Home, kept: Any) -> None:
    remember(None, "theme", kept)

    assert RunListApp(home).theme == DARK


def test_the_users_keys_do_what_the_defaults_did_and_the_help_says_so(home: Home) -> None:
    keys = parse_user_keys({"app.help": "f1,X", "list.open": "ctrl+o", "nonsense.id": "q"})

    async def scenario(opened: Open) -> None:
        assert "no action is called nonsense.id" in next(note.message for note in opened.app._notifications)
        await opened.pilot.press("question_mark")
        assert isinstance(opened.app.screen, RunListScreen)
        await opened.pilot.press("X")
        await opened.until(lambda: isinstance(opened.app.screen, HelpScreen))
        await opened.pilot.press("escape")
        await opened.until(lambda: isinstance(opened.app.screen, RunListScreen))

        # a letter that became a key is still a letter where one writes
        await opened.pilot.press("slash", "X")
        assert isinstance(opened.app.screen, RunListScreen)
        assert opened.app.screen.query_one(Input).value == "X"
        await opened.pilot.press("escape", "escape")

        await opened.pilot.press("ctrl+o")
        await opened.until(lambda: isinstance(opened.app.screen, RunScreen))

    assert "f1 X" in help_text((), keys.keymap).plain
    drive(RunListApp(home, keys=keys), scenario)


def test_reading_alone_refuses_what_changes_a_run(home: Home) -> None:
    app = RunListApp(Home(home.path, is_read_only=True))

    async def scenario(opened: Open) -> None:
        keys = [
            action.keys.split(",")[0] for action in ACTIONS if action.is_change and action.place in ("list", "control")
        ]
        assert {"S", "K", "D"} <= set(keys)
        for key in keys:
            app.clear_notifications()
            await opened.pilot.press(key)
            assert isinstance(app.screen, RunListScreen), key
            assert [note.message.partition(":")[0] for note in app._notifications] == ["read-only"], key

    drive(app, scenario)


def test_the_last_run_is_one_key_away_at_its_tab(home: Home) -> None:
    async def leave_a_run_on_its_third_tab(opened: Open) -> None:
        await opened.pilot.press("apostrophe")
        await opened.until(lambda: opened.app._notifications)
        await opened.pilot.press("enter")
        await opened.until(lambda: isinstance(opened.app.screen, RunScreen) and opened.app.screen.is_mounted)
        await opened.pilot.press("3", "q")

    async def open_it_again(opened: Open) -> None:
        await opened.pilot.press("apostrophe")
        await opened.until(lambda: isinstance(opened.app.screen, RunScreen))
        shown = last_run(home)
        assert shown is not None
        assert (opened.app.screen.shown, opened.app.screen.summary.name) == (shown.tab, shown.name)  # type: ignore[attr-defined]

    drive(RunListApp(home), leave_a_run_on_its_third_tab)
    left = last_run(home)
    drive(RunListApp(home), open_it_again)

    assert left is not None
    assert left.tab != "curves"


@pytest.mark.parametrize("kept", [None, 3, "x", [], {}, {"name": 1, "tab": "logs"}, {"name": "gone"}])
def test_what_is_no_last_run_is_none(home: Home, kept: Any) -> None:
    remember(home, "last run", kept)

    assert last_run(home) is None


def test_keys_reach_the_application_that_was_made_for_them(home: Home) -> None:
    assert RunListApp(home, keys=UserKeys({"app.help": "f1"}))._keymap == {"app.help": "f1"}
