"""Reads the curves of several runs; those of a run that did not go on are kept. Draws nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from typing import NamedTuple

from rftui.charts.curve_reads import MAX_POINTS, RunCurves, read_curves
from rftui.charts.curves import Range
from rftui.terminal.clean import one_line
from store.errors import StoreError
from store.layout import Home
from store.metrics import CurveMemory


class ManyCurves(NamedTuple):
    """What was read of several runs."""

    runs: dict[str, RunCurves]
    """By name, in the order of the comparison; those that could not be read are left out."""
    problems: dict[str, str]
    """Why a run is left out."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every metric that any of the runs has written."""
        return tuple(sorted({name for data in self.runs.values() for name in data.names}))


class _Kept(NamedTuple):
    version: int
    wanted: frozenset[str]
    steps: Range | None
    data: RunCurves


class CurveCache:
    """The curves of several runs as they were last read."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._kept: dict[str, _Kept] = {}
        self._memories: dict[str, CurveMemory] = {}

    def read(self, versions: Mapping[str, int], wanted: Collection[str], *, steps: Range | None = None) -> ManyCurves:
        """The wanted curves of the runs, which are named with a number that changes as they go on."""
        metrics = frozenset(wanted)
        runs: dict[str, RunCurves] = {}
        problems: dict[str, str] = {}
        for name, version in versions.items():
            kept = self._kept.get(name)
            if kept is None or kept[:3] != (version, metrics, steps):
                try:
                    memory = self._memories.setdefault(name, CurveMemory(name, max_points=MAX_POINTS))
                    data = read_curves(self.home, name, metrics, steps=steps, memory=memory)
                    kept = _Kept(version, metrics, steps, data)
                except (OSError, StoreError, sqlite3.Error) as error:
                    # one run that cannot be read must not hide the others
                    problems[name] = one_line(error, width=120)
                    continue
                self._kept[name] = kept
            runs[name] = kept.data
        return ManyCurves(runs, problems)
