"""Errors as the user sees them: one sentence, what was found, what was expected, the fix, and an exit code."""

from __future__ import annotations

import json
import sys
from typing import NamedTuple

from rftui.cli.output import narrate
from rftui.errors import RftuiError
from rftui.terminal.clean import clean
from store.errors import RunConfigError, RunNotFound, StoreError


class Problem(NamedTuple):
    """An error in the four fields that scripts rely on, and its exit code."""

    error: str
    found: str
    expected: str
    fix: str
    exit_code: int


def problem_of(error: Exception) -> Problem | None:
    """What to say about an exception; None for one that nobody foresaw."""
    # sqlite3 costs 5 ms, and only an error needs it here
    import sqlite3

    if isinstance(error, RftuiError):
        return Problem(error.error, error.found, error.expected, error.fix, error.exit_code)
    if isinstance(error, StoreError):
        code = 2 if isinstance(error, RunConfigError) else 3 if isinstance(error, RunNotFound) else 4
        return Problem(error.message, error.found, error.expected, error.fix, code)
    if isinstance(error, sqlite3.Error):
        return Problem(
            f"the store cannot be read: {error}",
            str(error),
            "a database that rftui wrote",
            "`rftui store check` says what is wrong; `rftui store rebuild` makes it again from the run directories",
            4,
        )
    if isinstance(error, OSError):
        return Problem(
            f"{error.strerror or error}: {error.filename}" if error.filename else str(error),
            str(error),
            "a home that can be read and written",
            "check its permissions and free space, or name another with --home",
            4,
        )
    return None


def report(problem: Problem, *, as_json: bool) -> int:
    """Says a problem on stderr and returns its exit code."""
    if as_json:
        fields = {"error": problem.error, "found": problem.found, "expected": problem.expected, "fix": problem.fix}
        print(json.dumps(fields), file=sys.stderr)
        return problem.exit_code
    narrate(f"error: {problem.error}")
    for label, text in (("found", problem.found), ("expected", problem.expected), ("fix", problem.fix)):
        if text and clean(text) != clean(problem.error):
            narrate(f"  {label + ':':<10}{text}")
    return problem.exit_code
