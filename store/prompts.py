"""Reads which prompts a run met, when, and how its completions did. Plain sqlite3."""

from __future__ import annotations

import json
import sqlite3
from typing import NamedTuple

from store.apply_rollouts import GROUP_BITS
from store.rollouts import CURRENT, FLAG_KEYS, OF_GROUP, Occurrence


class Prompt(NamedTuple):
    """What makes a prompt the same one; its image is not among it, since each run fits images to its own size."""

    uid: str
    question: str
    options: tuple[str, ...]
    gold: str


class Met(NamedTuple):
    """A prompt that a run met."""

    prompt: Prompt
    kind: str
    occurrence: Occurrence


def prompts_met(connection: sqlite3.Connection, *, since: int = 0) -> list[Met]:
    """Every group from an id on, by id; those that a later attempt made again are left out."""
    sql = (
        "SELECT g.uid, g.question, g.options, g.gold, g.kind, g.id, g.step, g.number, count(*), "
        f"sum({FLAG_KEYS['right']}), avg(t.reward) FROM prompt_group g JOIN completion t ON t.id {OF_GROUP} "
        f"LEFT JOIN attempt a ON a.number = g.attempt WHERE g.id >= ? AND {CURRENT} GROUP BY g.id ORDER BY g.id"
    )
    return [
        Met(Prompt(row[0], row[1], tuple(json.loads(row[2])), row[3]), row[4], Occurrence._make(row[5:]))
        for row in connection.execute(sql, (since,))
    ]


def step_start(group_id: int) -> int:
    """The smallest id that a group of the same attempt and step can have: a step may come in several parts."""
    return group_id >> GROUP_BITS << GROUP_BITS


def attempts_of(connection: sqlite3.Connection) -> tuple[tuple[int, int, int | None], ...]:
    """Number, first step and the step it was made again from, of each attempt: what counts depends on them."""
    rows = connection.execute("SELECT number, first_step, superseded_from FROM attempt ORDER BY number")
    return tuple((row[0], row[1], row[2]) for row in rows)
