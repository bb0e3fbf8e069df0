"""Many queued runs on one box while dispatcher, supervisors and trainers are killed at random, and what came of it.

Processes, locks and signals are real; the trainer only writes, and NVML sees four GPUs that there are not.
"""

from __future__ import annotations

import json
import random
import threading
import time
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from rftui.queueing.changing import release
from rftui.queueing.entries import QueueReader
from rftui.queueing.guard import ensure_dispatcher
from rftui.queueing.settings import write_slots
from rftui.runs.reads import current_runs
from rftui.supervision import gpu_locks
from rftui.supervision.ledger import Ledger, LedgerReader
from rftui.supervision.processes import start_ticks
from store.layout import RunDir
from store.states import State, is_live
from tests import fake_nvml
from tests.fake_runs import Bench, dispatcher_pid, kill

GPUS = 4
LOOK_EVERY_S = 1.5
"""How often somebody lists the runs, as a dashboard does."""


class Outcome(NamedTuple):
    """What came of it."""

    runs: int
    kills: dict[str, int]
    ends: dict[str, int]
    """Runs by their last state."""
    starts: int
    """Trainers that were started; a run whose supervisor died early is started again."""
    doubly_held: list[dict[str, Any]]
    """Starts of trainers that found a living process with their slot or GPU."""
    unleased: list[dict[str, Any]]
    """Starts of trainers that held something else than the run asked for."""
    out_of_order: list[tuple[str, str]]
    """Pairs of runs with equal wants of which the later one started first."""
    too_early: list[tuple[str, str]]
    """Runs that started before a run that they wait for had ended."""
    unfinished: list[str]
    """Runs that never came to their turn."""
    seconds: float

    @property
    def is_clean(self) -> bool:
        """Whether nothing was wrong."""
        return not (self.doubly_held or self.unleased or self.out_of_order or self.too_early or self.unfinished)


class Crowd:
    """A home whose queue is full."""

    def __init__(self, folder: Path, *, runs: int, slots: int, seed: int) -> None:
        self.random = random.Random(seed)
        self.leases = folder / "leases"
        self.leases.mkdir(parents=True)
        self.bench = Bench(folder, step_s=0.03, leases=str(self.leases))
        fake_nvml.install(folder / "fake")
        _install_torchrun(folder / "fake")
        self.uuids = [f"GPU-fake-{self.random.getrandbits(64):016x}-{time.time_ns()}" for _ in range(GPUS)]
        seen = folder / "nvml.json"
        seen.write_text(json.dumps([{"uuid": uuid} for uuid in self.uuids]))
        self.bench.environment |= {"FAKE_NVML": str(seen)}
        self.bench.environment.pop("RFTUI_SLOTS", None)
        self.slots = slots
        self.bench.home.path.mkdir(parents=True)
        # nobody starts before everybody is there, so that the order can be known
        write_slots(self.bench.home, 0)
        self.runs = [self._make(number) for number in range(1, runs + 1)]
        # read again and again: whoever watches must not take the time of those who run
        self.ledgers = [LedgerReader(run_dir) for run_dir in self.runs]
        self.kills = {"dispatcher": 0, "supervisor": 0, "trainer": 0}
        self.reader = QueueReader(self.bench.home)
        self.began_at = time.monotonic()

    def _make(self, number: int) -> RunDir:
        draw = self.random
        kind = draw.choices(["slot", "any", "named"], [6, 3, 1])[0]
        gpus = [] if kind == "slot" else sorted(draw.sample(range(GPUS), draw.choice([1, 1, 2])))
        settings: dict[str, Any] = {"gpus": gpus, "ranks": max(1, len(gpus))}
        after = (self._name(draw.randrange(1, number)),) if number > 5 and draw.random() < 0.1 else ()
        return self.bench.queue_run(
            self._name(number),
            gpus_any=kind == "any",
            priority=draw.choices([0, 1, -1], [6, 2, 2])[0],
            held=draw.random() < 0.04,
            after=after,
            max_steps=draw.choice([3, 6, 12]),
            save_steps=0,
            **settings,
        )

    @staticmethod
    def _name(number: int) -> str:
        return f"sat-grpo-{number}"

    def run(self, *, kill_every_s: float, patience_s: float) -> Outcome:
        """Opens the slots, kills about, and watches until everybody has ended."""
        write_slots(self.bench.home, self.slots)
        ensure_dispatcher(self.bench.home)
        deadline = time.monotonic() + patience_s
        # apart, since whoever lists two hundred runs takes a while
        is_over = threading.Event()
        striking = threading.Thread(target=self._strike_until, args=(is_over, kill_every_s))
        striking.start()
        try:
            while self._is_anybody_left() and time.monotonic() < deadline:
                current_runs(self.bench.home)
                self._release_held()
                time.sleep(LOOK_EVERY_S)
        finally:
            is_over.set()
            striking.join()
        return self._outcome()

    def _strike_until(self, is_over: threading.Event, kill_every_s: float) -> None:
        ledgers = [LedgerReader(run_dir) for run_dir in self.runs]
        while not is_over.wait(self.random.uniform(0.2, 1.8) * kill_every_s):
            pids = self._victims([reader.update() for reader in ledgers])
            if pids:
                victim = self.random.choice(sorted(pids))
                kill(pids[victim])
                self.kills[victim] += 1

    def _victims(self, ledgers: list[Ledger]) -> dict[str, int]:
        """The dispatcher, and a supervisor and a trainer of some run, those that there are."""
        found = {"dispatcher": dispatcher_pid(self.bench.home)}
        live = [each for each in ledgers if each.state in (State.STARTING, State.RUNNING)]
        if live:
            one = self.random.choice(live)
            for victim, identity in (
                ("supervisor", one.supervisor),
                ("trainer", one.attempt(one.current_attempt).identity),
            ):
                if identity is not None and start_ticks(identity.pid) == identity.pid_start:
                    found[victim] = identity.pid
        return {victim: pid for victim, pid in found.items() if pid is not None}

    def _is_anybody_left(self) -> bool:
        return any(is_live(reader.update().state or State.QUEUED) for reader in self.ledgers)

    def _release_held(self) -> None:
        """What a person does in the end: lets go what is held, by hand or by a run that did not finish."""
        for entry in self.reader.read().entries:
            if entry.block is not None and entry.block.needs_person:
                release(entry.run_dir)

    def clean_up(self) -> None:
        """Ends whatever is left, and the locks of GPUs that there are not."""
        self.bench.clean_up()
        for uuid in self.uuids:
            (gpu_locks.LOCK_DIRECTORY / f"{uuid}.lock").unlink(missing_ok=True)

    # judging

    def _outcome(self) -> Outcome:
        started = [json.loads(line) for line in (self.leases / "started.jsonl").read_text().splitlines()]
        ledgers = {reader.run_dir.name: reader.update() for reader in self.ledgers}
        ends = [str(ledger.state) for ledger in ledgers.values()]
        return Outcome(
            runs=len(self.runs),
            kills=self.kills,
            ends={state: ends.count(state) for state in sorted(set(ends))},
            starts=len(started),
            doubly_held=[row for row in started if row["doubly"]],
            unleased=[row for row in started if not self._is_fit(row)],
            out_of_order=list(self._out_of_order()),
            too_early=list(self._too_early()),
            unfinished=[name for name, ledger in ledgers.items() if is_live(ledger.state or State.QUEUED)],
            seconds=time.monotonic() - self.began_at,
        )

    def _is_fit(self, row: dict[str, Any]) -> bool:
        """Whether a trainer held what its run asked for: so many GPUs, those named, or one slot."""
        config, launch = _facts(self.bench.home.run(row["run"]))
        if not config["gpus"]:
            return len(row["held"]) == 1 and row["held"][0].removesuffix(".lock").isdecimal()
        held = {self.uuids.index(lock.removesuffix(".lock")) for lock in row["held"]}
        is_any = launch["queue"]["gpus_any"]
        return len(held) == len(config["gpus"]) and (is_any or held == set(config["gpus"]))

    def _first_start(self, run_dir: RunDir) -> float | None:
        times = [record["time"] for record in _states(run_dir) if record["state"] == "starting"]
        return min(times, default=None)

    def _out_of_order(self) -> Iterator[tuple[str, str]]:
        """Runs that nothing but their turn held back, against those with the same wants behind them."""
        free: dict[tuple[Any, ...], list[tuple[tuple[int, float], float, str]]] = {}
        for run_dir in self.runs:
            config, launch = _facts(run_dir)
            queue, first = launch["queue"], self._first_start(run_dir)
            if queue["held"] or queue["after"] or first is None:
                continue
            # a run that asks for two of any may have to let one pass that named another GPU, so like is held with like
            wants = (bool(config["gpus"]), len(config["gpus"]), None if queue["gpus_any"] else tuple(config["gpus"]))
            since = min(record["time"] for record in _states(run_dir))
            free.setdefault(wants, []).append(((-queue["priority"], since), first, run_dir.name))
        for rows in free.values():
            rows.sort()
            for (_, first, name), (_, then, later) in pairwise(rows):
                if then < first:
                    yield name, later

    def _too_early(self) -> Iterator[tuple[str, str]]:
        for run_dir in self.runs:
            first = self._first_start(run_dir)
            for other in _facts(run_dir)[1]["queue"]["after"]:
                ended = [
                    row["time"] for row in _states(self.bench.home.run(other["name"])) if not is_live(row["state"])
                ]
                if first is not None and (not ended or first < min(ended)):
                    yield run_dir.name, other["name"]


def _install_torchrun(folder: Path) -> None:
    """A launcher of ranks that is the trainer itself: torch costs seconds, and the locks are the launcher's."""
    package = folder / "torch" / "distributed"
    package.mkdir(parents=True)
    for path in (package.parent, package):
        (path / "__init__.py").touch()
    (package / "run.py").write_text(
        "import sys\nsys.argv = ['trainer', *sys.argv[sys.argv.index('trainer') + 1 :]]\n"
        "from fake_trainer import main\nmain()\n"
    )


def _states(run_dir: RunDir) -> list[dict[str, Any]]:
    lines = run_dir.supervisor_journal.read_text().splitlines()
    return [record for line in lines if line and (record := json.loads(line))["type"] == "state"]


def _facts(run_dir: RunDir) -> tuple[dict[str, Any], dict[str, Any]]:
    return tomllib.loads(run_dir.config.read_text()), json.loads(run_dir.launch.read_text())
