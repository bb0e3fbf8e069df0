"""`python -m rftui.supervision.supervisor RUN_DIR`: starts, resumes or adopts one attempt and watches it to its end.

One process a run, holding RUN_DIR/supervisor.lock for its life. Light: no textual, typer, pydantic or torch. The
trainer runs in a process group of its own and goes on when the supervisor is killed. Whoever takes a run out of the
queue hands over the run's lock and those of its GPUs or slot, which the trainer inherits: they are free when
supervisor and trainer are both gone, and not before.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import NamedTuple

from rftui.planning.command import child_environment, trainer_command
from rftui.queueing.entries import wants_of
from rftui.queueing.guard import ensure_dispatcher
from rftui.queueing.machine import Lease, look, take
from rftui.queueing.markers import home_of
from rftui.queueing.order import Verdict, Waiting, decide
from rftui.queueing.records import leave_queue, write_again
from rftui.queueing.settings import read_settings
from rftui.supervision.conclude import Exit, conclude
from rftui.supervision.endings import signal_name
from rftui.supervision.facts import RunFacts, read_facts
from rftui.supervision.keeper import Keeper
from rftui.supervision.oom import control_group_kills
from rftui.supervision.processes import identify, is_alive, kill_run, leader_of, run_processes
from rftui.supervision.supervisor_lock import take as take_lock
from rftui.supervision.watching import Indexing, Watch
from store.layout import RunDir
from store.states import State, is_live

logger = logging.getLogger("rftui.supervision.supervisor")

LOCK_PATIENCE_S = 3.0
LEFTOVER_PATIENCE_S = 5.0


class Supervisor:
    """Holds a run: everything here happens under its lock."""

    def __init__(self, run_dir: RunDir, *, adopts: bool) -> None:
        self.run_dir = run_dir
        self.facts: RunFacts = read_facts(run_dir)
        self.keeper = Keeper(run_dir)
        me = identify(os.getpid())
        assert me is not None
        adopted = self.keeper.ledger.current_attempt if adopts else None
        self.keeper.write("supervisor_start", **me._asdict(), adopts=adopted)

    def run_handed(self, lease: Lease, *, resume: bool) -> None:
        """Starts the attempt that was taken out of the queue, and watches it."""
        if self.keeper.ledger.state is not State.STARTING:
            logger.error("the run is %s, and was handed over to be started", self.keeper.ledger.state)
            return
        self._run(self.keeper.ledger.current_attempt, lease, resume=resume)

    def run_new_attempt(self, *, resume: bool) -> None:
        """Starts the next attempt where what it wants is free, and watches it; else it is queued, and this ends."""
        if is_live(self.keeper.ledger.state or State.LOST):
            logger.error("the run is %s; adopt it or let it end", self.keeper.ledger.state)
            return
        attempt = self.keeper.ledger.next_attempt
        if (lease := self._take_what_is_free()) is None:
            write_again(self.run_dir, attempt, resume=resume)
            return
        self.keeper.state(State.STARTING, attempt=attempt)
        self._run(attempt, lease, resume=resume)

    def _take_what_is_free(self) -> Lease | None:
        home, wants = home_of(self.run_dir), wants_of(self.facts)
        machine = look(home, read_settings(home), with_gpus=not wants.is_slot)
        alone = Waiting(self.facts.uid, self.facts.name, wants, since=0.0)
        decision = decide([alone], machine.free)[0]
        if decision.verdict is not Verdict.START:
            return None
        return take(home, machine, decision.gpus, holder=self.facts.name)

    def _run(self, attempt: int, lease: Lease, *, resume: bool) -> None:
        try:
            try:
                process = self._spawn(attempt, lease, resume=resume)
            except OSError as error:
                said = f"cannot start {self.facts.python}: {error.strerror}"
                self.keeper.state(State.FAILED, said, attempt=attempt)
                return
            finally:
                leave_queue(self.run_dir)
            Watch(self.run_dir, self.facts, self.keeper, attempt=attempt, pid=process.pid).until_end()
            code = process.wait()
            self._end(attempt, Exit(code=code) if code >= 0 else Exit(signal_name=signal_name(-code)))
        finally:
            # ranks that outlived their leader are gone by now
            lease.close()

    def adopt(self) -> None:
        """Watches a trainer whose supervisor is gone, if it still runs, and writes down its end either way."""
        attempt = self.keeper.ledger.current_attempt
        if self.keeper.ledger.state is None or not is_live(self.keeper.ledger.state):
            logger.info("nothing to adopt: the run is %s", self.keeper.ledger.state)
            return
        recorded = self.keeper.ledger.attempt(attempt).identity
        pid = recorded.pid if recorded is not None and is_alive(recorded, run_id=self.facts.uid) else None
        if recorded is None:
            pid = self._find_unrecorded(attempt)
        if pid is not None:
            logger.info("adopted attempt %d, pid %d", attempt, pid)
            Watch(self.run_dir, self.facts, self.keeper, attempt=attempt, pid=pid).until_end()
        self._end(attempt, Exit(), was_watched=pid is not None)

    def _spawn(self, attempt: int, lease: Lease, *, resume: bool) -> subprocess.Popen[bytes]:
        facts, output = self.facts, self.run_dir.output
        if lease.gpus and lease.gpus != facts.gpus:
            write_gpus(self.run_dir, lease.gpus)
        command = trainer_command(
            self.run_dir.path,
            python=facts.python,
            uid=facts.uid,
            attempt=attempt,
            resume=resume,
            ranks=facts.ranks,
            zero=facts.zero,
            gpus=lease.gpus or facts.gpus,
        )
        oom_kills = control_group_kills()
        with output.open("ab") as log:
            offset = output.stat().st_size
            process = subprocess.Popen(
                command.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.run_dir.path,
                env=child_environment(command.environment),
                process_group=0,
                pass_fds=lease.descriptors,
            )
        identity = identify(process.pid)
        assert identity is not None, "an unreaped child is in /proc"
        self.keeper.attempt_start(
            identity,
            attempt=attempt,
            command=command.arguments,
            env=command.environment,
            resume=resume,
            first_seen=time.time(),
            output_offset=offset,
            oom_kills=oom_kills,
            gpus=list(lease.gpus),
            slot=lease.slot,
        )
        return process

    def _find_unrecorded(self, attempt: int) -> int | None:
        """A trainer whose supervisor was killed between starting it and writing it down."""
        pid = leader_of(run_processes(self.facts.uid, attempt=attempt))
        identity = identify(pid) if pid is not None else None
        if identity is None:
            return None
        self.keeper.attempt_start(
            identity,
            attempt=attempt,
            command=[],
            env={},
            resume=False,
            first_seen=time.time(),
            output_offset=0,
            oom_kills=None,
        )
        leave_queue(self.run_dir)
        return identity.pid

    def _end(self, attempt: int, ended: Exit, *, was_watched: bool = True) -> None:
        self._end_leftovers(attempt)
        verdict = conclude(self.run_dir, self.facts, self.keeper, attempt=attempt, ended=ended, was_watched=was_watched)
        logger.info("attempt %d %s %s", attempt, verdict.state, verdict.reason)

    def _end_leftovers(self, attempt: int) -> None:
        """Ranks outlive a torchrun that was killed; without it they wait for each other for ever."""
        deadline = time.monotonic() + LEFTOVER_PATIENCE_S
        while run_processes(self.facts.uid, attempt=attempt):
            if time.monotonic() >= deadline:
                logger.warning("killed processes left over: %s", kill_run(self.facts.uid, leader=None))
                return
            time.sleep(0.1)


def write_gpus(run_dir: RunDir, gpus: tuple[int, ...]) -> None:
    """Has config.toml name the GPUs that the run got; at its launch it was not known which would be free."""
    # 10 ms; most runs get those that were free at their launch
    import tomli_w

    content = tomllib.loads(run_dir.config.read_text(encoding="utf-8"))
    partial = run_dir.config.with_name(f"config.toml.{os.getpid()}.tmp")
    partial.write_text(tomli_w.dumps({**content, "gpus": list(gpus)}), encoding="utf-8")
    os.replace(partial, run_dir.config)


class Order(NamedTuple):
    """What a supervisor was started to do."""

    run_dir: RunDir
    adopts: bool
    resume: bool
    lock: int | None
    """The run's lock, where it was handed over."""
    lease: Lease | None


def parse_order(argv: list[str]) -> Order:
    """The command line of a supervisor."""
    parser = argparse.ArgumentParser(
        prog="python -m rftui.supervision.supervisor", description="Supervise one attempt of a run."
    )
    parser.add_argument("run_dir", type=Path, help="the run's directory")
    parser.add_argument("--resume", action="store_true", help="go on from the newest complete checkpoint")
    parser.add_argument("--adopt", action="store_true", help="watch the attempt that already runs")
    parser.add_argument("--lock", type=int, help="descriptor of the run's lock, held by whoever starts this")
    parser.add_argument("--leases", type=_numbers, default=(), help="descriptors of locks that the trainer inherits")
    parser.add_argument("--gpus", type=_numbers, default=(), help="GPUs that were leased, by index")
    parser.add_argument("--slot", type=int, help="slot that was leased")
    asked = parser.parse_args(argv)
    lease = Lease(asked.leases, asked.gpus, asked.slot) if asked.leases else None
    return Order(RunDir(asked.run_dir.resolve()), asked.adopt, asked.resume, asked.lock, lease)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def main(argv: list[str]) -> int:
    """Exit code: 0 when the attempt's end is written down, 3 when another supervisor has the run."""
    order = parse_order(argv)
    run_dir = order.run_dir
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    lock = take_lock(run_dir.supervisor_lock, patience_s=LOCK_PATIENCE_S) if order.lock is None else order.lock
    if lock is None:
        logger.info("another supervisor has %s", run_dir.name)
        return 3
    for descriptor in (lock, *(order.lease.descriptors if order.lease else ())):
        # only the trainer inherits leases, and nobody the run's lock
        os.set_inheritable(descriptor, False)
    try:
        _supervise(order)
    finally:
        os.close(lock)
    # whoever waits for what is free now must not wait for the next who looks
    ensure_dispatcher(home_of(run_dir))
    return 0


def _supervise(order: Order) -> None:
    supervisor = Supervisor(order.run_dir, adopts=order.adopts)
    try:
        if order.adopts:
            supervisor.adopt()
        elif order.lease is not None:
            supervisor.run_handed(order.lease, resume=order.resume)
        else:
            supervisor.run_new_attempt(resume=order.resume)
    finally:
        supervisor.keeper.close()
        Indexing(order.run_dir).update(is_last=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
