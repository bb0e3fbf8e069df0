"""Ways out of the dashboard that are not q: the terminal is as it was, and no process stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rftui.terminal.dashboard_log import log_path
from rftui.terminal.driver import PATIENCE_S, RESTORE
from store.layout import Home
from tests.rollout_rows import RUN, make_home
from tests.terminal import Terminal, modes_left_changed

CRASHING = """
import sys
from pathlib import Path
from rftui import app
from store.layout import Home

def crash(self):
    foreign = "\\x1b]0;owned\\x07 [/b] secret"
    raise KeyError(foreign)

app.RunListApp.action_help = crash
app.open_app(Home(Path(sys.argv[1])))
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


def environment_of(home: Home) -> dict[str, str]:
    return {**os.environ, "RFTUI_HOME": str(home.path)}


def is_given_back(terminal: Terminal) -> bool:
    return terminal.settings() == terminal.settings_before and modes_left_changed(terminal.output) == set()


def test_ctrl_c_asks_to_be_pressed_again_and_then_leaves(home: Home) -> None:
    with Terminal(environment=environment_of(home)) as terminal:
        terminal.wait_for(RUN)

        terminal.press("ctrl+c")
        terminal.wait_for("ctrl+c again leaves; runs go on")
        terminal.press("ctrl+c")

        assert terminal.wait() == 0
        assert is_given_back(terminal)


def test_ctrl_z_gives_the_terminal_to_the_shell_and_fg_takes_it_again(home: Home) -> None:
    with Terminal(environment=environment_of(home)) as terminal:
        terminal.wait_for(RUN)
        process = psutil.Process(terminal.process.pid)

        terminal.press("\x1a")
        # it stops once everything is written, for which somebody has to read
        terminal.wait_for(lambda _: process.status() == psutil.STATUS_STOPPED)
        terminal.settle()
        assert is_given_back(terminal)

        terminal.resize(100, 30)
        drawn = len(terminal.output)
        terminal.process.send_signal(signal.SIGCONT)
        terminal.wait_for(lambda text: RUN in text and len(terminal.output) > drawn)
        terminal.wait_for("open")
        terminal.press("q")
        assert terminal.wait() == 0
        assert is_given_back(terminal)


def test_an_error_of_our_own_is_one_sentence_and_the_rest_is_in_the_log(home: Home) -> None:
    command = (sys.executable, "-c", CRASHING, str(home.path))
    with Terminal(command, environment=environment_of(home)) as terminal:
        terminal.wait_for(RUN)

        terminal.press("?")
        code = terminal.wait()

        assert code == 1
        assert is_given_back(terminal)
        said = terminal.output.rpartition(b"\x1b[?1049l")[2].decode()
        assert "the dashboard ended on an error of its own (KeyError:" in said
        assert str(log_path()) in said.replace("\r\n", "")
        assert "Traceback" not in said
        assert "\x1b]0;" not in said
    written = log_path().read_text()
    assert "Traceback" in written
    assert "in crash" in written


def test_a_terminal_that_takes_nothing_cannot_hold_the_process(home: Home) -> None:
    with Terminal(environment=environment_of(home), size=(200, 60)) as terminal:
        terminal.wait_for(RUN)
        # nobody reads from here on: the help is drawn until the pty is full and the writer waits
        for _ in range(40):
            terminal.press("?", "escape")

        terminal.process.send_signal(signal.SIGTERM)

        assert terminal.process.wait(PATIENCE_S + 10) == 128 + signal.SIGTERM


def test_a_terminal_that_goes_away_without_a_signal_ends_the_process(home: Home, tmp_path: Path) -> None:
    # a pty that is not the controlling terminal, and a hang-up that is ignored as under nohup
    master, slave = os.openpty()
    command = [sys.executable, "-c", "import signal, os, sys; signal.signal(1, signal.SIG_IGN); "
               "os.execv(sys.executable, [sys.executable, '-m', 'rftui'])"]  # fmt: skip
    process = subprocess.Popen(
        command, env=environment_of(home), stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    seen = b""
    while RUN.encode() not in seen:
        seen += os.read(master, 65536)

    os.close(master)

    assert process.wait(15) == 128 + signal.SIGHUP


def test_what_is_taken_back_by_force_is_all_that_is_asked_for(home: Home) -> None:
    with Terminal(environment=environment_of(home)) as terminal:
        terminal.wait_for(RUN)

        assert modes_left_changed(terminal.output + RESTORE.encode()) == set()
        assert modes_left_changed(terminal.output) != set()
