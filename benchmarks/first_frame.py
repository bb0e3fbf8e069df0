"""How long the dashboard takes to its first frame with real rows, against the first frame of a minimal Textual app.

    python benchmarks/first_frame.py [--pairs 15] [--runs 1000] [--keep DIR]

Both are started in turn in a pty of 140x40, so that a busy machine slows both alike, and both are ended when what they
were waited for has come. The clock runs from the start of the process to the byte that completes, for the minimal app,
its only word, and for the dashboard the name of the newest run of a store of 1,000 (--keep DIR makes the store once and
uses it again). Prints medians and 95th percentiles in milliseconds, and the ratio of each pair.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from measures import percentile

from benchmarks.big_homes import many_runs
from store.layout import Home
from store.runs import list_runs, open_catalogue
from tests.terminal import APP, Terminal

SIZE = (140, 40)
PATIENCE_S = 60.0
BAR = 2.0
MINIMAL = """
from textual.app import App, ComposeResult
from textual.widgets import Static


class Minimal(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("hello-from-textual")


Minimal().run()
"""


def first_frame_s(command: Sequence[str], environment: Mapping[str, str], wanted: bytes) -> float:
    """Seconds from starting a command to the byte that completes `wanted` on its terminal."""
    started = time.monotonic()
    with Terminal(command, environment=environment, size=SIZE) as terminal:
        seen = b""
        while wanted not in seen:
            left = started + PATIENCE_S - time.monotonic()
            if left <= 0 or (not terminal.read(left) and terminal.process.poll() is not None):
                raise SystemExit(f"{command} never showed {wanted!r}:\n{terminal.text}")
            # a name may be cut by the end of a read
            seen = seen[-len(wanted) :] + terminal.chunks[-1].data
        return terminal.chunks[-1].time - started


def newest(home: Home) -> str:
    """The name of the run that stands first in the list."""
    return list_runs(open_catalogue(home))[0].name


def say(what: str, seconds: Sequence[float]) -> None:
    """One line of the result."""
    print(
        f"{what:<44} median {1000 * statistics.median(seconds):5.0f} ms   p95 {1000 * percentile(seconds, 95):5.0f} ms"
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15, help="interleaved starts of each")
    parser.add_argument("--runs", type=int, default=1000, help="runs in the store")
    parser.add_argument("--keep", type=Path, help="where the store is made, and found the next time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rftui-first-frame-") as folder:
        home = Home((arguments.keep or Path(folder)) / "home")
        if not home.catalogue.exists():
            many_runs(home, runs=arguments.runs)
        script = Path(folder) / "minimal.py"
        script.write_text(MINIMAL)
        environment = {**os.environ, "RFTUI_HOME": str(home.path), "XDG_STATE_HOME": folder}
        apps = {
            "minimal Textual app": ((sys.executable, str(script)), b"hello-from-textual"),
            f"rftui with rows of {arguments.runs:,} runs": (APP, newest(home).encode()),
        }
        seconds: dict[str, list[float]] = {name: [] for name in apps}
        for turn in range(arguments.pairs + 1):
            for name, (command, wanted) in apps.items():
                took = first_frame_s(command, environment, wanted)
                # the first of each is for bytecode and the file cache
                if turn:
                    seconds[name].append(took)
    for name, values in seconds.items():
        say(name, values)
    base, ours = seconds.values()
    ratios = [value / reference for value, reference in zip(ours, base, strict=True)]
    spread = f"p95 {percentile(ratios, 95):.2f}x"
    print(f"{'ratio within each pair':<44} median {statistics.median(ratios):5.2f} x    {spread}   bar {BAR:.0f}x")


if __name__ == "__main__":
    main()
