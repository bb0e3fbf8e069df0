"""`python -m rftui.supervision.supervisor RUN_DIR`: starts, resumes or adopts one attempt and watches it to its end.

One process a run, holding RUN_DIR/supervisor.lock for its life. Light: no textual, typer, pydantic or torch. The
trainer runs in a process group of its own and goes on when the supervisor is killed.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rftui.planning.command import child_environment, trainer_command
from rftui.supervision.conclude import Exit, conclude
from rftui.supervision.control import read_request
from rftui.supervision.endings import signal_name
from rftui.supervision.facts import RunFacts, read_facts
from rftui.supervision.gpu_locks import hold_gpus, release
from rftui.supervision.gpus import installed_gpus
from rftui.supervision.keeper import Keeper
from rftui.supervision.oom import control_group_kills
from rftui.supervision.processes import identify, is_alive, kill_run, leader_of, run_processes
from rftui.supervision.supervisor_lock import supervision
from rftui.supervision.watching import Indexing, Watch
from store.layout import RunDir
from store.states import State, is_live

logger = logging.getLogger("rftui.supervision.supervisor")

LOCK_PATIENCE_S = 3.0
QUEUE_TICK_S = 1.0
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

    def run_new_attempt(self, *, resume: bool) -> None:
        """Starts the next attempt when its GPUs are free, and watches it."""
        if is_live(self.keeper.ledger.state or State.LOST):
            logger.error("the run is %s; adopt it or let it end", self.keeper.ledger.state)
            return
        attempt = self.keeper.ledger.next_attempt
        gpu_locks = self._wait_for_gpus(attempt)
        if gpu_locks is None:
            return
        self.keeper.state(State.STARTING, attempt=attempt)
        try:
            process = self._spawn(attempt, resume=resume, inherited=gpu_locks)
        except OSError as error:
            self.keeper.state(State.FAILED, f"cannot start {self.facts.python}: {error.strerror}", attempt=attempt)
            return
        finally:
            release(gpu_locks)
        Watch(self.run_dir, self.facts, self.keeper, attempt=attempt, pid=process.pid).until_end()
        code = process.wait()
        ended = Exit(code=code) if code >= 0 else Exit(signal_name=signal_name(-code))
        self._end(attempt, ended)

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

    def _wait_for_gpus(self, attempt: int) -> list[int] | None:
        """Descriptors that hold the run's GPUs, or None when the user stopped it while it waited."""
        wanted = self.facts.gpus or ()
        by_index = {gpu.index: gpu.uuid for gpu in installed_gpus()} if wanted else {}
        uuids = [by_index[index] for index in wanted if index in by_index]
        names = ", ".join(str(index) for index in wanted)
        indexing = Indexing(self.run_dir)
        while (held := hold_gpus(uuids)) is None:
            self.keeper.state(State.QUEUED, f"waits for GPU {names}, held by another run", attempt=attempt)
            if request := read_request(self.run_dir, attempt=attempt):
                self.keeper.request(request, attempt=attempt)
                self.keeper.state(State.STOPPED, "before training began, while queued", attempt=attempt)
                return None
            indexing.update()
            time.sleep(QUEUE_TICK_S)
        return held

    def _spawn(self, attempt: int, *, resume: bool, inherited: Sequence[int]) -> subprocess.Popen[bytes]:
        facts, output = self.facts, self.run_dir.output
        command = trainer_command(
            self.run_dir.path,
            python=facts.python,
            uid=facts.uid,
            attempt=attempt,
            resume=resume,
            ranks=facts.ranks,
            zero=facts.zero,
            gpus=facts.gpus,
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
                pass_fds=tuple(inherited),
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


def main(argv: list[str]) -> int:
    """Exit code: 0 when the attempt's end is written down, 3 when another supervisor has the run."""
    parser = argparse.ArgumentParser(
        prog="python -m rftui.supervision.supervisor", description="Supervise one attempt of a run."
    )
    parser.add_argument("run_dir", type=Path, help="the run's directory")
    parser.add_argument("--resume", action="store_true", help="go on from the newest complete checkpoint")
    parser.add_argument("--adopt", action="store_true", help="watch the attempt that already runs")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    run_dir = RunDir(arguments.run_dir.resolve())
    with supervision(run_dir.supervisor_lock, patience_s=LOCK_PATIENCE_S) as is_mine:
        if not is_mine:
            logger.info("another supervisor has %s", run_dir.name)
            return 3
        supervisor = Supervisor(run_dir, adopts=arguments.adopt)
        try:
            if arguments.adopt:
                supervisor.adopt()
            else:
                supervisor.run_new_attempt(resume=arguments.resume)
        finally:
            supervisor.keeper.close()
            Indexing(run_dir).update(is_last=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
