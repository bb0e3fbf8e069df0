"""How often intervals over seeds and examples hold the truth, and how often their tests raise a false alarm.

    python benchmarks/seed_coverage.py [--experiments 400] [--seed 0]

Each experiment draws examples that differ in how hard they are, checkpoints that differ by seed, and answers; then it
makes the interval that `rftui report` makes. Below five seeds it must hold what these checkpoints would do on all
examples, from five on what the method would do with any seed. For comparison the last column says how often the
interval over examples alone would hold the latter: why fewer than five seeds claim nothing about a method. Exit code 1
where an interval's coverage is below 90%.
"""

from __future__ import annotations

import argparse
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from evals.interaction import LEAST_SEEDS
from evals.study_statistics import SeedDifference, Side, difference_over_seeds

SEEDS = (1, 3, 5, 8)
SPREADS = (0.0, 0.02, 0.05)
"""Standard deviations of a checkpoint's accuracy over seeds."""
SIZES = (100, 500)
GAIN = 0.05
LEAST = 0.90


class Experiment(NamedTuple):
    """One drawn study of two cells."""

    found: SeedDifference
    checkpoints: float
    """What these checkpoints differ by over all examples."""


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiments", type=int, default=400, help="simulated studies a row")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)

    print("seeds  spread     n   holds  about        alarms  holds the method")
    worst = 1.0
    for seeds in SEEDS:
        for spread in SPREADS:
            for n in SIZES:
                drawn = [experiment(rng, seeds=seeds, spread=spread, n=n) for _ in range(arguments.experiments)]
                is_about_method = seeds >= LEAST_SEEDS
                method = np.mean([holds(each.found, GAIN) for each in drawn])
                held = method if is_about_method else np.mean([holds(each.found, each.checkpoints) for each in drawn])
                varied = spread if is_about_method else 0.0
                nothing = (
                    experiment(rng, seeds=seeds, spread=varied, n=n, gain=0) for _ in range(arguments.experiments)
                )
                alarms = np.mean([each.found.p < 0.05 for each in nothing])
                about = "the method" if is_about_method else "checkpoints"
                print(f"{seeds:>5}  {spread:>6.2f}  {n:>4}  {held:6.3f}  {about:<11}  {alarms:6.3f}  {method:6.3f}")
                worst = min(worst, float(held))
    return 0 if worst >= LEAST else 1


def experiment(rng: Generator, *, seeds: int, spread: float, n: int, gain: float = GAIN) -> Experiment:
    """Two cells whose true difference is `gain`; examples are shared, seeds are not."""
    chances_N = rng.uniform(0.3, 0.65, size=n)
    sides, shifts = [], []
    for more in (0.0, gain):
        # clipped alike both ways, so that chances stay chances and the mean stays what it is
        shift_S = np.clip(rng.normal(0, spread, size=seeds), -0.25, 0.25)
        answers_SN = rng.random((seeds, n)) < chances_N + more + shift_S[:, None]
        sides.append(Side([grades(row) for row in answers_SN]))
        shifts.append(float(shift_S.mean()))
    return Experiment(difference_over_seeds(*sides), gain + shifts[1] - shifts[0])


def grades(row: np.ndarray) -> dict[str, bool]:
    """One evaluation by uid."""
    return {str(place): bool(flag) for place, flag in enumerate(row)}


def holds(found: SeedDifference, truth: float) -> bool:
    """Whether the interval has the truth in it."""
    return found.low <= truth <= found.high


if __name__ == "__main__":
    raise SystemExit(main())
