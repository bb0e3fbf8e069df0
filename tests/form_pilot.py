"""The dashboard with the fake trainer under Textual's pilot, for tests of the launch form and of what changes runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from textual.events import Paste
from textual.pilot import Pilot

from rftui.app import RunListApp
from rftui.screens import launch_screen
from rftui.screens.confirm_screen import ConfirmScreen
from rftui.screens.launch_screen import LaunchScreen
from store.layout import Home
from tests.fake_runs import Bench

PATIENCE_S = 30.0
NEVER_S = 3600.0


class Driver:
    """An open dashboard."""

    def __init__(self, app: RunListApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], Any], what: str) -> Any:
        """The condition's first true value."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            await self.pilot.pause()
            if value := condition():
                return value
            await asyncio.sleep(0.01)
        raise AssertionError(f"waited {PATIENCE_S:.0f} s for {what}; notices: {self.notices}")

    async def press(self, *keys: str) -> None:
        """Keys, each handled before the next."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Text, letter by letter."""
        await self.press(*(_KEYS.get(letter, letter) for letter in text))

    @property
    def notices(self) -> list[str]:
        """What was said in notices so far."""
        return [str(notice.message) for notice in self.app._notifications]

    async def notice(self, words: str) -> str:
        """The notice that holds these words, once it is there."""
        found: str = await self.until(lambda: next((text for text in self.notices if words in text), ""), words)
        return found

    async def dialog(self) -> ConfirmScreen:
        """The dialog, once it asks."""
        await self.until(lambda: isinstance(self.app.screen, ConfirmScreen), "a dialog")
        assert isinstance(self.app.screen, ConfirmScreen)
        return self.app.screen

    async def form(self, *keys: str) -> LaunchScreen:
        """The launch form, once its fields are there."""
        await self.press(*keys)
        await self.until(lambda: isinstance(self.app.screen, LaunchScreen) and self.app.screen.view, "a form")
        assert isinstance(self.app.screen, LaunchScreen)
        return self.app.screen

    async def fill(self, screen: LaunchScreen, **values: str) -> None:
        """Pastes values into fields; `__` in the name of one stands for a dot."""
        for key, text in values.items():
            screen.rows.seek(key.replace("__", "."))
            await self.press("enter")
            screen.rows.post_message(Paste(text))
            await self.until(partial(_holds, screen, text), "what was pasted")
            await self.press("enter")


def _holds(screen: LaunchScreen, text: str) -> bool:
    return screen.rows.editor is not None and screen.rows.editor.text == text


_KEYS = {".": "full_stop", "-": "minus", "_": "underscore", " ": "space", "/": "slash", "=": "equals_sign"}


@asynccontextmanager
async def driven(home: Home, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driver]:
    """The dashboard of a home, its list read."""
    app = RunListApp(home)
    async with app.run_test(size=size) as pilot:
        driver = Driver(app, pilot)
        names = set(home.runs())
        await driver.until(lambda: not names or driver.app.selected_runs, "the list of runs")
        yield driver


def run(scenario: Awaitable[None]) -> None:
    """Runs a scenario to its end."""

    async def whole() -> None:
        await scenario

    asyncio.run(whole())


def use_fake_trainer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes processes that this process starts find the fake trainer."""
    for name in ("PYTHONPATH", "FAKE_TRAINER"):
        monkeypatch.setenv(name, bench.environment[name])


def check_at_once(monkeypatch: pytest.MonkeyPatch, *, is_whole: bool) -> None:
    """Makes the checks of the form wait for no rest; without `is_whole` the interpreter is asked at launch alone."""
    monkeypatch.setattr(launch_screen, "REST_S", 0.01)
    monkeypatch.setattr(launch_screen, "LONG_REST_S", 0.01 if is_whole else NEVER_S)
