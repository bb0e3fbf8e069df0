"""Reads rollouts and evaluation samples of one run."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple

from store.database import open_for_reading
from store.journal import decode_number
from store.layout import Home
from store.migrations import ROLLOUTS

CURRENT = "(a.superseded_from IS NULL OR t.step < a.superseded_from)"
OF_GROUP = "BETWEEN (g.id << 12) AND (g.id << 12 | 4095)"
"""Ids of a group's completions: its own with the number of the sample behind it (apply_rollouts.completion_id)."""
_COLUMNS = (
    "t.step, g.number, t.sample, g.uid, g.prompt, g.gold, t.text, t.think, t.answer, t.malformed, "
    "t.rewards, t.reward, t.advantage, t.tokens, t.think_tokens, t.stop, g.kind, g.question, g.options, g.images, "
    "g.policy_step, t.attempt, t.errors, g.prompt_mode"
)
_ACCURACY = "json_extract(t.rewards, '$.accuracy')"
_SPREAD = f"(SELECT max(c.reward) - min(c.reward) FROM completion c WHERE c.id {OF_GROUP})"
NUMBER_KEYS = {
    "step": "t.step",
    "group": "g.number",
    "sample": "t.sample",
    "reward": "t.reward",
    "advantage": "t.advantage",
    "tokens": "t.tokens",
    "think_tokens": "t.think_tokens",
}
"""Columns that a test compares as numbers."""
TEXT_KEYS = {
    "uid": "g.uid",
    "kind": "g.kind",
    "mode": "g.prompt_mode",
    "question": "g.question",
    "gold": "g.gold",
    "answer": "t.answer",
    "think": "t.think",
    "malformed": "t.malformed",
    "stop": "t.stop",
}
"""Columns that a test compares as text, upper and lower case alike."""
FLAG_KEYS = {
    "right": f"({_ACCURACY} >= 1 AND typeof({_ACCURACY}) <> 'text')",
    "clipped": "t.stop = 'length'",
    "errors": "t.errors IS NOT NULL",
    "dead": f"{_SPREAD} = 0",
}
"""What is or is not so of a completion; `dead` is said of its group: all rewards are equal."""
_HIDDEN_KEYS = {"text": "t.text", "is_malformed": "t.malformed IS NOT NULL"}
_OPERATORS = ("<", "<=", ">", ">=", "=")


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
    prompt_mode: str = ""
    """think or direct"""


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


class RolloutTest(NamedTuple):
    """One thing that is asked of a completion or its prompt."""

    key: str
    """One of NUMBER_KEYS, TEXT_KEYS or FLAG_KEYS; `reward.NAME`; `text`, the completion; or `is_malformed`."""
    operator: str
    """For numbers < <= > >= = and `..`, ends included; for text `:` holds a part and `=` is the whole; for flags =."""
    value: float | str
    high: float = 0.0
    """The upper end of `..`."""
    is_negated: bool = False


class StepSample(NamedTuple):
    """One completion of a step without its text."""

    group_id: int
    group: int
    uid: str
    kind: str
    sample: int
    reward: float | None
    accuracy: float | None
    """None where the gold answer could not be graded, or the run has no such reward."""
    advantage: float | None
    tokens: int
    is_malformed: bool
    is_clipped: bool
    matches: bool
    """Whether it passes every test; True where there is none."""


class Occurrence(NamedTuple):
    """A prompt at one step that it came at."""

    group_id: int
    step: int
    group: int
    size: int
    right: int | None
    """How many were right by the accuracy reward; None where none was graded."""
    reward: float | None
    """Mean over the completions."""


class RolloutCounts(NamedTuple):
    """How much a rollout database holds."""

    groups: int
    rollouts: int
    eval_samples: int
    superseded: int
    """Rollouts of steps that a later attempt made again."""


def open_rollouts(home: Home, run: str) -> sqlite3.Connection:
    """A read-only connection to a run's rollouts; empty where there are none yet."""
    return open_for_reading(home.rollouts(run), ROLLOUTS, is_home_read_only=home.is_read_only)


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
        f"SELECT {_COLUMNS} FROM completion t JOIN prompt_group g ON g.id = t.prompt_group "
        f"LEFT JOIN attempt a ON a.number = t.attempt WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT ?"
    )
    with closing(open_rollouts(home, run)) as connection:
        for row in connection.execute(sql, (*values, -1 if limit is None else limit)):
            yield _rollout(row)


def group_rollouts(connection: sqlite3.Connection, group_id: int) -> list[Rollout]:
    """The completions of one group, by number; empty where there is no such group."""
    sql = f"SELECT {_COLUMNS} FROM prompt_group g JOIN completion t ON t.id {OF_GROUP} WHERE g.id = ? ORDER BY t.id"
    return [_rollout(row) for row in connection.execute(sql, (group_id,))]


def rollout_of(connection: sqlite3.Connection, identity: int) -> Rollout | None:
    """The completion of that id; None where there is none."""
    sql = f"SELECT {_COLUMNS} FROM completion t JOIN prompt_group g ON g.id = t.prompt_group WHERE t.id = ?"
    row = connection.execute(sql, (identity,)).fetchone()
    return None if row is None else _rollout(row)


def matching_samples(connection: sqlite3.Connection, group_id: int, tests: Sequence[RolloutTest]) -> frozenset[int]:
    """Numbers of a group's completions that pass all tests. Raises ValueError."""
    condition, values = _where(tests)
    sql = f"SELECT t.sample FROM prompt_group g JOIN completion t ON t.id {OF_GROUP} WHERE g.id = ? AND {condition}"
    return frozenset(row[0] for row in connection.execute(sql, (group_id, *values)))


def rollout_steps(connection: sqlite3.Connection) -> list[int]:
    """Steps that have rollouts which count, ascending."""
    # SQLite reads the whole index for DISTINCT, so each step is looked up; the attempt is in the id's upper bits
    # (apply_rollouts.completion_id), and so the index alone answers
    sql = (
        "WITH RECURSIVE s(step) AS (SELECT min(step) FROM completion UNION ALL "
        "SELECT (SELECT min(c.step) FROM completion c WHERE c.step > s.step) FROM s WHERE s.step IS NOT NULL) "
        "SELECT s.step FROM s WHERE EXISTS (SELECT 1 FROM completion t "
        f"LEFT JOIN attempt a ON a.number = t.id >> 54 WHERE t.step = s.step AND {CURRENT}) ORDER BY s.step"
    )
    return [row[0] for row in connection.execute(sql)]


def rollouts_at(connection: sqlite3.Connection, step: int) -> int:
    """How many completions are stored of a step; it grows while the step is taken in."""
    return int(connection.execute("SELECT count(*) FROM completion WHERE step = ?", (step,)).fetchone()[0])


def step_samples(connection: sqlite3.Connection, step: int, tests: Sequence[RolloutTest] = ()) -> list[StepSample]:
    """The completions of a step by group and number, each with whether it passes all tests. Raises ValueError."""
    condition, values = _where(tests)
    sql = (
        f"SELECT g.id, g.number, g.uid, g.kind, t.sample, t.reward, {_ACCURACY}, t.advantage, t.tokens, "
        f"t.malformed IS NOT NULL, t.stop = 'length', {condition} "
        "FROM completion t JOIN prompt_group g ON g.id = t.prompt_group "
        f"LEFT JOIN attempt a ON a.number = t.attempt WHERE t.step = ? AND {CURRENT} ORDER BY t.id"
    )
    samples = []
    # a step may have thousands: the class itself would take as long as SQLite
    make = tuple.__new__
    for row in connection.execute(sql, (*values, step)):
        grade, is_malformed, is_clipped, matches = row[6], row[9], row[10], row[11]
        if type(grade) is not float:
            grade = decode_number(grade)
        fields = (*row[:6], grade, *row[7:9], is_malformed == 1, is_clipped == 1, matches == 1)
        samples.append(make(StepSample, fields))
    return samples


def matches_by_step(
    connection: sqlite3.Connection, tests: Sequence[RolloutTest], steps: Iterable[int]
) -> Iterator[tuple[int, int]]:
    """Each step with how many of its completions pass all tests, one after another as they are counted.

    Raises ValueError.
    """
    condition, values = _where(tests)
    sql = (
        "SELECT count(*) FROM completion t JOIN prompt_group g ON g.id = t.prompt_group "
        f"LEFT JOIN attempt a ON a.number = t.attempt WHERE t.step = ? AND {CURRENT} AND {condition}"
    )
    for step in steps:
        yield step, int(connection.execute(sql, (step, *values)).fetchone()[0])


def occurrences(connection: sqlite3.Connection, uid: str) -> list[Occurrence]:
    """Every step at which a prompt came, oldest first."""
    sql = (
        f"SELECT g.id, g.step, g.number, count(*), sum({FLAG_KEYS['right']}), avg(t.reward) "
        f"FROM prompt_group g JOIN completion t ON t.id {OF_GROUP} LEFT JOIN attempt a ON a.number = g.attempt "
        f"WHERE g.uid = ? AND {CURRENT} GROUP BY g.id ORDER BY g.step, g.number"
    )
    return [Occurrence._make(row) for row in connection.execute(sql, (uid,))]


def _where(tests: Sequence[RolloutTest]) -> tuple[str, list[float | str]]:
    """A condition with a mark for every value, and the values. Raises ValueError for a test that is none."""
    parts: list[str] = []
    values: list[float | str] = []
    for test in tests:
        condition, own = _condition(test)
        # what is unknown of a completion is not so of it, and its opposite is
        parts.append(f"NOT coalesce({condition}, 0)" if test.is_negated else f"coalesce({condition}, 0)")
        values += own
    return f"({' AND '.join(parts) or '1'})", values


def _condition(test: RolloutTest) -> tuple[str, list[float | str]]:
    text = TEXT_KEYS.get(test.key) or (_HIDDEN_KEYS["text"] if test.key == "text" else None)
    if text is not None and test.operator in (":", "="):
        pattern = re.sub(r"([\\%_])", r"\\\1", str(test.value))
        return f"({text} LIKE ? ESCAPE '\\')", [f"%{pattern}%" if test.operator == ":" else pattern]
    flag = FLAG_KEYS.get(test.key) or (_HIDDEN_KEYS["is_malformed"] if test.key == "is_malformed" else None)
    if flag is not None and test.operator == "=":
        return f"(({flag}) = ?)", [test.value]
    if test.key.startswith("reward."):
        # the path is a value too; a non-finite number is stored as text, which compares with nothing
        path = f'$."{test.key.removeprefix("reward.")}"'
        number, names = "iif(json_type(t.rewards, ?) <> 'text', json_extract(t.rewards, ?), NULL)", [path, path]
    elif test.key in NUMBER_KEYS:
        number, names = NUMBER_KEYS[test.key], []
    else:
        raise ValueError(f"{test.key} {test.operator} is no test of rollouts")
    if test.operator == "..":
        return f"({number} BETWEEN ? AND ?)", [*names, test.value, test.high]
    if test.operator not in _OPERATORS:
        raise ValueError(f"{test.operator} compares no numbers")
    return f"({number} {test.operator} ?)", [*names, test.value]


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
            row[23],
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
