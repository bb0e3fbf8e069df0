"""Runs that live, for measurements of the dashboard: rftui's own supervisors over a trainer that only writes.

Everything between the trainer's journal and the screen is the real thing. The trainer is tests/fake_trainer.py, which
writes by the journal contract: each step a group of two completions and one point of each metric.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from store.layout import RunDir
from tests.fake_runs import Bench, trainer_pid

CHARTS = ("reward", "completions/mean_length", "kl", "entropy", "frac_reward_zero_std", "grad_norm")
"""One metric for each of the six charts of a page."""


@contextmanager
def live_runs(
    folder: Path, count: int, *, step_s: float = 1.0, steps: int = 5000, past_steps: int = 0
) -> Iterator[tuple[Bench, list[RunDir]]]:
    """Runs that train by the time they are given, after some steps that took none, and end with the context."""
    folder.mkdir(parents=True, exist_ok=True)
    bench = Bench(folder, step_s=step_s, quick_steps=past_steps, walks=CHARTS)
    # a machine with fewer CPUs would queue some of them
    bench.environment["RFTUI_SLOTS"] = str(count)
    # they are about the dashboard, and a box may have fewer slots
    bench.environment["RFTUI_SLOTS"] = str(count)
    runs = [bench.make_run(f"sat-grpo-{number}", max_steps=steps, save_steps=0) for number in range(1, count + 1)]
    try:
        for run in runs:
            bench.supervise(run)
        for run in runs:
            trainer_pid(run)
        yield bench, runs
    finally:
        bench.clean_up()
