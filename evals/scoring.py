"""Accuracy of a set of answers, with its interval, by question type, and what could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Interval(NamedTuple):
    """A confidence interval of a share."""

    low: float
    high: float


def wilson(correct: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson score interval of correct out of n, by scipy; (0, 1) where n is 0.

    Source: Wilson, JASA 22 (1927); recommended for shares near 0 and 1 by Newcombe, Statistics in Medicine 17 (1998).
    """
    if n == 0:
        return Interval(0.0, 1.0)
    # scipy.stats costs a second, which what only reads recorded intervals should not pay
    from scipy.stats import binomtest

    found = binomtest(correct, n).proportion_ci(confidence_level=level, method="wilson")
    return Interval(max(0.0, float(found.low)), min(1.0, float(found.high)))


class Scored(NamedTuple):
    """What the totals need of one answer."""

    kind: str
    correct: bool | None
    """None where the gold cannot be graded; such answers are left out of accuracy."""
    is_parsed: bool
    """Whether there was an answer to grade."""
    tokens: int
    think_tokens: int
    is_clipped: bool
    """Whether the completion hit the length limit."""


class Share(NamedTuple):
    """Right answers of all that could be graded."""

    n: int
    correct: int
    accuracy: float
    """NaN where n is 0."""
    low: float
    high: float


class Score(NamedTuple):
    """Totals of one evaluation."""

    total: Share
    by_kind: dict[str, Share]
    level: float
    unparsed: int
    """Answers that could not be read; they count as wrong and are also shown apart."""
    ungradable: int
    clipped: int
    mean_tokens: float
    mean_think_tokens: float

    def as_record(self) -> dict[str, Any]:
        """The fields of a journal record."""
        return {
            **self.total._asdict(),
            "level": self.level,
            "method": "wilson",
            "unparsed": self.unparsed,
            "ungradable": self.ungradable,
            "clipped": self.clipped,
            "mean_tokens": self.mean_tokens,
            "mean_think_tokens": self.mean_think_tokens,
            "by_kind": {kind: share._asdict() for kind, share in self.by_kind.items()},
        }


def share(flags: Sequence[bool], *, level: float = 0.95) -> Share:
    """Share of true flags with its Wilson interval."""
    n, correct = len(flags), sum(flags)
    return Share(n, correct, correct / n if n else float("nan"), *wilson(correct, n, level=level))


def score(answers: Sequence[Scored], *, level: float = 0.95) -> Score:
    """Totals over all answers and by question type, types in alphabetical order."""
    graded = [answer for answer in answers if answer.correct is not None]
    kinds = sorted({answer.kind for answer in graded})
    count = max(1, len(answers))
    return Score(
        total=share([bool(answer.correct) for answer in graded], level=level),
        by_kind={kind: share([bool(a.correct) for a in graded if a.kind == kind], level=level) for kind in kinds},
        level=level,
        unparsed=sum(not answer.is_parsed for answer in answers),
        ungradable=len(answers) - len(graded),
        clipped=sum(answer.is_clipped for answer in answers),
        mean_tokens=sum(answer.tokens for answer in answers) / count,
        mean_think_tokens=sum(answer.think_tokens for answer in answers) / count,
    )
