"""Waits for the runs of a study, and goes on with those that were lost on the way.

Reads what supervisors write and indexes nothing while runs train: on a small machine they need its cores.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from rftui.errors import RftuiError
from rftui.formats import counted, duration
from rftui.runs.reads import current_runs
from rftui.studies.progress import EMPTY, CellView, StudyView, read_study
from rftui.supervision.attend import INTERRUPTED_LAUNCH, attend
from rftui.supervision.ledger import LedgerReader
from rftui.supervision.resuming import resume_run
from store.errors import StoreError
from store.layout import Home
from store.states import State, is_live

POLL_S = 1.0
ATTEND_EVERY_S = 10.0
"""How often a run without a supervisor is looked for."""
SAY_EVERY_S = 300.0
"""How long nothing may be said while nothing changes."""
Say = Callable[[str], None]


class WaitedRuns:
    """The runs of a study while they are waited for."""

    def __init__(self, home: Home, view: StudyView) -> None:
        self.home = home
        self.views = {item.run: item for item in view.cells if item.state != EMPTY}
        self.states = {name: item.state for name, item in self.views.items()}
        self.empty = sum(item.state == EMPTY for item in view.cells)
        self._readers = {name: LedgerReader(home.run(name)) for name in self.views}
        self._resumed: set[str] = set()
        self._attended_at = -ATTEND_EVERY_S

    def look(self) -> dict[str, str]:
        """The state of each run."""
        if time.monotonic() - self._attended_at >= ATTEND_EVERY_S:
            self._attended_at = time.monotonic()
            for name, state in self.states.items():
                if is_live(state):
                    _attend(self.home, name)
        for name, reader in self._readers.items():
            ledger = reader.update()
            if ledger.state is not None:
                self.states[name] = ledger.state.value
                if self._is_lost(self.views[name], ledger.state, ledger.reason):
                    self._go_on(name)
        return self.states

    def _is_lost(self, view: CellView, state: State, reason: str) -> bool:
        """Whether nobody meant this run to end; those that were stopped, killed or failed are somebody's to decide."""
        is_unmeant = state is State.LOST or (state is State.FAILED and reason == INTERRUPTED_LAUNCH)
        return is_unmeant and not view.is_taken_over and view.run not in self._resumed

    def _go_on(self, name: str) -> None:
        # once: what is lost again and again has a reason that a person should see
        self._resumed.add(name)
        try:
            resume_run(self.home.run(name), ())
        except (RftuiError, StoreError):
            # its state says that it ended, and the study's end tells of it
            return
        self.states[name] = State.STARTING.value

    @property
    def live(self) -> list[str]:
        """Names of the runs that may still do something."""
        return [name for name, state in self.states.items() if is_live(state)]


def _attend(home: Home, name: str) -> None:
    try:
        attend(home.run(name))
    except (OSError, ValueError, KeyError, StoreError):
        # one broken run must not end the waiting for the others
        return


def wait_for_study(home: Home, name: str, *, say: Say) -> StudyView:
    """The study once none of its runs is live. Raises KeyboardInterrupt as it comes; the runs go on then."""
    current_runs(home)
    watch = WaitedRuns(home, read_study(home, name))
    began, said, said_at = time.monotonic(), "", 0.0
    while True:
        states = watch.look()
        text = progress_text(states, empty=watch.empty)
        if text != said or time.monotonic() - said_at >= SAY_EVERY_S:
            say(f"{duration(time.monotonic() - began)}  {text}")
            said, said_at = text, time.monotonic()
        if not watch.live:
            break
        time.sleep(POLL_S)
    current_runs(home)
    return read_study(home, name)


def progress_text(states: dict[str, str], *, empty: int) -> str:
    """`12 of 30 finished, 2 running (sat-grpo-1, sat-grpo-2), 16 queued`."""
    counts = Counter(states.values())
    total = len(states) + empty
    parts = [f"{counts.pop(State.FINISHED.value, 0)} of {counted(total, 'cell')} finished"]
    for state, count in sorted(counts.items()):
        running = [run for run, held in states.items() if held == state == State.RUNNING.value]
        parts.append(f"{count} {state}" + (f" ({', '.join(running[:3])})" if running else ""))
    return ", ".join(parts)
