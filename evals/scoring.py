"""Accuracy of a set of answers, with its interval, by question type and over rotations, and what could not be read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from evals.statistics import mean_interval


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
    malformed: str | None = None
    """What is wrong with the completion's form."""


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
    unparsed_by: dict[str, int]
    """Those by what is wrong with the completion's form, the most frequent first."""
    malformed: dict[str, int]
    """All answers by what is wrong with their form, also those that could be read."""
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
            "unparsed_by": self.unparsed_by,
            "malformed": self.malformed,
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
        unparsed_by=_counted(answer.malformed for answer in answers if not answer.is_parsed),
        malformed=_counted(answer.malformed for answer in answers),
        ungradable=len(answers) - len(graded),
        clipped=sum(answer.is_clipped for answer in answers),
        mean_tokens=sum(answer.tokens for answer in answers) / count,
        mean_think_tokens=sum(answer.think_tokens for answer in answers) / count,
    )


def _counted(reasons: Iterable[str | None]) -> dict[str, int]:
    return dict(Counter(reason for reason in reasons if reason is not None).most_common())


class Circular(NamedTuple):
    """Examples asked with their options in every rotation."""

    n: int
    """Examples of which every rotation was asked and graded."""
    rotations: int
    """Questions that these are together."""
    mean: float
    """Mean over examples of the share of rotations that were right."""
    mean_low: float
    mean_high: float
    """Bootstrap interval over the examples."""
    every: Share
    """Examples that were right in every rotation."""
    by_rotation: tuple[Share, ...]
    """Accuracy by how far the options were turned: unlike ones show that places are preferred."""

    def as_record(self) -> dict[str, Any]:
        """The fields of a journal record."""
        return {
            **self._asdict(),
            "every": self.every._asdict(),
            "by_rotation": [part._asdict() for part in self.by_rotation],
        }


def circular_score(verdicts: Mapping[str, Mapping[int, bool | None]], counts: Mapping[str, int]) -> Circular | None:
    """Totals over the examples of which every rotation was graded; None where there is none.

    `verdicts` has whether each rotation was right, by example and rotation; `counts` how many each example has. Source:
    MMBench (arXiv 2307.06281), section 4.1, which takes "right in every rotation" as the score.
    """
    whole = [
        [graded[rotation] for rotation in sorted(graded)]
        for uid, graded in verdicts.items()
        if len(graded) == counts[uid] and None not in graded.values()
    ]
    if not whole:
        return None
    mean = mean_interval([sum(map(bool, each)) / len(each) for each in whole])
    longest = max(map(len, whole))
    return Circular(
        n=len(whole),
        rotations=sum(map(len, whole)),
        mean=mean.mean,
        mean_low=mean.low,
        mean_high=mean.high,
        every=share([all(each) for each in whole]),
        by_rotation=tuple(share([bool(each[at]) for each in whole if at < len(each)]) for at in range(longest)),
    )
