"""What the views of rollouts and curves wait for: each read of the store, beside the bare SQL of the same rows.

    python benchmarks/dashboard_reads.py [--times 40] [--keep DIR] [--points 1000000] [--steps 300]

Four runs are made first (minutes; --keep DIR makes them once and uses them again): 1,000,000 and 15,000 points of each
of six metrics; 300 steps of 256 completions; a step of 4,096 completions. Each read is made so many times, interleaved
with its floor: plain SELECTs through the same indexes, fetched and thrown away. Prints median and 95th percentile of
both in milliseconds and their ratio, and the memory that is this process's alone (USS) after each run. A search is told
twice: until it first has something to show, and until every step is counted.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import psutil
from measures import percentile

from benchmarks.big_homes import LONG, MANY_ROLLOUTS, WIDE, long_curves, many_rollouts, wide_step
from rftui.charts.alerts import WATCHED, alerts_of
from rftui.charts.curve_reads import MAX_POINTS, read_curves, read_names, sketch_curves
from rftui.charts.curves import Range
from rftui.charts.panels import metrics_of, preset
from rftui.rollouts.group_layout import GroupLayout
from rftui.rollouts.group_text import View
from rftui.rollouts.query import parse_query
from rftui.rollouts.reads import RolloutSource
from store.layout import Home
from store.metrics import CurveMemory
from store.rollouts import open_rollouts
from store.runs import open_catalogue

BAR_MS = 150
BAR_MB = 250
QUERIES = ("lamp", '"red cube is"', "reward<1.5", "reward<1.5 lamp", "-clipped:yes kind:relation", "zebra")


class Read(NamedTuple):
    """One read of a view and its floor."""

    what: str
    read: Callable[[], object]
    floor: Callable[[], object]
    is_waited_for: bool = True
    """Whether nothing is shown before it ends."""


def timed_ms(act: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    act()
    return 1000 * (time.perf_counter() - began)


def report(reads: Sequence[Read], *, times: int) -> None:
    """Times reads and floors in turn, and prints a line for each."""
    for what, read, floor, is_waited_for in reads:
        pairs = [(timed_ms(read), timed_ms(floor)) for _ in range(times)]
        own, bare = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        median, floor_median = statistics.median(own), statistics.median(bare)
        worst = percentile(own, 95)
        over = "  OVER" if is_waited_for and worst > BAR_MS else ""
        print(
            f"  {what:<44} median {median:7.1f}  p95 {worst:7.1f} ms   floor {floor_median:7.1f}, "
            f"p95 {percentile(bare, 95):7.1f} ms   {median / max(0.01, floor_median):5.1f} times{over}",
            flush=True,
        )


def curve_reads(home: Home) -> list[Read]:
    """Opening, going on and zooming of the charts of a long run."""
    names = read_names(home, LONG)
    wanted = metrics_of(preset("grpo", names)) | WATCHED
    memory = CurveMemory(LONG, max_points=MAX_POINTS)
    read_curves(home, LONG, wanted, memory=memory)
    last = int(read_curves(home, LONG, ["reward"]).steps.high)  # type: ignore[union-attr]
    places = cycle(random.Random(4).sample(range(last - last // 64), 50))

    def zoomed() -> object:
        low = next(places)
        return read_curves(home, LONG, wanted, steps=Range(low, low + last // 64))

    def whole() -> object:
        found = read_curves(home, LONG, wanted)
        return alerts_of(found.curves, found.evaluations)

    def rollups() -> object:
        with closing(open_catalogue(home)) as connection:
            return connection.execute("SELECT * FROM metric_rollup").fetchall()

    def points() -> object:
        low = next(places)
        with closing(open_catalogue(home)) as connection:
            keys = [row[0] for row in connection.execute("SELECT id FROM metric_key")]
            sql = "SELECT step, value FROM metric_point WHERE run=1 AND attempt=1 AND key=? AND step BETWEEN ? AND ?"
            return [connection.execute(sql, (key, low, low + last // 64)).fetchall() for key in keys]

    return [
        Read("first answer", lambda: sketch_curves(home, LONG, wanted) or whole(), rollups),
        Read("whole curves and alarms, behind it", whole, rollups, is_waited_for=False),
        Read("a live run went on", lambda: read_curves(home, LONG, wanted, memory=memory), rollups),
        Read("zoom to a sixty-fourth", zoomed, points),
    ]


def rollout_reads(home: Home, name: str) -> list[Read]:
    """Opening, paging and searching the rollouts of a run."""
    source = RolloutSource(home, name)
    steps = source.extent(None).steps
    page_steps = cycle(random.Random(5).sample(steps, len(steps)) if len(steps) > 3 else steps[-1:])
    groups = [group.id for group in source.page(steps[-1], ()).groups]
    group_ids = cycle(random.Random(6).sample(groups, min(200, len(groups))))
    queries = cycle([parse_query(text) for text in QUERIES])

    def opened() -> object:
        extent = source.extent(None)
        page = source.page(extent.steps[-1], ())
        return source.group(page.groups[0].id, ())

    def next_group() -> object:
        page = source.group(next(group_ids), ())
        return GroupLayout(page.rollouts, page.history, View(100))

    def first_found() -> object:
        tests = next(queries).tests
        page = source.page(steps[-1], tests)
        hits = source.hits(tests, around=steps[-1])
        return page, list(islice(hits, 1))

    def rows(sql: str, *values: object) -> object:
        with closing(open_rollouts(home, name)) as connection:
            return connection.execute(sql, values).fetchall()

    step_sql = "SELECT id, reward, rewards, advantage, tokens FROM completion WHERE step=?"
    group_sql = "SELECT * FROM completion WHERE id BETWEEN (? << 12) AND (? << 12 | 4095)"
    like_sql = "SELECT count(*) FROM completion WHERE text LIKE '%lamp%'"
    return [
        Read("open: steps, newest step, first group", opened, lambda: rows(step_sql, steps[-1])),
        Read("another step", lambda: source.page(next(page_steps), ()), lambda: rows(step_sql, next(page_steps))),
        Read("next group, laid out", next_group, lambda: rows(group_sql, *[next(group_ids)] * 2)),
        Read("search: this step and its matches", first_found, lambda: rows(step_sql, steps[-1])),
        Read(
            "search: every step counted (told meanwhile)",
            lambda: list(source.hits(next(queries).tests, around=steps[-1])),
            lambda: rows(like_sql),
            is_waited_for=False,
        ),
    ]


def made(folder: Path, name: str, make: Callable[[Home], None]) -> Home:
    """The home of that name, made where it is not there."""
    home = Home(folder / name)
    if not (home.path / "made").exists():
        make(home)
        (home.path / "made").touch()
    return home


def main() -> None:
    """Makes the runs and times what is read of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=40, help="each read and each floor")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the runs here, and use those that are there")
    parser.add_argument("--points", type=int, default=1_000_000, help="of each metric of the longest run")
    parser.add_argument("--steps", type=int, default=300, help="of 256 completions")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rftui-reads-") as temporary:
        folder = arguments.keep or Path(temporary)
        for points in (arguments.points, 15_000):
            home = made(folder, f"curves-{points}", lambda home, points=points: long_curves(home, points=points))  # type: ignore[misc]
            print(f"{points:,} points of each of six metrics")
            report(curve_reads(home), times=arguments.times)
            say_memory()
        home = made(folder, "rollouts", lambda home: many_rollouts(home, steps=arguments.steps, completions_a_step=256))
        print(f"{arguments.steps} steps of 256 completions")
        report(rollout_reads(home, MANY_ROLLOUTS), times=arguments.times)
        say_memory()
        home = made(folder, "wide", lambda home: wide_step(home, completions_a_step=4096))
        print("a step of 4,096 completions")
        report(rollout_reads(home, WIDE), times=arguments.times)
        say_memory()


def say_memory() -> None:
    """Prints what the process holds alone."""
    held_mb = psutil.Process().memory_full_info().uss / 1e6
    print(f"  memory {held_mb:.0f} MB{'  OVER' if held_mb > BAR_MB else ''}\n", flush=True)


if __name__ == "__main__":
    main()
