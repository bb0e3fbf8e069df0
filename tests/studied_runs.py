"""A study whose runs are written as journals and never trained: two tasks, four regimes, three seeds, for tests."""

from __future__ import annotations

import json
import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w
from PIL import Image, ImageDraw

from evals.scoring import wilson
from rftui.studies.cells import Cell, cells_of, run_name, settings_digest
from rftui.studies.definition import Study, parse_study
from rftui.studies.places import StudyPlace
from store.config import config_toml, parse_config
from store.ingest import ingest_run
from store.layout import Home, RunDir
from store.media import write_image
from tests.store_runs import append, checkpoint, group, metrics, start

NAME = "grid"
EXAMPLES = 40
STEPS = 4
SOURCE = {"kind": "generated", "name": "sat-generated", "detail": "made up, no benchmark"}
SHARES: Mapping[tuple[str, str, str], float] = {
    # task, regime, prompt: how often a held-out answer is right
    ("sat", "base", "direct"): 0.30,
    ("sat", "base", "think"): 0.30,
    ("sat", "sft", "direct"): 0.60,
    ("sat", "sft", "think"): 0.35,
    ("sat", "grpo", "direct"): 0.55,
    ("sat", "grpo", "think"): 0.70,
    ("sat", "length", "direct"): 0.55,
    ("sat", "length", "think"): 0.95,
    ("banner", "base", "direct"): 0.50,
    ("banner", "base", "think"): 0.50,
    ("banner", "sft", "direct"): 0.70,
    ("banner", "sft", "think"): 0.60,
    ("banner", "grpo", "direct"): 0.75,
    ("banner", "grpo", "think"): 0.80,
    ("banner", "length", "direct"): 0.75,
    ("banner", "length", "think"): 0.55,
}
TOKENS = {"direct": 4, "think": 20}
LONGER_TOKENS = 9


class Asked(NamedTuple):
    """One way of asking held-out examples."""

    prompt: str
    decoding: str = "greedy"


def study_of(*, seeds: Sequence[int] = (0, 1, 2), **changed: Any) -> Study:
    """The study's definition."""
    regimes = [
        {"name": "base", "label": "training-free", "method": "eval"},
        {"name": "sft", "label": "SFT", "method": "sft"},
        {"name": "grpo", "label": "GRPO", "method": "grpo"},
        {
            "name": "length",
            "label": "GRPO + length",
            "method": "grpo",
            "settings": {"rewards": {"length": {"weight": 1.0}}},
        },
    ]
    fields = {
        "name": NAME,
        "title": "Where do training, thinking, and longer thinking help?",
        "recipe": "tiny",
        "model": "tiny",
        "seeds": list(seeds),
        "tasks": [{"name": "sat", "source": "generated"}, {"name": "banner", "source": "generated"}],
        "regimes": regimes,
    }
    return parse_study({**fields, **changed}, origin="a test")


def write_study(
    folder: Path, study: Study | None = None, *, without: Collection[str] = (), hostile: str = "", **changed: Any
) -> Home:
    """A home with the study and its finished runs; cells named in `without` have none.

    `hostile` is written into every text that a model or a data set says.
    """
    home = Home(folder)
    study = study or study_of(**changed)
    place = StudyPlace(home, study.name)
    place.path.mkdir(parents=True)
    place.definition.write_text(tomli_w.dumps(study.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    for cell in cells_of(study):
        if cell.key not in without:
            write_cell(home, study, cell, hostile=hostile)
    return home


def write_cell(
    home: Home, study: Study, cell: Cell, *, state: str = "finished", hostile: str = "", source: Any = None
) -> RunDir:
    """The run of one cell as a launch, the trainer and the supervisor leave it, indexed."""
    name = run_name(study.name, cell)
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    method = study.regime(cell.regime).method.value
    config = {"name": name, "task": cell.task, "method": method, "model": "tiny", "max_steps": STEPS}
    run_dir.config.write_text(config_toml(parse_config({**config, "seed": cell.seed or 0})))
    field = {"name": study.name, "cell": cell.key, "settings": settings_digest(study, cell)}
    uid = 1 + len(home.runs())
    git = {"commit": "c0ffee" * 6 + "abcd", "dirty": False, "diff": ""}
    launch = {"v": 1, "uid": uid, "name": name, "created_at": 100.0 + uid, "git": git, "study": field}
    run_dir.launch.write_text(json.dumps(launch))
    begin = {**start(), "source": source or {**SOURCE, "name": f"{cell.task}-generated"}, "total_steps": STEPS}
    append(run_dir.journal(0, 1), begin, *_records(run_dir, cell, method, begin["source"], hostile))
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "state", "attempt": 1, "state": state, "reason": ""},
    )
    ingest_run(home, name)
    return run_dir


def _records(run_dir: RunDir, cell: Cell, method: str, source: Any, hostile: str) -> Iterator[dict[str, Any]]:
    # one generator a run: what one cell draws moves no other
    rng = random.Random(f"{cell.key} {cell.seed}")
    steps = range(1, STEPS + 1) if method != "eval" else ()
    yield from _evaluation(run_dir, cell, 0, rng, source, hostile) if not steps else ()
    for step in steps:
        if method == "grpo":
            yield from _training(run_dir, cell, step, rng, hostile)
        yield metrics(step, loss=1.0 / step)
        if step in (STEPS // 2, STEPS):
            yield from _evaluation(run_dir, cell, step, rng, source, hostile)
            yield checkpoint(step)


def _training(run_dir: RunDir, cell: Cell, step: int, rng: random.Random, hostile: str) -> Iterator[dict[str, Any]]:
    tokens = []
    for number in range(2):
        texts = [f"<think>step {step} {hostile}</think><answer>left</answer>" for _ in range(4)]
        record = group(step, number, texts=texts)
        record |= {"uid": f"{cell.task}/train/{number}", "images": [_image(run_dir, number)]}
        record["question"] += hostile
        for each in record["samples"]:
            is_right = rng.random() < 0.4 + step / 20
            longer = LONGER_TOKENS if cell.regime == "length" else 0
            each["tokens"] = TOKENS["think"] + longer + rng.randrange(6)
            each["rewards"], each["reward"] = {"accuracy": float(is_right)}, float(is_right)
            each["advantage"] = round(rng.uniform(-1.5, 1.5), 3)
            tokens.append(each["tokens"])
        yield record
    right = 0.4 + step / 20
    yield metrics(step, **{"rewards/accuracy/mean": right, "completions/mean_length": sum(tokens) / len(tokens)})


def _evaluation(
    run_dir: RunDir, cell: Cell, step: int, rng: random.Random, source: Any, hostile: str
) -> Iterator[dict[str, Any]]:
    for asked in (Asked("think"), Asked("direct")):
        share = SHARES[cell.task, cell.regime, asked.prompt]
        # examples differ in how hard they are, and that is shared by every run
        hard = random.Random(f"{cell.task} {asked.prompt}")
        correct = 0
        for number in range(EXAMPLES):
            is_right = rng.random() < min(1.0, max(0.0, share + hard.uniform(-0.2, 0.2)))
            correct += is_right
            if step not in (0, STEPS):
                # totals are enough for a curve
                continue
            yield _answer(run_dir, cell, asked, number, step, is_right, rng, hostile)
        low, high = wilson(correct, EXAMPLES)
        totals = {"n": EXAMPLES, "correct": correct, "accuracy": correct / EXAMPLES, "low": low, "high": high}
        yield {
            "type": "eval_result",
            "step": step,
            "prompt": asked.prompt,
            "decoding": asked.decoding,
            "split": "heldout",
            "source": source,
            "unparsed": 1,
            **totals,
        }


def _answer(
    run_dir: RunDir,
    cell: Cell,
    asked: Asked,
    number: int,
    step: int,
    is_right: bool,
    rng: random.Random,
    hostile: str,
) -> dict[str, Any]:
    gold, other = ("left", "right") if number % 2 else ("right", "left")
    is_malformed = number == EXAMPLES - 1
    said = None if is_malformed else gold if is_right else other
    longer = LONGER_TOKENS if (cell.regime, asked.prompt) == ("length", "think") else 0
    thought = f"<think>I look at {number}. {hostile}</think>" if asked.prompt == "think" else hostile
    return {
        "type": "eval_sample",
        "step": step,
        "prompt": asked.prompt,
        "decoding": asked.decoding,
        "split": "heldout",
        "index": number,
        "uid": f"{cell.task}/heldout/{number}",
        "kind": "relation",
        "question": f"Where is number {number}?{hostile}",
        "options": ["left", "right"],
        "user_text": "?",
        "gold": gold,
        "images": [_image(run_dir, number)],
        "scene": None,
        "completion": f"{thought}<answer>{said}" if is_malformed else f"{thought}<answer>{said}</answer>",
        "think": f"I look at {number}. {hostile}" if asked.prompt == "think" else None,
        "answer": said,
        "malformed": "unclosed answer" if is_malformed else None,
        "correct": is_right and not is_malformed,
        "tokens": TOKENS[asked.prompt] + longer + rng.randrange(5),
        "think_tokens": 0 if asked.prompt == "direct" else TOKENS["think"] - 4 + longer,
        "stop": "eos",
    }


def _image(run_dir: RunDir, number: int) -> dict[str, Any]:
    """One of four pictures, stored with the run."""
    digest = f"{number % 4:02x}" * 32
    if not (run_dir.media / digest[:2]).exists():
        picture = Image.new("RGB", (48, 48), ("navy", "teal", "maroon", "olive")[number % 4])
        ImageDraw.Draw(picture).ellipse((8, 8, 30, 30), fill="white")
        write_image(run_dir.media, digest, picture)
    return {"hash": digest, "width": 48, "height": 48, "tokens": 4}
