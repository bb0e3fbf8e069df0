"""Continues a run as a new attempt, from its newest complete checkpoint or from the start.

An evaluation, or a sampling before training, goes on with the answers that its earlier attempts gave; its trainer
finds these in their journals.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rftui.errors import RftuiError, UsageProblem
from rftui.formats import counted
from rftui.planning.settings import set_layer
from rftui.queueing.request import QueueRequest
from rftui.queueing.waiting import queue_again, refuse_live, turn_words
from rftui.supervision.ledger import read_ledger
from store.checkpoints import newest_complete
from store.config import Method, RunConfig, config_toml, read_config
from store.journal import read_chunk
from store.layout import RunDir
from store.states import State

CHUNK_BYTES = 4 << 20


class Resumed(NamedTuple):
    """What was resumed, in words."""

    sentence: str
    first_step: int


def resume_run(run_dir: RunDir, assignments: Sequence[str], queue: QueueRequest = QueueRequest()) -> Resumed:
    """Starts the next attempt, or queues it where it has to wait.

    Raises RftuiError for a run that lives, or that finished and gets no more steps.
    """
    name = run_dir.name
    state = read_ledger(run_dir).state
    refuse_live(name, state)
    config = read_config(run_dir.config)
    if not config.trains:
        return _resume_answers(run_dir, config.method, state, assignments, queue)
    extended = _extended(config, assignments)
    if state is State.FINISHED and extended.max_steps <= config.max_steps:
        raise RftuiError(
            f"{name} finished all its {config.max_steps} steps",
            found=f"max_steps={config.max_steps}, all done",
            expected="a run with steps left",
            fix=f"`rftui resume {name} --set max_steps={2 * config.max_steps}` trains it further",
        )
    if extended != config:
        _rewrite_config(run_dir, extended)
    checkpoint = newest_complete(run_dir)
    turn = turn_words(queue_again(run_dir, queue, resume=checkpoint is not None))
    if checkpoint is None:
        return Resumed(f"{name} has no complete checkpoint, so it starts at step 1 again{turn}", 1)
    return Resumed(f"{name} goes on after step {checkpoint.step} of {extended.max_steps}{turn}", checkpoint.step + 1)


def _resume_answers(
    run_dir: RunDir, method: Method, state: State | None, assignments: Sequence[str], queue: QueueRequest
) -> Resumed:
    """Resumes an evaluation, or a sampling before training: neither has checkpoints, and both keep their answers."""
    name = run_dir.name
    what = "evaluation" if method is Method.EVAL else "sampling"
    if state is State.FINISHED or assignments:
        raise RftuiError(
            f"{name} finished its {what}" if state is State.FINISHED else f"a resumed {what} keeps its settings",
            found=", ".join(assignments) or f"{name} is {state}",
            expected=f"{'an' if method is Method.EVAL else 'a'} {what} that ended early, and no settings",
            fix=f"`rftui {method.value}` makes another one",
        )
    turn = turn_words(queue_again(run_dir, queue, resume=False))
    if not (answers := given_answers(run_dir) if method is Method.EVAL else sampled_completions(run_dir)):
        return Resumed(f"{name} has no answers yet, so it begins anew{turn}", 0)
    return Resumed(f"{name} goes on with the {counted(answers, 'answer')} it has{turn}", 0)


def given_answers(run_dir: RunDir) -> int:
    """Held-out questions that earlier attempts of an evaluation answered, each way of asking for itself."""
    found = {
        tuple(record.get(name) for name in ("prompt", "decoding", "index", "rotation"))
        for path in run_dir.journal_dir.glob("rank*-attempt*.jsonl")
        for record in _records(path)
        if record["type"] in ("eval_sample", "eval_rotation")
    }
    return len(found)


def sampled_completions(run_dir: RunDir) -> int:
    """Completions that earlier attempts of a sampling before training have, those of one that is sampled anew once."""
    found = {
        (record.get("step"), record.get("group")): len(record.get("samples") or ())
        for path in run_dir.journal_dir.glob("rank*-attempt*.jsonl")
        for record in _records(path)
        if record["type"] == "group"
    }
    return sum(found.values())


def _records(path: Path) -> Iterator[dict[str, Any]]:
    offset = 0
    while (chunk := read_chunk(path, offset, CHUNK_BYTES)).next_offset != offset:
        yield from chunk.records
        offset = chunk.next_offset


def _extended(config: RunConfig, assignments: Sequence[str]) -> RunConfig:
    """The configuration with more steps; every other setting is the run's for life."""
    values = dict(set_layer(assignments).values)
    steps = values.pop("max_steps", config.max_steps)
    if values:
        raise UsageProblem(
            "a resumed run keeps its settings",
            found=", ".join(values),
            expected="max_steps, or nothing",
            fix="launch a new run for other settings",
        )
    if not isinstance(steps, int) or steps < config.max_steps:
        raise UsageProblem(
            f"max_steps={steps} is no extension",
            found=str(steps),
            expected=f"a whole number above {config.max_steps}",
            fix=f"--set max_steps={2 * config.max_steps}",
        )
    return config.model_copy(update={"max_steps": steps})


def _rewrite_config(run_dir: RunDir, config: RunConfig) -> None:
    """Replaces config.toml, and notes the new origin in launch.json."""
    launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
    launch.setdefault("origins", {})["max_steps"] = "resume --set"
    _replace(run_dir.launch, json.dumps(launch, indent=1))
    _replace(run_dir.config, config_toml(config))


def _replace(path: Path, text: str) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
