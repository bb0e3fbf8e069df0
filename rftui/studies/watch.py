"""Looks at one study again and again: its runs made true, its cells and numbers read, and where it stands in the queue.

Draws nothing. A look at a study of which nothing went on costs some calls of stat() and two queries.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

from rftui.queueing.entries import QueueReader
from rftui.queueing.order import in_order
from rftui.runs.reads import see_to
from rftui.runs.watch import ATTEND_EVERY_S
from rftui.studies.progress import EMPTY, CellView, StudyView, read_study
from rftui.studies.tables import StudyTable, study_table
from store.ingester import RunIngester
from store.layout import Home
from store.states import State

MOST_OPEN = 32
"""Live runs whose databases stay open: each takes five file handles."""


class StudyNews(NamedTuple):
    """A study at one moment."""

    table: StudyTable
    positions: Mapping[str, int]
    """Places in the queue of the home, from 1, by run."""


class StudyWatch:
    """Looks at one study, from one thread at a time."""

    def __init__(self, home: Home, name: str) -> None:
        self.home = home
        self.name = name
        self._queue = QueueReader(home)
        self._sizes: dict[str, int] = {}
        self._ingesters: dict[str, RunIngester] = {}
        self._attend_at = 0.0
        self._view: StudyView | None = None
        self._news: StudyNews | None = None

    def close(self) -> None:
        """Lets go of the databases; to be called when nobody looks any more."""
        # a look may be under way in its thread
        for ingester in list(self._ingesters.values()):
            ingester.close()

    def forget(self) -> None:
        """Has the next look tell everything, whether it changed or not."""
        self._news = None
        self._sizes = {}

    def look(self) -> StudyNews | None:
        """The study where anything of it changed since the last look, else None. Raises RftuiError and StoreError.

        The first look shows what the catalogue has, which is quick; those after it see to every run.
        """
        if self._view is not None:
            self._see_to_runs(self._view)
        view = read_study(self.home, self.name)
        self._view = view
        news = StudyNews(study_table(self.home, view), self._positions(view))
        if news == self._news:
            return None
        self._news = news
        return news

    def _see_to_runs(self, view: StudyView) -> None:
        is_due = time.monotonic() >= self._attend_at
        if is_due:
            self._attend_at = time.monotonic() + ATTEND_EVERY_S
        for item in view.cells:
            if item.state != EMPTY:
                self._see_to(item, is_due=is_due)

    def _see_to(self, item: CellView, *, is_due: bool) -> None:
        """Takes in what a run wrote, and finds out whether its process is gone, which changes no file."""
        size = self._bytes_of(item)
        has_grown = size != self._sizes.get(item.run)
        if has_grown or (is_due and item.is_live):
            see_to(self.home, item.run, ingester=self._ingester(item), has_grown=has_grown)
            # seeing to a dead run writes its end, which is taken in at once
            self._sizes[item.run] = self._bytes_of(item)

    def _ingester(self, item: CellView) -> RunIngester | None:
        """The open databases of a run that goes on; those of others are opened for the moment."""
        if item.is_live and item.state != State.QUEUED:
            if item.run not in self._ingesters and len(self._ingesters) < MOST_OPEN:
                self._ingesters[item.run] = RunIngester(self.home, item.run)
        elif item.run in self._ingesters:
            self._ingesters.pop(item.run).close()
        return self._ingesters.get(item.run)

    def _bytes_of(self, item: CellView) -> int:
        run_dir = self.home.run(item.run)
        journals = [run_dir.supervisor_journal]
        if run_dir.journal_dir.is_dir():
            journals += run_dir.journal_dir.glob("*.jsonl")
        return sum(path.stat().st_size for path in journals if path.exists())

    def _positions(self, view: StudyView) -> dict[str, int]:
        if not any(item.state == State.QUEUED for item in view.cells):
            return {}
        order = in_order(entry.waiting for entry in self._queue.read().entries)
        return {waiting.name: place for place, waiting in enumerate(order, start=1)}
