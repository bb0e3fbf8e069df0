"""What the record of an evaluation says beyond its totals, as types; a part that another program wrote is no part."""

from __future__ import annotations

from typing import Any, NamedTuple


class Part(NamedTuple):
    """A share with its interval."""

    n: int
    correct: int
    accuracy: float
    low: float
    high: float


class Circular(NamedTuple):
    """Examples asked with their options in every rotation."""

    n: int
    rotations: int
    """Questions that these are together."""
    mean: float
    """Over examples, of the share of rotations that were right."""
    mean_low: float
    mean_high: float
    every: Part
    """Examples that were right in every rotation."""
    by_rotation: tuple[Part, ...]
    """By how far the options were turned."""


class UnmatchedAnswer(NamedTuple):
    """A wrong answer that is none of the possible ones."""

    answer: str
    times: int
    mentions: tuple[str, ...]
    """Labels that stand in it."""
    nearest: tuple[str, ...]
    """Labels spelled most like it."""


class Unmatched(NamedTuple):
    """All such answers of an evaluation."""

    among: str
    """labels: they name none of the task's; options: none of those their question showed"""
    total: int
    """How many wrong answers these are together."""
    answers: tuple[UnmatchedAnswer, ...]
    """The most frequent first; at most a hundred different ones."""


def circular_of(value: Any) -> Circular | None:
    """The part `circular` of a record."""
    try:
        return Circular(
            n=int(value["n"]),
            rotations=int(value["rotations"]),
            mean=float(value["mean"]),
            mean_low=float(value["mean_low"]),
            mean_high=float(value["mean_high"]),
            every=_part(value["every"]),
            by_rotation=tuple(map(_part, value["by_rotation"])),
        )
    except (KeyError, TypeError, ValueError):
        return None


def _part(value: Any) -> Part:
    counts, numbers = (int(value["n"]), int(value["correct"])), ("accuracy", "low", "high")
    return Part(*counts, *(float(value[name]) for name in numbers))


def unmatched_of(value: Any) -> Unmatched | None:
    """The part `unmatched` of a record."""
    try:
        return Unmatched(str(value["among"]), int(value["count"]), tuple(map(_unmatched_answer, value["answers"])))
    except (KeyError, TypeError, ValueError):
        return None


def _unmatched_answer(value: Any) -> UnmatchedAnswer:
    mentions, nearest = (tuple(map(str, value[name])) for name in ("mentions", "nearest"))
    return UnmatchedAnswer(str(value["answer"]), int(value["count"]), mentions, nearest)


def counts_of(value: Any) -> dict[str, int] | None:
    """Counts by name, such as `unparsed_by` of a record."""
    try:
        return {str(name): int(count) for name, count in value.items()}
    except (AttributeError, TypeError, ValueError):
        return None
