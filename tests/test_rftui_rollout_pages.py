"""Rollouts as text: where the image lies, and what a reward that raised said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rftui.cli.rollout_pages import group_lines
from store.rollouts import Rollout

MEDIA = Path("/runs/sat-grpo-1/media")


def rollout(**changed: Any) -> Rollout:
    fields: dict[str, Any] = {
        "step": 3,
        "group": 0,
        "sample": 0,
        "uid": "sat/1",
        "prompt": "Where is it?",
        "image": None,
        "gold": "left",
        "completion": "<answer>left</answer>",
        "think": None,
        "answer": "left",
        "malformed": None,
        "rewards": {"accuracy": 1.0},
        "reward": 1.0,
        "advantage": 0.0,
        "tokens": 4,
        "think_tokens": 0,
        "stop": "eos",
        "kind": "relation",
        "question": "Where is it?",
        "options": (),
        "images": (),
        "policy_step": 2,
        "attempt": 1,
        "errors": {},
    }
    return Rollout(**(fields | changed))


def page(**changed: Any) -> str:
    return "\n".join(group_lines([rollout(**changed)], media=MEDIA))


def test_the_image_is_named_by_its_file() -> None:
    assert str(MEDIA / "ab" / "abcd.png") in page(image="abcd")


def test_the_traceback_of_a_reward_that_raised_stands_beside_its_completion() -> None:
    traceback = 'Traceback (most recent call last):\n  File "my.py", line 3, in f\nRuntimeError: boo'

    text = page(rewards={"mine": None}, errors={"mine": traceback})

    assert "raised    mine: Traceback" in text
    assert "RuntimeError: boo" in text


def test_control_codes_in_a_traceback_do_not_reach_the_terminal() -> None:
    assert "\x1b" not in page(errors={"mine": "boo\x1b]0;owned\x07"})
