"""A tab of a comparison: reads several runs in a thread while it is shown."""

from __future__ import annotations

from rftui.compare_runs import CompareRuns
from rftui.widgets.pane import Pane
from store.layout import Home

WHAT = "the comparison"
"""Stands where a tab of one run has the run's name."""


class ComparePane(Pane):
    """A tab that is told of the runs before it is told that there is more to read."""

    def __init__(self, home: Home, runs: CompareRuns) -> None:
        super().__init__(home, WHAT)
        self.runs = runs
