"""Notices cheaply that any of several runs went on, ended or vanished. Draws nothing."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from rftui.runs.reads import see_to
from rftui.runs.watch import ATTEND_EVERY_S
from rftui.terminal.clean import one_line
from store.errors import StoreError
from store.ingester import RunIngester
from store.layout import Home, RunDir
from store.runs import RunSummary, open_catalogue, run_named
from store.states import State, is_live

GONE = "was deleted"


class WatchedRun(NamedTuple):
    """One of the runs at one moment."""

    name: str
    summary: RunSummary | None = None
    """None for a run that could never be read."""
    journals: int = -1
    """Bytes of all journals: another number means that there is something else to read."""
    problem: str = ""
    """Why it cannot be compared now; empty where it can."""

    @property
    def is_there(self) -> bool:
        """Whether there is anything to compare."""
        return self.summary is not None and not self.problem


class _Seen(NamedTuple):
    journals: int
    attend_at: float


class CompareWatch:
    """Looks at several runs again and again, from one thread at a time."""

    def __init__(self, home: Home, names: Sequence[str]) -> None:
        self.home = home
        self._runs = {name: WatchedRun(name) for name in names}
        self._seen = {name: _Seen(-1, 0.0) for name in names}
        self._has_looked = False
        self._ingesters = {name: RunIngester(home, name) for name in names}

    def close(self) -> None:
        """Lets go of the databases; to be called when nobody looks any more."""
        for ingester in self._ingesters.values():
            ingester.close()

    def look(self) -> tuple[WatchedRun, ...] | None:
        """All runs in their order where anything is new, else None. A run that cannot be read hides no other."""
        before = dict(self._runs)
        for name in self._runs:
            try:
                self._runs[name] = self._look_at(name)
            except (OSError, StoreError, sqlite3.Error) as error:
                self._runs[name] = before[name]._replace(problem=f"cannot be read: {one_line(error, width=120)}")
        if self._has_looked and self._runs == before:
            return None
        self._has_looked = True
        return tuple(self._runs.values())

    def _look_at(self, name: str) -> WatchedRun:
        known, seen = self._runs[name], self._seen[name]
        run_dir = self.home.run(name)
        if not run_dir.path.is_dir():
            return known._replace(problem=GONE)
        journals = _bytes_of(run_dir)
        # the death of a process changes no file
        is_due = (known.summary is None or is_live(State(known.summary.state))) and time.monotonic() >= seen.attend_at
        if journals == seen.journals and not is_due and not known.problem:
            return known
        see_to(self.home, name, ingester=self._ingesters[name], has_grown=journals != seen.journals)
        with closing(open_catalogue(self.home)) as connection:
            summary = run_named(connection, name)
        if summary is None:
            return known._replace(problem=GONE)
        # seeing to a dead run writes its end
        journals = _bytes_of(run_dir)
        self._seen[name] = _Seen(journals, time.monotonic() + ATTEND_EVERY_S)
        return WatchedRun(name, summary, journals)


def _bytes_of(run_dir: RunDir) -> int:
    """Bytes of all journals of a run."""
    journals = [run_dir.supervisor_journal]
    if run_dir.journal_dir.is_dir():
        journals += run_dir.journal_dir.glob("*.jsonl")
    return sum(path.stat().st_size for path in journals if path.exists())
