"""Reads held-out evaluations of one run: their totals, their answers without texts, and one answer in full.

Plain sqlite3. An evaluation that a later attempt made again is given once, as it was made last.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from store.evaluation_parts import Circular, Unmatched, circular_of, counts_of, unmatched_of
from store.journal import decode_number
from store.rollouts import CURRENT, EvalSample

CLIPPED = "length"
"""Stop reason of a completion that met the limit."""
# the table is keyed by attempt first; attempts are few, and looked up one by one rather than by reading every key
_OF_KEY = (
    "WITH RECURSIVE found(number) AS (SELECT min(attempt) FROM eval_sample UNION ALL "
    "SELECT (SELECT min(e.attempt) FROM eval_sample e WHERE e.attempt > found.number) FROM found "
    "WHERE found.number IS NOT NULL) SELECT {columns} FROM found CROSS JOIN eval_sample t "
    "LEFT JOIN attempt a ON a.number = t.attempt "
    "WHERE t.attempt = found.number AND t.step = ? AND t.prompt = ? AND t.decoding = ? AND t.split = ? "
    f"AND {CURRENT} ORDER BY t.attempt, t.number"
)
_ANSWER = (
    "t.number, t.uid, t.kind, t.gold, t.answer, t.correct, t.tokens, t.think_tokens, "
    f"t.stop = '{CLIPPED}', json_array_length(t.options), t.malformed"
)
_SAMPLE = (
    "t.step, t.prompt, t.decoding, t.split, t.number, t.uid, t.kind, t.question, t.options, t.gold, t.images, t.text, "
    "t.think, t.answer, t.malformed, t.correct, t.tokens, t.think_tokens, t.stop"
)


class EvalKey(NamedTuple):
    """What tells the evaluations of a run apart."""

    step: int
    prompt: str
    """think or direct"""
    decoding: str
    """greedy or sampled"""
    split: str


class HeldOut(NamedTuple):
    """The totals of one evaluation."""

    key: EvalKey
    attempt: int
    time: float
    """When it was recorded."""
    source: dict[str, Any]
    """kind, name and detail of the data."""
    n: int
    """Answers that could be graded."""
    correct: int
    accuracy: float | None
    low: float
    high: float
    level: float | None
    """Of the interval from low to high; None where the record does not say."""
    unparsed: int
    ungradable: int
    unreadable: int
    """Examples without a readable image; they are left out of n."""
    clipped: int | None
    temperature: float | None
    mean_tokens: float | None
    mean_think_tokens: float | None
    unparsed_by: dict[str, int] | None = None
    """Unparsed answers by what is wrong with the completion's form; None where the record does not say."""
    circular: Circular | None = None
    """Over every rotation of the options; None where these were not asked."""
    unmatched: Unmatched | None = None
    """Wrong answers that are none of the possible ones; None where answers are open."""


class EvalAnswer(NamedTuple):
    """One held-out answer without its texts."""

    number: int
    uid: str
    kind: str
    gold: str
    answer: str | None
    """None where none could be read."""
    correct: bool | None
    """None where the gold cannot be graded."""
    tokens: int
    think_tokens: int
    is_clipped: bool
    options: int
    """How many answers were shown to choose from; 0 for an open question."""
    malformed: str | None = None
    """What is wrong with the completion's form."""


def held_out(connection: sqlite3.Connection, run: str) -> list[HeldOut]:
    """Every evaluation of a run in the catalogue, by step, prompt, decoding and split."""
    rows = connection.execute(
        "SELECT t.step, t.prompt, t.decoding, t.split, t.attempt, t.time, t.source, t.n, t.correct, t.accuracy, t.low, "
        "t.high, t.unparsed, t.record FROM evaluation t JOIN attempt a ON a.run=t.run AND a.number=t.attempt "
        f"JOIN run r ON r.id=t.run WHERE r.name=? AND {CURRENT} "
        "ORDER BY t.step, t.prompt, t.decoding, t.split, t.attempt",
        (run,),
    )
    # the last attempt's comes last, and stays
    return list({found.key: found for found in map(_held_out, rows)}.values())


def _held_out(row: tuple[Any, ...]) -> HeldOut:
    record = json.loads(row[13])
    source = json.loads(row[6])
    number = {name: _number(record.get(name)) for name in _EXTRAS}
    clipped = number["clipped"]
    return HeldOut(
        key=EvalKey(*row[:4]),
        attempt=row[4],
        time=row[5],
        source=source if isinstance(source, dict) else {"kind": "unknown", "name": str(source)},
        n=row[7],
        correct=row[8],
        accuracy=row[9],
        low=row[10],
        high=row[11],
        level=number["level"],
        unparsed=row[12],
        ungradable=int(number["ungradable"] or 0),
        unreadable=int(number["unreadable"] or 0),
        clipped=None if clipped is None else int(clipped),
        temperature=number["temperature"],
        mean_tokens=number["mean_tokens"],
        mean_think_tokens=number["mean_think_tokens"],
        unparsed_by=counts_of(record.get("unparsed_by")),
        circular=circular_of(record.get("circular")),
        unmatched=unmatched_of(record.get("unmatched")),
    )


_EXTRAS = ("level", "ungradable", "unreadable", "clipped", "temperature", "mean_tokens", "mean_think_tokens")


def _number(value: Any) -> float | None:
    """A finite number of a record that other programs may have written; None for anything else."""
    number = decode_number(value)
    return number if number is not None and abs(number) < float("inf") else None


def eval_answers(connection: sqlite3.Connection, key: EvalKey) -> list[EvalAnswer]:
    """The answers of one evaluation in a run's rollout database, by number of the example."""
    rows = connection.execute(_OF_KEY.format(columns=_ANSWER), key)
    answers = (
        EvalAnswer._make(
            (*row[:5], None if row[5] is None else bool(row[5]), *row[6:8], bool(row[8]), row[9] or 0, row[10])
        )
        for row in rows
    )
    found = {answer.number: answer for answer in answers}
    return [found[number] for number in sorted(found)]


def eval_sample_of(connection: sqlite3.Connection, key: EvalKey, number: int) -> EvalSample | None:
    """One answer in full; None where there is none."""
    sql = _OF_KEY.format(columns=_SAMPLE).replace("ORDER BY", "AND t.number = ? ORDER BY")
    row = next(reversed(connection.execute(sql, (*key, number)).fetchall()), None)
    if row is None:
        return None
    correct = None if row[15] is None else bool(row[15])
    options, images = tuple(json.loads(row[8])), tuple(json.loads(row[10]))
    return EvalSample._make((*row[:8], options, row[9], images, *row[11:15], correct, *row[16:]))


def chance(answers: Iterable[EvalAnswer]) -> float | None:
    """Expected accuracy of guessing among the options shown; None where a gradable question shows none."""
    counts = [answer.options for answer in answers if answer.correct is not None]
    if not counts or not all(counts):
        return None
    return sum(1 / count for count in counts) / len(counts)
