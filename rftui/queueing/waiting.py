"""Puts runs into the queue, and starts them at once where that is possible; else says why they wait."""

from __future__ import annotations

import os
import time
from typing import Any

from rftui.errors import NotFound, RftuiError, StoreTrouble, UsageProblem
from rftui.queueing.entries import after_of, afters_of
from rftui.queueing.guard import serve_now
from rftui.queueing.markers import home_of
from rftui.queueing.records import keep_environment, write_again
from rftui.queueing.request import QueueRequest
from rftui.supervision.facts import read_facts
from rftui.supervision.ledger import Ledger, LedgerReader, read_ledger
from rftui.supervision.processes import host_name
from rftui.supervision.spawn import wait_until_supervised
from rftui.supervision.supervisor_lock import supervision
from store.layout import Home, RunDir
from store.states import State, is_live

DECISION_PATIENCE_S = 3.0
"""A dispatcher decides several times a second; a crowded machine may take longer, and the run waits all the same."""
LOCK_PATIENCE_S = 2.0
POLL_S = 0.03


def start_or_wait(run_dir: RunDir) -> Ledger:
    """Serves the queue for a run that was just put into it, until the run is supervised or known to wait.

    Raises RftuiError where its supervisor did not start.
    """
    reader = LedgerReader(run_dir)
    known = reader.update().reason
    process = serve_now(home_of(run_dir)).get(run_dir.name)
    if process is not None:
        wait_until_supervised(run_dir, process)
        return reader.update()
    deadline = time.monotonic() + DECISION_PATIENCE_S
    while True:
        ledger = reader.update()
        is_decided = ledger.state is not State.QUEUED or ledger.reason not in ("", known)
        if is_decided or time.monotonic() >= deadline:
            return ledger
        time.sleep(POLL_S)


def turn_words(ledger: Ledger) -> str:
    """What to add to a sentence about a run that waits; nothing for one that was started."""
    if ledger.state is not State.QUEUED:
        return ""
    return f", in its turn: {ledger.reason or 'it is queued'}"


def queue_again(run_dir: RunDir, request: QueueRequest, *, resume: bool) -> Ledger:
    """Queues the next attempt of a run that has ended, and starts it where it can.

    Raises RftuiError where the run lives, or what it should wait for is not there or waits for it.
    """
    home = home_of(run_dir)
    asked = asked_facts(home, request)
    refuse_circle(run_dir, request)
    try:
        with supervision(run_dir.supervisor_lock, patience_s=LOCK_PATIENCE_S) as is_mine:
            ledger = read_ledger(run_dir)
            if not is_mine:
                raise RftuiError(
                    f"{run_dir.name} is still supervised",
                    found=f"a supervisor holds {run_dir.name}, which is {ledger.state}",
                    expected="a run that has ended",
                    fix="try again in a moment",
                )
            # another resume may have been quicker
            refuse_live(run_dir.name, ledger.state)
            keep_environment(run_dir, os.environ)
            write_again(run_dir, ledger.next_attempt, resume=resume, **asked)
    except OSError as error:
        raise StoreTrouble(
            f"{run_dir.name} cannot be queued",
            found=str(error),
            expected="a home that can be written",
            fix="free space there",
        ) from error
    return start_or_wait(run_dir)


def refuse_live(name: str, state: State | None) -> None:
    """Raises RftuiError for a run that has not ended."""
    if state is not None and is_live(state):
        raise RftuiError(
            f"{name} is {state}",
            found=f"{name} is {state}",
            expected="a run that has ended",
            fix=f"`rftui logs -f {name}` follows it, `rftui stop {name}` ends it in order",
        )


def asked_facts(home: Home, request: QueueRequest) -> dict[str, Any]:
    """A request as files keep it. Raises NotFound for a run to wait for that is not there."""
    return {
        "priority": request.priority,
        "after": [_after_facts(home, name) for name in request.after],
        "held": request.is_held,
        "host": host_name(),
    }


def _after_facts(home: Home, name: str) -> dict[str, Any]:
    try:
        return after_of(home, name).facts()
    except (OSError, ValueError, KeyError) as error:
        raise NotFound(
            f"no run {name} to wait for",
            found=name,
            expected="the name of a run of this home",
            fix="`rftui runs` lists them",
        ) from error


def refuse_circle(run_dir: RunDir, request: QueueRequest) -> None:
    """Raises UsageProblem where a run would wait for one that waits for it."""
    home = home_of(run_dir)
    seen, ahead = set[str](), list(request.after)
    while ahead:
        name = ahead.pop()
        if name == run_dir.name:
            raise UsageProblem(
                f"{run_dir.name} would wait for itself",
                found=f"--after {' '.join(request.after)}",
                expected="runs that do not wait for this one",
                fix="leave that --after out",
            )
        if name not in seen:
            seen.add(name)
            ahead += [after.name for after in _queued_after(home.run(name))]


def _queued_after(run_dir: RunDir) -> list[Any]:
    ledger = read_ledger(run_dir)
    if ledger.state is not State.QUEUED:
        return []
    return list(afters_of({**read_facts(run_dir).queue, **ledger.queue}.get("after") or ()))
