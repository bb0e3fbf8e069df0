"""Run directories as the trainer and the supervisor leave them, and whole databases as text, for tests of the store."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import HealthCheck, settings

from store.database import open_catalogue_for_writing
from store.ingest import index_pending, ingest_home
from store.journal import encode
from store.layout import Home, RunDir
from store.rollouts import search

Record = dict[str, Any]
PATIENTLY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties: a busy machine is no failure."""
WORDS = ("cube", "lamp", "left")


def make_run(home: Home, name: str = "sat-grpo-1", *, uid: int = 11, created_at: float = 100.0) -> RunDir:
    """A run directory as a launch leaves it."""
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    config = {"name": name, "task": name.split("-")[0], "method": "grpo", "model": "tiny", "max_steps": 300}
    run_dir.config.write_text(tomli_w.dumps(config))
    run_dir.launch.write_text(json.dumps({"v": 1, "uid": uid, "name": name, "created_at": created_at}))
    return run_dir


def append(path: Path, *records: Record) -> None:
    """Appends records with the seq and time that one writer would give them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seq = path.read_bytes().count(b"\n") if path.exists() else 0
    with path.open("ab") as file:
        for number, record in enumerate(records, seq):
            file.write(encode({"v": 1, "seq": number, "time": 1000.0 + number, **record}))


def start(*, first_step: int = 1, rank: int = 0) -> Record:
    """The first record of an attempt."""
    source = {"kind": "generated", "name": "sat", "detail": "seed 0"}
    fields = {"rank": rank, "world_size": 1, "total_steps": 300, "resumed_from": None, "source": source}
    return {"type": "start", "first_step": first_step, **fields}


def metrics(step: int, **values: Any) -> Record:
    """Values of one step."""
    return {"type": "metrics", "step": step, "epoch": step / 10, "values": values or {"reward": step / 100}}


def group(step: int, number: int = 0, *, texts: Sequence[str] = ("the cube", "the lamp"), **changed: Any) -> Record:
    """A prompt with one completion a text."""
    samples = [
        {
            "sample": sample,
            "completion": text,
            "think": None,
            "answer": "left",
            "malformed": None,
            "rewards": {"accuracy": 1.0, "length": None},
            "reward": 1.0,
            "advantage": 0.5,
            "tokens": len(text),
            "think_tokens": 0,
            "stop": "eos",
        }
        for sample, text in enumerate(texts)
    ]
    prompt = {
        "group": number,
        "uid": f"example-{number}",
        "kind": "relation",
        "question": "Where is it?",
        "options": ["left", "right"],
        "prompt": "Where is it? left or right",
        "prompt_mode": "think",
        "gold": "left",
        "scene": None,
        "images": [{"hash": "ab" * 32, "width": 28, "height": 28, "tokens": 1}],
    }
    return {"type": "group", "step": step, "policy_step": step - 1, "rank": 0, **prompt, "samples": samples, **changed}


def eval_sample(step: int, index: int = 0, *, correct: bool | None = True, **changed: Any) -> Record:
    """One held-out answer."""
    fields = {
        "prompt": "think",
        "decoding": "greedy",
        "split": "test",
        "index": index,
        "uid": f"held-out-{index}",
        "kind": "relation",
        "question": "Where is it?",
        "options": ["left", "right"],
        "user_text": "Where is it?",
        "gold": "left",
        "images": [],
        "scene": None,
        "completion": "left of the lamp",
        "think": None,
        "answer": "left",
        "malformed": None,
        "tokens": 4,
        "think_tokens": 0,
        "stop": "eos",
    }
    return {"type": "eval_sample", "step": step, "correct": correct, **fields, **changed}


def eval_result(step: int, *, correct: int = 5, **changed: Any) -> Record:
    """Totals of one evaluation of ten examples."""
    fields = {
        "prompt": "think",
        "decoding": "greedy",
        "split": "test",
        "source": {"kind": "generated", "name": "sat", "detail": ""},
        "n": 10,
        "correct": correct,
        "accuracy": correct / 10,
        "low": 0.1,
        "high": 0.9,
        "unparsed": 0,
    }
    return {"type": "eval_result", "step": step, **fields, **changed}


def checkpoint(step: int) -> Record:
    """A folder of weights."""
    return {
        "type": "checkpoint",
        "step": step,
        "path": f"checkpoints/checkpoint-{step}",
        "bytes": 10,
        "seconds": 0.5,
        "kind": "checkpoint",
    }


def attempt_steps(run_dir: RunDir, attempt: int, steps: Sequence[int]) -> None:
    """One attempt's journal: everything that a step leaves, with an evaluation and a checkpoint each five steps."""
    journal = run_dir.journal(0, attempt)
    records = [start(first_step=steps[0])]
    for step in steps:
        texts = [f"{WORDS[(step + sample) % 3]} of step {step} in attempt {attempt}" for sample in range(2)]
        records += [group(step, number, texts=texts) for number in range(2)]
        records.append(metrics(step, reward=step / 100 + attempt, loss=float("nan") if step % 7 == 0 else -step))
        if step % 5 == 0:
            records += [eval_sample(step, index, correct=index % 2 == 0) for index in range(3)]
            records += [eval_result(step, correct=attempt), checkpoint(step)]
    append(journal, *records)


def supervise(run_dir: RunDir, attempt: int, *, state: str = "running", reason: str = "") -> None:
    """What a supervisor records of an attempt."""
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": attempt, "pid": 1},
        {"type": "state", "attempt": attempt, "state": state, "reason": reason},
        {"type": "sample", "cpu_percent": 50.0, "rss_mb": 100, "host_memory_used_mb": 1, "gpus": []},
    )


def eventful_run(home: Home, name: str = "sat-grpo-1", *, uid: int = 11) -> RunDir:
    """A run that was killed, resumed, tore a line, dropped records, and met every kind of hostile text."""
    run_dir = make_run(home, name, uid=uid, created_at=100.0 + uid)
    supervise(run_dir, 1)
    attempt_steps(run_dir, 1, range(1, 13))
    with run_dir.journal(0, 1).open("ab") as file:
        file.write(b'{"v":1,"seq":99,"ty\n')
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_end", "attempt": 1, "exit_code": -9, "signal": "SIGKILL", "oom": None, "traceback": None},
        {"type": "state", "attempt": 1, "state": "killed", "reason": "SIGKILL"},
    )
    supervise(run_dir, 2, state="finished")
    attempt_steps(run_dir, 2, range(11, 21))
    append(
        run_dir.journal(0, 2),
        group(21, texts=["lone \ud800 surrogate", "cr\rlf\n nul\x00 \u2028"]),
        metrics(21, reward=float("inf"), loss=float("-inf")),
        {"type": "note", "level": "warning", "text": "careful \udfff"},
        {"type": "gap", "dropped": {"group": 3}, "first_step": 1, "last_step": 2, "reason": "disk full"},
        {"type": "group", "step": "eleven"},
        {"type": "end", "outcome": "finished", "step": 21},
    )
    append(run_dir.journal(1, 2), start(first_step=11, rank=1), group(11, 7), metrics(11, ignored=1.0))
    return run_dir


def ingest_all(home: Home) -> None:
    """Takes in everything and indexes every text."""
    report = ingest_home(home)
    assert not report.broken
    for name in home.runs():
        while index_pending(home, name):
            continue


def dump(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every ordinary table, in a fixed order."""
    with closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for name in names
            if not name.startswith(("completion_text", "sqlite_"))
        }


def dump_home(home: Home) -> dict[str, Any]:
    """All rows of all databases, and what the full-text index finds."""
    found: dict[str, Any] = {"catalogue": dump(home.catalogue)}
    for name in home.runs():
        found[name] = dump(home.rollouts(name))
        found[f"{name} by text"] = {word: search(home, name, word, limit=1000) for word in WORDS}
    return found


def rows(home: Home, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the catalogue answers."""
    with closing(open_catalogue_for_writing(home.catalogue)) as connection:
        return connection.execute(sql, values).fetchall()
