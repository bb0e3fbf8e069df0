"""Watches one training process until it ends: states, promises, requests, samples, and the index."""

from __future__ import annotations

import logging
import os
import select
import sqlite3
import time

from rftui.queueing.guard import ensure_dispatcher
from rftui.supervision.control import read_request, stop_words
from rftui.supervision.facts import RunFacts
from rftui.supervision.keeper import Keeper
from rftui.supervision.oom import control_group_kills
from rftui.supervision.tail import AttemptTail
from rftui.supervision.telemetry import Telemetry
from store.errors import StoreError
from store.ingest import index_pending, ingest_run
from store.layout import Home, RunDir
from store.states import State

logger = logging.getLogger(__name__)

BUSY_TICK_S = 0.5
IDLE_TICK_S = 1.0
SAMPLE_EVERY_S = 5.0
LONGEST_BACKOFF_S = 30.0
GUARD_EVERY_S = 3.0
"""How long runs may wait in the queue without anybody who serves it, while any run trains."""


class Indexing:
    """Keeps the databases up to date with the files. Trouble is logged and tried again; files are the truth."""

    def __init__(self, run_dir: RunDir) -> None:
        self.home = Home(run_dir.path.parent.parent)
        self.name = run_dir.name
        self._next_at = 0.0
        self._backoff_s = 1.0

    def update(self, *, is_last: bool = False) -> None:
        """Ingests what is new, at most a fifth of the time and not while the store is in trouble."""
        now = time.monotonic()
        if now < self._next_at and not is_last:
            return
        try:
            news = ingest_run(self.home, self.name).records
            # the text index is slower than ingest, so it grows when nothing else is to be done
            while (is_last or not news) and index_pending(self.home, self.name) and is_last:
                continue
        except (OSError, sqlite3.Error, StoreError) as error:
            logger.warning("the index of %s waits %.0f s: %s", self.name, self._backoff_s, error)
            self._next_at = now + self._backoff_s
            self._backoff_s = min(LONGEST_BACKOFF_S, 2 * self._backoff_s)
            return
        self._backoff_s = 1.0
        took_s = time.monotonic() - now
        self._next_at = time.monotonic() + max(BUSY_TICK_S, 4 * took_s)


class Watch:
    """Watches the process `pid` of one attempt."""

    def __init__(self, run_dir: RunDir, facts: RunFacts, keeper: Keeper, *, attempt: int, pid: int) -> None:
        self.run_dir = run_dir
        self.keeper = keeper
        self.attempt = attempt
        self.method = facts.method
        self.pid = pid
        self.tail = AttemptTail(run_dir, attempt=attempt, stall_after_s=facts.stall_after_s)
        self.telemetry = Telemetry(run_dir.path)
        self.indexing = Indexing(run_dir)
        self._silent_deadline = time.monotonic() + facts.stall_after_s
        self._next_sample_at = 0.0
        self._next_guard_at = time.monotonic() + GUARD_EVERY_S
        self._recent_kills = control_group_kills()

    def until_end(self) -> None:
        """Returns when the process has ended; a child is left for its parent to reap."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        tick_s = 0.0
        try:
            while not poller.poll(tick_s * 1000):
                tick_s = BUSY_TICK_S if self.tick() else IDLE_TICK_S
        finally:
            os.close(descriptor)

    def tick(self) -> bool:
        """Looks once at everything; True where the journals had grown."""
        has_news = bool(self.tail.read())
        self._judge_life()
        if time.monotonic() >= self._next_sample_at:
            self._next_sample_at = time.monotonic() + SAMPLE_EVERY_S
            self._sample()
        self.keeper.retry()
        self.indexing.update()
        if time.monotonic() >= self._next_guard_at:
            self._next_guard_at = time.monotonic() + GUARD_EVERY_S
            ensure_dispatcher(self.indexing.home)
        return has_news

    def _judge_life(self) -> None:
        keeper, request = self.keeper, read_request(self.run_dir, attempt=self.attempt)
        if request == "stop":
            keeper.request("stop", attempt=self.attempt)
            keeper.state(State.STOPPING, stop_words(self.method), attempt=self.attempt)
            return
        overdue_s = self.tail.seconds_overdue()
        if not self.tail.progress.has_started and overdue_s == float("-inf"):
            overdue_s = time.monotonic() - self._silent_deadline
        if overdue_s > 0:
            phase = self.tail.progress.phase or "start"
            keeper.state(State.STALLED, f"no sign of life since phase {phase} promised one", attempt=self.attempt)
        elif self.tail.progress.has_started:
            keeper.state(State.RUNNING, attempt=self.attempt)
        elif keeper.ledger.state is State.STALLED:
            keeper.state(State.STARTING, attempt=self.attempt)

    def _sample(self) -> None:
        # the value before last: the kernel counts a kill before the killed process is gone
        self.keeper.ledger.attempt(self.attempt).oom_kills = self._recent_kills
        self._recent_kills = control_group_kills()
        try:
            self.keeper.sample(self.telemetry.sample(self.pid))
        except OSError as error:
            logger.warning("no sample: %s", error)
