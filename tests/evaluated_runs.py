"""Runs with held-out evaluations whose every answer a test chooses, for tests of comparisons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from store.config import config_toml, parse_config
from store.ingest import ingest_run
from store.journal import Appender
from store.layout import Home

GENERATED = {"kind": "generated", "name": "sat-generated", "detail": "made up, no benchmark"}
REAL = {"kind": "real", "name": "/data/sat", "detail": "test split as published"}
Answers = Mapping[str, bool | None]
"""Whether each example, by uid, was right; None where it cannot be graded."""


def answers(pattern: str, *, first: int = 0) -> dict[str, bool | None]:
    """Examples from a text of 1 (right), 0 (wrong) and - (cannot be graded), numbered from `first`."""
    return {f"example-{number}": {"1": True, "0": False, "-": None}[sign] for number, sign in enumerate(pattern, first)}


def evaluation(given: Answers, *, step: int = 9, **changed: Any) -> dict[str, Any]:
    """One evaluation: its answers, and `prompt`, `decoding`, `split`, `source` and `question` where they matter."""
    fields = {"prompt": "think", "decoding": "greedy", "split": "heldout", "source": GENERATED, "question": "Where?"}
    return {"answers": given, "step": step, **fields, **changed}


def write_run(
    home: Home, name: str, evaluations: Sequence[dict[str, Any]], *, state: str = "finished", **settings: Any
) -> None:
    """A run that has made these evaluations, and stands in that state, indexed."""
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    run_dir.config.write_text(config_toml(parse_config({"name": name, **settings})))
    uid = 1 + len(home.runs())
    run_dir.launch.write_text(json.dumps({"uid": uid, "name": name, "created_at": float(uid)}))
    journal = Appender(run_dir.journal(0, 1))
    source = evaluations[0]["source"] if evaluations else GENERATED
    journal.append("start", attempt=1, rank=0, world_size=1, first_step=1, total_steps=9, source=source)
    for item in evaluations:
        _write_evaluation(journal, item)
    journal.close()
    supervisor = Appender(run_dir.supervisor_journal)
    supervisor.append("state", attempt=1, state=state, reason="")
    supervisor.close()
    ingest_run(home, name)


def _write_evaluation(journal: Appender, item: dict[str, Any]) -> None:
    kind = {key: item[key] for key in ("step", "prompt", "decoding", "split")}
    for number, (uid, correct) in enumerate(item["answers"].items()):
        fields = {"index": number, "uid": uid, "kind": "relation", "question": item["question"], "options": ["a", "b"]}
        said = {"gold": "left", "answer": "left" if correct else "right", "completion": "", "correct": correct}
        empty = dict.fromkeys(("think", "malformed", "scene"))
        rest = {"user_text": "?", "images": [], "tokens": 1, "think_tokens": 0, "stop": "eos"}
        journal.append("eval_sample", **kind, **fields, **said, **empty, **rest)
    graded = [correct for correct in item["answers"].values() if correct is not None]
    totals = {"n": len(graded), "correct": sum(graded), "accuracy": sum(graded) / len(graded) if graded else None}
    journal.append("eval_result", **kind, **totals, source=item["source"], low=0.1, high=0.9, unparsed=0)
