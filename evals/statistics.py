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

    The interval is scipy's percentile bootstrap over examples, seeded. Two evaluations that agree on every example give
    a zero-width interval. Raises ValueError where the lengths differ or are 0.
    """
    if len(before) != len(after) or not before:
        raise ValueError(f"paired evaluations need the same examples; found {len(before)} and {len(after)}")
    # numpy and scipy.stats cost a second, which only comparisons should pay
    import numpy as np
    from scipy.stats import bootstrap

    differences = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    mean = float(differences.mean())
    if len(differences) == 1 or (differences == differences[0]).all():
        return Difference(mean, mean, mean, len(differences))
    result = bootstrap(
        (differences,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=level,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    interval = result.confidence_interval
    return Difference(mean, float(interval.low), float(interval.high), len(differences))
