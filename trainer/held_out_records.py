"""What the journal keeps of held-out answers, and what the totals need of it.

A record says all that is counted, so that an answer which an earlier attempt gave counts like one that was just given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from evals.scoring import Scored
from evals.task import Example

SPLIT = "heldout"
Record = dict[str, Any]


class Question(NamedTuple):
    """One held-out question: an example, with its options as they are or turned."""

    example: int
    """Index of the example."""
    rotation: int = 0
    """How far its options are turned; 0 as the task shows them."""

    @property
    def kind(self) -> str:
        """The type of its journal records: rotated questions are apart, since accuracy is of the others alone."""
        return "eval_rotation" if self.rotation else "eval_sample"


class Way(NamedTuple):
    """When and how questions are asked."""

    step: int
    prompt: str
    """think or direct"""
    decoding: str
    """greedy or sampled"""


def question_fields(way: Way, question: Question, example: Example, user_text: str) -> Record:
    """The fields of a record that the question decides."""
    return {
        **way._asdict(),
        "split": SPLIT,
        "index": question.example,
        **({"rotation": question.rotation} if question.rotation else {}),
        "uid": example.uid,
        "kind": example.kind,
        "question": example.question,
        "options": list(example.options),
        "user_text": user_text,
        "gold": example.gold,
        "scene": example.scene,
    }


def scored(record: Record) -> Scored:
    """What the totals need of a record."""
    return Scored(
        kind=record["kind"],
        correct=record["correct"],
        is_parsed=record["answer"] is not None,
        tokens=record["tokens"],
        think_tokens=record["think_tokens"],
        is_clipped=record["stop"] == "length",
        malformed=record["malformed"],
    )


class Verdict(NamedTuple):
    """One rotation of an example."""

    example: int
    rotation: int
    rotations: int
    """How many the example has."""
    correct: bool | None


def verdicts(records: Sequence[Record]) -> list[Verdict]:
    """Each record as a rotation of its example; those of examples that show no options are left out."""
    return [
        Verdict(record["index"], record.get("rotation", 0), len(record["options"]), record["correct"])
        for record in records
        if record["options"]
    ]
