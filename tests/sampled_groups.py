"""Groups of completions as a sampling before training has them, and whole runs of such, for tests of forecasts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from evals.suitability import Completion, Group
from store.config import config_toml, parse_config
from store.layout import Home, RunDir
from tests.store_runs import append, group, start

WEIGHTS = "0123456789abcdef"


def completion(is_right: bool | None, **changed: Any) -> Completion:
    """One completion that could be read, and is paid for being right."""
    fields: dict[str, Any] = {
        "is_right": is_right,
        "answer": "left" if is_right else "right",
        "malformed": None,
        "tokens": 10,
        "think_tokens": 6,
        "is_clipped": False,
        "reward": float(bool(is_right)),
    }
    return Completion(**{**fields, **changed})


def unread(**changed: Any) -> Completion:
    """One completion without an answer."""
    return completion(False, **{"answer": None, "malformed": "no answer tag", **changed})


def of(number: int, completions: Sequence[Completion], *, options: int = 0) -> Group:
    """A group of a prompt."""
    return Group(number, f"prompt-{number}", "relation", options, tuple(completions))


def groups(right: Sequence[int], *, size: int = 8, options: int = 0) -> list[Group]:
    """A group of `size` completions for each number of right ones."""
    return [
        of(number, [completion(place < count) for place in range(size)], options=options)
        for number, count in enumerate(right)
    ]


def sampled_run(
    home: Home,
    name: str = "sat-suit-1",
    *,
    uid: int = 7,
    right: Sequence[int] = (4,) * 30,
    size: int = 8,
    **settings: Any,
) -> RunDir:
    """A finished sampling of one step a prompt: the same number of completions is right under both prompts."""
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    config = parse_config({"name": name, "method": "suit", "task": "sat", "num_generations": size, **settings})
    run_dir.config.write_text(config_toml(config))
    launch = {"v": 1, "uid": uid, "name": name, "created_at": 50.0, "git": {"commit": "abc123", "dirty": False}}
    run_dir.launch.write_text(json.dumps(launch))
    append(run_dir.journal(0, 1), start() | {"weights": WEIGHTS, "method": "suit"})
    append(run_dir.journal(0, 1), *(record(step, right, size=size) for step in range(1, 2 * len(right) + 1)))
    append(run_dir.supervisor_journal, {"type": "attempt_start", "attempt": 1, "pid": 1})
    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "finished", "reason": ""})
    return run_dir


def record(step: int, right: Sequence[int], *, size: int = 8, **changed: Any) -> dict[str, Any]:
    """The group of one step as the trainer writes it: odd steps think, even ones do not."""
    number = (step - 1) // 2
    made = group(step, number, texts=["<answer>left</answer>"] * size, policy_step=0, **changed)
    made["prompt_mode"] = "think" if step % 2 else "direct"
    for place, each in enumerate(made["samples"]):
        is_right = place < right[number]
        each |= {"answer": "left" if is_right else "right", "advantage": None, "tokens": 8 + place}
        each |= {"rewards": {"accuracy": float(is_right)}, "reward": float(is_right)}
    return made
