"""Homes as large as anybody's: many runs, long curves, many rollouts, a step of thousands of completions.

Journals are written by the store's own encoder and taken in by its own ingest; only what cannot be waited for is done
another way, and said.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import tomli_w

from store.ingest import index_pending, ingest_run
from store.journal import encode
from store.layout import Home, RunDir
from tests.store_runs import group, metrics, start

LONG = "sat-grpo-long"
MANY_ROLLOUTS = "sat-grpo-rollouts"
WIDE = "sat-grpo-wide"
METRICS = ("reward", "completions/mean_length", "kl", "entropy", "frac_reward_zero_std", "grad_norm")
_WORDS = ("the", "red", "cube", "is", "left", "of", "lamp", "so", "answer", "must", "be", "wait", "check", "again")


def write_run(home: Home, name: str, records: Iterable[dict[str, Any]], *, uid: int, created_at: float) -> RunDir:
    """A run that has ended, with these records of its training process after the first."""
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    config = {"name": name, "task": "sat", "method": "grpo", "model": "tiny", "max_steps": 300}
    run_dir.config.write_text(tomli_w.dumps(config))
    run_dir.launch.write_text(json.dumps({"v": 1, "uid": uid, "name": name, "created_at": created_at}))
    _write(run_dir.journal(0, 1), [start()], records, at=created_at)
    states = ({"type": "state", "attempt": 1, "state": state, "reason": ""} for state in ("running", "finished"))
    _write(run_dir.supervisor_journal, states, at=created_at)
    return run_dir


def _write(path: Path, *parts: Iterable[dict[str, Any]], at: float) -> None:
    with path.open("wb") as file:
        seq = 0
        for part in parts:
            for record in part:
                file.write(encode({"v": 1, "seq": seq, "time": at + seq, **record}))
                seq += 1


def long_curves(home: Home, *, points: int) -> None:
    """A run with so many points of each of six metrics."""
    chance = random.Random(1)

    def records() -> Iterator[dict[str, Any]]:
        for step in range(1, points + 1):
            yield metrics(step, **{name: chance.gauss(step / points, 0.2) for name in METRICS})

    write_run(home, LONG, records(), uid=1, created_at=time.time())
    ingest_run(home, LONG)


def completions(step: int, number: int, size: int, chance: random.Random) -> dict[str, Any]:
    """A group whose completions read like thinking."""
    texts = [f"<think>{' '.join(chance.choices(_WORDS, k=150))}</think><answer>left</answer>" for _ in range(size)]
    record = group(step, number, texts=texts, uid=f"example-{chance.randrange(2000)}")
    for sample in record["samples"]:
        is_right = chance.random() < 0.5
        sample.update(think=sample["completion"][7:-31], rewards={"accuracy": float(is_right), "format": 1.0})
        sample.update(reward=1.0 + is_right, advantage=chance.gauss(0, 1), tokens=chance.randrange(40, 400))
    return record


def many_rollouts(home: Home, *, steps: int, completions_a_step: int) -> None:
    """A run of groups of eight."""
    chance = random.Random(2)
    groups = range(completions_a_step // 8)
    records = (completions(step, number, 8, chance) for step in range(1, steps + 1) for number in groups)
    _indexed(home, MANY_ROLLOUTS, records, uid=2)


def wide_step(home: Home, *, completions_a_step: int) -> None:
    """A run whose last step of three has so many completions, in groups of eight."""
    chance = random.Random(3)
    sizes = {1: 1, 2: 1, 3: completions_a_step // 8}
    records = (completions(step, number, 8, chance) for step, groups in sizes.items() for number in range(groups))
    _indexed(home, WIDE, records, uid=3)


def _indexed(home: Home, name: str, records: Iterable[dict[str, Any]], *, uid: int) -> None:
    write_run(home, name, records, uid=uid, created_at=time.time())
    ingest_run(home, name)
    while index_pending(home, name, budget=5000):
        continue


def many_runs(home: Home, *, runs: int) -> None:
    """So many runs with three steps each: the first is taken in, the rest are copies of its rows and of its files.

    Taking in each would make 10,000 databases of rollouts one by one, an hour on a small disk.
    """
    first = 1000
    name = f"sat-grpo-{first}"
    now = time.time()
    records = [metrics(step, reward=step / 3, loss=0.1) for step in range(1, 4)]
    records.append({"type": "end", "outcome": "finished", "step": 3})
    template = write_run(home, name, records, uid=first, created_at=now)
    ingest_run(home, name)
    uids = range(first + 1, first + runs)
    for uid in uids:
        _copy_files(home, template, uid, created_at=now - 60 * (uid - first))
    with closing(sqlite3.connect(home.catalogue)) as catalogue, catalogue:
        _copy_rows(catalogue, first, list(uids))


def _copy_files(home: Home, template: RunDir, uid: int, *, created_at: float) -> None:
    run_dir = home.run(f"sat-grpo-{uid}")
    shutil.copytree(template.path, run_dir.path)
    launch = json.loads(template.launch.read_text())
    run_dir.launch.write_text(json.dumps({**launch, "uid": uid, "name": run_dir.name, "created_at": created_at}))


def _copy_rows(catalogue: sqlite3.Connection, first: int, uids: list[int]) -> None:
    """Every row of the first run, for each of the others."""
    tables = [row[0] for row in catalogue.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
    for table in tables:
        columns = [row[1] for row in catalogue.execute(f"PRAGMA table_info({table})")]
        if "run" in columns:
            chosen = ",".join("?1" if column == "run" else f'"{column}"' for column in columns)
            sql = f"INSERT INTO {table} SELECT {chosen} FROM {table} WHERE run={first}"
            catalogue.executemany(sql, [(uid,) for uid in uids])
    columns = [row[1] for row in catalogue.execute("PRAGMA table_info(run)")]
    changed = {"id": "?1", "name": "'sat-grpo-' || ?1", "created_at": f"created_at - 60 * (?1 - {first})"}
    chosen = ",".join(changed.get(column, f'"{column}"') for column in columns)
    catalogue.executemany(f"INSERT INTO run SELECT {chosen} FROM run WHERE id={first}", [(uid,) for uid in uids])
