"""Stops and kills runs: what the commands and the keys of the dashboard share. Resuming is in resuming.py."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from rftui.errors import RftuiError
from rftui.queueing.changing import TAKEN_OUT, cancel
from rftui.runs.reads import see_to
from rftui.supervision.attend import attend
from rftui.supervision.control import stop_words, write_request
from rftui.supervision.facts import read_facts
from rftui.supervision.ledger import LedgerReader, read_ledger
from rftui.supervision.processes import kill_run
from store.layout import Home, RunDir
from store.states import State, is_live

POLL_S = 0.2
KILL_PATIENCE_S = 10.0
"""How long the end of a killed run may take to be written down."""


class End(NamedTuple):
    """How a run stands after it was waited for."""

    state: State | None
    """None where it still lives."""
    reason: str


class Killed(NamedTuple):
    """What a kill did."""

    pids: list[int]
    end: End


def live_attempt(run_dir: RunDir) -> int:
    """The attempt that runs at this moment. Raises RftuiError where none does."""
    ledger = read_ledger(run_dir)
    if ledger.state is None or not is_live(ledger.state):
        name = run_dir.name
        raise RftuiError(
            f"{name} does not run",
            found=f"{name} is {ledger.state or 'not started'}",
            expected="a run that is queued, starting, running, stalled or stopping",
            fix="`rftui runs` shows which run",
        )
    return ledger.current_attempt


def ask_to_stop(run_dir: RunDir) -> str:
    """Asks a run to end in order at the next boundary, and says what it does until then; a queued one ends at once.

    Raises RftuiError for a run that has ended.
    """
    if cancel(run_dir):
        return f"{run_dir.name} was {TAKEN_OUT}"
    write_request(run_dir, "stop", attempt=live_attempt(run_dir))
    return f"asked {run_dir.name} to stop; it {stop_words(read_facts(run_dir).method)}"


def kill(home: Home, run_dir: RunDir) -> Killed:
    """Ends a run's processes with SIGKILL, and has the end written down; a queued run is taken out of the queue.

    Raises RftuiError where it does not run.
    """
    if cancel(run_dir):
        return Killed([], End(State.STOPPED, TAKEN_OUT))
    attempt = live_attempt(run_dir)
    identity = read_ledger(run_dir).attempt(attempt).identity
    write_request(run_dir, "kill", attempt=attempt)
    pids = kill_run(read_facts(run_dir).uid, leader=identity)
    end = wait_for_end(run_dir, KILL_PATIENCE_S)
    if end.state is None:
        see_to(home, run_dir.name)
    return Killed(pids, end)


def killed_sentence(pids: list[int]) -> str:
    """How many processes were ended."""
    if not pids:
        return "it had no process"
    return "killed 1 process" if len(pids) == 1 else f"killed {len(pids)} processes"


def wait_for_end(run_dir: RunDir, timeout_s: float, *, is_wanted: Callable[[], bool] = lambda: True) -> End:
    """How the run ended; without a state where it still lives after the timeout, or nobody wants to know any more."""
    reader, deadline = LedgerReader(run_dir), time.monotonic() + timeout_s
    while True:
        ledger = reader.update()
        if ledger.state is not None and not is_live(ledger.state):
            return End(ledger.state, ledger.reason)
        if time.monotonic() >= deadline or not is_wanted():
            return End(None, ledger.reason)
        attend(run_dir)
        time.sleep(POLL_S)
