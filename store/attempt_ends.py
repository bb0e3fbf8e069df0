"""Reads what state runs are in, and how the last attempt of one ended, with its evidence. Plain sqlite3."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import Any, NamedTuple


class AttemptEnd(NamedTuple):
    """The last attempt of a run, ended or not."""

    number: int
    state: str
    reason: str
    started_at: float | None
    ended_at: float | None
    first_step: int | None
    last_step: int | None
    exit_code: int | None
    """None where another process was its parent, or a signal ended it."""
    signal: str | None
    oom: dict[str, Any] | None
    """kind and detail of what shows that memory ran out."""
    traceback: str | None
    host: str | None
    """Where it trained; None before the training process spoke."""


def runs_in(connection: sqlite3.Connection, states: Collection[str]) -> list[str]:
    """Names of the runs that are in one of some states, in alphabetical order."""
    marks = ",".join("?" * len(states))
    rows = connection.execute(f"SELECT name FROM run WHERE state IN ({marks}) ORDER BY name", list(map(str, states)))
    return [row[0] for row in rows]


def run_state(connection: sqlite3.Connection, run: str) -> str | None:
    """The state of a run; None where there is no such run."""
    row = connection.execute("SELECT state FROM run WHERE name=?", (run,)).fetchone()
    return None if row is None else str(row[0])


def last_attempt(connection: sqlite3.Connection, run: str) -> AttemptEnd | None:
    """The last attempt of a run; None before the first."""
    row = connection.execute(
        "SELECT t.number, t.state, t.reason, t.started_at, t.ended_at, t.first_step, t.last_step, t.exit_code, "
        "t.signal, t.oom, t.traceback, t.facts FROM attempt t JOIN run r ON r.id=t.run WHERE r.name=? "
        "ORDER BY t.number DESC LIMIT 1",
        (run,),
    ).fetchone()
    if row is None:
        return None
    facts = json.loads(row[11]) if row[11] else None
    host = facts.get("host") if isinstance(facts, dict) else None
    oom = json.loads(row[9]) if row[9] else None
    return AttemptEnd._make((*row[:9], oom if isinstance(oom, dict) else None, row[10], str(host) if host else None))
