"""Collects what is wrong with examples, and says whose line raised an exception."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from evals.checking.facts import Level, Problem
from evals.errors import EvalsError

SHOWN_ROWS = 10
"""Examples named of each kind of problem."""
_LIBRARIES = ("site-packages", "/lib/python", "<frozen", str(Path(__file__).parents[1]))
"""Lines in these are nobody's who writes a task."""


@dataclass
class Faults:
    """Examples by what is wrong with them."""

    counts: Counter[str] = field(default_factory=Counter)
    """How many, by what is wrong."""
    rows: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, what: str, row: str) -> None:
        """Notes one example."""
        self.counts[what] += 1
        if len(self.rows[what]) < SHOWN_ROWS:
            self.rows[what].append(row)


def raised(error: Exception, what: str) -> Problem:
    """An exception of a task as a problem: what is ours is said in words, what is the user's with file and line."""
    if isinstance(error, EvalsError):
        return Problem(Level.ERROR, error.found, error.expected, error.fix)
    return Problem(
        Level.ERROR,
        f"{what} raised {blame(error)}",
        expected="a task that answers",
        fix="mend the task at that line",
    )


def blame(error: BaseException) -> str:
    """`KeyError: 'gold' (my_task.py, line 14)`: the last line outside of libraries, or the last one at all."""
    frames = list(traceback.extract_tb(error.__traceback__))
    said = traceback.format_exception_only(error)[-1].strip()
    if not frames:
        return said
    own = [frame for frame in frames if not any(part in frame.filename for part in _LIBRARIES)]
    frame = (own or frames)[-1]
    return f"{said} ({frame.filename}, line {frame.lineno}, in {frame.name})"
