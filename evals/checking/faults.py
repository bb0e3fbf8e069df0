"""Collects what is wrong with examples, and says whose line raised an exception."""

from __future__ import annotations

import traceback
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from evals.checking.facts import Level, Problem
from evals.errors import EvalsError, ExampleError

SHOWN_ROWS = 10
"""Examples named of each kind of problem."""
_LIBRARIES = ("site-packages", "/lib/python", "<frozen", "<string>")
_OURS = tuple(str(Path(__file__).parents[2] / package) + "/" for package in ("evals", "rftui", "store", "trainer"))
"""Lines in these are nobody's who writes a task."""
MEND_FILES = "mend or remove the files; a run leaves such examples out and says so"


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
        return Problem(Level.ERROR, told(error), error.expected, error.fix)
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
    return f"{said} ({own_line(error) or _place(frames[-1])})"


def own_line(error: BaseException) -> str | None:
    """`my_task.py, line 14, in draw`: the last line outside of libraries and of ours; None where there is none."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame)]
    return _place(own[-1]) if own else None


def mend_images(error: Exception) -> str:
    """What to do about images that could not be made or read: mend the files, or the task that draws them."""
    frames = list(traceback.extract_tb(error.__traceback__))
    if not any(map(_is_own, frames)):
        return MEND_FILES
    # what a library says may be about a file as well as about what the task asked of it
    is_surely_the_task = _is_own(frames[-1]) and not isinstance(error, OSError)
    return "mend the task at that line" + ("" if is_surely_the_task else ", or the files that it reads")


def told(error: EvalsError) -> str:
    """What was found, with the line of the user's own task where an example is to blame."""
    line = own_line(error) if isinstance(error, ExampleError) else None
    return f"{error.found} ({line})" if line else error.found


def _place(frame: traceback.FrameSummary) -> str:
    return f"{frame.filename}, line {frame.lineno}, in {frame.name}"


def _is_own(frame: traceback.FrameSummary) -> bool:
    return not frame.filename.startswith(_OURS) and not any(part in frame.filename for part in _LIBRARIES)
