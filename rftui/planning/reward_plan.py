"""What `rftui rewards check` attacks: the rewards of a run, or those that a launch would train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rftui.errors import UsageProblem
from rftui.planning.cloning import read_original
from rftui.planning.findings import Level
from rftui.planning.plan import NO_GPUS, LaunchPlan, LaunchRequest, plan_launch
from rftui.planning.preflight import check_task, check_trainer
from rftui.planning.settings import Layer
from rftui.runs.reads import run_dir_of
from store.layout import Home

INHERITED = (
    "task",
    "source",
    "task_options",
    "difficulty",
    "seed",
    "prompt",
    "max_completion_length",
    "rewards",
)
"""Settings of a run that decide what its rewards pay."""


def reward_plan(
    home: Home, run: str | None, *, flags: Mapping[str, Any], assignments: Sequence[str], python: str | None
) -> LaunchPlan:
    """The launch whose rewards are attacked: that of a run, or the one that the same flags would make.

    Raises UsageProblem, NotFound or RunConfigError.
    """
    request = LaunchRequest("grpo", flags, assignments=assignments, python=python, gpus=NO_GPUS)
    if run is not None:
        original = read_original(run_dir_of(home, run))
        values = {key: value for key, value in original.settings.values.items() if key.split(".")[0] in INHERITED}
        request = request._replace(
            base=Layer(original.settings.origin, values),
            recipe=original.recipe,
            python=python or original.python,
        )
    return plan_launch(home, request)


def attack(plan: LaunchPlan) -> dict[str, Any]:
    """What `python -m trainer --check-rewards` says of the plan's rewards. Raises UsageProblem, or NotFound for a task.

    A user's own reward file is run by that interpreter and not by this one.
    """
    answer = None
    findings = list(check_task(plan.config))
    if not findings:
        answer = check_trainer(plan, option="--check-rewards")
        findings = answer.findings
    first = next((finding for finding in findings if finding.level is Level.ERROR), None)
    if answer is None or first is not None:
        assert first is not None, "check_task finds errors alone"
        raise UsageProblem("the rewards cannot be attacked", found=first.found, expected=first.expected, fix=first.fix)
    return answer.said
