"""Comparisons between two evaluations of the same examples, and what several of them at once do to p-values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

RESAMPLES = 9999


class Difference(NamedTuple):
    """Mean paired difference, after minus before, with a bootstrap interval over the examples."""

    mean: float
    low: float
    high: float
    n: int


def paired_difference(
    before: Sequence[bool], after: Sequence[bool], *, seed: int = 0, level: float = 0.95
) -> Difference:
    """How much accuracy changed between two evaluations of the same n examples, in shares.

    The interval is the percentile bootstrap over examples, seeded. Where every example changed alike, such as two
    evaluations that agree on each, its width is zero. Raises ValueError where the lengths differ or are 0.
    """
    _check_paired(before, after)
    # numpy costs 0.1 s, which only comparisons should pay
    import numpy as np

    n = len(before)
    gained, lost = _flips(before, after)
    # changes are -1, 0 or 1, so drawing n examples again is drawing how many of each; no array of n x resamples
    shares = [lost / n, gained / n, (n - lost - gained) / n]
    counts = np.random.default_rng(seed).multinomial(n, shares, size=RESAMPLES)
    low, high = np.quantile((counts[:, 1] - counts[:, 0]) / n, [(1 - level) / 2, (1 + level) / 2])
    return Difference((gained - lost) / n, float(low), float(high), n)


class McNemar(NamedTuple):
    """McNemar's test of two evaluations of the same examples: does one flip examples more often than the other?"""

    gained: int
    """Examples that were wrong before and right after."""
    lost: int
    """Examples that were right before and wrong after."""
    p: float
    """Two-sided, exact; 1 where no example flipped."""


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> McNemar:
    """The exact test on the examples that flipped, whatever their number; no normal approximation, no mid-p.

    Given how many flipped, each way is a fair coin where the two do not differ (McNemar, Psychometrika 12, 1947).
    Raises ValueError where the lengths differ or are 0.
    """
    _check_paired(before, after)
    gained, lost = _flips(before, after)
    return McNemar(gained, lost, _fair_coin_p(gained, lost))


def _check_paired(before: Sequence[bool], after: Sequence[bool]) -> None:
    if len(before) != len(after) or not before:
        raise ValueError(f"paired evaluations need the same examples; found {len(before)} and {len(after)}")


def _flips(before: Sequence[bool], after: Sequence[bool]) -> tuple[int, int]:
    """How many examples were gained and how many lost."""
    pairs = list(zip(before, after, strict=True))
    return sum(now and not then for then, now in pairs), sum(then and not now for then, now in pairs)


def _fair_coin_p(heads: int, tails: int) -> float:
    """Chance that a fair coin lands at least as unevenly, both ways.

    In whole numbers, which are exact at any size; scipy.stats.binomtest says the same after an import of 1.2 s.
    """
    tosses = heads + tails
    ways = term = 1
    for count in range(1, min(heads, tails) + 1):
        term = term * (tosses - count + 1) // count
        ways += term
    chance: float = 2 * ways / 2**tosses
    return min(1.0, chance)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number, in the order given; no assumption on how the tests depend on each other.

    Rejecting those below a level keeps the chance of any false rejection below it. Source: Holm, Scandinavian Journal
    of Statistics 6 (1979).
    """
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
