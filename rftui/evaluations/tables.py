"""What one held-out evaluation says in parts: by question type, gold against answer, and paired with another. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from evals.grading import normalized
from evals.scoring import share
from evals.statistics import Paired, paired
from store.evaluations import EvalAnswer

MOST_LABELS = 150
"""Distinct gold answers of a confusion matrix that somebody may still read."""
LEAST_PER_LABEL = 2
"""Answers for each gold answer on average, below which a matrix shows nothing."""


class KindRow(NamedTuple):
    """One question type."""

    kind: str
    n: int
    correct: int
    accuracy: float | None
    """None where no answer could be graded."""
    low: float
    high: float
    unparsed: int
    clipped: int
    ungradable: int


class Confusion(NamedTuple):
    """How often which gold answer was answered how; only gradable examples count."""

    labels: tuple[str, ...]
    """Gold answers, the most frequent first."""
    counts: Mapping[tuple[int, int], int]
    """By numbers of gold and answer among the labels."""
    others: Mapping[int, int]
    """Answers that are no gold answer of any example, by gold."""
    unparsed: Mapping[int, int]
    """Completions without a readable answer, by gold."""

    def total(self, gold: int) -> int:
        """Examples with a gold answer."""
        answered = sum(count for (row, _), count in self.counts.items() if row == gold)
        return answered + self.others.get(gold, 0) + self.unparsed.get(gold, 0)

    def mistakes(self) -> list[tuple[int, int, int]]:
        """Gold, answer and how often, wrong ones only, the most frequent first."""
        wrong = [(gold, answer, count) for (gold, answer), count in self.counts.items() if gold != answer]
        return sorted(wrong, key=lambda item: (-item[2], item[0], item[1]))


class Flip(StrEnum):
    """How an example fared with and without <think>."""

    BOTH = "both right"
    """Right either way."""
    MENDED = "think right, direct wrong"
    """Thinking mended it."""
    BROKEN = "think wrong, direct right"
    """Thinking broke it."""
    NEITHER = "both wrong"
    """Wrong either way."""


def by_kind(answers: Sequence[EvalAnswer]) -> list[KindRow]:
    """Each question type with its accuracy and Wilson interval, in alphabetical order."""
    kinds: dict[str, list[EvalAnswer]] = {}
    for answer in answers:
        kinds.setdefault(answer.kind, []).append(answer)
    return [_kind_row(kind, kinds[kind]) for kind in sorted(kinds)]


def _kind_row(kind: str, answers: Sequence[EvalAnswer]) -> KindRow:
    graded = [answer for answer in answers if answer.correct is not None]
    found = share([bool(answer.correct) for answer in graded])
    return KindRow(
        kind=kind,
        n=found.n,
        correct=found.correct,
        accuracy=found.accuracy if found.n else None,
        low=found.low,
        high=found.high,
        unparsed=sum(answer.answer is None for answer in answers),
        clipped=sum(answer.is_clipped for answer in answers),
        ungradable=len(answers) - len(graded),
    )


def confusion(answers: Sequence[EvalAnswer]) -> Confusion | str:
    """Gold against answer, or in words why there is no such table."""
    graded = [answer for answer in answers if answer.correct is not None]
    by_gold = Counter(normalized(answer.gold) for answer in graded)
    if problem := _why_no_table(len(by_gold), len(graded)):
        return problem
    keys = sorted(by_gold, key=lambda gold: (-by_gold[gold], gold))
    places = {key: place for place, key in enumerate(keys)}
    texts = {normalized(answer.gold): answer.gold for answer in reversed(graded)}
    counts: Counter[tuple[int, int]] = Counter()
    others: Counter[int] = Counter()
    unparsed: Counter[int] = Counter()
    for answer in graded:
        gold = places[normalized(answer.gold)]
        column = gold if answer.correct else places.get(normalized(answer.answer or ""))
        if answer.answer is None:
            unparsed[gold] += 1
        elif column is None or (column == gold and not answer.correct):
            # a task's own rule may call an answer wrong that reads like the gold one
            others[gold] += 1
        else:
            counts[gold, column] += 1
    return Confusion(tuple(texts[key] for key in keys), counts, others, unparsed)


def _why_no_table(labels: int, n: int) -> str:
    if n == 0:
        return "no answer could be graded"
    if labels == 1:
        return "every example has the same gold answer"
    if labels > MOST_LABELS or n < LEAST_PER_LABEL * labels:
        return f"{labels} different gold answers in {n} examples are too many for a table"
    return ""


def flips(think: Sequence[EvalAnswer], direct: Sequence[EvalAnswer]) -> dict[str, Flip]:
    """How each example fared that both graded, by uid."""
    without = _grades(direct)
    found: dict[str, Flip] = {}
    for uid, is_right in _grades(think).items():
        if uid not in without:
            continue
        was_right = without[uid]
        if is_right:
            found[uid] = Flip.BOTH if was_right else Flip.MENDED
        else:
            found[uid] = Flip.BROKEN if was_right else Flip.NEITHER
    return found


def paired_answers(before: Sequence[EvalAnswer], after: Sequence[EvalAnswer]) -> Paired | None:
    """One evaluation against another over the examples that both graded; None where there is no such example."""
    was, now = _grades(before), _grades(after)
    shared = [uid for uid in was if uid in now]
    return paired([was[uid] for uid in shared], [now[uid] for uid in shared]) if shared else None


def _grades(answers: Sequence[EvalAnswer]) -> dict[str, bool]:
    return {answer.uid: answer.correct for answer in answers if answer.correct is not None}
