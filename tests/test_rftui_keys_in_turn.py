"""Keys that come in one burst, as a slow line sends them: each means what it would have meant a moment later."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.command import CommandInput
from textual.events import Key
from textual.screen import Screen
from textual.widgets import Input

from rftui.screens import run_list_reader
from rftui.screens.confirm_screen import ConfirmScreen
from rftui.screens.help_screen import HelpScreen
from rftui.screens.launch_screen import LaunchScreen
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from rftui.terminal.escape_delay import shorten_escape_delay
from rftui.view_memory import remember
from rftui.widgets.curves_pane import CurvesPane
from rftui.widgets.metric_search import MetricSearch
from store.layout import Home
from tests.form_pilot import Driver, driven, run
from tests.listed_runs import small_home

NAMES = {"/": "slash", ":": "colon", "\r": "enter", "\x1b": "escape", "?": "question_mark", " ": "space"}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    small_home(home)
    return home


def burst(of: Driver, keys: str) -> None:
    """All keys at once: none is looked at before the last was sent."""
    for sign in keys:
        of.app.post_message(Key(NAMES.get(sign, sign), sign))


def scenario(home: Home, keys: str, fulfils: Callable[[Screen[Any]], object]) -> None:
    """Types keys at once on the list of runs, and waits for what they bring."""

    async def play() -> None:
        async with driven(home) as of:
            burst(of, keys)

            await of.until(lambda: fulfils(of.app.screen), repr(keys))

    run(play())


def test_letters_right_after_the_key_of_the_palette_are_its_text(home: Home) -> None:
    scenario(home, ":evals", lambda screen: [line.value for line in screen.query(CommandInput)] == ["evals"])


def test_keys_right_after_the_key_of_the_launch_form_go_to_its_filter(home: Home) -> None:
    def is_filtered(screen: Screen[Any]) -> bool:
        return isinstance(screen, LaunchScreen) and screen.query_one("#filter", Input).value == "steps"

    scenario(home, "L/steps", is_filtered)


def test_keys_after_that_of_the_metric_search_wait_until_metrics_were_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_opened = threading.Event()

    def read(home: Home) -> list[str]:
        is_opened.wait(10)
        return ["kl"]

    monkeypatch.setattr(run_list_reader, "metric_choices", read)

    async def play() -> None:
        async with driven(home) as of:
            burst(of, "mkl\r")
            await of.until(lambda: isinstance(of.app.screen, MetricSearch), "the search before there are metrics")
            is_opened.set()

            def is_sorted() -> bool:
                return isinstance(of.app.screen, RunListScreen) and "kl" in of.app.screen.browser.wanted.names

            await of.until(is_sorted, "the list by kl")

    run(play())


def test_help_is_scrolled_by_a_key_that_was_typed_ahead_of_it(home: Home) -> None:
    def is_scrolled(screen: Screen[Any]) -> bool:
        return isinstance(screen, HelpScreen) and any(part.scroll_offset.y > 0 for part in screen.query("ScrolledText"))

    scenario(home, "? ", is_scrolled)


def test_an_answer_that_was_typed_ahead_of_its_question_answers_it(home: Home) -> None:
    async def play() -> None:
        async with driven(home) as of:
            burst(of, "Dn?")

            await of.until(lambda: isinstance(of.app.screen, HelpScreen), "the help after the question")
            assert not any(isinstance(screen, ConfirmScreen) for screen in of.app.screen_stack)

    run(play())


def test_a_digit_right_after_a_run_was_opened_shows_that_tab_with_its_keys(home: Home) -> None:
    remember(home, "last run", {"name": "sat-grpo-1", "tab": "rollouts"})

    def has_curves(screen: Screen[Any]) -> bool:
        if not isinstance(screen, RunScreen) or screen.shown != "curves":
            return False
        return screen.focused is not None and isinstance(screen.focused, CurvesPane)

    scenario(home, "\r1", has_curves)


def test_escape_and_a_key_that_came_as_one_with_alt_are_two(home: Home) -> None:
    async def play() -> None:
        async with driven(home) as of:
            await of.press("slash", "t", "escape", "question_mark")
            await of.until(lambda: isinstance(of.app.screen, HelpScreen), "the help")

            of.app.post_message(Key("alt+shift+l", "L"))

            await of.until(lambda: isinstance(of.app.screen, LaunchScreen), "the form")

    run(play())


def test_a_key_of_which_the_widget_went_away_keeps_no_other_waiting(home: Home) -> None:
    async def play() -> None:
        async with driven(home) as of:
            burst(of, ":\x1b:\x1b?\x1b?")

            await of.until(lambda: isinstance(of.app.screen, HelpScreen), "the help")

    run(play())


def test_the_delay_of_escape_is_short_unless_the_user_set_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESCDELAY", "")
    monkeypatch.delenv("ESCDELAY")
    shorten_escape_delay()
    assert os.environ["ESCDELAY"] == "25"

    monkeypatch.setenv("ESCDELAY", "300")
    shorten_escape_delay()
    assert os.environ["ESCDELAY"] == "300"
