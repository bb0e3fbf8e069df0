"""Finds single rollouts of a run by a rule, such as the largest advantage. Plain sqlite3."""

from __future__ import annotations

import sqlite3

from store.rollouts import CURRENT, Rollout, rollout_of

_FINITE = "typeof(t.advantage) IN ('integer', 'real')"


def largest_advantage(connection: sqlite3.Connection) -> Rollout | None:
    """The completion with the largest advantage, the earliest of equals; None where none has one."""
    row = connection.execute(
        f"SELECT t.id FROM completion t LEFT JOIN attempt a ON a.number = t.attempt WHERE {CURRENT} AND {_FINITE} "
        "ORDER BY t.advantage DESC, t.id LIMIT 1"
    ).fetchone()
    return None if row is None else rollout_of(connection, row[0])
