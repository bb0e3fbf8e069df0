"""The dashboard in a real terminal: a run in training is watched and hung up, and the terminal is given back."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rftui.supervision.ledger import read_ledger
from store.layout import Home, RunDir
from store.states import is_live
from tests.fake_runs import Bench, wait_for
from tests.rollout_rows import RUN, make_home
from tests.terminal import APP, Terminal, modes_left_changed

STEPS = 40
SETTINGS = (
    f"max_steps={STEPS}",
    "per_device_train_batch_size=8",
    "num_generations=4",
    "max_completion_length=12",
    "save_steps=0",
    "evaluation.examples=4",
    "evaluation.every=0",
    "threads=1",
)
TRAINING_PATIENCE_S = 240.0


def environment_of(home: Home) -> dict[str, str]:
    return {**os.environ, "RFTUI_HOME": str(home.path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}


def launch(home: Home) -> RunDir:
    """A real GRPO run of the embedded model under its supervisor."""
    settings = [flag for setting in SETTINGS for flag in ("--set", setting)]
    command = [*APP, "launch", "grpo", "--task", "sat", "--recipe", "tiny", "--detach", *settings]
    launched = subprocess.run(
        command, env=environment_of(home), capture_output=True, text=True, timeout=TRAINING_PATIENCE_S, check=False
    )
    assert launched.returncode == 0, launched.stderr
    return home.run(launched.stdout.strip())


def state_of(run_dir: RunDir) -> str:
    state = read_ledger(run_dir).state
    return state.value if state is not None else ""


def step_shown(text: str) -> int:
    """The step in the header of a run's screen."""
    found = re.search(rf"step (\d+)/{STEPS}", text)
    return int(found[1]) if found else -1


def is_beyond(step: int) -> Callable[[str], bool]:
    def shows_a_later_step(text: str) -> bool:
        return step_shown(text) > step

    return shows_a_later_step


def tab(text: str, title: str) -> str:
    """The key that the screen shows for a tab."""
    found = re.search(rf"(\d) {title}", text)
    assert found is not None, text
    return found[1]


def open_run(terminal: Terminal, name: str) -> str:
    """From the list to the run's screen; what it shows."""
    terminal.wait_for(name)
    terminal.press("enter")
    return terminal.wait_for("1 Curves")


@pytest.mark.train
@pytest.mark.slow
def test_a_run_is_watched_while_it_trains_and_outlives_the_terminal(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run_dir = launch(home)

    with Terminal(environment=environment_of(home), size=(140, 40)) as terminal:
        text = open_run(terminal, run_dir.name)
        first = step_shown(terminal.wait_for(is_beyond(1), timeout_s=TRAINING_PATIENCE_S))
        terminal.wait_for(lambda text: re.search(r"reward .*\d.*\n", text) and "└" in text)

        terminal.resize(80, 24)
        terminal.wait_for(lambda text: text.startswith(f" {run_dir.name}") and fills_the_height(text, 24))
        second = step_shown(terminal.wait_for(is_beyond(first)))

        terminal.press(tab(text, "Rollouts"))
        terminal.wait_for(lambda text: "#0" in text and "reward" in text)
        terminal.resize(200, 50)
        terminal.wait_for(lambda text: text.startswith(f" {run_dir.name}") and fills_the_height(text, 50))
        terminal.wait_for(is_beyond(second))
        terminal.wait_for("#0")
        terminal.press(tab(terminal.text, "Logs"))
        terminal.wait_for("loss")
        assert is_live(state_of(run_dir))  # it trained all the time

        terminal.hang_up()
        terminal.wait()
        assert terminal.session() == []

    assert is_live(state_of(run_dir))
    wait_for(lambda: not is_live(state_of(run_dir)), what="the end of the run", patience_s=TRAINING_PATIENCE_S)
    assert state_of(run_dir) == "finished"


def fills_the_height(text: str, rows: int) -> bool:
    """Whether the last row of the terminal holds the keys, as the first holds the header."""
    lines = text.split("\n")
    return len(lines) == rows and "help" in lines[-1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


def test_q_gives_the_terminal_back_as_it_was(home: Home) -> None:
    with Terminal(environment=environment_of(home)) as terminal:
        open_run(terminal, RUN)
        terminal.wait_for("quit")
        assert terminal.settings() != terminal.settings_before  # the test would notice

        terminal.press("q")
        code = terminal.wait()

        assert code == 0
        assert terminal.settings() == terminal.settings_before
        assert modes_left_changed(terminal.output) == set()
        assert terminal.session() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back_as_it_was(home: Home, number: signal.Signals) -> None:
    with Terminal(environment=environment_of(home)) as terminal:
        terminal.wait_for(RUN)

        terminal.process.send_signal(number)
        code = terminal.wait()

        assert code == 128 + number
        assert terminal.settings() == terminal.settings_before
        assert modes_left_changed(terminal.output) == set()


def test_a_lost_connection_leaves_no_process_and_touches_no_run(tmp_path: Path) -> None:
    bench = Bench(tmp_path, step_s=0.1)
    try:
        run_dir = bench.make_run()
        bench.supervise(run_dir)
        with Terminal(environment=bench.environment) as terminal:
            open_run(terminal, run_dir.name)

            terminal.hang_up()
            terminal.wait()

            assert terminal.session() == []
        wait_for(lambda: state_of(run_dir) == "finished", what="the end of the run")
    finally:
        bench.clean_up()


def test_an_idle_screen_sends_nothing(home: Home) -> None:
    with Terminal(environment=environment_of(home)) as terminal:
        open_run(terminal, RUN)
        terminal.press(tab(terminal.text, "Rollouts"))
        terminal.wait_for("#0")
        terminal.settle()

        assert terminal.read_for(2.0) == 0


def test_a_dialog_over_a_live_run_sends_nothing(tmp_path: Path) -> None:
    bench = Bench(tmp_path, step_s=0.1)
    try:
        run_dir = bench.make_run(max_steps=1000, save_steps=0)
        bench.supervise(run_dir)
        with Terminal(environment=bench.environment) as terminal:
            terminal.wait_for("running")
            terminal.press("?")
            terminal.wait_for("esc closes")
            terminal.settle()

            assert terminal.read_for(2.0) == 0
            terminal.press("escape")
            terminal.wait_for(lambda text: "esc closes" not in text)
            assert terminal.read_for(2.0) > 0  # what is under it goes on
    finally:
        bench.clean_up()
