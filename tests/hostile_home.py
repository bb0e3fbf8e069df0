"""A home in which every field that a stranger can fill holds hostile text, written and taken in by the real code."""

from __future__ import annotations

import contextlib
import json
import os
import re
from typing import Any

import tomli_w

from rftui.runs.user_records import record
from rftui.studies.cells import cells_of, settings_digest
from rftui.studies.definition import read_study
from rftui.studies.places import StudyPlace
from store.layout import Home, RunDir
from tests.hostile_text import CORPUS, LONG
from tests.rollout_rows import MISSING
from tests.store_runs import append, eval_result, eval_sample, group, ingest_all, metrics, start

FULL_OF_IT = "sat-grpo-1"
"""The run whose every step holds one text of the corpus in every field."""
TO_CLONE = "sat-grpo-clone"
"""The run whose settings can be read, and are full of the texts where a setting is free."""
CLONED_UID = 1_000_000
STUDY = "hostile"
"""The study whose every free text holds the texts, and one of whose cells is the run that is full of them."""
LONGEST_NAME = 120


def hostile_home(home: Home, texts: tuple[str, ...] = CORPUS, *, names: tuple[str, ...] = CORPUS) -> Home:
    """One run full of the texts, and a run named after each of the names that can be a folder's."""
    _write_run(home.run(FULL_OF_IT), texts, uid=1)
    for number, text in enumerate(names, 2):
        if name := _folder_name(text):
            # a folder that cannot be made is no run
            with contextlib.suppress(OSError):
                _write_run(home.run(name), (text,), uid=number)
    write_cloneable(home.run(TO_CLONE), texts, uid=CLONED_UID)
    write_study(home, texts)
    people = [{"uid": uid, "tag": text} for uid in (1, 2, 3) for text in texts if text not in LONG]
    record(home, "tag", people)
    record(home, "note", [{"uid": uid, "text": text} for uid in (1, CLONED_UID) for text in texts])
    ingest_all(home)
    return home


def write_cloneable(run_dir: RunDir, texts: tuple[str, ...], *, uid: int) -> None:
    """A run that never started: task, data, model, recipe, options and rewards as a stranger may have named them."""
    run_dir.path.mkdir(parents=True)
    words = [_writable(text) for text in texts]
    first, last = words[0], words[-1]
    settings: dict[str, Any] = {
        **{"name": run_dir.name, "task": f"/nowhere/{first}.py", "source": f"/data/{last}", "model": first},
        **{"recipe": first, "optim": last, "loss_type": first, "lr_scheduler_type": last},
        "task_options": dict(zip(words, reversed(words), strict=True)),
        "rewards": {word: {"function": f"{word}.py:{word}", "params": {word: word}} for word in words},
        "lora": {"targets": first},
    }
    run_dir.config.write_text(tomli_w.dumps(settings), encoding="utf-8")
    launch = {"v": 1, "uid": uid, "name": run_dir.name, "created_at": 1.0, "python": first, "command": [*texts]}
    run_dir.launch.write_text(json.dumps({**launch, "origins": {"task": first}}), encoding="utf-8")


def write_study(home: Home, texts: tuple[str, ...]) -> None:
    """A study: title, labels, values of a sweep and what papers say as a stranger may have written them."""
    words = [_writable(text) for text in texts]
    first, last = words[0], words[-1]
    fields: dict[str, Any] = {
        **{"name": STUDY, "title": first, "published_note": " ".join(words), "recipe": last, "seeds": [0, 1]},
        "tasks": [{"name": "sat", "source": first, "task": last, "difficulty": [0.5]}],
        "regimes": [{"name": "base", "label": first, "method": "eval"}, {"name": "grpo", "label": last}],
        "sweep": {first: list(dict.fromkeys(words))},
        "published": [{"source": f"by {first}", "task": "sat", "regime": "grpo", "prompt": "think", "value": 0.5}],
    }
    place = StudyPlace(home, STUDY)
    place.path.mkdir(parents=True)
    place.definition.write_text(tomli_w.dumps(fields), encoding="utf-8")
    study = read_study(place.definition)
    taken = {cell.key: {"run": FULL_OF_IT, "settings": settings_digest(study, cell)} for cell in cells_of(study)[:2]}
    place.taken.write_text(json.dumps(taken), encoding="utf-8")


def _folder_name(text: str) -> str:
    """What of a text can be the name of a folder that the store takes: no slash, no NUL, no lone surrogate."""
    name = re.sub("[/\0\ud800-\udfff]", "", text).lstrip(".")[:LONGEST_NAME]
    return os.fsencode(name)[:LONGEST_NAME].decode(errors="ignore")


def _write_run(run_dir: RunDir, texts: tuple[str, ...], *, uid: int) -> None:
    run_dir.journal_dir.mkdir(parents=True)
    first = texts[0]
    config: dict[str, Any] = {"name": run_dir.name, "method": "grpo", "max_steps": 300}
    words = {"task": first, "model": first, "recipe": first, "trainer": {first: first}, first: [first]}
    config |= {_writable(key): _writable(value) for key, value in words.items()}
    run_dir.config.write_text(tomli_w.dumps(config), encoding="utf-8")
    launch = {
        "v": 1,
        "uid": uid,
        "name": run_dir.name,
        "created_at": 1000.0 - uid,
        "python": first,
        "command": [*texts],
    }
    facts = {"versions": {first: first}, "origins": {"max_steps": first, first: first}, "hardware": {first: first}}
    git = {"commit": first, "diff": first, "branch": first}
    run_dir.launch.write_text(json.dumps({**launch, **facts, "git": git, "env": {first: first}}), encoding="utf-8")
    append(run_dir.journal(0, 1), {**start(), "source": {"kind": first, "name": first, "detail": first}})
    for step, text in enumerate(texts, 1):
        append(run_dir.journal(0, 1), *_step_records(step, text))
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1, "command": [*texts], "python": first},
        {"type": "state", "attempt": 1, "state": "running", "reason": ""},
        {"type": "sample", "cpu_percent": 50.0, "rss_mb": 100, "host_memory_used_mb": 1, "gpus": [{"name": first}]},
        {"type": "attempt_end", "attempt": 1, "exit_code": 1, "signal": first, "oom": first, "traceback": first},
        {"type": "state", "attempt": 1, "state": "failed", "reason": first},
    )
    with run_dir.journal(0, 1).open("ab") as file:
        file.write(first.encode("utf-8", "surrogatepass").replace(b"\n", b"") + b"\n")
    run_dir.output.write_bytes("\n".join(["Traceback (most recent call last):", *texts]).encode("utf-8", "replace"))


def _step_records(step: int, text: str) -> list[dict[str, Any]]:
    """Everything that a step leaves, with the text wherever text can be."""
    record = group(
        step,
        texts=(text, f"<think>{text}</think><answer>{text}</answer>"),
        uid=text,
        kind=text,
        question=text,
        options=[text, text],
        prompt=text,
        prompt_mode=text,
        gold=text,
        scene=text,
        images=[{"hash": text if step % 2 else MISSING, "width": 28, "height": 28, "tokens": 1}],
    )
    for sample in record["samples"]:
        sample.update(think=text, answer=text, malformed=text, stop=text)
        sample.update(rewards={text: 1.0, "accuracy": 1.0}, errors={text: text})
    held_out: dict[str, Any] = {"prompt": text, "decoding": text, "split": text}
    return [
        record,
        metrics(step, **{"reward": float(step), "reward_std": 0.1}),
        metrics(step, **{text: 1.0}),
        metrics(step, **{f"rewards/{text}/mean": 1.0}),
        metrics(step, **{f"heldout/{text}/greedy/accuracy": 0.5}),
        eval_sample(step, question=text, kind=text, uid=text, gold=text, completion=text, answer=text, **held_out),
        eval_sample(step, question=text, kind=text, uid=text, gold=text, completion=text, think=text, malformed=text),
        eval_result(step, source={"kind": text, "name": text, "detail": text}, by_kind={text: _BY_KIND}, **held_out),
        eval_result(step, by_kind={text: _BY_KIND}),
        {"type": "checkpoint", "step": step, "path": text, "bytes": 1, "seconds": 0.1, "kind": text},
        {"type": "note", "level": text, "text": text},
        {"type": "gap", "dropped": {text: 1}, "first_step": 1, "last_step": 2, "reason": text},
        {"type": "phase", "phase": text, "step": step, "due_s": 60},
    ]


_BY_KIND = {"n": 4, "correct": 3, "accuracy": 0.75, "low": 0.3, "high": 0.95}


def _writable(value: Any) -> Any:
    """TOML holds no lone surrogates, and an empty key is an odd one."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode() or "empty"
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    return [_writable(item) for item in value]
