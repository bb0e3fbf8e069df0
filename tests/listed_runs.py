"""Runs for the list of runs: summaries made by hand, and a small home of several tasks, methods and states."""

from __future__ import annotations

import json
import time
from typing import Any

import tomli_w

from store.layout import Home
from store.runs import RunSummary
from tests.store_runs import append, eval_result, ingest_all, metrics, start

GENERATED = {"kind": "generated", "name": "sat", "detail": ""}


def summary(name: str = "sat-grpo-1", **changed: Any) -> RunSummary:
    """A finished run."""
    fields: dict[str, Any] = {
        "name": name,
        "task": name.split("-")[0],
        "method": name.split("-")[1] if "-" in name else "grpo",
        "model": "tiny",
        "source": GENERATED,
        "state": "finished",
        "reason": "",
        "step": 300,
        "total_steps": 300,
        "created_at": 1000.0,
        "started_at": 1000.0,
        "ended_at": 2000.0,
        "accuracy": 0.5,
        "accuracy_low": 0.46,
        "accuracy_high": 0.54,
        "reward": 0.8,
        "tags": (),
    }
    return RunSummary(**fields | changed)


def write_listed(
    home: Home, name: str, *, uid: int, age_s: float = 0.0, state: str = "finished", reason: str = "", **settings: Any
) -> None:
    """A run with 20 steps of its headline metric and an evaluation, as its files say it; not indexed."""
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    task, method = name.split("-")[:2]
    config = {"name": name, "task": task, "method": method, "model": "tiny", "max_steps": 20, **settings}
    run_dir.config.write_text(tomli_w.dumps(config))
    launch = {"v": 1, "uid": uid, "name": name, "created_at": time.time() - age_s}
    run_dir.launch.write_text(json.dumps(launch))
    headline = "loss" if method == "sft" else "reward"
    steps = [metrics(step, **{headline: step / 20, "kl": uid / 100}) for step in range(1, 21)]
    append(run_dir.journal(0, 1), start(), *steps, eval_result(20, correct=uid % 10))
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "state", "attempt": 1, "state": state, "reason": reason},
    )


def small_home(home: Home) -> None:
    """Four runs, the newest first: sat-grpo-1, sat-sft-2, banner-grpo-3 that failed, banner-sft-4."""
    write_listed(home, "sat-grpo-1", uid=11, age_s=60, learning_rate=1e-6)
    write_listed(home, "sat-sft-2", uid=12, age_s=7200, learning_rate=1e-5)
    write_listed(home, "banner-grpo-3", uid=13, age_s=9000, state="failed", reason="out of memory")
    write_listed(home, "banner-sft-4", uid=14, age_s=200_000)
    ingest_all(home)
