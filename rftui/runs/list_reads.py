"""Reads what the run list shows, again and again, in a thread of the dashboard: only what can have changed.

A look costs a few calls of stat() where nothing happened. Runs that live are followed by the sizes of their journals;
the catalogue is read where its files changed; the folder of runs is gone through when it changed, and now and then.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rftui.runs.marks import MarkReader, Marks
from rftui.terminal.clean import one_line
from store.errors import StoreError
from store.layout import Home
from store.run_list import (
    PersonNote,
    RunRows,
    Trace,
    headline_of,
    known_metrics,
    known_settings,
    metric_values,
    noted,
    person_notes,
    read_trace,
    setting_values,
)
from store.runs import RunSummary, open_catalogue
from store.states import State, is_live

if TYPE_CHECKING:
    from store.ingester import RunIngester

logger = logging.getLogger(__name__)

MOST_OPEN = 32
"""Live runs whose databases stay open: each takes five file handles, and a process often may have 1,024."""
ATTEND_EVERY_S = 2.0
"""How often the process of a live run is looked for: its death changes no file."""
READ_ALL_EVERY_S = 3.0
"""How often the whole catalogue is read at most, where runs that do not live changed in it."""
SCAN_EVERY_S = 60.0
"""How often every run's files are held against the catalogue: a resume that was killed before it was indexed."""


class Wanted(NamedTuple):
    """What the view needs beyond the summaries."""

    names: frozenset[str] = frozenset()
    """Settings and metrics."""
    notes: bool = False


class ListNews(NamedTuple):
    """The list at one moment."""

    runs: Mapping[int, RunSummary]
    """By uid, newest first; a run that did not change is the same object as before."""
    marks: Marks
    wanted: Wanted = Wanted()
    """What was asked for, and is in the fields below."""
    values: Mapping[str, Mapping[int, float | str]] = {}
    notes: Mapping[int, str] = {}
    names: frozenset[str] = frozenset()
    """Settings and metrics that some run has; empty where none was wanted."""


class RunListWatch:
    """Looks at all runs of a home, from one thread at a time."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._rows = RunRows()
        self._marks = MarkReader(home)
        self._live: set[int] = set()
        """Uids of the runs that may still do something: going through 10,000 at every look would cost 3% of a core."""
        self._sizes: dict[int, int] = {}
        self._ingesters: dict[int, RunIngester] = {}
        """Of the runs that live: with its databases open, a step of one is taken in at a third of the cost."""
        self._attend_at = 0.0
        self._read_all_at = 0.0
        self._scan_at = 0.0
        self._stamp: object = None
        """Of the catalogue when all of it was read."""
        self._live_stamp: object = None
        """Of the catalogue when the runs that live were read."""
        self._folder: int | None = None
        self._user_bytes = -1
        self._news: ListNews | None = None

    def close(self) -> None:
        """Lets go of the databases of live runs; to be called when nobody looks any more."""
        # a look may be under way in its thread
        for ingester in list(self._ingesters.values()):
            ingester.close()

    def first(self) -> ListNews:
        """The list as the catalogue has it, which is quick and may be a moment old. Raises StoreError and OSError."""
        with closing(open_catalogue(self.home)) as connection:
            self._rows.read_all(connection)
        self._find_live()
        self._news = ListNews(dict(self._rows.runs), self._marks.read())
        return self._news

    def look(self, wanted: Wanted = Wanted(), *, is_thorough: bool = False) -> ListNews | None:
        """The list where it changed since the last look or something else is wanted, else None.

        A thorough look reads everything, whatever seems to be unchanged. Raises StoreError, sqlite3.Error and OSError.
        """
        now = time.monotonic()
        has_scanned = self._scan(now, is_thorough=is_thorough)
        has_said = self._take_in_what_people_did()
        seen_to = set() if has_scanned else self._see_to_live(now)
        stamp = self._catalogue_stamp()
        is_other = self._news is None or wanted != self._news.wanted
        is_late = stamp != self._stamp and now >= self._read_all_at
        is_due = has_scanned or has_said or self._news is None or is_late
        has_moved = bool(self._live) and stamp != self._live_stamp
        if not (is_due or is_other or has_moved):
            return None
        self._live_stamp = stamp
        with closing(open_catalogue(self.home)) as connection:
            if is_due:
                is_changed = self._rows.read_all(connection)
                self._stamp, self._read_all_at = stamp, now + READ_ALL_EVERY_S
            else:
                is_changed = self._rows.read_some(connection, seen_to | self._live)
            if is_changed:
                self._find_live()
            marks = self._marks.read() if is_due or self._news is None else self._news.marks
            runs = self._with_lost_ones()
            is_same = self._news is not None and marks == self._news.marks and runs == self._news.runs
            if is_same and not is_changed and not is_other and not (is_due and (wanted.names or wanted.notes)):
                return None
            if self._news is not None and not (is_due or is_other):
                self._news = self._news._replace(runs=runs, marks=marks)
            else:
                self._news = ListNews(
                    runs=runs,
                    marks=marks,
                    wanted=wanted,
                    values={name: _values(connection, name) for name in wanted.names},
                    notes=noted(connection) if wanted.notes else {},
                    names=_known_names(connection) if wanted.names else frozenset(),
                )
        return self._news

    def _scan(self, now: float, *, is_thorough: bool) -> bool:
        """Holds the folder of runs against the catalogue, and says whether it did."""
        folder = _modified(self.home.runs_dir)
        if not is_thorough and folder == self._folder and now < self._scan_at:
            return False
        # what takes in journals costs 0.1 s to import, and the first frame should not wait for it
        from rftui.runs.reads import current_runs

        self._folder, self._scan_at = folder, now + SCAN_EVERY_S
        current_runs(self.home)
        self._attend_at = now + ATTEND_EVERY_S
        return True

    def _take_in_what_people_did(self) -> bool:
        size = _size(self.home.user_journal)
        if size == self._user_bytes:
            return False
        self._user_bytes = size
        if not self.home.is_read_only:
            from store.ingest import ingest_user_journal

            try:
                ingest_user_journal(self.home)
            except (OSError, StoreError) as error:
                # tags that cannot be indexed must not hide the runs
                logger.warning("%s could not be indexed: %s", self.home.user_journal.name, one_line(error))
        return True

    def _find_live(self) -> None:
        self._live = {uid for uid, run in self._rows.runs.items() if is_live(run.state)}
        for uid in self._ingesters.keys() - self._live:
            self._ingesters.pop(uid).close()

    def _see_to_live(self, now: float) -> set[int]:
        """Takes in what live runs wrote since the last look, and returns which wrote anything."""
        from rftui.runs.reads import see_to

        is_due = now >= self._attend_at
        if is_due:
            self._attend_at = now + ATTEND_EVERY_S
        seen_to = set()
        for uid in self._live:
            run = self._rows.runs[uid]
            written = self._written(run.name)
            has_grown = self._sizes.get(uid) != written
            if is_due or has_grown:
                self._sizes[uid] = written
                see_to(self.home, run.name, ingester=self._ingester(uid, run.name), has_grown=has_grown)
                seen_to.add(uid)
        return seen_to

    def _ingester(self, uid: int, name: str) -> RunIngester | None:
        known = self._ingesters.get(uid)
        if known is None and len(self._ingesters) >= MOST_OPEN:
            return None
        if known is None or known.name != name:
            # what takes in journals costs 0.1 s to import, and the first frame should not wait for it
            from store.ingester import RunIngester

            if known is not None:
                known.close()
            known = self._ingesters[uid] = RunIngester(self.home, name)
        return known

    def _written(self, name: str) -> int:
        run_dir = self.home.run(name)
        journals = [run_dir.supervisor_journal]
        if run_dir.journal_dir.is_dir():
            journals += run_dir.journal_dir.glob("*.jsonl")
        return sum(_size(path) for path in journals)

    def _with_lost_ones(self) -> dict[int, RunSummary]:
        """Every run; one that is in the catalogue alone does nothing any more, whatever it was doing."""
        runs = dict(self._rows.runs)
        for uid in self._live:
            if not self.home.run(runs[uid].name).launch.exists():
                runs[uid] = runs[uid]._replace(state=State.LOST.value, reason="its directory is gone")
        return runs

    def _catalogue_stamp(self) -> object:
        """Changes with every commit: the write-ahead log grows, or is begun again."""
        path = self.home.catalogue
        return tuple(_stat(file) for file in (path, path.with_name(f"{path.name}-wal")))


def _known_names(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(known_metrics(connection)) | frozenset(known_settings(connection))


def _values(connection: sqlite3.Connection, name: str) -> Mapping[int, float | str]:
    """A setting of each run; where no run has one of that name, the last value of the metric."""
    return setting_values(connection, name) or metric_values(connection, name)


def read_traces(home: Home, runs: Mapping[int, RunSummary], *, columns: int) -> dict[int, Trace]:
    """What the rows of these runs show beyond their summaries. Raises StoreError and sqlite3.Error."""
    with closing(open_catalogue(home)) as connection:
        return {uid: read_trace(connection, uid, headline_of(run.method), columns=columns) for uid, run in runs.items()}


def metric_choices(home: Home) -> list[str]:
    """Everything that runs can be sorted by beside the columns: metrics first, then settings."""
    with closing(open_catalogue(home)) as connection:
        metrics = known_metrics(connection)
        return metrics + [name for name in known_settings(connection) if name not in metrics]


def last_note(home: Home, uid: int) -> PersonNote | None:
    """The last note that a person wrote to a run."""
    with closing(open_catalogue(home)) as connection:
        return next(reversed(person_notes(connection, uid)), None)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _stat(path: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
