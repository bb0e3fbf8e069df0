"""Errors of the command line, each with what was found, what was expected, the fix, and its exit code.

RftuiError                     1 the thing asked for failed
├── UsageProblem(ValueError)   2 usage or bad input
│   └── QueryError             a query or filter that cannot be understood
├── NotFound(LookupError)      3 nothing by that name
└── StoreTrouble(OSError)      4 the store is unreadable
"""

from __future__ import annotations

from typing import ClassVar


class RftuiError(Exception):
    """Something that was asked for failed."""

    exit_code: ClassVar[int] = 1

    def __init__(self, error: str, *, found: str = "", expected: str = "", fix: str = "") -> None:
        self.error = error
        self.found = found
        self.expected = expected
        self.fix = fix
        super().__init__(error)


class UsageProblem(RftuiError, ValueError):
    """A request that cannot be understood or carried out as it stands."""

    exit_code = 2


class QueryError(UsageProblem):
    """A query that cannot be understood as it stands."""


class NotFound(RftuiError, LookupError):
    """No run, task, recipe, metric or file of that name."""

    exit_code = 3


class StoreTrouble(RftuiError, OSError):
    """The home or its databases cannot be read or written."""

    exit_code = 4
