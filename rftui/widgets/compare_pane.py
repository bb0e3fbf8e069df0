"""A tab of a comparison: reads several runs in a thread while it is shown."""

from __future__ import annotations

import logging
from collections.abc import Callable

from rftui.comparing.runs import CompareRuns
from rftui.widgets.pane import Pane
from store.layout import Home

logger = logging.getLogger(__name__)

WHAT = "the comparison"
"""Stands where a tab of one run has the run's name."""


class ComparePane(Pane):
    """A tab that is told of the runs before it is told that there is more to read."""

    def __init__(self, home: Home, runs: CompareRuns) -> None:
        super().__init__(home, WHAT)
        self.runs = runs

    def draw_safely(self, draw: Callable[[], None]) -> None:
        """Draws outside of `draw`; what cannot be drawn is said in the pane and takes nothing else down."""
        try:
            draw()
        except Exception as error:
            # a pane's boundary, as where it draws what it read
            logger.warning("a tab of the comparison could not be drawn", exc_info=True)
            self.say_problem(f"this cannot be drawn: {error}")
