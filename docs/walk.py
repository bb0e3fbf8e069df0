"""Records docs/walk.cast: a new user's hour with rftui in some minutes, in a real terminal and by keys that it shows.

    python docs/walk.py --home DIR [--steps 60]

The home needs a finished GRPO run and a finished SFT run of the task `sat`. The walk launches another GRPO run from the
form, watches it, opens the step of the finished run where accuracy jumped, reads why, compares it with the SFT run,
stops the new run, resumes it and quits. A key is pressed only where the screen names it with what it does, in its last
line or in the help that `?` opens; else the walk ends with what the screen shows. Beside the cast (asciicast v2, for
asciinema) it writes docs/walk.txt: the screen at every stop.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from statistics import fmean

from rftui.runs.reads import current_runs
from store.layout import Home, resolve_home
from store.metrics import curve
from store.runs import open_catalogue
from tests.terminal import Terminal

SIZE = (160, 44)
LONGEST_PAUSE_S = 1.5
"""Waiting for training is cut to this in the cast."""
TRAINING_PATIENCE_S = 300.0


class Walk:
    """Presses keys that the screen shows, and keeps what it showed."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.stops: list[str] = []

    def look(self, says: str) -> str:
        """Notes what the screen shows once it is quiet."""
        self.terminal.settle(0.5, timeout_s=3.0)
        text = self.terminal.text
        self.stops.append(f"== {len(self.stops) + 1}. {says}\n\n{text}\n")
        print(f"{len(self.stops):3} {says}", flush=True)
        return text

    def wait(self, wanted: str | Callable[[str], object], *, timeout_s: float = 30.0) -> str:
        """Waits for what the screen shows."""
        return self.terminal.wait_for(wanted, timeout_s=timeout_s)

    def press(self, key: str, label: str, *, shown_as: str | None = None) -> None:
        """Presses a key that the screen names by this label; looks into the help where its last line has no room."""
        name = re.escape(shown_as or key)
        # a line of keys says `S stop`, a question `stop (y)`
        named = re.compile(rf"(?<!\S){name}\s+(\S.*\s)?({label})|({label}) \({name}\)", re.IGNORECASE)
        if not named.search(self.terminal.text):
            self._look_up(named)
        self.terminal.stop(key)

    def type(self, text: str) -> None:
        """Types into a line of input."""
        self.terminal.press(*text)
        self.terminal.settle()

    def _look_up(self, named: re.Pattern[str]) -> None:
        if not re.search(r"\? help", self.terminal.text):
            raise SystemExit(f"no key {named.pattern} and no help on the screen:\n{self.terminal.text}")
        self.terminal.press("?")
        self.terminal.settle(0.5)
        for _ in range(20):
            if named.search(self.terminal.text):
                self.look("the help names the key")
                break
            self.terminal.stop("pagedown")
        else:
            raise SystemExit(f"neither screen nor help names {named.pattern}:\n{self.terminal.text}")
        self.terminal.stop("escape")
        self.terminal.settle(0.5)


def step_of(text: str) -> int:
    """The step in the header of a run's screen, -1 without one."""
    found = re.search(r"step (\d+)/", text)
    return int(found[1]) if found else -1


def launch(walk: Walk, steps: int) -> str:
    """Launches a GRPO run from the form; its name."""
    walk.wait("filter")
    walk.look("the list of runs")
    walk.press("L", "launch")
    walk.wait("preflight")
    walk.look("the launch form: every setting with its origin, preflight and the command beside it")
    walk.press("/", "filter")
    walk.type("max_steps")
    walk.terminal.stop("enter")
    walk.look("the field max_steps")
    walk.press("enter", "write")
    walk.terminal.stop("\x15")
    walk.type(str(steps))
    walk.press("enter", "keep")
    walk.look(f"{steps} steps, and the command says so")
    walk.press("ctrl+s", "launch")
    walk.wait(lambda shown: "(y)" in shown, timeout_s=120)
    walk.look("checked, and asked before it is launched")
    walk.press("y", "launch")
    text = walk.wait(lambda shown: re.search(r"sat-grpo-\d+ .*(starting|running)", shown), timeout_s=120)
    walk.look("launched")
    found = re.search(r"sat-grpo-\d+(?= .*(starting|running))", text)
    assert found is not None
    return found[0]


def go_to(walk: Walk, name: str) -> None:
    """Puts the list's cursor on a run."""
    for _ in range(50):
        line = next((line for line in walk.terminal.lines if line.startswith(("▸", ">"))), "")
        if re.search(rf"\b{name}\b", line):
            return
        walk.terminal.stop("j")
    raise SystemExit(f"{name} cannot be reached:\n{walk.terminal.text}")


def to_list(walk: Walk) -> None:
    """Back to the list by the key that the screen shows."""
    for _ in range(5):
        if "filter" in walk.terminal.lines[-1]:
            return
        walk.press("escape", "back", shown_as="esc")
        walk.terminal.settle(0.5)
    raise SystemExit(f"no way back to the list:\n{walk.terminal.text}")


def watch(walk: Walk) -> None:
    """Watches the new run."""
    walk.wait(lambda shown: step_of(shown) >= 2, timeout_s=TRAINING_PATIENCE_S)
    step = step_of(walk.terminal.text)
    walk.wait(lambda shown: step_of(shown) > step + 2, timeout_s=TRAINING_PATIENCE_S)
    walk.look("curves grow while the run trains")


def jump(home: Home, name: str) -> int:
    """The step from which the accuracy of training groups rose most: mean of five steps against the five before."""
    with closing(open_catalogue(home)) as connection:
        points = curve(connection, name, "rewards/accuracy/mean")
    values = [point.value for point in points]
    rises = {
        place: fmean(values[place : place + 5]) - fmean(values[place - 5 : place])
        for place in range(5, len(values) - 4)
    }
    if not rises:
        raise SystemExit(f"{name} is too short: 10 steps with an accuracy are needed")
    return points[max(rises, key=rises.__getitem__)].step


def move_to(walk: Walk, step: int) -> None:
    """Moves the cursor of all charts to a step, by the arrow keys."""
    walk.terminal.stop("left")
    for _ in range(1000):
        found = re.search(r"^ step (\d+) ", walk.terminal.lines[-2])
        if found is None:
            raise SystemExit(f"the charts show no step:\n{walk.terminal.text}")
        if int(found[1]) == step:
            return
        walk.terminal.stop("left" if int(found[1]) > step else "right")
    raise SystemExit(f"step {step} cannot be reached:\n{walk.terminal.text}")


def read_why(walk: Walk, finished: str, *, step: int) -> None:
    """Opens the step where accuracy jumped, and reads what the model wrote there."""
    to_list(walk)
    walk.terminal.stop("home")
    go_to(walk, finished)
    walk.press("enter", "open")
    walk.wait("2 Rollouts")
    walk.look("the finished run")
    move_to(walk, step)
    walk.look(f"the cursor of all charts at step {step}, where the accuracy of training groups rose most")
    walk.press("enter", "step")
    walk.wait("#0")
    walk.look("the rollouts of that step")
    walk.press("e", "unfold")
    walk.look("reasoning unfolded: why an answer was right or wrong")
    walk.press("t", "over steps|Every step that this prompt came at")
    walk.look("the same prompt at every step that it came")
    walk.press("t", "over steps|Every step that this prompt came at")


def compare(walk: Walk, finished: str, other: str) -> None:
    """Compares two finished runs."""
    to_list(walk)
    for name in (finished, other):
        walk.terminal.stop("home")
        go_to(walk, name)
        walk.press("space", "mark")
        walk.terminal.settle()
    walk.look("two runs marked")
    walk.press("c", "compare")
    walk.wait("3 Evaluations")
    walk.look("their curves on common axes")
    walk.press("2", "Settings")
    walk.look("only the settings that differ")
    walk.press("3", "Evaluations")
    walk.wait("paired", timeout_s=20)
    walk.look("a paired test of their evaluations")
    to_list(walk)
    walk.terminal.stop("escape")


def stop_and_resume(walk: Walk, name: str) -> None:
    """Stops the new run and resumes it."""
    walk.terminal.stop("home")
    go_to(walk, name)
    walk.press("S", "stop|Ask to save at the next step")
    walk.terminal.settle(0.5)
    walk.look("asked before it is stopped, by name")
    walk.press("y", "stop")
    walk.wait(lambda shown: re.search(rf"{name} .*stopped", shown), timeout_s=TRAINING_PATIENCE_S)
    walk.look("stopped at a checkpoint")
    walk.press("R", "resume|Go on where it was saved")
    walk.terminal.settle(0.5)
    walk.look("asked before it is resumed")
    walk.press("y", "resume")
    walk.wait(lambda shown: re.search(rf"{name} .*running", shown), timeout_s=TRAINING_PATIENCE_S)
    walk.look("it goes on")


def write_cast(terminal: Terminal, path: Path) -> None:
    """The bytes of the terminal as asciicast v2, without long waits."""
    header = {"version": 2, "width": SIZE[0], "height": SIZE[1], "env": {"TERM": "xterm-256color"}}
    lines = [json.dumps(header)]
    at, before = 0.0, terminal.chunks[0].time
    rest = b""
    for chunk in terminal.chunks:
        at += min(LONGEST_PAUSE_S, chunk.time - before)
        before = chunk.time
        data = rest + chunk.data
        # a character may be cut by the end of a read
        text = data.decode("utf-8", "ignore")
        rest = data[len(text.encode()) :]
        lines.append(json.dumps([round(at, 3), "o", text], ensure_ascii=False))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def finished_run(home: Home, method: str) -> str:
    """The newest finished run of a method. Raises SystemExit without one."""
    names = [run.name for run in current_runs(home) if run.method == method and run.state == "finished"]
    if not names:
        raise SystemExit(f"{home.path} has no finished {method} run: rftui launch {method} --task sat --wait")
    return names[0]


def main() -> None:
    """Walks, and writes the cast and the screens."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=60, help="of the run that is launched, stopped and resumed")
    arguments = parser.parse_args()
    home = resolve_home(arguments.home)
    grpo, sft = finished_run(home, "grpo"), finished_run(home, "sft")
    with tempfile.TemporaryDirectory(prefix="rftui-walk-") as state:
        environment = {**os.environ, "RFTUI_HOME": str(home.path), "XDG_STATE_HOME": state}
        with Terminal(environment=environment, size=SIZE) as terminal:
            walk = Walk(terminal)
            started = time.monotonic()
            try:
                name = launch(walk, arguments.steps)
                watch(walk)
                read_why(walk, grpo, step=jump(home, grpo))
                compare(walk, grpo, sft)
                stop_and_resume(walk, name)
                walk.press("q", "quit|Leave")
                code = terminal.wait()
                print(f"quit with exit code {code} after {time.monotonic() - started:.0f} s; {name} goes on")
            finally:
                folder = Path(__file__).parent
                (folder / "walk.txt").write_text("\n".join(walk.stops), encoding="utf-8")
                write_cast(terminal, folder / "walk.cast")


if __name__ == "__main__":
    main()
