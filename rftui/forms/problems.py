"""What is wrong with what was written into the launch form, each at the field that it belongs to."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from rftui.errors import RftuiError
from rftui.forms.fields import MORE, TASK_OPTIONS
from store.config import Method


class FieldProblem(NamedTuple):
    """What is wrong with a field."""

    key: str
    """Empty where several fields do not go together."""
    message: str
    found: str
    expected: str
    fix: str = ""


def refusal(check: Callable[[str], object], text: str) -> RftuiError | None:
    """The error that a check raises for a text."""
    try:
        check(text)
    except RftuiError as error:
        return error
    return None


def problem_of(key: str, error: RftuiError) -> FieldProblem:
    """An error as the problem of a field."""
    return FieldProblem(key, error.error, error.found, error.expected, error.fix)


def names(problem: FieldProblem, key: str) -> bool:
    """Whether settings that do not go together are told of by this name, which may be a unit elsewhere: 2 ranks."""
    return re.search(rf"\b{re.escape(key)}(=| is | names )|\bset {re.escape(key)}\b", problem.message) is not None


def known_field(key: str, keys: Collection[str]) -> str:
    """The field that a checked key belongs to: items of a list belong to the list."""
    while key and key not in keys:
        key = key.rpartition(".")[0]
    return key


def reward_problems(settings: Mapping[str, Any], method: Method, keys: Collection[str]) -> Iterator[FieldProblem]:
    """What is wrong with a reward by itself."""
    # scipy comes with evals: 0.2 s that only this form needs to pay
    from evals.errors import RewardError
    from evals.rewards import check_rewards

    for name, reward in settings["rewards"].items() if method in (Method.GRPO, Method.SUIT) else ():
        try:
            check_rewards({name: reward})
        except RewardError as error:
            # the parameter that is told of comes before the nearest one that exists
            places = {
                key: error.found.find(key.rpartition(".")[2]) for key in keys if key.startswith(f"rewards.{name}.")
            }
            named = sorted((place, key) for key, place in places.items() if place >= 0)
            key = named[0][1] if named else f"rewards.{name}.weight"
            yield FieldProblem(key, error.found, error.found, error.expected, error.fix)


def option_problems(task: str, options: Mapping[str, Any], expected: Mapping[str, str]) -> Iterator[FieldProblem]:
    """What is wrong with the options of a shipped task; what a field expects is told there."""
    # a task's module costs what its own data needs, which only this form needs to pay
    from evals.errors import TaskError
    from evals.task import read_options
    from evals.tasks import task_class, task_names

    if task not in task_names():
        return
    options_type = task_class(task).options_type
    is_told = False
    for name, value in options.items():
        key = f"{TASK_OPTIONS}{name}"
        try:
            # each alone, so that what is said belongs to one field
            read_options(options_type, {name: value}, task=task)
        except TaskError as error:
            is_told = True
            wanted = expected.get(key, error.expected) if name in options_type.model_fields else error.expected
            yield FieldProblem(key, error.found, str(value), wanted, error.fix)
    try:
        read_options(options_type, options, task=task)
    except TaskError as error:
        if not is_told:
            yield FieldProblem("", error.found, error.found, error.expected, error.fix)


def unknown_option(task: str, key: str) -> FieldProblem | None:
    """What is wrong with a name that was typed for an option; None where the task has it, or only its file knows."""
    # a task's module costs what its own data needs, which only this form needs to pay
    from evals.tasks import task_class, task_names

    name = key.removeprefix(TASK_OPTIONS)
    if task not in task_names() or name in task_class(task).options_type.model_fields:
        return None
    return next(option_problems(task, {name: ""}, {}))._replace(key=MORE, found=key)
