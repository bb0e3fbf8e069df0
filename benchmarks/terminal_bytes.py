"""What the dashboard sends to a terminal of 140x40 and what CPU it takes, while nothing happens and while runs train.

    python benchmarks/terminal_bytes.py [--seconds 30] [--leet PATH/bin/wandb]

Each view is opened in a real pty by its keys and measured in windows of one second: kB/s as the mean over the whole
time and the 95th percentile of the windows, and CPU of the dashboard's process as a share of one core. Live runs write
a point a second of each of six metrics under rftui's own supervisors, whose CPU is not counted. With --leet the same is
measured of `wandb leet` on offline runs that log the same metrics at the same pace.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil
from measures import environment_of, open_run, open_tab, percentile

from benchmarks.leet_runs import leet_runs
from benchmarks.live_runs import CHARTS, live_runs
from tests.fake_runs import Bench, final_state
from tests.terminal import Terminal

SIZE = (140, 40)
RUNS = 4
PAST_STEPS = (20, 300)
"""How long the curves are when a measurement begins: some seconds, and five minutes of a point a second."""


class Load(NamedTuple):
    """What one view costs."""

    kb_s: float
    kb_s_p95: float
    cpu_percent: float


def measure(terminal: Terminal, seconds: int) -> Load:
    """The view that is open, over so many windows of a second."""
    process = psutil.Process(terminal.process.pid)
    before, started = _cpu_s(process), time.monotonic()
    windows = [terminal.read_for(1.0) / 1000 for _ in range(seconds)]
    elapsed, spent = time.monotonic() - started, _cpu_s(process) - before
    return Load(sum(windows) / elapsed, percentile(windows, 95), 100 * spent / elapsed)


def _cpu_s(process: psutil.Process) -> float:
    """User and system time of a process and its children."""
    spent = 0.0
    for each in (process, *process.children(recursive=True)):
        times = each.cpu_times()
        spent += times.user + times.system
    return spent


def say(view: str, load: Load, bar: str = "") -> None:
    """One line of the result."""
    numbers = f"{load.kb_s:6.2f} kB/s   p95 {load.kb_s_p95:6.2f} kB/s   CPU {load.cpu_percent:4.1f} %"
    print(f"{view:<44}{numbers}   {bar}", flush=True)


def idle(folder: Path, seconds: int) -> None:
    """Views of a run that has ended."""
    folder.mkdir()
    bench = Bench(folder, step_s=0.001, walks=CHARTS)
    run = bench.make_run(max_steps=300, save_steps=0)
    bench.supervise(run).wait()
    final_state(run)
    with Terminal(environment=environment_of(bench.home), size=SIZE) as terminal:
        terminal.wait_for(run.name)
        terminal.settle(1.0)
        say("idle: list", measure(terminal, seconds), "bar 0.2 kB/s")
        open_run(terminal, run.name)
        for title in ("Curves", "Rollouts"):
            open_tab(terminal, title)
            terminal.settle(1.0)
            say(f"idle: {title.lower()}", measure(terminal, seconds), "bar 0.2 kB/s")


def live(folder: Path, seconds: int) -> None:
    """Views of four runs that train, each a point a second of six metrics."""
    for past_steps in PAST_STEPS:
        with (
            live_runs(folder / str(past_steps), RUNS, past_steps=past_steps) as (bench, runs),
            Terminal(environment=environment_of(bench.home), size=SIZE) as terminal,
        ):
            print(f"{RUNS} live runs, from step {past_steps} on")
            terminal.wait_for(runs[0].name)
            terminal.read_for(5.0)
            say("live: list with its preview", measure(terminal, seconds))
            terminal.press("space", "space", "space", "space")
            terminal.wait_for(f"{RUNS} marked")
            terminal.press("c")
            terminal.wait_for("1 Curves")
            terminal.read_for(5.0)
            say(f"live: {RUNS} runs overlaid on six charts", measure(terminal, seconds), "bar 6 kB/s, CPU 5 %")
            terminal.press("escape")
            terminal.wait_for("filter")
            terminal.read_for(1.0)
            terminal.press("home", "enter")
            terminal.wait_for("2 Rollouts")
            terminal.read_for(5.0)
            say("live: six charts of one run", measure(terminal, seconds))


def peer(folder: Path, wandb: Path, seconds: int) -> None:
    """`wandb leet` on the like: one run on six charts, then four overlaid."""
    past_steps = PAST_STEPS[-1]
    with (
        leet_runs(folder, wandb, RUNS, past_steps=past_steps) as (place, environment),
        wait_for_runs(place),
        Terminal([str(wandb), "leet", str(place)], environment=environment, size=SIZE) as terminal,
    ):
        print(f"wandb leet, {RUNS} live runs, from step {past_steps} on")
        terminal.wait_for(f"Runs [{RUNS} items]", timeout_s=60)
        terminal.read_for(8.0)
        say("leet: six charts of one run", measure(terminal, seconds))
        for _ in range(RUNS - 1):
            terminal.press("down")
            terminal.read_for(1.0)
            terminal.press("space")
            terminal.read_for(1.0)
        terminal.read_for(5.0)
        say(f"leet: {RUNS} runs overlaid on six charts", measure(terminal, seconds))


@contextmanager
def wait_for_runs(place: Path) -> Iterator[None]:
    """Waits until every run has its folder."""
    deadline = time.monotonic() + 60
    while len(list(place.glob("offline-run-*"))) < RUNS and time.monotonic() < deadline:
        time.sleep(0.5)
    yield


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="length of each measurement")
    parser.add_argument("--leet", type=Path, metavar="WANDB", help="the wandb command of another environment")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rftui-bytes-") as folder:
        idle(Path(folder) / "idle", arguments.seconds)
        live(Path(folder) / "live", arguments.seconds)
        if arguments.leet is not None:
            peer(Path(folder) / "leet", arguments.leet.absolute(), arguments.seconds)


if __name__ == "__main__":
    main()
