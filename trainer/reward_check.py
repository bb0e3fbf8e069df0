"""`python -m trainer --check-rewards RUN_DIR`: attacks a run's rewards, as one JSON object on stdout.

Runs in the interpreter that will train, because a user's reward file is imported there and nowhere else. Loads neither
torch nor a model.
"""

from __future__ import annotations

from typing import Any

from evals.errors import EvalsError, RewardError
from evals.rewards.report import CHECK_SECONDS, GATE_SECONDS, Setup, gate_problems, report, set_up
from evals.task import Examples, Source, Task
from evals.tasks import load_task
from store.config import RunConfig


def reward_report(config: RunConfig) -> dict[str, Any]:
    """What came of every attack on the rewards; `errors` where they or the data cannot be used."""
    try:
        task = load_task(config.task, config.task_options)
        source = task.source(config.source)
        split = task.examples("train", seed=config.seed, difficulty=config.difficulty, source=source)
        return {"errors": [], **report(_attacked(config, task, source, split, seconds=CHECK_SECONDS))}
    except EvalsError as error:
        return {"errors": [{"found": error.found, "expected": error.expected, "fix": error.fix}]}


def _attacked(config: RunConfig, task: Task, source: Source, split: Examples, *, seconds: float) -> Setup:
    return set_up(
        task,
        {name: reward.model_dump() for name, reward in config.rewards.items()},
        source=source,
        split=split,
        mode=config.prompt.value,
        longest=config.max_completion_length,
        seconds=seconds,
    )


def refused_rewards(config: RunConfig, task: Task, source: Source, split: Examples) -> list[str]:
    """Warnings about rewards that pay for an answer that names no label or several.

    Raises RewardError for such rewards, unless the run was told to take them.
    """
    problems = gate_problems(_attacked(config, task, source, split, seconds=GATE_SECONDS))
    if not problems:
        return []
    others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    found = f"the rewards pay for an answer that names no label or several: {problems[0]}{others}"
    if config.allow_unsafe_rewards:
        return [f"{found}; launched all the same, as asked"]
    raise RewardError(
        found,
        expected="less than the right answer gets, and nothing from a reward that knows the answer",
        fix="`rftui rewards check` with the same settings shows each; --allow-unsafe-rewards launches all the same",
    )
