"""One round of the queue: reads it, decides, and gives each run that may start its locks and a supervisor.

Only whoever holds the queue's own lock serves it: a dispatcher, or for a moment a command that launched something.
"""

from __future__ import annotations

import logging
import os
import subprocess
import time
from typing import NamedTuple

from rftui.errors import UsageProblem
from rftui.queueing.entries import Entry, QueueReader
from rftui.queueing.machine import Machine, handed_over, look, take
from rftui.queueing.markers import unmark, unmark_leftover
from rftui.queueing.order import Decision, Verdict, decide
from rftui.queueing.reasons import reason
from rftui.queueing.records import kept_environment, leave_queue, while_queued
from rftui.queueing.settings import QueueSettings, default_settings, read_settings
from rftui.supervision.spawn import start_supervisor
from rftui.supervision.supervisor_lock import supervision
from store.layout import Home
from store.states import State

logger = logging.getLogger(__name__)

START_PATIENCE_S = 0.5
FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 300.0
REASONS_A_ROUND = 50
"""Reasons written down in one round: a start must not wait for two hundred of them."""


class Round(NamedTuple):
    """What came of one round."""

    started: dict[str, subprocess.Popen[bytes]]
    """Supervisors by the name of their run."""
    needs_dispatcher: bool
    """Whether anybody is left who may start without a person's word."""


class Server:
    """Serves the queue of one home, round by round."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._reader = QueueReader(home)
        self._retry_at: dict[int, float] = {}
        self._failures: dict[int, int] = {}
        self._children: list[subprocess.Popen[bytes]] = []

    def round(self) -> Round:
        """Starts what may start and writes down why the others wait. Raises OSError where the home is gone."""
        self._children = [child for child in self._children if child.poll() is None]
        reading = self._reader.read()
        came_back = [name for name in reading.strays if self._see_to_stray(name)]
        entries = {entry.facts.uid: entry for entry in reading.entries}
        ready = [
            entry.waiting for entry in entries.values() if time.monotonic() >= self._retry_at.get(entry.facts.uid, 0)
        ]
        with_gpus = any(not (waiting.is_blocked or waiting.wants.is_slot) for waiting in ready)
        machine = look(self.home, self._settings(), with_gpus=with_gpus)
        decisions = decide(ready, machine.free)
        started = {}
        for decision in decisions:
            if decision.verdict is Verdict.START:
                entry = entries[decision.run.uid]
                process = self._start(entry, decision, machine)
                if process is not None:
                    started[entry.name] = process
        self._say_reasons(entries, decisions, machine, started)
        left = [entry for entry in entries.values() if entry.name not in started]
        needs = bool(came_back) or any(entry.needs_dispatcher for entry in left)
        return Round(started, needs)

    def is_wanted(self) -> bool:
        """Whether anybody waits who may start without a person's word."""
        return self._reader.read().needs_dispatcher

    def _settings(self) -> QueueSettings:
        try:
            return read_settings(self.home)
        except UsageProblem as problem:
            # nobody reads a dispatcher's log at once, and a typing error must not stop every run
            logger.error("%s; defaults hold meanwhile", problem.error)
            return default_settings()

    def _start(self, entry: Entry, decision: Decision, machine: Machine) -> subprocess.Popen[bytes] | None:
        """A supervisor that has the run's lock and what it wants; None where somebody was quicker or it failed."""
        lease = take(self.home, machine, decision.gpus, holder=entry.name)
        if lease is None:
            return None
        try:
            with while_queued(entry.run_dir, patience_s=START_PATIENCE_S) as queued:
                if queued is None or queued.ledger.current_attempt != entry.attempt:
                    return None
                environment = kept_environment(entry.run_dir)
                queued.state(State.STARTING)
                process = start_supervisor(
                    entry.run_dir, handed_over(lease, lock=queued.lock, resumes=entry.resumes), environment=environment
                )
        except OSError as error:
            self._put_off(entry, str(error))
            return None
        finally:
            lease.close()
        self._children.append(process)
        logger.info("started %s, attempt %d, on %s", entry.name, entry.attempt, lease.gpus or f"slot {lease.slot}")
        return process

    def _put_off(self, entry: Entry, said: str) -> None:
        """Tries a run that could not be started again later, longer each time; others go on."""
        uid = entry.facts.uid
        wait_s = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2 ** self._failures.get(uid, 0))
        self._failures[uid] = self._failures.get(uid, 0) + 1
        self._retry_at[uid] = time.monotonic() + wait_s
        logger.error("%s could not be started: %s; tried again in %.0f s", entry.name, said, wait_s)

    def _say_reasons(
        self,
        entries: dict[int, Entry],
        decisions: list[Decision],
        machine: Machine,
        started: dict[str, subprocess.Popen[bytes]],
    ) -> None:
        left = REASONS_A_ROUND
        for decision in decisions:
            entry = entries[decision.run.uid]
            said = reason(entry, decision, machine)
            if not said or said == entry.reason or entry.name in started or not left:
                continue
            left -= 1
            try:
                with while_queued(entry.run_dir, patience_s=0.0) as queued:
                    if queued is not None:
                        queued.state(State.QUEUED, said)
            except OSError as error:
                # a full disk delays a sentence, never a start
                logger.warning("%s: %s", entry.name, error)

    def _see_to_stray(self, name: str) -> bool:
        """Settles a run of the index that is not queued, and says whether it is queued again."""
        run_dir = self.home.run(name)
        if not run_dir.launch.exists():
            unmark_leftover(self.home, name)
            return False
        # psutil and NVML come with it, and only a start that was cut off needs it
        from rftui.supervision.attend import attend
        from rftui.supervision.ledger import read_ledger

        try:
            attend(run_dir)
            with supervision(run_dir.supervisor_lock) as is_mine:
                is_queued = read_ledger(run_dir).state is State.QUEUED
                if is_mine and not is_queued:
                    leave_queue(run_dir)
        except (OSError, ValueError, KeyError, TypeError) as error:
            # one broken run must not stop the others; whoever lists runs looks at it again
            logger.warning("%s could not be seen to: %s", name, error)
            unmark(self.home, name)
            return False
        return is_queued


def write_pid(lock: int) -> None:
    """Says in the queue's lock which process has it."""
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
