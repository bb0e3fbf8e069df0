"""Which labels are paid where another one is right: every label answered to every label."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from evals.rewards.judging import LEAST, Bench, Deadline
from evals.task import Example


class Collision(NamedTuple):
    """A label that is paid where another is right."""

    gold: str
    answer: str
    pay: float
    """What the rewards that know the answer pay together, weighted."""
    right: float
    """What they pay the right one."""
    is_full: bool
    """Whether it is paid like the right one, and not in part."""


class Matrix(NamedTuple):
    """What each answer is paid where each label is right, by the rewards that know the answer."""

    labels: tuple[str, ...]
    pays: list[list[float | None]]
    """A row a right label, a column an answer; None where nothing applies. Fewer rows where time was up."""
    collisions: list[Collision]
    unpaid: list[str]
    """Labels that are right and paid no more than a word that is no label."""
    left_out: int
    """Labels that were not tried."""


def matrix(bench: Bench, *, seconds: float | None = None) -> Matrix:
    """Every label answered to every label; `seconds` ends it early, after at least one row."""
    knowing = [
        reward for reward, item in zip(bench.rewards, bench.knowledge, strict=True) if item.knows_answer and item.weight
    ]
    narrow = Bench(knowing, bench.task, bench.cases)
    labels = tuple(case.gold for case in narrow.cases)
    # the prompt is the same over the cases, so an answer is taken apart once
    responses = {label: case.response(case.completion(label)) for case in narrow.cases[:1] for label in labels}
    deadline = Deadline(seconds)
    pays: list[list[float | None]] = []
    collisions: list[Collision] = []
    unpaid: list[str] = []
    for case in narrow.cases if knowing else ():
        row = [narrow.pay(response, _offering(case.example, answer)).total for answer, response in responses.items()]
        right, control = row[labels.index(case.gold)] or 0.0, narrow.control[case.gold].total or 0.0
        pays.append(row)
        if right <= control + LEAST:
            unpaid.append(case.gold)
        collisions += [
            Collision(case.gold, answer, pay, right, pay >= right - LEAST)
            for answer, pay in zip(labels, row, strict=True)
            if answer != case.gold and pay is not None and pay > control + LEAST
        ]
        if deadline.is_past():
            break
    return Matrix(labels, pays, collisions, unpaid, len(bench.cases) - len(pays) if knowing else 0)


def _offering(example: Example, answer: str) -> Example:
    """The example with that answer among its options, where it has any."""
    if not example.options or answer in example.options:
        return example
    return replace(example, options=(*example.options, answer))
