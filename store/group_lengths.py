"""Reads how long the completions of each prompt were and whether they were right, for all steps of a run at once."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from store.rollouts import CURRENT

_ACCURACY = "json_extract(t.rewards, '$.accuracy')"


class GradedLength(NamedTuple):
    """One training completion whose accuracy was rewarded or not."""

    group: int
    """Id of its group."""
    tokens: int
    is_right: bool


def graded_lengths(
    connection: sqlite3.Connection, *, first_step: int = 0, last_step: int | None = None
) -> list[GradedLength]:
    """Completions of the steps from `first_step` to `last_step`, both included, in the order of their groups.

    Those without an accuracy reward, or whose gold could not be graded, are left out.
    """
    rows = connection.execute(
        f"SELECT t.prompt_group, t.tokens, {_ACCURACY} >= 1 FROM completion t "
        f"LEFT JOIN attempt a ON a.number = t.attempt WHERE {CURRENT} "
        f"AND typeof({_ACCURACY}) IN ('integer', 'real') AND t.step >= ? AND (? IS NULL OR t.step <= ?) ORDER BY t.id",
        (first_step, last_step, last_step),
    )
    return [GradedLength(group, tokens, bool(is_right)) for group, tokens, is_right in rows]
