"""How long a record in the journal takes to its pixels, with four runs live.

    python benchmarks/latency.py [--samples 200]

The runs train under rftui's own supervisors and write a step a second each. The time of a step is the time in its
`metrics` record, which its trainer writes with one unbuffered write; the time of its pixels is when the byte arrived
at the pty after which the terminal shows that step, or a later one. Views: the list, where each sample is a step of any
of the four runs, and the screen of one run with its six charts, where it is a step of that run in the header.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from measures import environment_of, percentile

from benchmarks.live_runs import live_runs
from store.layout import RunDir
from tests.terminal import Terminal

RUNS = 4
STEPS = 5000
SIZE = (140, 40)
BAR_MS = 600


def written_at(run: RunDir) -> dict[int, float]:
    """When each step's metrics were written, in seconds since 1970."""
    records = map(json.loads, run.journal(0, 1).read_text(encoding="utf-8").splitlines())
    return {record["step"]: record["time"] for record in records if record["type"] == "metrics"}


def steps_shown(text: str, names: Sequence[str]) -> dict[str, int]:
    """The step of each run that a line of the screen shows."""
    found = {}
    for line in text.split("\n"):
        for name in names:
            if re.search(rf"\b{name}\b", line) and (step := re.search(rf"(\d+)/{STEPS}\b", line)):
                found[name] = int(step[1])
    return found


def watch(terminal: Terminal, names: Sequence[str], *, samples: int) -> dict[str, dict[int, float]]:
    """When each step was first on the screen, by run, in seconds since 1970, until there are so many in all."""
    offset = time.time() - time.monotonic()
    seen: dict[str, dict[int, float]] = {name: {} for name in names}
    before = steps_shown(terminal.text, names)
    while sum(map(len, seen.values())) < samples:
        if not terminal.read(5.0):
            raise SystemExit(f"nothing came for 5 s:\n{terminal.text}")
        for name, step in steps_shown(terminal.text, names).items():
            for each in range(before.get(name, step) + 1, step + 1):
                seen[name][each] = terminal.chunks[-1].time + offset
            before[name] = step
    return seen


def latencies_ms(seen: Mapping[str, Mapping[int, float]], runs: Sequence[RunDir]) -> list[float]:
    """From record to pixels, of every step that was seen."""
    written = {run.name: written_at(run) for run in runs}
    return [1000 * (at - written[name][step]) for name, steps in seen.items() for step, at in steps.items()]


def say(view: str, values: Sequence[float]) -> None:
    """One line of the result."""
    numbers = f"median {statistics.median(values):4.0f} ms   p95 {percentile(values, 95):4.0f} ms"
    print(f"{view:<36}{len(values)} samples   {numbers}   max {max(values):4.0f} ms   bar {BAR_MS} ms", flush=True)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=200, help="steps seen in each view")
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="rftui-latency-") as folder,
        live_runs(Path(folder), RUNS, steps=STEPS) as (bench, runs),
        Terminal(environment=environment_of(bench.home), size=SIZE) as terminal,
    ):
        names = [run.name for run in runs]
        terminal.wait_for(lambda text: len(steps_shown(text, names)) == RUNS)
        say("list of four live runs", latencies_ms(watch(terminal, names, samples=arguments.samples), runs))
        terminal.press("home", "enter")
        terminal.wait_for("1 Curves")
        terminal.read_for(3.0)
        say("six charts of one of them", latencies_ms(watch(terminal, names, samples=arguments.samples), runs))


if __name__ == "__main__":
    main()
