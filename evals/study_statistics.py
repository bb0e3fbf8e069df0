"""Means and differences over the seeds of a study's cells: what is resampled, what is tested, and what may be said.

A cell holds one evaluation a seed, all over the same examples. Below five seeds only the examples are resampled, and
what is said is about these checkpoints; from five on seeds are resampled too, and it is about the method. A baseline
that nobody trained has no seed: its one evaluation is fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, sqrt
from typing import TYPE_CHECKING, NamedTuple

from evals.interaction import LEAST_SEEDS, RESAMPLES, Cells, Grades, interaction
from evals.statistics import FEW_FLIPS, paired

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray


class Side(NamedTuple):
    """The evaluations of one cell."""

    evaluations: Sequence[Grades]
    """One a seed; one in all where nothing was trained."""
    is_trained: bool = True
    """Whether another seed could have given something else."""


class SeedMean(NamedTuple):
    """Accuracy of a cell: the mean over its seeds."""

    mean: float
    low: float
    high: float
    n: int
    """Examples that every seed graded."""
    seeds: int
    are_seeds_resampled: bool
    """Where not, the interval is about these checkpoints and not about the method that made them."""


class SeedDifference(NamedTuple):
    """Accuracy of one cell less that of another, in shares, paired over examples and averaged over seeds."""

    before: float
    after: float
    difference: float
    low: float
    high: float
    p: float
    """Two-sided, by `test`."""
    test: str
    n: int
    """Examples that every evaluation of both cells graded."""
    seeds_before: int
    seeds_after: int
    moved: int
    """Examples whose share of right answers differs between the cells; with one seed each, those that flipped."""
    are_seeds_resampled: bool

    @property
    def is_interval_narrow(self) -> bool:
        """Whether so few examples moved that a bootstrap over them holds the truth less often than it says."""
        return not self.are_seeds_resampled and self.moved < FEW_FLIPS


class SeedContrast(NamedTuple):
    """Two cells of one task that are held against each other."""

    before: Side
    after: Side
    are_seeds_paired: bool = False
    """Whether both sides are of the same checkpoints, in order."""


class SeedInteraction(NamedTuple):
    """How much more a change did in one place than in another, in shares."""

    first: float
    """What it did in the first."""
    second: float
    difference: float
    low: float
    high: float
    p: float
    """Two-sided, by `test`."""
    test: str
    n_first: int
    """Examples that every evaluation of the first graded."""
    n_second: int
    are_seeds_resampled: bool


EXACT = "exact sign-flip test over examples"
"""Under the hypothesis that the cells do not differ, each example's difference is as likely with the other sign. With
one evaluation a cell this is McNemar's exact test."""
NORMAL = "normal test of bootstrap over examples"
"""The difference over the standard error that the bootstrap gives it; examples of two tasks have no signs to flip."""
WELCH = "t-test over seeds and examples"
"""The difference over its standard error when seeds and examples are both drawn again, by Student's t."""


def mean_over_seeds(side: Side, *, level: float = 0.95) -> SeedMean:
    """Accuracy of a cell with its interval: Wilson's, for as many independent examples as the seeds are worth.

    With one evaluation this is Wilson's interval itself. With more, the variance of the mean under resampling says how
    many independent examples would vary as much (Kish's effective sample size, as Korn and Graubard, Survey Methodology
    24, 1998, use it for proportions). Raises ValueError without an evaluation or an example that all of them graded.
    """
    scores_SN = _matrices([side])[0]
    seeds, n = scores_SN.shape
    mean = float(scores_SN.mean())
    resamples_seeds = side.is_trained and seeds >= LEAST_SEEDS
    variance = float(scores_SN.mean(axis=0).var()) / n
    if resamples_seeds:
        found = _spread(scores_SN.mean(axis=0), [scores_SN])
        # few seeds say little about how much seeds vary: the t quantile is as much wider, and so is this
        variance = found.variance * (_t_quantile(level, found.freedom) / _t_quantile(level, None)) ** 2
    effective = mean * (1 - mean) / variance if variance > 0 else n
    low, high = _wilson_of(mean, max(1.0, effective), level=level)
    return SeedMean(mean, low, high, n, seeds, resamples_seeds)


def clustered_share(clusters: Sequence[tuple[int, int]], *, level: float = 0.95) -> tuple[float, float, float]:
    """Share of right answers with Wilson's interval, where answers come in clusters of (right, all) each.

    Such as the answers of several seeds to one example, which are not as many independent ones. The variance is that of
    a ratio of sums (Cochran, Sampling Techniques, 1977, section 3.12). Raises ValueError without an answer.
    """
    total = sum(size for _, size in clusters)
    if not total:
        raise ValueError("a share needs an answer; found none")
    share = sum(right for right, _ in clusters) / total
    variance = sum((right - share * size) ** 2 for right, size in clusters) / total**2
    effective = share * (1 - share) / variance if variance > 0 else len(clusters)
    return share, *_wilson_of(share, effective, level=level)


def difference_over_seeds(
    before: Side, after: Side, *, are_seeds_paired: bool = False, seed: int = 0, level: float = 0.95
) -> SeedDifference:
    """The accuracy of `after` less that of `before`, with an interval and a test.

    `are_seeds_paired` says that the evaluations of both sides are of the same checkpoints, in order, such as with and
    without <think>. Below five seeds a trained side the interval is the percentile bootstrap over examples and the test
    EXACT; from five on both rest on the variance under resampling of seeds and of examples, which for means is known
    without drawing. Raises ValueError for sides that are empty, share no example, or are said to be paired and are not.
    """
    if are_seeds_paired and len(before.evaluations) != len(after.evaluations):
        raise ValueError(
            f"paired seeds need as many on both sides; found {len(before.evaluations)} and {len(after.evaluations)}"
        )
    before_SN, after_SN = _matrices([before, after])
    resamples_seeds = _are_enough([before, after])
    changes_N = after_SN.mean(axis=0) - before_SN.mean(axis=0)
    mean = float(changes_N.mean())
    if resamples_seeds:
        contrast = SeedContrast(before, after, are_seeds_paired)
        low, high, p = _by_t(mean, _spread_of(contrast, before_SN, after_SN), level=level)
    elif len(before_SN) == len(after_SN) == 1:
        # the same numbers as `rftui compare` gives for these two
        found = paired(_flags(before_SN), _flags(after_SN), level=level)
        low, high, p = found.low, found.high, found.p
    else:
        low, high = _drawn_interval(changes_N, seed=seed, level=level)
        p = sign_flip_p(changes_N, denominator=len(before_SN) * len(after_SN))
    return SeedDifference(
        before=float(before_SN.mean()),
        after=float(after_SN.mean()),
        difference=mean,
        low=low,
        high=high,
        p=p,
        test=WELCH if resamples_seeds else EXACT,
        n=before_SN.shape[1],
        seeds_before=len(before_SN),
        seeds_after=len(after_SN),
        moved=int((abs(changes_N) > 1e-12).sum()),
        are_seeds_resampled=resamples_seeds,
    )


def interaction_over_seeds(
    first: SeedContrast, second: SeedContrast, *, seed: int = 0, level: float = 0.95
) -> SeedInteraction:
    """What a change did in the first place less what it did in the second, such as two tasks or two difficulties.

    Examples of the two are independent. Below five seeds a trained side this is `evals.interaction`'s bootstrap over
    examples; from five on both variances are over seeds and examples, and add up. Raises ValueError as
    `difference_over_seeds` does, and for a place with fewer than two examples.
    """
    if not _are_enough([*first[:2], *second[:2]]):
        cells = [Cells(contrast.before.evaluations, contrast.after.evaluations) for contrast in (first, second)]
        drawn = interaction(*cells, seed=seed, level=level)
        one, other = drawn.first, drawn.second
        found = (drawn.difference, drawn.low, drawn.high, drawn.p, NORMAL)
        return SeedInteraction(one.mean, other.mean, *found, one.n, other.n, are_seeds_resampled=False)
    matrices = [_matrices(contrast[:2]) for contrast in (first, second)]
    means = [float((after_SN.mean(axis=0) - before_SN.mean(axis=0)).mean()) for before_SN, after_SN in matrices]
    spreads = [_spread_of(contrast, *pair) for contrast, pair in zip((first, second), matrices, strict=True)]
    variance = sum(spread.variance for spread in spreads)
    below = sum(spread.variance**2 / spread.freedom for spread in spreads)
    freedom = variance**2 / below if below > 0 else 1.0
    low, high, p = _by_t(means[0] - means[1], _Spread(variance, freedom), level=level)
    return SeedInteraction(
        first=means[0],
        second=means[1],
        difference=means[0] - means[1],
        low=low,
        high=high,
        p=p,
        test=WELCH,
        n_first=matrices[0][0].shape[1],
        n_second=matrices[1][0].shape[1],
        are_seeds_resampled=True,
    )


def sign_flip_p(changes: Sequence[float] | NDArray[float64], *, denominator: int) -> float:
    """Chance that the sum of changes would be as far from 0 if each were as likely with the other sign. Exact.

    Changes are multiples of 1 / `denominator`. The sum takes few values, so its whole distribution is made: the product
    of the characters of fair coins, back by one Fourier transform. Source: Fisher, The Design of Experiments (1935),
    section 21.
    """
    import numpy as np

    sizes = np.rint(np.asarray(changes, dtype=float) * denominator).astype(int)
    observed = abs(int(sizes.sum()))
    sizes = np.abs(sizes[sizes != 0])
    if not len(sizes):
        return 1.0
    common = gcd(*map(int, sizes))
    sizes, observed = sizes // common, observed // common
    total = int(sizes.sum())
    # the sum with signs is 2 X - total, where X adds those sizes whose coin shows heads
    angles = -2j * np.pi * np.arange((total + 1) // 2 + 1) / (total + 1)
    characters = np.ones(len(angles), dtype=complex)
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        characters *= ((1 + np.exp(angles * size)) / 2) ** int(count)
    chances = np.fft.irfft(characters, n=total + 1)
    far = np.abs(2 * np.arange(total + 1) - total) >= observed
    # rounding of the transform must not claim more than all signs alike would
    return float(min(1.0, max(chances[far].sum(), 2.0 ** max(-1000, 1 - len(sizes)))))


def _matrices(sides: Sequence[Side]) -> list[NDArray[float64]]:
    """Seeds × examples of each side, over the examples that all evaluations graded."""
    import numpy as np

    if not all(side.evaluations for side in sides):
        raise ValueError(f"each cell needs an evaluation; found {[len(side.evaluations) for side in sides]}")
    everything = [one for side in sides for one in side.evaluations]
    shared = [uid for uid in everything[0] if all(uid in other for other in everything)]
    if not shared:
        raise ValueError("evaluations that are held together need the same examples; found not one in common")
    return [np.array([[one[uid] for uid in shared] for one in side.evaluations], dtype=float) for side in sides]


def _flags(scores_SN: NDArray[float64]) -> list[bool]:
    return [bool(score) for score in scores_SN[0]]


class _Spread(NamedTuple):
    """How a mean varies when seeds and examples are both drawn again."""

    variance: float
    freedom: float
    """Degrees of freedom that it was estimated with. Source: Welch, Biometrika 34 (1947)."""


def _are_enough(sides: Sequence[Side]) -> bool:
    """Whether every trained side has the seeds that resampling them needs; where none is trained, no seeds vary."""
    trained = [len(side.evaluations) for side in sides if side.is_trained]
    return bool(trained) and min(trained) >= LEAST_SEEDS


def _spread_of(contrast: SeedContrast, before_SN: NDArray[float64], after_SN: NDArray[float64]) -> _Spread:
    """How the mean difference of two cells varies."""
    changes_N = after_SN.mean(axis=0) - before_SN.mean(axis=0)
    if contrast.are_seeds_paired:
        return _spread(changes_N, [after_SN - before_SN])
    sides = ((contrast.before, before_SN), (contrast.after, after_SN))
    return _spread(changes_N, [scores_SN for side, scores_SN in sides if side.is_trained])


def _spread(changes_N: NDArray[float64], seeds_apart: Sequence[NDArray[float64]]) -> _Spread:
    """The variance of a mean of changes whose sides, each seeds × examples, were trained with seeds of their own.

    Resampling examples and resampling seeds each holds the noise of single answers, so that their sum would hold it
    twice (Owen, Annals of Applied Statistics 1, 2007); it is taken off once. Never below that of the examples alone.
    """
    n = len(changes_N)
    items = float(changes_N.var(ddof=1)) / n if n > 1 else 0.0
    seeds = [float(scores_SN.mean(axis=1).var(ddof=1)) / len(scores_SN) for scores_SN in seeds_apart]
    noise = sum(_noise(scores_SN) / scores_SN.size for scores_SN in seeds_apart)
    variance = max(items, sum(seeds) + items - noise)
    below = items**2 / max(1, n - 1)
    below += sum(part**2 / (len(own) - 1) for part, own in zip(seeds, seeds_apart, strict=True))
    return _Spread(variance, (items + sum(seeds)) ** 2 / below if below > 0 else 1.0)


def _noise(scores_SN: NDArray[float64]) -> float:
    """Variance of single answers beyond what their seed and their example say: the residual of a two-way layout."""
    seeds, n = scores_SN.shape
    if n < 2:
        return 0.0
    residual_SN = scores_SN - scores_SN.mean(axis=1, keepdims=True) - scores_SN.mean(axis=0) + scores_SN.mean()
    return float((residual_SN**2).sum() / ((seeds - 1) * (n - 1)))


def _by_t(mean: float, spread: _Spread, *, level: float) -> tuple[float, float, float]:
    """Interval and two-sided p of a difference by Student's t."""
    if spread.variance == 0:
        # every example of every seed changed alike: there is no spread to hold the difference against
        return mean, mean, 0.0 if mean else 1.0
    # scipy.special costs a third of scipy.stats to import
    from scipy.special import stdtr

    error = sqrt(spread.variance)
    half = _t_quantile(level, spread.freedom) * error
    return mean - half, mean + half, float(2 * stdtr(spread.freedom, -abs(mean) / error))


def _t_quantile(level: float, freedom: float | None) -> float:
    """The quantile that leaves (1 - level) / 2 above it; of the normal distribution where freedom is None."""
    from scipy.special import ndtri, stdtrit

    share = (1 + level) / 2
    return float(ndtri(share) if freedom is None else stdtrit(freedom, share))


def _wilson_of(share: float, n: float, *, level: float) -> tuple[float, float]:
    """Wilson's interval for an effective number of examples, which need not be whole, as scipy's has to be."""
    z = _t_quantile(level, None)
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # rounding must not leave the share itself outside
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def _drawn_interval(changes_N: NDArray[float64], *, seed: int, level: float) -> tuple[float, float]:
    """Percentile bootstrap over examples; changes take few values, so it draws how often each of them comes."""
    import numpy as np

    values, counts = np.unique(changes_N, return_counts=True)
    n = len(changes_N)
    drawn = np.random.default_rng(seed).multinomial(n, counts / n, size=RESAMPLES) @ values / n
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
