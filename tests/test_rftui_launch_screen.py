"""The launch form by its keys: writing, filtering, checks beside it, launching, refusals, and leaving."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rftui.screens.launch_screen import LaunchScreen
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from store.config import read_config
from store.layout import Home
from tests.fake_runs import Bench, final_state
from tests.form_pilot import check_at_once, driven, run, use_fake_trainer


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = Bench(tmp_path)
    use_fake_trainer(made, monkeypatch)
    check_at_once(monkeypatch, is_whole=False)
    yield made
    made.clean_up()


def side_text(screen: LaunchScreen) -> str:
    return "\n".join("".join(span.text for span in line) for line in screen.side.lines)


def words_of(text: str) -> str:
    """A text whose lines may break anywhere between words."""
    return " ".join(text.split())


def key_in_hand(screen: LaunchScreen) -> str:
    assert screen.rows.row is not None
    return screen.rows.row.field.key


def entries(screen: LaunchScreen) -> dict[str, str]:
    assert screen.form is not None
    return screen.form.entries


def test_a_run_is_launched_from_the_form_and_shown(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            await driver.fill(screen, max_steps="4", per_device_train_batch_size="16", evaluation__examples="20")
            assert "--set max_steps=4" in words_of(side_text(screen))
            await driver.press("ctrl+s")
            dialog = await driver.dialog()
            assert any(line.startswith("max_steps ") and line.endswith("→ 4") for line in dialog.question.lines)
            assert dialog.question.sentence.startswith("3 settings differ from recipe and defaults.")
            await driver.press("enter")
            await driver.until(lambda: isinstance(driver.app.screen, RunScreen), "the run's screen")
            assert isinstance(driver.app.screen, RunScreen)
            assert driver.app.screen.summary.name == "sat-grpo-1"

    run(scenario())
    run_dir = bench.home.run("sat-grpo-1")
    assert final_state(run_dir) == ("finished", "")
    config = read_config(run_dir.config)
    assert (config.max_steps, config.evaluation.examples, config.recipe) == (4, 20, "tiny")


def test_letters_in_a_field_are_letters(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home, size=(80, 24)) as driver:
            screen = await driver.form("L")
            screen.rows.seek("name")
            await driver.press("enter")
            await driver.write("LSqz/y?")
            await driver.press("enter")
            assert entries(screen) == {"name": "LSqz/y?"}
            assert driver.app.screen is screen
            assert "✗" in "".join(span.text for span in screen.head.line_at(0))

    run(scenario())


def test_fields_are_reached_by_tab_and_arrows_while_writing_and_before(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home, size=(80, 24)) as driver:
            screen = await driver.form("L")
            await driver.press("tab", "down", "j", "shift+tab", "up", "k")
            assert key_in_hand(screen) == "method"
            screen.rows.seek("seed")
            await driver.press("enter", "5", "tab", "m", "e", "down", "up", "shift+tab", "7", "enter")
            assert key_in_hand(screen) == "seed"
            assert entries(screen) == {"seed": "7", "name": "me"}
            await driver.press("enter", "9", "escape")
            assert entries(screen)["seed"] == "7"
            await driver.press("right_square_bracket", "right_square_bracket")
            assert key_in_hand(screen) == "max_steps"
            await driver.press("left_square_bracket")
            assert key_in_hand(screen) == "task_options.subset"
            await driver.press("left_square_bracket")
            assert key_in_hand(screen) == "method"

    run(scenario())


def test_choices_turn_and_what_was_written_is_taken_back(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            await driver.press("space")
            assert entries(screen) == {"method": "sft"}
            assert screen.view is not None
            assert all(row.field.key != "beta" for row in screen.view.rows)
            await driver.press("left", "l", "delete")
            assert entries(screen) == {}
            screen.rows.seek("recipe")
            await driver.press("right", "right")
            assert entries(screen) == {"recipe": "lora-80gb"}
            assert "needs 1 GPU of 80 GB" in side_text(screen)

    run(scenario())


def test_the_filter_narrows_the_fields_and_escape_ends_it(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home, size=(80, 24)) as driver:
            screen = await driver.form("L")
            everything = len(screen.rows.rows)
            await driver.press("slash")
            await driver.write("max steps")
            assert key_in_hand(screen) == "max_steps"
            assert len(screen.rows.rows) < 10
            await driver.press("enter", "enter", "9", "enter")
            assert entries(screen) == {"max_steps": "9"}
            await driver.press("escape")
            assert len(screen.rows.rows) == everything
            assert driver.app.screen is screen

    run(scenario())


def test_the_command_is_copied_and_checks_can_stand_alone(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home, size=(80, 24)) as driver:
            screen = await driver.form("L")
            await driver.fill(screen, seed="3")
            await driver.press("y")
            assert driver.app.clipboard == f"rftui launch grpo --seed 3 --home {bench.home.path}"
            await driver.press("shift+down")
            assert screen.side.top > 0
            await driver.press("shift+up", "z")
            assert screen.side.top == 0
            assert not screen.rows.display
            await driver.press("escape")
            assert screen.rows.display

    run(scenario())


def test_leaving_asks_only_where_something_was_written(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home) as driver:
            await driver.form("L")
            await driver.press("escape")
            assert isinstance(driver.app.screen, RunListScreen)
            screen = await driver.form("L")
            await driver.fill(screen, seed="3")
            await driver.press("escape")
            await driver.dialog()
            await driver.press("enter")
            assert isinstance(driver.app.screen, LaunchScreen)
            await driver.press("q", "y")
            await driver.until(lambda: isinstance(driver.app.screen, RunListScreen), "the list")

    run(scenario())


def test_the_interpreter_is_asked_when_there_is_rest_and_its_errors_refuse_the_launch(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_at_once(monkeypatch, is_whole=True)
    bench.behave(check={"errors": [{"found": "a llama [/b]", "expected": "a model that sees", "fix": "another"}]})

    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            await driver.until(lambda: "a llama [/b]" in side_text(screen), "the interpreter's answer")
            assert "fix: another" in side_text(screen)
            await driver.press("L")
            await driver.notice("not launched: preflight stopped the launch: trainer")
            assert driver.app.screen is screen
            assert "expected: a model that sees" in side_text(screen)

    run(scenario())
    assert bench.home.runs() == []


def test_warnings_are_asked_about(bench: Bench) -> None:
    bench.behave(check={"warnings": ["slow [@click=app.quit()]disk[/]"]})
    started: list[object] = []

    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            await driver.press("ctrl+s")
            dialog = await driver.dialog()
            assert dialog.question.lines == ("slow [@click=app.quit()]disk[/]",)
            await driver.press("escape")
            assert driver.app.screen is screen
            assert not screen.is_launching
            await driver.press("ctrl+s")
            await driver.dialog()
            screen.start = lambda checked: started.append(checked.plan)  # type: ignore[method-assign]
            await driver.press("y")
            await driver.until(lambda: started, "the start")

    run(scenario())


def test_wrong_and_unknown_settings_are_refused_without_any_check(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            await driver.fill(screen, max_steps="many")
            await driver.press("ctrl+s")
            await driver.notice("not launched: max_steps is 'many'")
            assert not screen.is_launching
            await driver.fill(screen, max_steps="", more="lerning_rate=1")
            assert "learning_rate" in side_text(screen)
            await driver.fill(screen, more="lora.r=8")
            assert screen.progress.problem is None
            assert entries(screen) == {"lora.r": "8"}

    run(scenario())


def test_a_change_and_escape_call_a_launch_off(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            # what the interpreter says is of no interest here, and would come at a moment of its own
            screen.check = lambda view, *, is_whole: None  # type: ignore[method-assign]
            await driver.press("ctrl+s")
            assert screen.is_launching
            await driver.press("escape")
            assert not screen.is_launching
            assert driver.app.screen is screen
            await driver.press("ctrl+s")
            await driver.fill(screen, seed="4")
            assert not screen.is_launching

    run(scenario())


@pytest.mark.parametrize("kind", ["home", "python"])
def test_what_stops_a_launch_is_said_and_the_form_stays(bench: Bench, tmp_path: Path, kind: str) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")
    bare = tmp_path / "python"
    # an interpreter without our packages and without torch
    bare.write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} -I -S "$@"\n')
    bare.chmod(0o755)

    async def scenario() -> None:
        async with driven(Home(blocked / "home") if kind == "home" else bench.home) as driver:
            screen = await driver.form("L")
            if kind == "python":
                await driver.fill(screen, python=str(bare))
            await driver.press("ctrl+s")
            await driver.notice("not launched: ")
            text = words_of(side_text(screen))
            assert ("preflight stopped the launch: home" if kind == "home" else "lacks torch") in text
            assert "fix:" in text
            assert driver.app.screen is screen
            await driver.fill(screen, seed="5")
            assert entries(screen)["seed"] == "5"

    run(scenario())


def test_a_clone_opens_with_the_runs_settings_and_goes_back_to_the_run(bench: Bench) -> None:
    bench.make_run("sat-grpo-1", seed=3, recipe="tiny")

    async def scenario() -> None:
        async with driven(bench.home) as driver:
            await driver.press("enter")
            await driver.until(lambda: isinstance(driver.app.screen, RunScreen), "the run's screen")
            screen = await driver.form("C")
            await driver.fill(screen, seed="4")
            assert "was 3 in the original" in side_text(screen)
            assert "rftui clone sat-grpo-1 --seed 4" in side_text(screen)
            await driver.press("escape", "y")
            await driver.until(lambda: isinstance(driver.app.screen, RunScreen), "the run's screen")

    run(scenario())


def test_a_run_that_cannot_be_cloned_is_said(bench: Bench) -> None:
    run_dir = bench.make_run("sat-grpo-1", recipe="tiny")
    run_dir.config.write_text(run_dir.config.read_text() + "\n[from_the_future]\nx = 1\n")

    async def scenario() -> None:
        async with driven(bench.home) as driver:
            await driver.press("C")
            await driver.notice("from_the_future")
            await driver.press("escape")
            assert isinstance(driver.app.screen, RunListScreen)

    run(scenario())


def test_the_last_field_is_written_on_a_small_terminal(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home, size=(80, 24)) as driver:
            screen = await driver.form("L")
            await driver.press("home", "end", "up", "enter", "9", "0")
            await driver.pilot.resize_terminal(60, 15)
            await driver.press("0", "enter")
            assert entries(screen) == {"stall_after_s": "900"}

    run(scenario())


def test_a_value_is_edited_where_the_caret_is_and_a_proposal_is_taken(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home) as driver:
            screen = await driver.form("L")
            screen.rows.seek("max_steps")
            await driver.press("enter", "home", "7", "end", "backspace")
            # another window and back: letters still belong to the field
            driver.app.app_focus = False
            await driver.pilot.pause()
            driver.app.app_focus = True
            await driver.pilot.pause()
            await driver.press("left", "delete", "enter")
            assert entries(screen) == {"max_steps": "71"}
            screen.rows.seek("method")
            await driver.press("enter", "s", "right", "enter")
            assert entries(screen)["method"] == "sft"
            await driver.press("enter", "ctrl+u", "enter")
            assert "method" not in entries(screen)

    run(scenario())


def test_a_row_that_is_cut_says_so_beside_the_scrollbar(bench: Bench) -> None:
    async def scenario() -> None:
        async with driven(bench.home, size=(80, 24)) as driver:
            screen = await driver.form("L")
            await driver.fill(screen, recipe="nope")
            row = driver.app.screen._compositor.render_strips()[3]
            text = "".join(segment.text for segment in row)
            assert screen.rows.show_vertical_scrollbar
            assert "expected one of" in text and text[78] == "…"

    run(scenario())
