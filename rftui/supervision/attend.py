"""Makes what is recorded about runs true before anybody reads it: adopts trainers that lost their supervisor, settles
attempts that ended unseen, and indexes what was not indexed. Any command that reads may do it; the lock decides.
"""

from __future__ import annotations

import json
import logging
import time
from enum import Enum, auto

from rftui.supervision.spawn import ADOPT, start_supervisor
from rftui.supervision.supervisor_lock import is_supervised, supervision
from store.layout import RunDir
from store.states import State, is_live

logger = logging.getLogger(__name__)

LAUNCH_PATIENCE_S = 15.0
"""A supervisor whose launcher is gone may still be starting."""
INTERRUPTED_LAUNCH = "its launch was interrupted before training began"
"""Reason of a run whose launch died between writing it and starting its supervisor."""


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


def attend(run_dir: RunDir) -> Attention:
    """Sees to one run whose recorded state says that it lives."""
    if is_supervised(run_dir.supervisor_lock):
        return Attention.NOTHING
    with supervision(run_dir.supervisor_lock) as is_mine:
        if not is_mine:
            return Attention.NOTHING
        need = _settle(run_dir)
    if need is Attention.ADOPTION:
        start_supervisor(run_dir, ADOPT)
    return need


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
    if not is_live(ledger.state):
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
