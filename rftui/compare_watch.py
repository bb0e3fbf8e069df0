"""Notices cheaply that any of several runs went on, ended or vanished. Draws nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from rftui.clean import one_line
from rftui.run_watch import RunWatch
from store.errors import StoreError
from store.layout import Home
from store.runs import RunSummary

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


class CompareWatch:
    """Looks at several runs again and again, from one thread at a time."""

    def __init__(self, home: Home, names: Sequence[str]) -> None:
        self.home = home
        self._watches = {name: RunWatch(home, name) for name in names}
        self._runs = {name: WatchedRun(name) for name in names}
        self._has_looked = False

    def look(self) -> tuple[WatchedRun, ...] | None:
        """All runs in their order where anything is new, else None. A run that cannot be read hides no other."""
        before = dict(self._runs)
        for name in self._runs:
            self._runs[name] = self._look_at(name)
        if self._has_looked and self._runs == before:
            return None
        self._has_looked = True
        return tuple(self._runs.values())

    def _look_at(self, name: str) -> WatchedRun:
        known = self._runs[name]
        if not self.home.run(name).path.is_dir():
            return known._replace(problem=GONE)
        if known.problem:
            # it may be another run of that name, or be readable again
            self._watches[name] = RunWatch(self.home, name)
        try:
            news = self._watches[name].look()
        except (OSError, StoreError, sqlite3.Error) as error:
            return known._replace(problem=f"cannot be read: {one_line(error, width=120)}")
        if news is None:
            return known
        # the store finds a run by the beginning of its name too
        if news.summary.name != name:
            return known._replace(problem=GONE)
        return WatchedRun(name, news.summary, news.journals)
