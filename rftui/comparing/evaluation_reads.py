"""Reads the evaluations of several runs and compares them; what did not change is kept. Draws nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from rftui.terminal.clean import one_line
from store.errors import StoreError
from store.layout import Home
from store.metrics import EvaluationPoint, evaluation_points
from store.runs import RunSummary, open_catalogue

if TYPE_CHECKING:
    from rftui.comparing.compared_runs import ComparedRun


class _Kept(NamedTuple):
    stamp: tuple[EvaluationPoint, ...]
    run: ComparedRun


class ComparedCache:
    """The runs of a comparison as they were last read. One thread at a time asks."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.problems: dict[str, str] = {}
        """Why a run could not be read, the last time."""
        self._kept: dict[str, _Kept] = {}

    def read(self, summaries: Mapping[str, RunSummary]) -> list[ComparedRun]:
        """The runs in their order; those that cannot be read are left out, and said."""
        self.problems = {}
        return list(self._read(list(summaries.values())))

    def _read(self, summaries: Sequence[RunSummary]) -> Iterator[ComparedRun]:
        # pydantic costs 0.1 s; the list of runs does without
        from rftui.comparing.compared_runs import read_compared

        for summary in summaries:
            try:
                with closing(open_catalogue(self.home)) as connection:
                    stamp = tuple(evaluation_points(connection, summary.name))
                kept = self._kept.get(summary.name)
                if kept is None or kept.stamp != stamp:
                    kept = self._kept[summary.name] = _Kept(stamp, read_compared(self.home, summary))
            except (OSError, StoreError, sqlite3.Error) as error:
                # one run that cannot be read must not hide the others
                self.problems[summary.name] = one_line(error, width=120)
                continue
            yield kept.run._replace(summary=summary)
