"""The keys that change runs: they ask first, do it beside the dashboard, say what came of it, and refuse in words."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from textual.widgets import Button, Static

from rftui.app import RunListApp
from rftui.runs.verbs import Question
from rftui.screens.confirm_screen import ConfirmScreen
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from rftui.widgets.key_line import KeyLine
from store.layout import Home
from tests.dashboard import HOSTILE
from tests.fake_runs import Bench, final_state, states_of, trainer_pid
from tests.form_pilot import driven, run, use_fake_trainer
from tests.store_runs import append, ingest_all, make_run


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Bench(tmp_path, step_s=0.2)
    use_fake_trainer(made, monkeypatch)
    yield made
    made.clean_up()


def ended_home(folder: Path, *, states: tuple[str, ...] = ("finished", "failed"), is_read_only: bool = False) -> Home:
    """Runs that have ended, the first the newest."""
    home = Home(folder, is_read_only=is_read_only)
    for number, state in enumerate(states, 1):
        run_dir = make_run(home, f"sat-grpo-{number}", uid=number, created_at=100.0 - number)
        append(
            run_dir.supervisor_journal,
            {"type": "attempt_start", "attempt": 1, "pid": 1},
            {"type": "state", "attempt": 1, "state": state, "reason": ""},
        )
    ingest_all(home)
    return home


def test_a_run_is_stopped_and_resumed_from_the_list_and_killed_from_its_screen(bench: Bench) -> None:
    run_dir = bench.make_run("sat-grpo-1", max_steps=500)
    bench.supervise(run_dir)
    trainer_pid(run_dir)

    async def scenario() -> None:
        async with driven(bench.home) as driver:
            await driver.press("S")
            dialog = await driver.dialog()
            assert dialog.question.title == "Stop sat-grpo-1?"
            assert dialog.question.lines[0].startswith("sat-grpo-1  running, step ")
            await driver.press("enter")
            await driver.notice("asked sat-grpo-1 to stop")
            await driver.until(lambda: "stopped" in states_of(run_dir), "the end of the run")
            await driver.press("R")
            await driver.dialog()
            await driver.press("enter")
            await driver.notice("sat-grpo-1 goes on after step")
            await driver.until(lambda: states_of(run_dir)[-1] == "running", "the run to go on")
            await driver.press("enter")
            await driver.until(lambda: isinstance(driver.app.screen, RunScreen), "the run's screen")
            await driver.press("K")
            await driver.dialog()
            # the safe answer is in focus
            await driver.press("enter")
            assert isinstance(driver.app.screen, RunScreen)
            await driver.press("K")
            await driver.dialog()
            await driver.press("left", "enter")
            await driver.notice("killed 1 process; sat-grpo-1 is killed")

    run(scenario())
    assert final_state(run_dir)[0] == "killed"


def test_marked_runs_are_deleted_together_and_come_back_one_by_one(tmp_path: Path) -> None:
    home = ended_home(tmp_path, states=("finished", "failed", "stopped"))

    async def scenario() -> None:
        async with driven(home) as driver:
            await driver.press("g", "space", "down", "space")
            marked = set(driver.app.selected_runs)
            await driver.press("D")
            dialog = await driver.dialog()
            assert dialog.question.title == "Delete 2 runs?"
            assert set(dialog.question.names) == marked
            await driver.press("y")
            for name in marked:
                await driver.notice(f"{name} is in the trash; U brings it back")
            assert not marked & set(home.runs())
            for number in (2, 3):
                await driver.press("U")
                await driver.dialog()
                await driver.press("y")
                await driver.until(partial(_has_runs, home, number), "a run to come back")

    run(scenario())


def _has_runs(home: Home, number: int) -> bool:
    return len(home.runs()) == number


def test_a_run_deleted_on_its_own_screen_gives_way_to_the_list(tmp_path: Path) -> None:
    home = ended_home(tmp_path)

    async def scenario() -> None:
        async with driven(home) as driver:
            await driver.press("enter")
            await driver.until(lambda: isinstance(driver.app.screen, RunScreen), "the run's screen")
            await driver.press("D")
            await driver.dialog()
            await driver.press("n")
            assert isinstance(driver.app.screen, RunScreen)
            await driver.press("D")
            await driver.dialog()
            await driver.press("y")
            await driver.notice("is in the trash")
            assert isinstance(driver.app.screen, RunListScreen)

    run(scenario())
    assert len(home.runs()) == 1


def test_what_does_not_fit_a_run_is_said_and_not_asked(tmp_path: Path) -> None:
    home = ended_home(tmp_path, states=("finished",))

    async def scenario() -> None:
        async with driven(home) as driver:
            for key, words in (
                ("S", "sat-grpo-1 is finished, so there is nothing to stop"),
                ("K", "sat-grpo-1 is finished, so there is nothing to kill"),
                ("R", "rftui resume sat-grpo-1 --set max_steps=600"),
                ("U", "the trash is empty"),
            ):
                await driver.press(key)
                await driver.notice(words)
                assert isinstance(driver.app.screen, RunListScreen)

    run(scenario())


def test_a_dashboard_that_only_reads_changes_nothing(tmp_path: Path) -> None:
    home = ended_home(tmp_path, is_read_only=True)

    async def scenario() -> None:
        async with driven(home) as driver:
            line = driver.app.screen.query_one(KeyLine).line_at(0)
            assert not {span.text for span in line} & set("SKRCDL")
            for count, key in enumerate("SKRCDUL", 1):
                await driver.press(key)
                assert len([text for text in driver.notices if text.startswith("read-only")]) == count
                assert isinstance(driver.app.screen, RunListScreen)

    run(scenario())
    assert len(home.runs()) == 2


def test_an_empty_home_has_no_run_to_change(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with driven(Home(tmp_path)) as driver:
            await driver.press("S")
            await driver.notice("no run is selected here")

    run(scenario())


def test_what_a_dialog_shows_is_text(tmp_path: Path) -> None:
    question = Question(f"Stop {HOSTILE}?", (HOSTILE,) * 30, HOSTILE, f"rftui stop {HOSTILE}", "stop", False)

    async def scenario() -> None:
        app = RunListApp(Home(tmp_path))
        async with app.run_test(size=(80, 24)) as pilot:
            answers: list[bool | None] = []
            await app.push_screen(ConfirmScreen(question), answers.append)
            await pilot.pause()
            shown = "".join(str(static.content) for static in app.screen.query(Static))
            assert "[@click=app.quit()]x[/]" in shown
            assert "\x1b" not in shown
            assert app.screen.query_one("#no", Button).has_focus
            await pilot.press("tab", "tab", "enter")
            assert answers == [False]

    run(scenario())
