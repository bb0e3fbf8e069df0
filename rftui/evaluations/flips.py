"""Examples that thinking flipped, each with both answers: what it broke, and what it mended. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rftui.evaluations.tables import Flip
from store.rollouts import EvalSample


class Flipped(NamedTuple):
    """One example that is right under one prompt and wrong under the other."""

    flip: Flip
    """BROKEN or MENDED."""
    direct: EvalSample
    think: EvalSample


def flipped(direct: Iterable[EvalSample], think: Iterable[EvalSample]) -> list[Flipped]:
    """What thinking broke, then what it mended, by number of the example; both answers are to the same question."""
    without = {sample.uid: sample for sample in direct if sample.correct is not None}
    found: list[Flipped] = []
    for sample in think:
        other = without.get(sample.uid)
        if other is None or sample.correct is None or sample.correct == other.correct:
            continue
        if (sample.question, sample.options, sample.gold) == (other.question, other.options, other.gold):
            found.append(Flipped(Flip.MENDED if sample.correct else Flip.BROKEN, other, sample))
    return sorted(found, key=lambda item: (item.flip is not Flip.BROKEN, item.think.number))
