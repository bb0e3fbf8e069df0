"""Garbage is collected while somebody rests: never in an answer, and all of it once a screen was left."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from rftui.terminal import spare_time
from store.layout import Home
from tests.form_pilot import driven, run
from tests.listed_runs import small_home


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The generations that the dashboard had collected."""
    found: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda generation=2: found.append(generation))
    monkeypatch.setattr(spare_time, "REST_S", 0.01)
    monkeypatch.setattr(spare_time, "FEW_OBJECTS", -1)
    return found


@pytest.fixture
def thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_after_a_key_what_is_young_is_collected(tmp_path: Path, collected: list[int]) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home) as of:
            await of.press("j")
            await of.until(lambda: collected, "a collection")

    run(play())

    assert set(collected) == {1}


def test_after_a_screen_was_left_everything_is_collected(tmp_path: Path, collected: list[int]) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home) as of:
            await of.press("enter")
            await of.until(lambda: isinstance(of.app.screen, RunScreen), "the run")
            assert 2 not in collected

            await of.press("escape")
            await of.until(lambda: isinstance(of.app.screen, RunListScreen), "the list")
            await of.until(lambda: 2 in collected, "a whole collection")

    run(play())


def test_python_itself_collects_seldom_and_never_what_was_imported(thresholds: None) -> None:
    spare_time.leave_garbage_to_rests()

    assert gc.get_threshold()[0] == spare_time.YOUNG_OBJECTS
    assert gc.get_freeze_count() > 10_000
