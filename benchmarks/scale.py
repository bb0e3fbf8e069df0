"""Whether the dashboard answers on the largest homes: from a key to the last byte of what it changed.

    python benchmarks/scale.py [--presses 40] [--keep DIR] [--runs 10000] [--points 1000000]

Four homes are made first (minutes; --keep DIR makes them once and uses them again): 10,000 runs; a run with 1,000,000
points of each of six metrics; a run of 300 steps with 256 completions each; a run with a step of 4,096 completions. In
each the dashboard is opened in a pty of 140x40 and driven by keys. An answer ends with the last byte before 0.3 s of
quiet. Prints median, 95th percentile and maximum of each kind of key in milliseconds with the median of the CPU that
the dashboard spent, and for each home the memory that is the dashboard's alone (USS). What changed nothing on the
screen is counted and not timed.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from measures import environment_of, open_tab, percentile

from benchmarks.big_homes import LONG, MANY_ROLLOUTS, WIDE, long_curves, many_rollouts, many_runs, wide_step
from store.layout import Home
from tests.terminal import Terminal

SIZE = (140, 40)
BAR_MS = 150
BAR_MB = 250


class Answer(NamedTuple):
    """What one key cost."""

    wall_ms: float | None
    """To the last byte; None where nothing came."""
    cpu_ms: float
    """Of the dashboard's process."""


class Driver:
    """Presses keys in one dashboard and prints how long the answers took."""

    def __init__(self, terminal: Terminal, *, presses: int) -> None:
        self.terminal = terminal
        self.presses = presses
        self.highest_mb = 0.0
        self._process = psutil.Process(terminal.process.pid)

    def press(self, *keys: str) -> None:
        """Presses keys that are not timed, each after the answer to the one before."""
        for key in keys:
            self.terminal.stop(key, first_byte_s=2.0)

    def time(self, what: str, keys: Sequence[str], *, then: Sequence[str] = ()) -> None:
        """Times the keys in turn, each as often as it takes; after each come others that are not timed."""
        answers = []
        for number in range(self.presses):
            answers.append(self._answer(keys[number % len(keys)]))
            self.press(*then)
        report(what, answers)
        self._look_at_memory()

    def time_typed(self, what: str, texts: Sequence[str], *, opens: str, then: Sequence[str]) -> None:
        """Opens a line of input, types the texts in turn, and times `enter`."""
        answers = []
        for number in range(self.presses):
            self.press(opens, texts[number % len(texts)])
            answers.append(self._answer("enter"))
            self.press(*then)
        report(what, answers)
        self._look_at_memory()

    def _answer(self, key: str) -> Answer:
        before = self._cpu_s()
        wall_s = self.terminal.answer_s(key)
        return Answer(None if wall_s is None else 1000 * wall_s, 1000 * (self._cpu_s() - before))

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _look_at_memory(self) -> None:
        self.highest_mb = max(self.highest_mb, self._process.memory_full_info().uss / 2**20)


def report(what: str, answers: Sequence[Answer]) -> None:
    """One line of the result."""
    walls = [answer.wall_ms for answer in answers if answer.wall_ms is not None]
    silent = len(answers) - len(walls)
    if not walls:
        print(f"  {what:<36} nothing changed", flush=True)
        return
    p95, cpu_ms = percentile(walls, 95), statistics.median(answer.cpu_ms for answer in answers)
    numbers = (
        f"median {statistics.median(walls):5.0f}   p95 {p95:5.0f}   max {max(walls):5.0f} ms   CPU {cpu_ms:4.0f} ms"
    )
    quiet = f"   {silent} without an answer" if silent else ""
    print(f"  {what:<36}{numbers}   n {len(walls)}{'   OVER' if p95 > BAR_MS else ''}{quiet}", flush=True)


@contextmanager
def dashboard(home: Home, title: str, *, first: str, presses: int) -> Iterator[Driver]:
    """The dashboard of a home, once the list shows a run."""
    print(title, flush=True)
    started = time.monotonic()
    with Terminal(environment=environment_of(home), size=SIZE) as terminal:
        terminal.wait_for(first)
        print(f"  {'from start to the first rows':<40}{1000 * (time.monotonic() - started):5.0f} ms", flush=True)
        terminal.settle(1.0)
        driver = Driver(terminal, presses=presses)
        yield driver
        over = "   OVER" if driver.highest_mb > BAR_MB else ""
        print(f"  {'memory (USS)':<40}{driver.highest_mb:5.0f} MB{over}", flush=True)


def drive_runs(home: Home, presses: int) -> None:
    """The list of runs."""
    with dashboard(home, "10,000 runs", first="sat-grpo-1000", presses=presses) as driver:
        driver.time("list: next run", ["j"])
        driver.time("list: page", ["pagedown"])
        driver.time("list: end and home", ["end", "home"])
        driver.time("list: open a run", ["enter"], then=["escape", "j"])
        driver.time("list: sort", ["s"])
        driver.time_typed(
            "list: filter", ("state:finished", "reward>0.5 sat", "grpo-99", "nothing"), opens="/", then=["escape"]
        )


def drive_curves(home: Home, presses: int) -> None:
    """The charts of a long run."""
    with dashboard(home, "1,000,000 points of each of six metrics", first=LONG, presses=presses) as driver:
        driver.time("open", ["enter"], then=["escape"])
        driver.press("enter")
        driver.terminal.wait_for("1 Curves")
        driver.terminal.settle(1.0)
        driver.time("cursor", ["left"])
        driver.time("zoom in and out", ["+", "+", "+", "-", "+", "-", "-", "-"])
        driver.press("+", "+", "+", "+", "+", "+")
        driver.time("pan at a sixty-fourth", [","])
        driver.press("0")
        driver.time("one chart and all", ["z"])
        driver.time("axis", ["x"])
        driver.time("smoothing", ["s"])
        driver.time("log y", ["o"])


def drive_rollouts(home: Home, name: str, title: str, presses: int) -> None:
    """The rollouts of a run."""
    with dashboard(home, title, first=name, presses=presses) as driver:
        driver.press("enter")
        driver.terminal.wait_for("2 Rollouts")
        driver.terminal.settle(1.0)
        open_tab(driver.terminal, "Rollouts")
        driver.terminal.wait_for("#0")
        driver.terminal.settle(1.0)
        driver.time("next group", ["n"])
        driver.time("next step and back", ["h", "l"])
        driver.time("first and newest step", ["home", "end"])
        driver.time("sort", ["s"])
        driver.time("unfold and fold", ["e", "x"])
        driver.time("this prompt over steps, and back", ["t", "t"])
        driver.press("enter")
        driver.time("scroll completions", ["pagedown", "pagedown", "pageup"])
        driver.press("escape")
        searches = ("lamp", '"red cube is"', "reward<1.5", "reward<1.5 lamp", "-clipped:yes kind:relation", "zebra")
        driver.time_typed("search", searches, opens="/", then=["escape"])


HOMES: dict[str, Callable[[Home, argparse.Namespace], None]] = {
    "runs": lambda home, sizes: many_runs(home, runs=sizes.runs),
    "curves": lambda home, sizes: long_curves(home, points=sizes.points),
    "rollouts": lambda home, sizes: many_rollouts(home, steps=sizes.steps, completions_a_step=256),
    "wide": lambda home, sizes: wide_step(home, completions_a_step=4096),
}


def made(folder: Path, name: str, sizes: argparse.Namespace) -> Home:
    """The home of that name, made where it is not there."""
    home = Home(folder / name)
    if not (home.path / "made").exists():
        started = time.monotonic()
        HOMES[name](home, sizes)
        (home.path / "made").touch()
        print(f"made the home of {name} in {time.monotonic() - started:.0f} s", flush=True)
    return home


def main() -> None:
    """Makes the homes and drives the dashboard through them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presses", type=int, default=40, help="of each key")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the homes here, and use those that are there")
    parser.add_argument("--only", choices=sorted(HOMES), help="only one of the homes")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rftui-scale-") as temporary:
        folder = arguments.keep or Path(temporary)
        chosen = [arguments.only] if arguments.only else list(HOMES)
        if "runs" in chosen:
            drive_runs(made(folder, "runs", arguments), arguments.presses)
        if "curves" in chosen:
            drive_curves(made(folder, "curves", arguments), arguments.presses)
        if "rollouts" in chosen:
            home = made(folder, "rollouts", arguments)
            drive_rollouts(home, MANY_ROLLOUTS, f"{arguments.steps} steps of 256 completions", arguments.presses)
        if "wide" in chosen:
            home = made(folder, "wide", arguments)
            drive_rollouts(home, WIDE, "a step of 4,096 completions", arguments.presses)


if __name__ == "__main__":
    main()
