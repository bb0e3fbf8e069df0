"""Stops a study: what waits is taken out of the queue, what runs saves a checkpoint and ends."""

from __future__ import annotations

from typing import NamedTuple

from rftui.errors import RftuiError
from rftui.runs.reads import current_runs
from rftui.studies.progress import CellView, read_study
from rftui.supervision.ledger import read_ledger
from rftui.supervision.steering import ask_to_stop
from store.layout import Home
from store.states import State, is_live


class Stopped(NamedTuple):
    """What was asked of the live cells of a study, by cell."""

    queued: tuple[str, ...]
    """Were waiting."""
    running: tuple[str, ...]
    """Finish their step first."""
    failures: tuple[str, ...]
    """What could not be asked, and why."""


def stop_study(home: Home, name: str) -> Stopped:
    """Asks every live cell to end; those that wait go first, so that none takes the place of one that ends.

    Runs that were taken over belong to somebody else and go on. `rftui study run` goes on where it stopped.
    """
    current_runs(home)
    view = read_study(home, name)
    live = [item for item in view.cells if item.is_live and not item.is_taken_over]
    waiting = [item for item in live if item.state == State.QUEUED]
    running = [item for item in live if item.state != State.QUEUED]
    failures: list[str] = []
    # the last in the queue first: whatever starts meanwhile is asked after it
    for item in [*reversed(waiting), *running]:
        failures += _ask(home, item)
    return Stopped(tuple(item.cell.key for item in waiting), tuple(item.cell.key for item in running), tuple(failures))


def _ask(home: Home, view: CellView) -> list[str]:
    run_dir = home.run(view.run)
    try:
        ask_to_stop(run_dir)
    except RftuiError as error:
        state = read_ledger(run_dir).state
        # one that ended by itself meanwhile needs no more
        return [f"{view.run}: {error.error}"] if state is None or is_live(state) else []
    return []
