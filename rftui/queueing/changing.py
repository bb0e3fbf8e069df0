"""What people say about queued runs: hold, release, another priority, or out of the queue altogether."""

from __future__ import annotations

from contextlib import suppress

from rftui.errors import RftuiError
from rftui.queueing.entries import After, QueueReader, afters_of
from rftui.queueing.guard import ensure_dispatcher
from rftui.queueing.markers import home_of
from rftui.queueing.records import QueuedRun, leave_queue, while_queued
from rftui.supervision.facts import read_facts
from rftui.supervision.ledger import read_ledger
from store.layout import RunDir
from store.states import State, is_live

TAKEN_OUT = "taken out of the queue"
HELD = "held"
MOST_PRIORITY = 1_000_000


def cancel(run_dir: RunDir) -> bool:
    """Takes a queued run out of the queue: it is stopped. False where it is not queued, or not any more."""
    with while_queued(run_dir) as queued:
        if queued is None:
            return False
        queued.state(State.STOPPED, TAKEN_OUT)
        leave_queue(run_dir)
    # whoever waits for it is held now
    ensure_dispatcher(home_of(run_dir))
    return True


def hold(run_dir: RunDir) -> str:
    """Keeps a queued run from starting, and says so. Raises RftuiError for a run that is not queued."""
    with while_queued(run_dir) as queued:
        held = _asserted(queued, run_dir)
        held.say(held=True, by="hold")
        held.state(State.QUEUED, f"{HELD}; `rftui queue release {run_dir.name}`")
    return f"{run_dir.name} is held until `rftui queue release {run_dir.name}`"


def release(run_dir: RunDir) -> str:
    """Lets a held run go on waiting for its turn, and says so; runs that did not finish are waited for no more.

    Raises RftuiError for a run that is not queued.
    """
    with while_queued(run_dir) as queued:
        released = _asserted(queued, run_dir)
        said = {**read_facts(run_dir).queue, **released.ledger.queue}
        after = [other for other in afters_of(said.get("after") or ()) if not _has_ended_badly(run_dir, other)]
        released.say(held=False, after=[other.facts() for other in after], by="release")
        released.state(State.QUEUED, "released")
    ensure_dispatcher(home_of(run_dir))
    waits = f"; it still waits for {' and '.join(other.name for other in after)}" if after else ""
    return f"{run_dir.name} is released{waits}"


def set_priority(run_dir: RunDir, priority: int) -> str:
    """Gives a queued run another priority, and says so. Raises RftuiError for a run that is not queued."""
    with while_queued(run_dir) as queued:
        _asserted(queued, run_dir).say(priority=priority, by="priority")
    ensure_dispatcher(home_of(run_dir))
    place = place_of(run_dir)
    return f"{run_dir.name} has priority {priority}{'' if place is None else f' and is number {place} in the queue'}"


def place_of(run_dir: RunDir) -> int | None:
    """Where a run stands in the queue, from 1; None where it is not queued."""
    entries = sorted(QueueReader(home_of(run_dir)).read().entries, key=lambda entry: entry.waiting.place)
    names = [entry.name for entry in entries]
    return names.index(run_dir.name) + 1 if run_dir.name in names else None


def _asserted(queued: QueuedRun | None, run_dir: RunDir) -> QueuedRun:
    if queued is not None:
        return queued
    name, state = run_dir.name, read_ledger(run_dir).state
    fix = f"`rftui stop {name}` ends it in order" if state is not None and is_live(state) else f"`rftui resume {name}`"
    raise RftuiError(
        f"{name} does not wait in the queue",
        found=f"{name} is {state or 'not started'}",
        expected="a run that is queued; `rftui queue` lists them",
        fix=fix,
    )


def _has_ended_badly(run_dir: RunDir, other: After) -> bool:
    there = home_of(run_dir).run(other.name)
    with suppress(OSError, ValueError, KeyError):
        if read_facts(there).uid == other.uid:
            state = read_ledger(there).state
            return state is not None and not is_live(state) and state is not State.FINISHED
    # a run that is gone will never finish
    return True
