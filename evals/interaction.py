"""Whether a change helps one task more than another: the difference of two paired differences, such as length × task.

"Length helps hard tasks and harms easy ones" is such a claim: two effects of which one is significant and the other is
not do not show it, their difference does (Gelman and Stern, The American Statistician 60, 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from numpy import float64
    from numpy.random import Generator
    from numpy.typing import NDArray

RESAMPLES = 9999
LEAST_SEEDS = 5
"""Seeds in every cell from which on seeds are resampled as well."""
DRAWN_AT_ONCE = 1_000_000
"""Weights of resamples that are held in memory together."""

Grades = Mapping[str, bool]
"""One evaluation: whether each example was right, by uid."""


class Cells(NamedTuple):
    """One task's evaluations without and with the change, a seed each; all over the same examples."""

    without: Sequence[Grades]
    with_it: Sequence[Grades]


class Effect(NamedTuple):
    """What the change did on one task, in shares, paired over its examples and averaged over seeds."""

    mean: float
    low: float
    high: float
    n: int
    """Examples that every evaluation of the task graded."""


class Interaction(NamedTuple):
    """How much more the change did on the first task than on the second, in shares."""

    first: Effect
    second: Effect
    difference: float
    low: float
    high: float
    p: float
    """Two-sided, from the difference over its bootstrap standard error; 1 where nothing differs."""
    are_seeds_resampled: bool
    """Where not, the claim is about these checkpoints and not about the method that made them."""


def interaction(first: Cells, second: Cells, *, seed: int = 0, level: float = 0.95) -> Interaction:
    """The effect of a change on the first task less its effect on the second, with interval and test.

    Examples are resampled within each task and stay paired over all of its evaluations; the tasks are independent.
    Where every cell has five seeds or more, these are resampled as well, each cell by itself. The intervals are
    percentile, seeded. Raises ValueError for a cell without an evaluation, or a task with fewer than two examples that
    all of its evaluations graded.
    """
    import numpy as np

    grades = [_matrices(cells) for cells in (first, second)]
    counts = [len(matrix) for pair in grades for matrix in pair]
    are_seeds_resampled = min(counts) >= LEAST_SEEDS
    rng = np.random.default_rng(seed)
    drawn = [_resampled(rng, *pair, are_seeds_resampled=are_seeds_resampled) for pair in grades]
    means = [float(after.mean() - before.mean()) for before, after in grades]
    one, other = (
        Effect(mean, *_ends(values, level), n=pair[0].shape[1])
        for mean, values, pair in zip(means, drawn, grades, strict=True)
    )
    difference, values = means[0] - means[1], drawn[0] - drawn[1]
    low, high = _ends(values, level)
    p = _p(difference, float(values.std(ddof=1)))
    return Interaction(one, other, difference, low, high, p, are_seeds_resampled)


def _ends(values: NDArray[float64], level: float) -> tuple[float, float]:
    import numpy as np

    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _matrices(cells: Cells) -> tuple[NDArray[float64], NDArray[float64]]:
    """Seeds × examples without and with the change, over the examples that all evaluations graded."""
    import numpy as np

    if not cells.without or not cells.with_it:
        raise ValueError(f"an effect needs evaluations of both kinds; found {len(cells.without)} and {len(cells[1])}")
    everything = [*cells.without, *cells.with_it]
    shared = [uid for uid in everything[0] if all(uid in other for other in everything)]
    if len(shared) < 2:
        raise ValueError(f"an effect needs two examples that all its evaluations graded; found {len(shared)}")
    before, after = (np.array([[one[uid] for uid in shared] for one in side], dtype=float) for side in cells)
    return before, after


def _resampled(
    rng: Generator, before_SN: NDArray[float64], after_SN: NDArray[float64], *, are_seeds_resampled: bool
) -> NDArray[float64]:
    """The effect in each resample (S seeds, N examples)."""
    import numpy as np

    n = before_SN.shape[1]
    if not are_seeds_resampled:
        # changes take few values, so drawing n examples again is drawing how many have each
        values, counts = np.unique(after_SN.mean(axis=0) - before_SN.mean(axis=0), return_counts=True)
        drawn: NDArray[float64] = rng.multinomial(n, counts / n, size=RESAMPLES) @ values / n
        return drawn
    batch = max(1, DRAWN_AT_ONCE // n)
    effects: list[NDArray[float64]] = []
    for first in range(0, RESAMPLES, batch):
        size = min(batch, RESAMPLES - first)
        # drawing n examples again is drawing how often each comes
        weights_BN = rng.multinomial(n, np.full(n, 1 / n), size=size) / n
        before_B, after_B = (
            np.einsum("bn,sn,bs->b", weights_BN, side, _seed_weights(rng, len(side), size), optimize=True)
            for side in (before_SN, after_SN)
        )
        effects.append(after_B - before_B)
    return np.concatenate(effects)


def _seed_weights(rng: Generator, seeds: int, size: int) -> NDArray[float64]:
    import numpy as np

    return rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=size) / seeds


def _p(difference: float, error: float) -> float:
    if difference == 0:
        return 1.0
    if error == 0:
        # every example changed alike: there is no spread to hold the difference against
        return 0.0
    # scipy.stats costs a second
    from scipy.stats import norm

    return float(2 * norm.sf(abs(difference) / error))
