"""Multiple-choice questions of whatever task: the same question in other orders, and what is wrong with one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from evals.grading import normalized
from evals.task import Example, Task

# the same few answers stand in hundreds of thousands of rows
_as_graded = lru_cache(maxsize=4096)(normalized)


def rotations(example: Example) -> tuple[Example, ...]:
    """The example with its options in every cyclic order, itself first: as many as it has options, at least one.

    A model that picks a place and no meaning is right in one rotation of n. Circular evaluation, as SAT's authors and
    MMBench (arXiv 2307.06281) do it, asks for right answers in all of them. The uid of rotation k ends in `/rotated-k`.
    """
    options = example.options
    others = (
        replace(example, uid=f"{example.uid}/rotated-{by}", options=options[by:] + options[:by])
        for by in range(1, len(options))
    )
    return (example, *others)


def choice_problem(options: Sequence[str], gold: str) -> str | None:
    """Why nobody could be graded on this choice, in words; None where one option, and only one, is the gold answer."""
    known, wanted = [_as_graded(option) for option in options], _as_graded(gold)
    if not wanted:
        return "it has no correct answer"
    if wanted not in known:
        return f"its correct answer {gold!r} is not among its options {list(options)!r}"
    repeated = next((option for option, text in zip(options, known, strict=True) if known.count(text) > 1), None)
    return None if repeated is None else f"its options say {repeated!r} more than once"


def graded(task: Task, answer: str | None, example: Example) -> bool | None:
    """Whether the task calls the answer right; None where nobody could be graded on the example, whatever the task.

    That is where its own rule says so, or where not exactly one of the options shown is the gold answer.
    """
    if example.options and _problem(example.options, example.gold) is not None:
        return None
    return task.grade(answer, example)


# asked for every answer and every reward of one example
_problem = lru_cache(maxsize=4096)(choice_problem)
