"""Reads rollouts and evaluation samples of one run."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple

from store.database import open_for_reading
from store.journal import decode_number
from store.layout import Home
from store.migrations import ROLLOUTS

CURRENT = "(a.superseded_from IS NULL OR t.step < a.superseded_from)"


class Rollout(NamedTuple):
    """One completion with its prompt."""

    step: int
    group: int
    sample: int
    uid: str
    prompt: str
    image: str | None
    """Hash of the first image; None where there is none."""
    gold: str
    completion: str
    think: str | None
    answer: str | None
    malformed: str | None
    rewards: dict[str, float | None]
    reward: float | None
    advantage: float | None
    tokens: int
    think_tokens: int
    stop: str
    kind: str
    question: str
    options: tuple[str, ...]
    images: tuple[dict[str, Any], ...]
    policy_step: int
    attempt: int
    errors: dict[str, str]


class EvalSample(NamedTuple):
    """One held-out answer."""

    step: int
    prompt: str
    decoding: str
    split: str
    number: int
    uid: str
    kind: str
    question: str
    options: tuple[str, ...]
    gold: str
    images: tuple[dict[str, Any], ...]
    completion: str
    think: str | None
    answer: str | None
    malformed: str | None
    correct: bool | None
    tokens: int
    think_tokens: int
    stop: str


class RolloutCounts(NamedTuple):
    """How much a rollout database holds."""

    groups: int
    rollouts: int
    eval_samples: int
    superseded: int
    """Rollouts of steps that a later attempt made again."""


def open_rollouts(home: Home, run: str) -> sqlite3.Connection:
    """A read-only connection to a run's rollouts; empty where there are none yet."""
    return open_for_reading(home.rollouts(run), ROLLOUTS)


def iter_rollouts(
    home: Home,
    run: str,
    *,
    step: int | None = None,
    min_reward: float | None = None,
    max_reward: float | None = None,
    prompt: str | None = None,
    group: int | None = None,
    contains: str | None = None,
    limit: int | None = None,
    newest_first: bool = False,
) -> Iterator[Rollout]:
    """Rollouts that fit every condition given, by step, group and sample.

    `prompt` is a uid or part of a prompt; `contains` is part of a completion.
    """
    conditions = [CURRENT]
    values: list[Any] = []
    for condition, value in (
        ("t.step = ?", step),
        ("t.reward >= ?", min_reward),
        ("t.reward <= ?", max_reward),
        ("g.number = ?", group),
        ("instr(t.text, ?) > 0", contains),
    ):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    if prompt is not None:
        conditions.append("(g.uid = ? OR instr(g.prompt, ?) > 0)")
        values += [prompt, prompt]
    order = "t.step DESC, g.number, t.sample" if newest_first else "t.step, g.number, t.sample"
    sql = (
        "SELECT t.step, g.number, t.sample, g.uid, g.prompt, g.gold, t.text, t.think, t.answer, t.malformed, "
        "t.rewards, t.reward, t.advantage, t.tokens, t.think_tokens, t.stop, g.kind, g.question, g.options, g.images, "
        "g.policy_step, t.attempt, t.errors FROM completion t JOIN prompt_group g ON g.id = t.prompt_group "
        f"LEFT JOIN attempt a ON a.number = t.attempt WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
    )
    with closing(open_rollouts(home, run)) as connection:
        for row in connection.execute(sql, (*values, -1 if limit is None else limit)):
            yield _rollout(row)


def _rollout(row: tuple[Any, ...]) -> Rollout:
    images = tuple(json.loads(row[19]))
    return Rollout._make(
        (
            *row[:5],
            images[0]["hash"] if images else None,
            *row[5:10],
            {name: decode_number(value) for name, value in json.loads(row[10]).items()},
            *row[11:18],
            tuple(json.loads(row[18])),
            images,
            *row[20:22],
            json.loads(row[22]) if row[22] else {},
        )
    )


def eval_samples(
    home: Home, run: str, *, step: int | None = None, prompt: str | None = None, decoding: str | None = None
) -> Iterator[EvalSample]:
    """Held-out answers that fit, by step, prompt, decoding and example."""
    conditions = [CURRENT]
    values: list[Any] = []
    for condition, value in (("t.step = ?", step), ("t.prompt = ?", prompt), ("t.decoding = ?", decoding)):
        if value is not None:
            conditions.append(condition)
            values.append(value)
    sql = (
        "SELECT t.step, t.prompt, t.decoding, t.split, t.number, t.uid, t.kind, t.question, t.options, t.gold, "
        "t.images, t.text, t.think, t.answer, t.malformed, t.correct, t.tokens, t.think_tokens, t.stop "
        "FROM eval_sample t "
        f"LEFT JOIN attempt a ON a.number = t.attempt WHERE {' AND '.join(conditions)} "
        "ORDER BY t.step, t.prompt, t.decoding, t.split, t.number"
    )
    with closing(open_rollouts(home, run)) as connection:
        for row in connection.execute(sql, values):
            correct = None if row[15] is None else bool(row[15])
            options, images = tuple(json.loads(row[8])), tuple(json.loads(row[10]))
            yield EvalSample._make((*row[:8], options, row[9], images, *row[11:15], correct, *row[16:]))


def search(home: Home, run: str, query: str, *, limit: int = 50) -> list[int]:
    """Ids of completions that the full-text index finds, newest first, without those that a later attempt made again.

    Raises sqlite3.OperationalError for a bad query.
    """
    with closing(open_rollouts(home, run)) as connection:
        rows = connection.execute(
            "SELECT t.id FROM completion_text f JOIN completion t ON t.id = f.rowid "
            f"LEFT JOIN attempt a ON a.number = t.attempt WHERE completion_text MATCH ? AND {CURRENT} "
            "ORDER BY f.rowid DESC LIMIT ?",
            (query, limit),
        )
        return [row[0] for row in rows]


def rollout_counts(connection: sqlite3.Connection) -> RolloutCounts:
    """Counts over a rollout database, superseded rows apart."""

    def count(table: str, condition: str) -> int:
        sql = f"SELECT count(*) FROM {table} t LEFT JOIN attempt a ON a.number = t.attempt WHERE {condition}"
        return int(connection.execute(sql).fetchone()[0])

    return RolloutCounts(
        groups=count("prompt_group", CURRENT),
        rollouts=count("completion", CURRENT),
        eval_samples=count("eval_sample", CURRENT),
        superseded=count("completion", f"NOT {CURRENT}"),
    )
