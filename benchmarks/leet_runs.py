"""Offline W&B runs that live, to hold `wandb leet` beside the dashboard: the same metrics at the same pace."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.live_runs import CHARTS

PROGRAM = """
import math, random, sys, time
import wandb

name, folder, past_steps, *metrics = sys.argv[1:]
quiet = wandb.Settings(console="off", x_disable_stats=True)
run = wandb.init(project="benchmark", name=name, mode="offline", dir=folder, settings=quiet)
for step in range(10**6):
    run.log({metric: math.sin(step / 30) + random.gauss(0, 0.3) for metric in metrics}, step=step)
    if step > int(past_steps):
        time.sleep(1)
"""


@contextmanager
def leet_runs(folder: Path, wandb: Path, count: int, *, past_steps: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """The folder of runs that log once a second, and the environment to look at them in; they end with the context."""
    folder.mkdir(parents=True)
    environment = {**os.environ, "HOME": str(folder), "WANDB_SILENT": "true"}
    python = str(wandb.with_name("python"))
    processes = [
        subprocess.Popen(
            [python, "-c", PROGRAM, f"run-{number}", str(folder), str(past_steps), *CHARTS],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for number in range(count)
    ]
    try:
        yield folder / "wandb", environment
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
