"""Rewards as plain functions of one response and its example, by name, with weights and parameters.

A reward never raises for bad model text: it returns 0.0, or None when the gold answer cannot be graded. Users add their
own from files, see reward_files.py.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

from evals.errors import RewardError
from evals.reward_files import load_reward, parse_place
from evals.task import Example, Task


@dataclass(frozen=True)
class Response:
    """One completion with everything a reward may look at."""

    text: str
    mode: str
    """The prompt it answers: think or direct."""
    think: str | None
    answer: str | None
    malformed: str | None
    tokens: int
    """Tokens of the whole completion, end token included."""
    think_tokens: int
    """Tokens of the reasoning."""
    stop: str
    """eos or length"""


Reward = Callable[[Response, Example], float | None]


class WeightedReward(NamedTuple):
    """A reward ready to be applied."""

    name: str
    weight: float
    function: Reward


def accuracy(response: Response, example: Example, *, task: Task) -> float | None:
    """1.0 for a right answer, 0.0 for any other, None where the gold cannot be graded."""
    correct = task.grade(response.answer, example)
    return None if correct is None else float(correct)


def form(response: Response, example: Example, *, task: Task) -> float:
    """1.0 for exactly the form that the prompt asks for, else 0.0."""
    return float(response.malformed is None)


def length(
    response: Response,
    example: Example,
    *,
    task: Task,
    target: float = 512.0,
    alpha: float = 1.0,
    centre: float = 1.0,
    counted: str = "completion",
    gate: str = "none",
) -> float | None:
    """Normalised length, sigmoid(alpha * (tokens / target - centre)), between 0 and 1.

    `counted` is completion or think; with `gate` correct only right answers are paid, and None stands where the gold
    cannot be graded. Source: arXiv 2504.05682, eq. 4, whose predefined length and exact form the paper leaves open:
    centre 1 and centre 0 are its two likely readings.
    """
    correct = task.grade(response.answer, example) if gate == "correct" else True
    if not correct:
        return None if correct is None else 0.0
    tokens = response.think_tokens if counted == "think" else response.tokens
    exponent = alpha * (tokens / target - centre)
    return 1 / (1 + math.exp(-exponent)) if exponent >= 0 else math.exp(exponent) / (1 + math.exp(exponent))


REWARDS: dict[str, Callable[..., float | None]] = {"accuracy": accuracy, "format": form, "length": length}
"""Rewards by the name that configurations use."""

CHOICES: dict[str, tuple[str, ...]] = {"counted": ("completion", "think"), "gate": ("none", "correct")}
"""Parameters that take one of a few words."""


def reward_names() -> list[str]:
    """Names of all rewards."""
    return sorted(REWARDS)


def reward_parameters(name: str) -> dict[str, Any]:
    """Parameters of a reward with their defaults. Raises RewardError for an unknown name."""
    if name not in REWARDS:
        raise RewardError(
            _unknown("reward", name, reward_names()),
            expected=f"one of {', '.join(reward_names())}",
            fix=f'correct the name; a reward of your own is rewards.{name}.function="my_rewards.py:function"',
        )
    signature = inspect.signature(REWARDS[name])
    return {
        parameter.name: parameter.default
        for parameter in signature.parameters.values()
        if parameter.default is not inspect.Parameter.empty
    }


NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""What a reward may be called: the name becomes part of a metric's, `rewards/<name>/mean`."""


def check_rewards(settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Looks at names, files and parameters of rewards without running a user's code. Raises RewardError."""
    for name, setting in settings.items():
        if not NAME_PATTERN.fullmatch(name):
            raise RewardError(f"a reward named {name!r}", expected="a letter, then letters, digits, _ or -")
        place = setting.get("function", "")
        if not place:
            _checked(name, setting.get("params", {}))
            continue
        if name in REWARDS:
            raise RewardError(
                f"rewards.{name}.function is {place}, and {name} is a reward that rftui ships",
                expected="a name of its own, because it becomes the metric's",
                fix=f'for example rewards.my_{name}.function="{place}"',
            )
        parse_place(place, setting=f"rewards.{name}.function")


def build_rewards(settings: Mapping[str, Mapping[str, Any]], task: Task) -> list[WeightedReward]:
    """The configured rewards in order: name to {weight, params, function}; a function's file is imported here.

    Raises RewardError naming the nearest known name.
    """
    check_rewards(settings)
    rewards = []
    for name, setting in settings.items():
        params = setting.get("params", {})
        if place := setting.get("function", ""):
            function = partial(load_reward(place, setting=f"rewards.{name}.function", params=params), **params)
        else:
            function = partial(REWARDS[name], task=task, **_checked(name, params))
        rewards.append(WeightedReward(name=name, weight=float(setting.get("weight", 1.0)), function=function))
    return rewards


def number_or_none(value: object) -> float | None:
    """What a reward returned, as a number. Raises RewardError for anything but a finite number or None."""
    if value is None:
        return None
    if isinstance(value, Real) and math.isfinite(number := float(value)):
        return number
    raise RewardError(f"the reward returned {value!r} ({type(value).__name__})", expected="a finite number, or None")


def _checked(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters as the reward takes them. Raises RewardError."""
    known = reward_parameters(name)
    checked: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise RewardError(
                _unknown(f"parameter of reward {name}", key, list(known)),
                expected=f"one of {', '.join(known)}" if known else f"none: {name} has no parameters",
            )
        if key in CHOICES and value not in CHOICES[key]:
            raise RewardError(f"rewards.{name}.params.{key} is {value!r}", expected=f"one of {', '.join(CHOICES[key])}")
        if isinstance(known[key], float) and (
            isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value)
        ):
            raise RewardError(f"rewards.{name}.params.{key} is {value!r}", expected="a finite number")
        if key == "target" and value <= 0:
            raise RewardError(f"rewards.{name}.params.target is {value}", expected="a positive number of tokens")
        checked[key] = value
    return checked


def _unknown(what: str, name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"unknown {what} {name}" + (f"; did you mean {nearest[0]}?" if nearest else "")
