"""Runs with held-out evaluations of several question types, steps and prompts, for tests of what shows them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from evals.scoring import wilson
from store.evaluations import EvalAnswer
from store.layout import Home, RunDir
from store.media import write_image
from tests.store_runs import append, eval_result, eval_sample, ingest_all, make_run, start

RED = "aa" * 32
KINDS = ("count", "relation")
GOLDS = ("left", "right", "above")


def answer(number: int = 0, **changed: Any) -> EvalAnswer:
    """One answer that is right."""
    fields: dict[str, Any] = {
        "number": number,
        "uid": f"held-out-{number}",
        "kind": "relation",
        "gold": "left",
        "answer": "left",
        "correct": True,
        "tokens": 10,
        "think_tokens": 5,
        "is_clipped": False,
        "options": 4,
    }
    return EvalAnswer(**{**fields, **changed})


def answers(pattern: str, **changed: Any) -> list[EvalAnswer]:
    """Answers from a text of 1 (right), 0 (wrong), - (cannot be graded) and ? (wrong, for it could not be read)."""
    said = {"1": ("left", True), "0": ("right", False), "-": ("left", None), "?": (None, False)}
    return [
        answer(number, answer=said[sign][0], correct=said[sign][1], **changed) for number, sign in enumerate(pattern)
    ]


def evaluation_records(
    step: int, pattern: str, *, prompt: str = "think", decoding: str = "greedy", golds: Sequence[str] = GOLDS
) -> Iterable[dict[str, Any]]:
    """One evaluation as the trainer writes it: an answer a sign, kinds and golds in turn, then the totals."""
    for number, sign in enumerate(pattern):
        gold, other = golds[number % len(golds)], golds[(number + 1) % len(golds)]
        said = {"1": gold, "0": other, "?": None}[sign]
        thought = f"<think>step {step} thinks of {number}</think>" if prompt == "think" else ""
        yield eval_sample(
            step,
            number,
            correct=sign == "1",
            prompt=prompt,
            decoding=decoding,
            split="heldout",
            kind=KINDS[number % len(KINDS)],
            question=f"Question {number}?",
            options=list(golds),
            gold=gold,
            answer=said,
            completion=f"{thought}<answer>{said}</answer>" if said else f"{thought} {said}",
            images=[{"hash": RED, "width": 28, "height": 28, "tokens": 1}],
        )
    correct, n = pattern.count("1"), len(pattern)
    low, high = wilson(correct, n)
    yield eval_result(
        step,
        correct=correct,
        prompt=prompt,
        decoding=decoding,
        split="heldout",
        n=n,
        accuracy=correct / n,
        low=low,
        high=high,
        level=0.95,
        unparsed=pattern.count("?"),
        clipped=0,
        mean_tokens=12.5,
        mean_think_tokens=4.0,
        temperature=1.0 if decoding == "sampled" else 0.0,
    )


FIRST = "110010101010"
THINK = "111111110?10"
DIRECT = "110011100010"


def evaluated_run(home: Home) -> RunDir:
    """A run with step 0 and 50 under both prompts, and one image."""
    run_dir = make_run(home)
    write_image(run_dir.media, RED, Image.new("RGB", (28, 28), "red"))
    records = [
        start(),
        *evaluation_records(0, FIRST),
        *evaluation_records(0, FIRST, prompt="direct"),
        *evaluation_records(50, THINK),
        *evaluation_records(50, DIRECT, prompt="direct"),
    ]
    append(run_dir.journal(0, 1), *records)
    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "finished", "reason": ""})
    ingest_all(home)
    return run_dir


def evaluated_home(folder: Path) -> Home:
    """A home with that run alone."""
    home = Home(folder)
    evaluated_run(home)
    return home
