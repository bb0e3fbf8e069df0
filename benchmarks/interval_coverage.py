"""How often intervals hold the truth and tests raise a false alarm, for n from 20 to 2,000 and p from .02 to .98.

    python benchmarks/interval_coverage.py [--experiments 600] [--seed 0]

Wilson's interval and McNemar's test by exact sums over every outcome of the binomial distribution, which is what a
simulation only comes near. The paired bootstrap, whose coverage depends on how many examples flip and not on accuracy,
and the bootstrap of means over rotations by simulation: each experiment draws examples, makes the interval that rftui
makes, and looks whether the truth is in it. Exit code 1 where Wilson's mean coverage is not within a point of nominal.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from functools import cache
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy.stats import binom

from evals.scoring import wilson
from evals.statistics import mcnemar, mean_interval, paired_difference

SIZES = (20, 30, 50, 100, 200, 300, 500, 1000, 2000)
SHARES = tuple(number / 100 for number in range(2, 99))
LEVEL = 0.95
WITHIN = 0.01
"""How far from nominal the mean over p may be."""
FLIPS = ((0.02, 0.02), (0.05, 0.02), (0.05, 0.05), (0.1, 0.05), (0.1, 0.1), (0.2, 0.1), (0.3, 0.2))
"""Rates at which examples are gained and lost."""
ROTATIONS = 4
ROTATION_SIZES = (20, 50, 100, 300)
SMALL_SHARE = 0.05
"""p-values below are alarms."""


class Coverage(NamedTuple):
    """How often an interval holds the truth, over several truths."""

    mean: float
    worst: float
    where: str
    """The truth at which it is worst."""


def main() -> int:
    """Prints every table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=600, help="simulated evaluations of each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    print(f"Wilson, {LEVEL:.0%}, exact sums over all outcomes, p from {SHARES[0]} to {SHARES[-1]} by .01")
    found = {n: wilson_coverage(n) for n in SIZES}
    print_table(found)
    are_all_near = all(abs(each.mean - LEVEL) <= WITHIN for each in found.values())
    print(f"mean over p {'within' if are_all_near else 'NOT within'} {100 * WITHIN:.0f} point of nominal at each n\n")

    error = 100 * sqrt(LEVEL * (1 - LEVEL) / arguments.experiments)
    simulated = f"simulated, {arguments.experiments} experiments a cell (a standard error of {error:.1f} points a cell)"
    print(f"paired bootstrap of a difference, {LEVEL:.0%}, {simulated}")
    print("over rates of examples gained and lost " + ", ".join(f"{gain:g}/{loss:g}" for gain, loss in FLIPS))
    rng = random.Random(arguments.seed)
    print_table({n: bootstrap_coverage(n, rng, experiments=arguments.experiments) for n in SIZES})

    print(f"\nbootstrap of a mean over {ROTATIONS} rotations, {LEVEL:.0%}, {simulated}")
    few = max(1, arguments.experiments // 3)
    print(f"over mean shares .1, .3, .5, .7 and .9; {few} experiments a cell")
    print_table({n: rotation_coverage(n, rng, experiments=few) for n in ROTATION_SIZES})

    print(f"\nMcNemar, exact test, share of alarms at {SMALL_SHARE} where nothing differs, exact sums; rate of flips")
    rates = (0.04, 0.1, 0.2, 0.4)
    print("    n  " + "  ".join(f"{rate:>6g}" for rate in rates))
    for n in SIZES:
        print(f"{n:>5}  " + "  ".join(f"{mcnemar_size(n, rate):6.4f}" for rate in rates))
    return 0 if are_all_near else 1


def print_table(found: dict[int, Coverage]) -> None:
    """Mean and worst coverage by n."""
    print("    n    mean   worst  at")
    for n, each in found.items():
        print(f"{n:>5}  {each.mean:6.4f}  {each.worst:6.4f}  {each.where}")


def wilson_coverage(n: int) -> Coverage:
    """The chance that the interval holds the share, summed over every number of right answers."""
    counts = np.arange(n + 1)
    low, high = (np.array(ends) for ends in zip(*(wilson(int(count), n, level=LEVEL) for count in counts), strict=True))
    covered = {p: float(binom.pmf(counts, n, p)[(low <= p) & (p <= high)].sum()) for p in SHARES}
    worst = min(covered, key=lambda p: covered[p])
    return Coverage(sum(covered.values()) / len(covered), covered[worst], f"p={worst:g}")


def bootstrap_coverage(n: int, rng: random.Random, *, experiments: int) -> Coverage:
    """The share of experiments whose interval of the difference holds the true one."""
    covered = {}
    for gain, loss in FLIPS:
        draws = (_flips(n, gain, loss, rng) for _ in range(experiments))
        held = sum(low <= gain - loss <= high for low, high in (_difference(n, *draw) for draw in draws))
        covered[gain, loss] = held / experiments
    worst = min(covered, key=lambda rates: covered[rates])
    return Coverage(sum(covered.values()) / len(covered), covered[worst], f"{worst[0]:g} gained, {worst[1]:g} lost")


def _flips(n: int, gain: float, loss: float, rng: random.Random) -> tuple[int, int]:
    changes = rng.choices((1, -1, 0), (gain, loss, 1 - gain - loss), k=n)
    return changes.count(1), changes.count(-1)


@cache
def _difference(n: int, gained: int, lost: int) -> tuple[float, float]:
    """The interval for so many flips; accuracy without them does not matter."""
    same = [True] * (n - gained - lost)
    found = paired_difference(
        [False] * gained + [True] * lost + same, [True] * gained + [False] * lost + same, level=LEVEL
    )
    return found.low, found.high


def rotation_coverage(n: int, rng: random.Random, *, experiments: int) -> Coverage:
    """The same for means over rotations of examples that differ in how hard they are."""
    covered = {}
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        held = 0
        for values in _rotated(n, share, rng, experiments=experiments):
            found = mean_interval(values, level=LEVEL)
            held += found.low <= share <= found.high
        covered[share] = held / experiments
    worst = min(covered, key=lambda share: covered[share])
    return Coverage(sum(covered.values()) / len(covered), covered[worst], f"mean {worst:g}")


def _rotated(n: int, share: float, rng: random.Random, *, experiments: int) -> Iterator[list[float]]:
    """Shares of rotations that are right, of examples whose own chance is spread by a beta distribution."""
    for _ in range(experiments):
        chances = [rng.betavariate(2 * share, 2 * (1 - share)) for _ in range(n)]
        yield [sum(rng.random() < chance for _ in range(ROTATIONS)) / ROTATIONS for chance in chances]


def mcnemar_size(n: int, rate: float) -> float:
    """The chance of an alarm where each flip is as likely one way as the other, summed over every outcome."""
    sizes = np.arange(n + 1)
    chances = binom.pmf(sizes, n, rate)
    return float(sum(chance * _alarms(flips) for flips, chance in enumerate(chances) if chance > 1e-9))


@cache
def _alarms(flips: int) -> float:
    """The chance that so many fair flips have a p-value below .05."""
    least = next((gained for gained in range(flips // 2 + 1) if _p(gained, flips - gained) >= SMALL_SHARE), 0)
    return float(2 * binom.cdf(least - 1, flips, 0.5)) if least else 0.0


def _p(gained: int, lost: int) -> float:
    return mcnemar([False] * gained + [True] * (lost + 1), [True] * gained + [False] * lost + [True]).p


if __name__ == "__main__":
    raise SystemExit(main())
