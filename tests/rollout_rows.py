"""Rollouts as the store gives them, and a run with rollouts and images, for tests of what shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PIL import Image

from store.layout import Home
from store.media import write_image
from store.rollouts import Occurrence, Rollout, StepSample
from tests.store_runs import append, group, ingest_all, make_run, start

RUN = "sat-grpo-1"
RED = "aa" * 32
"""Hash of the one image that is there."""
MISSING = "bb" * 32
HOSTILE = (
    "[/b] [@click=app.quit()]x[/] [red",
    "\x1b]0;owned\x07\x1b[2J\x9b31mred\x1b]8;;http://x\x1b\\link",
    "\u202egnp.exe\u2066\u200f",
    "lone \udcff \ud800",
    "a" + "\u0301" * 3000 + "\u200b" * 3000 + "b",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 ❤️ 日本語 \U000e0041",
    "cr\rlf\r\n nul\x00 tab\t \u2028 \u0085 \x7f",
)


def rollout(**changed: Any) -> Rollout:
    """One completion that is right."""
    fields: dict[str, Any] = {
        "step": 3,
        "group": 0,
        "sample": 0,
        "uid": "sat/train/7",
        "prompt": "Where is it? left or right",
        "image": RED,
        "gold": "left",
        "completion": "<think>The cube is left of the lamp.</think><answer>left</answer>",
        "think": "The cube is left of the lamp.",
        "answer": "left",
        "malformed": None,
        "rewards": {"accuracy": 1.0, "format": 1.0, "length": 0.25},
        "reward": 2.25,
        "advantage": 0.72,
        "tokens": 12,
        "think_tokens": 8,
        "stop": "eos",
        "kind": "relation",
        "question": "Where is it?",
        "options": ("left", "right"),
        "images": ({"hash": RED, "width": 28, "height": 28, "tokens": 1},),
        "policy_step": 2,
        "attempt": 1,
        "errors": {},
    }
    return Rollout(**{**fields, **changed})


def sample(**changed: Any) -> StepSample:
    """One completion of a step without its text."""
    fields: dict[str, Any] = {
        "group_id": 1,
        "group": 0,
        "uid": "sat/train/7",
        "kind": "relation",
        "sample": 0,
        "reward": 1.0,
        "accuracy": 1.0,
        "advantage": 0.0,
        "tokens": 10,
        "is_malformed": False,
        "is_clipped": False,
        "matches": True,
    }
    return StepSample(**{**fields, **changed})


def occurrence(step: int, right: int | None, size: int = 4) -> Occurrence:
    """A prompt at a step."""
    return Occurrence(group_id=step, step=step, group=0, size=size, right=right, reward=0.5)


def step_record(step: int, number: int, *, right: int, size: int = 4, **changed: Any) -> dict[str, Any]:
    """A group of which the first `right` completions are right; the last one is cut off where it is wrong."""
    texts = [f"<think>thought {sample} of step {step}</think><answer>left</answer>" for sample in range(size)]
    record = group(step, number, texts=texts)
    record["images"][0]["hash"] = RED if number == 0 else MISSING
    for place, each in enumerate(record["samples"]):
        is_right = place < right
        each.update(
            think=f"thought {place} of step {step}",
            answer="left" if is_right else "right",
            think_tokens=4,
            rewards={"accuracy": float(is_right), "format": 1.0},
            reward=1.0 + is_right,
            advantage=0.0 if right in (0, size) else 0.5 if is_right else -0.5,
        )
    if right < size:
        record["samples"][-1].update(stop="length", malformed="unclosed think", answer=None, think=None)
        record["samples"][-1]["completion"] = f"<think>thought {size - 1} never ends"
    return {**record, **changed}


def make_home(folder: Path, *, steps: tuple[int, ...] = (1, 2, 3), **changed: Any) -> Home:
    """A run of three groups a step: all right, some right, none right; one has its image."""
    home = Home(folder / "home")
    run_dir = make_run(home)
    write_image(run_dir.media, RED, Image.new("RGB", (28, 28), "red"))
    append(run_dir.journal(0, 1), start())
    add_steps(home, *steps, **changed)
    return home


def add_steps(home: Home, *steps: int, **changed: Any) -> None:
    """Writes steps and takes them in, as a live run would."""
    for step in steps:
        records = [step_record(step, number, right=right, **changed) for number, right in enumerate((4, 2, 0))]
        append(home.run(RUN).journal(0, 1), *records)
    ingest_all(home)
