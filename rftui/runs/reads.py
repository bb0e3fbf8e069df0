"""Opens the store for reading, with what is recorded made true first."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from rftui.supervision.attend import Attention, attend
from rftui.terminal.clean import one_line
from store.errors import StoreError
from store.ingest import ingest_run, ingest_user_journal
from store.ingester import RunIngester
from store.layout import Home, RunDir
from store.runs import RunSummary, find_run, list_runs, open_catalogue
from store.states import State, is_live

logger = logging.getLogger(__name__)


def current_runs(home: Home) -> list[RunSummary]:
    """Every run with its true state, newest first."""
    with closing(open_catalogue(home)) as connection:
        summaries = list_runs(connection)
        indexed_bytes = _indexed_bytes(connection)
        user_bytes = _indexed_user_bytes(connection)
    names = home.runs()
    has_tagged = _take_in_what_people_did(home, user_bytes)
    if has_tagged | _refresh(home, names, {summary.name: summary for summary in summaries}, indexed_bytes):
        with closing(open_catalogue(home)) as connection:
            summaries = list_runs(connection)
    there = set(names)
    return [summary if summary.name in there else _without_directory(summary) for summary in summaries]


def current_run(home: Home, reference: str) -> RunSummary:
    """One run by name, unique beginning, @last or @last:TASK. Raises RunNotFound."""
    current_runs(home)
    with closing(open_catalogue(home)) as connection:
        return find_run(connection, reference)


def run_dir_of(home: Home, reference: str) -> RunDir:
    """The directory of one run. Raises RunNotFound."""
    return home.run(current_run(home, reference).name)


def _indexed_bytes(connection: sqlite3.Connection) -> dict[str, int]:
    """How much of each run's supervisor.jsonl the catalogue holds."""
    sql = "SELECT run.name, p.offset FROM progress p JOIN run ON run.id = p.run WHERE p.file = 'supervisor.jsonl'"
    return dict(connection.execute(sql))


def _indexed_user_bytes(connection: sqlite3.Connection) -> int:
    """How much of user.jsonl the catalogue holds."""
    row = connection.execute("SELECT offset FROM progress WHERE run = 0 AND file = 'user.jsonl'").fetchone()
    return int(row[0]) if row else 0


def _take_in_what_people_did(home: Home, indexed_bytes: int) -> bool:
    """Indexes user.jsonl where it grew, and says whether it did."""
    if home.is_read_only or _size(home.user_journal) <= indexed_bytes:
        return False
    try:
        ingest_user_journal(home)
    except (OSError, StoreError) as error:
        # tags that cannot be indexed must not hide the runs
        logger.warning("%s could not be indexed: %s", home.user_journal.name, one_line(error))
    return True


def _refresh(
    home: Home, names: Sequence[str], known: Mapping[str, RunSummary], indexed_bytes: Mapping[str, int]
) -> bool:
    """Sees to runs that are new, that are recorded as live, or of which more was written than was read.

    True where anything may have changed. A resume that was killed before it was indexed is found by its bytes.
    """
    doubtful = [
        name
        for name in names
        if name not in known
        or is_live(known[name].state)
        or _size(home.run(name).supervisor_journal) != indexed_bytes.get(name, 0)
    ]
    for name in doubtful:
        has_grown = _size(home.run(name).supervisor_journal) != indexed_bytes.get(name, 0)
        # a queued run has no trainer that could have written anything else
        is_queued = name in known and known[name].state == State.QUEUED
        see_to(home, name, has_grown=has_grown or not is_queued)
    return bool(doubtful)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def see_to(home: Home, name: str, *, ingester: RunIngester | None = None, has_grown: bool = True) -> None:
    """Makes the record of one run true, and indexes it. A home that cannot or shall not be written is read as it is.

    Who does it again and again gives the run's ingester, and says whether its journals grew since the last time.
    """
    if home.is_read_only:
        return
    take_in = partial(ingest_run, home, name) if ingester is None else ingester.take_in
    try:
        # what was written but not indexed may be the end that makes everything else needless
        if has_grown:
            take_in()
        if attend(home.run(name)) in (Attention.SETTLED, Attention.QUEUED):
            take_in()
    except (OSError, ValueError, KeyError, StoreError) as error:
        # one broken run must not hide the others
        logger.warning("%s could not be seen to: %s", name, one_line(error))


def _without_directory(summary: RunSummary) -> RunSummary:
    """A run that is in the catalogue alone: whatever it was doing, it does no more."""
    if not is_live(summary.state):
        return summary
    return summary._replace(state=State.LOST.value, reason="its directory is gone")
