"""A live run on a real terminal: another step sends the ends of its curves, not the charts again."""

from __future__ import annotations

import os
import random
import statistics
from pathlib import Path
from typing import Any

from store.layout import Home
from tests.store_runs import append, ingest_all, make_run, metrics, start, supervise
from tests.terminal import Terminal

NAMES = ("reward", "rewards/accuracy/mean", "completions/mean_length", "kl", "entropy", "grad_norm")
MOST_BYTES = 6000
"""Of one step of a run on six charts or more; the whole screen takes 30,000."""


def test_a_step_of_a_live_run_sends_little(tmp_path: Path) -> None:
    chance = random.Random(3)

    def step_record(step: int) -> dict[str, Any]:
        return metrics(step, **{name: chance.gauss(1.0, 0.2) for name in NAMES})

    home = Home(tmp_path)
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), *[step_record(step) for step in range(1, 141)])
    supervise(run_dir, 1)
    ingest_all(home)
    sent = []
    with Terminal(size=(140, 40), environment={**os.environ, "RFTUI_HOME": str(home.path)}) as terminal:
        terminal.wait_for("sat-grpo-1")
        terminal.stop("enter")
        terminal.wait_for("step 140/300")
        terminal.wait_for("entropy")
        terminal.settle(1.0)
        for step in range(141, 146):
            first = len(terminal.chunks)
            append(run_dir.journal(0, 1), step_record(step))
            terminal.wait_for(f"step {step}/300")
            terminal.settle(1.0)
            sent.append(sum(len(chunk.data) for chunk in terminal.chunks[first:]))

    assert 0 < statistics.median(sent) < MOST_BYTES, sent
