"""Rollouts are a tab of a run: a point of a curve opens its step there, and the keys of the screen still work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from rftui.screens.run_screen import RunScreen
from rftui.widgets.curves_pane import CurvesPane
from rftui.widgets.rollouts_view import RolloutsView
from tests.dashboard import Dashboard, dashboard
from tests.rollout_rows import RUN, make_home
from tests.store_runs import append, ingest_all, metrics

MOST_TURNS = 200


def drive_rollouts(folder: Path, scenario: Callable[[Dashboard], Awaitable[None]]) -> None:
    """Runs a scenario on the screen of a run with rollouts and a curve over the same steps."""

    async def run() -> None:
        home = make_home(folder)
        append(home.run(RUN).journal(0, 1), *(metrics(step, reward=step / 3) for step in (1, 2, 3)))
        ingest_all(home)
        async with dashboard(home, RUN) as opened:
            await scenario(opened)

    asyncio.run(run())


async def until(opened: Dashboard, condition: Callable[[], bool]) -> None:
    """Waits for reads until something is so."""
    for _ in range(MOST_TURNS):
        await opened.pilot.pause(0.01)
        if condition():
            return
    raise AssertionError("never so")


def view_of(opened: Dashboard) -> RolloutsView:
    """The tab, once it was opened."""
    return opened.screen.query_one(RolloutsView)


def shown_step(opened: Dashboard) -> int | None:
    """The step whose completions are shown."""
    view = view_of(opened)
    return view.completions.page.rollouts[0].step if view.completions.page.rollouts else None


def test_a_digit_shows_the_newest_rollouts_and_puts_the_keyboard_there(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard) -> None:
        assert not opened.screen.query(RolloutsView), "a tab that nobody looked at costs nothing"

        await opened.pilot.press("2")
        await until(opened, lambda: shown_step(opened) == 3)
        await opened.pilot.press("left")
        await until(opened, lambda: shown_step(opened) == 2)

    drive_rollouts(tmp_path, scenario)


def test_enter_on_a_curve_opens_the_rollouts_of_that_step(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard) -> None:
        await opened.press("g")
        step = opened.screen.query_one(CurvesPane).look.cursor
        await opened.pilot.press("enter")
        await until(opened, lambda: shown_step(opened) == step == 1)

        assert opened.screen.shown == "rollouts" and not view_of(opened).browser.follows

    drive_rollouts(tmp_path, scenario)


def test_escape_closes_what_is_open_in_the_tab_before_the_screen(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard) -> None:
        await opened.pilot.press("2")
        await until(opened, lambda: shown_step(opened) == 3)
        await opened.pilot.press("i", "escape")
        assert isinstance(opened.app.screen, RunScreen) and not view_of(opened).has_class("large")

        await opened.pilot.press("escape")
        await until(opened, lambda: not isinstance(opened.app.screen, RunScreen))

    drive_rollouts(tmp_path, scenario)


def test_digits_typed_as_a_step_turn_no_tab(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard) -> None:
        await opened.pilot.press("2")
        await until(opened, lambda: shown_step(opened) == 3)
        await opened.pilot.press("number_sign", "1", "enter")
        await until(opened, lambda: shown_step(opened) == 1)

        assert opened.screen.shown == "rollouts"

    drive_rollouts(tmp_path, scenario)
