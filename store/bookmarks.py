"""Reads which completions of a run somebody marked."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple


class CompletionPlace(NamedTuple):
    """What tells one completion of a run from all others."""

    attempt: int
    step: int
    group: int
    sample: int


class Bookmark(NamedTuple):
    """A marked completion."""

    place: CompletionPlace
    time: float
    """When it was marked, seconds since 1970."""


def bookmarks(connection: sqlite3.Connection, run: str) -> list[Bookmark]:
    """The marked completions of a run, in the order of training."""
    rows = connection.execute(
        "SELECT b.attempt, b.step, b.group_number, b.sample, b.time FROM bookmark b JOIN run r ON r.id = b.run "
        "WHERE r.name = ? ORDER BY b.step, b.group_number, b.sample, b.attempt",
        (run,),
    )
    return [Bookmark(CompletionPlace(*row[:4]), row[4]) for row in rows]
