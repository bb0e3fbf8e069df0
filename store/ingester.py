"""Takes in one run again and again, as a screen that watches it does: what that needs stays open in between."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from store.database import explained, open_catalogue_for_writing, open_rollouts_for_writing
from store.ingest import (
    IngestReport,
    LaunchFacts,
    catalogue_sink,
    ingest_files,
    ingest_run,
    read_launch,
    register_run,
    rollouts_sink,
)
from store.layout import Home

Stamp = tuple[int, ...]
"""Which file stands under a name, and when it was written; empty for none."""


class RunIngester:
    """The same as `ingest_run`, at a third of its cost for a step of a live run.

    Whoever closes the last connection to a database writes back its log and removes it, and the next one makes it anew.
    """

    def __init__(self, home: Home, name: str) -> None:
        self.home = home
        self.name = name
        self._lock = threading.Lock()
        self._is_closed = False
        self._facts: tuple[tuple[Stamp, Stamp], LaunchFacts] | None = None
        self._open: dict[Path, tuple[Stamp, sqlite3.Connection]] = {}

    def take_in(self) -> IngestReport:
        """Takes in what is new. Raises what `ingest_run` raises."""
        with self._lock:
            if self._is_closed:
                return ingest_run(self.home, self.name)
            try:
                return self._take_in()
            except BaseException:
                # whatever went wrong, the next try begins from nothing
                self._let_go()
                raise

    def close(self) -> None:
        """Lets go of the databases; what is taken in later opens them for itself."""
        with self._lock:
            self._is_closed = True
            self._let_go()

    def _take_in(self) -> IngestReport:
        run_dir, facts = self.home.run(self.name), self._launch_facts()
        with explained(self.home.databases):
            catalogue = self._connection(self.home.catalogue, open_catalogue_for_writing)
            register_run(self.home, catalogue, facts)
            rollouts = self._connection(self.home.rollouts(self.name), open_rollouts_for_writing)
            return ingest_files(run_dir, (catalogue_sink(catalogue, facts.uid), rollouts_sink(rollouts)))

    def _launch_facts(self) -> LaunchFacts:
        run_dir = self.home.run(self.name)
        stamps = (_written(run_dir.launch), _written(run_dir.config))
        if self._facts is None or self._facts[0] != stamps:
            self._facts = (stamps, read_launch(run_dir))
        return self._facts[1]

    def _connection(self, path: Path, open_it: Callable[[Path], sqlite3.Connection]) -> sqlite3.Connection:
        """The connection of the time before, unless another file stands there: a rebuilt store, a run put back."""
        known = self._open.get(path)
        if known is not None and known[0] == _file(path):
            return known[1]
        if known is not None:
            known[1].close()
        connection = open_it(path)
        self._open[path] = (_file(path), connection)
        return connection

    def _let_go(self) -> None:
        for _, connection in self._open.values():
            connection.close()
        self._open.clear()
        self._facts = None


def _file(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino


def _written(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
