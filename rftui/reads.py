"""Opens the store for reading, with what is recorded made true first."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing

from rftui.attend import Attention, attend
from store.ingest import ingest_run
from store.layout import Home, RunDir
from store.runs import RunSummary, find_run, list_runs, open_catalogue
from store.states import is_live

logger = logging.getLogger(__name__)


def catalogue(home: Home) -> sqlite3.Connection:
    """A read-only connection to the catalogue."""
    return open_catalogue(home)


def current_runs(home: Home) -> list[RunSummary]:
    """Every run with its true state, newest first."""
    with closing(open_catalogue(home)) as connection:
        summaries = list_runs(connection)
    if not _refresh(home, summaries):
        return summaries
    with closing(open_catalogue(home)) as connection:
        return list_runs(connection)


def current_run(home: Home, reference: str) -> RunSummary:
    """One run by name, unique beginning, @last or @last:TASK. Raises RunNotFound."""
    current_runs(home)
    with closing(open_catalogue(home)) as connection:
        return find_run(connection, reference)


def run_dir_of(home: Home, reference: str) -> RunDir:
    """The directory of one run. Raises RunNotFound."""
    return home.run(current_run(home, reference).name)


def _refresh(home: Home, summaries: Sequence[RunSummary]) -> bool:
    """Sees to runs that are recorded as live or not recorded at all; True where anything may have changed."""
    known = {summary.name: summary.state for summary in summaries}
    doubtful = [name for name in home.runs() if name not in known or is_live(known[name])]
    for name in doubtful:
        see_to(home, name)
    return bool(doubtful)


def see_to(home: Home, name: str) -> None:
    """Makes the record of one run true, and indexes it. A home that cannot be written is read as it is."""
    run_dir = home.run(name)
    try:
        need = attend(run_dir)
        if need is not Attention.NOTHING or not _is_indexed_elsewhere(run_dir):
            ingest_run(home, name)
    except (OSError, ValueError, KeyError, sqlite3.OperationalError) as error:
        logger.warning("%s could not be seen to: %s", name, error)


def _is_indexed_elsewhere(run_dir: RunDir) -> bool:
    """A run with a supervisor is indexed by it."""
    # 2 ms, and only doubtful runs need it
    from rftui.supervisor_lock import is_supervised

    return is_supervised(run_dir.supervisor_lock)


def names(summaries: Iterable[RunSummary]) -> list[str]:
    """Names of runs, for completion."""
    return [summary.name for summary in summaries]
