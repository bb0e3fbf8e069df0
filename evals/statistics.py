"""Comparisons between two evaluations of the same examples."""

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
    if len(before) != len(after) or not before:
        raise ValueError(f"paired evaluations need the same examples; found {len(before)} and {len(after)}")
    # numpy costs 0.1 s, which only comparisons should pay
    import numpy as np

    n = len(before)
    gained = sum(now and not then for then, now in zip(before, after, strict=True))
    lost = sum(then and not now for then, now in zip(before, after, strict=True))
    # changes are -1, 0 or 1, so drawing n examples again is drawing how many of each; no array of n x resamples
    shares = [lost / n, gained / n, (n - lost - gained) / n]
    counts = np.random.default_rng(seed).multinomial(n, shares, size=RESAMPLES)
    low, high = np.quantile((counts[:, 1] - counts[:, 0]) / n, [(1 - level) / 2, (1 + level) / 2])
    return Difference((gained - lost) / n, float(low), float(high), n)
