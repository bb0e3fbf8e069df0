"""Comparisons between two evaluations of the same examples, and what several of them at once do to p-values.

scipy costs a second to import, so each function imports what it needs: the run list, which only asks for paired
differences, and commands that compare nothing never pay it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

RESAMPLES = 9999
FEW_FLIPS = 10
"""Flips below which the bootstrap interval of a difference is too narrow: benchmarks/interval_coverage.py."""
DRAWN_AT_ONCE = 2_000_000
"""Values of resamples that are held in memory together."""


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
    # changes are -1, 0 or 1, so drawing n examples again is drawing how many of each: the bootstrap of `mean_interval`
    # in 1 ms where scipy's resampling takes 150 at n = 500, for a run list that holds hundreds of runs against one
    shares = [lost / n, gained / n, (n - lost - gained) / n]
    counts = np.random.default_rng(seed).multinomial(n, shares, size=RESAMPLES)
    low, high = np.quantile((counts[:, 1] - counts[:, 0]) / n, [(1 - level) / 2, (1 + level) / 2])
    return Difference((gained - lost) / n, float(low), float(high), n)


def mean_interval(values: Sequence[float], *, seed: int = 0, level: float = 0.95) -> Difference:
    """Mean of values, one an example, with its percentile bootstrap interval over the examples, seeded.

    For scores that are not only right or wrong, such as means over the rotations of an example's options. Raises
    ValueError where there is none. Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.
    """
    if not values:
        raise ValueError("a mean needs at least one value; found none")
    from numpy import asarray, mean

    array = asarray(values, dtype=float)
    middle = float(array.mean())
    if len(values) == 1:
        # scipy refuses a sample of one, whose every resample is itself
        return Difference(middle, middle, middle, 1)
    low, high = _bootstrap((array,), mean, seed=seed, level=level)
    return Difference(middle, low, high, len(values))


def _bootstrap(samples: tuple[Any, ...], statistic: Any, *, seed: int, level: float) -> tuple[float, float]:
    """Percentile interval of a statistic of independent samples, each resampled by itself."""
    from numpy.random import default_rng
    from scipy.stats import bootstrap

    found = bootstrap(
        samples,
        statistic,
        n_resamples=RESAMPLES,
        batch=max(1, DRAWN_AT_ONCE // max(map(len, samples))),
        vectorized=True,
        confidence_level=level,
        method="percentile",
        rng=default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


class McNemar(NamedTuple):
    """McNemar's test of two evaluations of the same examples: does one flip examples more often than the other?"""

    gained: int
    """Examples that were wrong before and right after."""
    lost: int
    """Examples that were right before and wrong after."""
    p: float
    """Two-sided, exact; 1 where no example flipped."""


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> McNemar:
    """The exact test on the examples that flipped, whatever their number: the binomial test against a fair coin.

    Exact always, so that no size has to be chosen from which on the chi-squared approximation is good enough: it is
    within its cost of a millisecond at any size, and never rejects more often than it says. Source: McNemar,
    Psychometrika 12 (1947). Raises ValueError where the lengths differ or are 0.
    """
    _check_paired(before, after)
    gained, lost = _flips(before, after)
    if gained + lost == 0:
        return McNemar(0, 0, 1.0)
    # scipy.stats has this test too, and costs three times as much to import, which `rftui show` should not pay
    from scipy.special import bdtr

    # a fair coin's tails are alike, so the two-sided p is twice the smaller one
    return McNemar(gained, lost, min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))))


class Paired(NamedTuple):
    """Two evaluations over the examples that both graded; accuracies and differences are shares."""

    n: int
    before: float
    after: float
    difference: float
    """After minus before."""
    low: float
    high: float
    """Bootstrap interval over the examples."""
    gained: int
    """Wrong before, right after."""
    lost: int
    """Right before, wrong after."""
    both_right: int
    both_wrong: int
    p: float
    """McNemar's test, exact and two-sided."""

    @property
    def is_interval_narrow(self) -> bool:
        """Whether so few examples flipped that the interval holds the truth less often than it says."""
        return self.gained + self.lost < FEW_FLIPS


def paired(before: Sequence[bool], after: Sequence[bool], *, level: float = 0.95) -> Paired:
    """Everything that is said of two evaluations of the same examples. Raises ValueError where these are not paired."""
    change, test = paired_difference(before, after, level=level), mcnemar(before, after)
    both_right = sum(a and b for a, b in zip(before, after, strict=True))
    return Paired(
        n=change.n,
        before=sum(before) / change.n,
        after=sum(after) / change.n,
        difference=change.mean,
        low=change.low,
        high=change.high,
        gained=test.gained,
        lost=test.lost,
        both_right=both_right,
        both_wrong=change.n - both_right - test.gained - test.lost,
        p=test.p,
    )


def _check_paired(before: Sequence[bool], after: Sequence[bool]) -> None:
    if len(before) != len(after) or not before:
        raise ValueError(f"paired evaluations need the same examples; found {len(before)} and {len(after)}")


def _flips(before: Sequence[bool], after: Sequence[bool]) -> tuple[int, int]:
    """How many examples were gained and how many lost."""
    pairs = list(zip(before, after, strict=True))
    return sum(now and not then for then, now in pairs), sum(then and not now for then, now in pairs)


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
