"""Which live runs of a home hold which GPUs of a machine."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from rftui.supervision.facts import read_facts
from rftui.supervision.processes import host_name
from store.attempt_ends import last_attempt, runs_in
from store.errors import StoreError
from store.layout import Home
from store.runs import open_catalogue
from store.states import State

HOLDING = frozenset({State.STARTING, State.RUNNING, State.STALLED, State.STOPPING})
"""States in which a run has its GPUs; a queued one waits for them."""


def gpu_holders(home: Home, connection: sqlite3.Connection, host: str | None) -> dict[int, tuple[str, ...]]:
    """Live runs by NVML's index of a GPU of that host that they hold; those whose host nobody knows count, too."""
    found: dict[int, tuple[str, ...]] = {}
    for name in runs_in(connection, HOLDING):
        attempt = last_attempt(connection, name)
        if attempt is not None and attempt.host not in (host, None):
            continue
        for index in run_gpus(home, name) or ():
            found[index] = (*found.get(index, ()), name)
    return found


def run_gpus(home: Home, name: str) -> tuple[int, ...] | None:
    """The GPUs that a run was launched on; None where it was told to use none."""
    try:
        return read_facts(home.run(name)).gpus
    except (OSError, ValueError, KeyError):
        # a run that was imported or damaged still shows its samples
        return ()


def holders_here(home: Home) -> dict[int, tuple[str, ...]]:
    """Who holds the GPUs of this machine; nobody where the store cannot be read, which the list says by itself."""
    try:
        with closing(open_catalogue(home)) as connection:
            return gpu_holders(home, connection, host_name())
    except (StoreError, sqlite3.Error):
        return {}
