"""Makes what is recorded about runs true before anybody reads it: adopts trainers that lost their supervisor, settles
attempts that ended unseen, and indexes what was not indexed. Any command that reads may do it; the lock decides.
"""

from __future__ import annotations

import json
import logging
import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from rftui.supervision.spawn import ADOPT, start_supervisor
from rftui.supervision.supervisor_lock import is_supervised, supervision
from store.layout import RunDir
from store.states import State, is_live

if TYPE_CHECKING:
    from rftui.supervision.facts import RunFacts
    from rftui.supervision.ledger import Ledger

logger = logging.getLogger(__name__)

LAUNCH_PATIENCE_S = 15.0
"""A supervisor whose launcher is gone may still be starting."""
INTERRUPTED_LAUNCH = "its launch was interrupted before training began"
"""Reason of a run whose launch died between writing it and starting its supervisor."""


MOST_STARTS = 3
"""Supervisors that may die over one attempt before it counts as lost."""
FORK_PATIENCE_S = 0.2
WENT_BACK = "back in the queue: its supervisor died before training began"


class Attention(Enum):
    """What a run without a supervisor needs."""

    NOTHING = auto()
    """Its recorded state is true."""
    ADOPTION = auto()
    """Its trainer still runs."""
    ELSEWHERE = auto()
    """It runs on another machine, of which nothing can be known from here."""
    SETTLED = auto()
    """Its end was written down just now."""
    QUEUED = auto()
    """It was put back into the queue just now."""


def attend(run_dir: RunDir) -> Attention:
    """Sees to one run whose recorded state says that it lives."""
    if is_supervised(run_dir.supervisor_lock):
        return Attention.NOTHING
    if (found := _see_to_queued(run_dir)) is not None:
        return found
    with supervision(run_dir.supervisor_lock) as is_mine:
        if not is_mine:
            return Attention.NOTHING
        need = _settle(run_dir)
    if need is Attention.ADOPTION:
        start_supervisor(run_dir, ADOPT)
    elif need is Attention.QUEUED:
        _see_to_queued(run_dir)
    return need


def _see_to_queued(run_dir: RunDir) -> Attention | None:
    """Has a run that is queued found in the queue and the queue served; None for any other. Takes no lock of the run.

    Raises OSError, ValueError or KeyError for a run that could never be started.
    """
    from rftui.queueing.entries import is_of_this_machine
    from rftui.queueing.guard import ensure_dispatcher, is_served
    from rftui.queueing.markers import home_of, is_marked, mark
    from rftui.supervision.facts import read_facts
    from rftui.supervision.ledger import read_ledger

    ledger, home = read_ledger(run_dir), home_of(run_dir)
    if ledger.state is not State.QUEUED:
        return None
    if is_marked(home, run_dir.name) and is_served(home):
        # two hundred may wait, and whoever lists runs comes by every other second
        return Attention.NOTHING
    if not is_of_this_machine(home, read_facts(run_dir), ledger):
        return Attention.ELSEWHERE
    if not is_marked(home, run_dir.name):
        mark(home, run_dir.name)
    ensure_dispatcher(home)
    return Attention.NOTHING


def _goes_back(run_dir: RunDir, facts: RunFacts, ledger: Ledger) -> bool:
    """Puts a run back whose supervisor died before it started a trainer, with its old place; not again and again."""
    from rftui.queueing.records import write_again
    from rftui.supervision.processes import run_processes

    attempt = ledger.attempt(ledger.current_attempt)
    if ledger.state is not State.STARTING or attempt.starts > MOST_STARTS:
        return False
    # a trainer between its fork and its first instruction does not show yet whose it is
    time.sleep(FORK_PATIENCE_S)
    if run_processes(facts.uid, attempt=attempt.number):
        return False
    write_again(run_dir, attempt.number, reason=WENT_BACK)
    return True


def _settle(run_dir: RunDir) -> Attention:
    # psutil and NVML come with these: 80 ms that only a run in trouble should cost
    from rftui.supervision.conclude import Exit, conclude
    from rftui.supervision.facts import read_facts
    from rftui.supervision.keeper import Keeper
    from rftui.supervision.ledger import read_ledger
    from rftui.supervision.processes import is_alive, is_here, run_processes

    ledger = read_ledger(run_dir)
    if ledger.state is None:
        return _settle_interrupted_launch(run_dir)
    if not is_live(ledger.state) or ledger.state is State.QUEUED:
        return Attention.NOTHING
    facts, attempt = read_facts(run_dir), ledger.current_attempt
    identity = ledger.attempt(attempt).identity
    known = identity or ledger.supervisor
    if known is not None and not is_here(known):
        return Attention.ELSEWHERE
    if identity is not None and is_alive(identity, run_id=facts.uid):
        return Attention.ADOPTION
    if run_processes(facts.uid, attempt=attempt):
        return Attention.ADOPTION
    if identity is None and _goes_back(run_dir, facts, ledger):
        return Attention.QUEUED
    if identity is None and run_processes(facts.uid, attempt=attempt):
        return Attention.ADOPTION
    keeper = Keeper(run_dir)
    conclude(run_dir, facts, keeper, attempt=attempt, ended=Exit(), was_watched=False)
    keeper.close()
    return Attention.SETTLED


def _settle_interrupted_launch(run_dir: RunDir) -> Attention:
    """A launch that died between writing the run and starting its supervisor."""
    from rftui.supervision.keeper import Keeper
    from rftui.supervision.processes import Identity, is_alive, is_here

    launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
    launcher = launch.get("launcher")
    if launcher is None:
        return Attention.NOTHING
    identity = Identity(**launcher)
    if not is_here(identity):
        return Attention.ELSEWHERE
    is_fresh = time.time() - float(launch["created_at"]) < LAUNCH_PATIENCE_S
    if is_fresh or is_alive(identity, run_id=int(launch["uid"])):
        return Attention.NOTHING
    keeper = Keeper(run_dir)
    keeper.state(State.FAILED, INTERRUPTED_LAUNCH, attempt=1)
    keeper.close()
    return Attention.SETTLED
