"""Rewards by name: which parameters each takes, what is wrong with given ones, and the functions ready to be applied.

Users add their own from files, see files.py.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from numbers import Real
from typing import Any, NamedTuple

from evals.errors import RewardError
from evals.rewards.files import load_reward, parse_place
from evals.rewards.response import WeightedReward
from evals.rewards.shipped import REWARDS, Counted, Gate, LengthForm
from evals.task import Task

CHOICES: dict[str, tuple[str, ...]] = {
    "form": tuple(LengthForm),
    "counted": tuple(Counted),
    "gate": tuple(Gate),
}
"""Parameters that take one of a few words."""


class Rule(NamedTuple):
    """What a number must be."""

    holds: Callable[[float], bool]
    expected: str


RULES = {
    "target": Rule(lambda value: value > 0, "a positive number of tokens"),
    "max_completion_len": Rule(lambda value: value >= 1, "a positive number of tokens"),
    "soft_punish_cache": Rule(lambda value: value >= 0, "a number of tokens, 0 or more"),
    "ngram_size": Rule(lambda value: value >= 1, "a number of words, 1 or more"),
    "max_penalty": Rule(lambda value: value <= 0, "a number, 0 or less"),
}
"""What parameters must be besides numbers."""

NAME_PATTERN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
"""What a reward may be called: the name becomes part of a metric's, `rewards/<name>/mean`."""


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


def resolved_parameters(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter that a shipped reward goes by, defaults too, so that what it pays can be told from them alone.

    Raises RewardError for what the reward does not take.
    """
    resolved = reward_parameters(name) | _checked(name, given)
    if name == "length" and resolved["form"] != LengthForm.RELATIVE:
        del resolved["centre"]
    return resolved


def formula(name: str, given: Mapping[str, Any]) -> str:
    """What a shipped reward pays, in one line, its parameters as numbers. Raises RewardError."""
    values = resolved_parameters(name, given)
    tokens = "think tokens" if values.get("counted") == Counted.THINK else "tokens"
    gated = ", right answers only" if values.get("gate") == Gate.CORRECT else ""
    match name:
        case "accuracy":
            return "1 for a right answer"
        case "format":
            return "1 for the form that the prompt asks for"
        case "length":
            return f"sigmoid({_length_exponent(values, tokens)}){gated}"
        case "length_per_token":
            return f"{values['rate']:g} x {tokens}{gated}"
        case "soft_overlong":
            longest = values["max_completion_len"]
            return f"0 to {longest - values['soft_punish_cache']} tokens, falling to -1 at {longest}"
        case _:
            return f"{values['max_penalty']:g} x share of repeated {values['ngram_size']}-grams of words"


def _length_exponent(values: Mapping[str, Any], tokens: str) -> str:
    alpha, target = f"{values['alpha']:g}", f"{values['target']:g}"
    match values["form"]:
        case LengthForm.RATIO:
            return f"{alpha} x {tokens} / {target}"
        case LengthForm.DIFFERENCE:
            return f"{alpha} x ({tokens} - {target})"
        case _:
            return f"{alpha} x ({tokens} / {target} - {values['centre']:g})"


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
    for key, value in given.items():
        if key not in known:
            raise RewardError(
                _unknown(f"parameter of reward {name}", key, list(known)),
                expected=f"one of {', '.join(known)}" if known else f"none: {name} has no parameters",
            )
        if (expected := _expected(key, value, default=known[key])) is not None:
            raise RewardError(f"rewards.{name}.params.{key} is {value!r}", expected=expected)
    if name == "length" and "centre" in given and given.get("form", LengthForm.RELATIVE) != LengthForm.RELATIVE:
        raise RewardError(
            f"rewards.length.params.centre is {given['centre']} and form is {given['form']}, which has none",
            expected=f"a centre with form {LengthForm.RELATIVE} alone",
            fix="leave one of the two out",
        )
    merged = known | dict(given)
    if name == "soft_overlong" and merged["soft_punish_cache"] > merged["max_completion_len"]:
        raise RewardError(
            "rewards.soft_overlong.params.soft_punish_cache is larger than max_completion_len",
            expected="fewer tokens than the longest completion has",
            fix="give both",
        )
    # 3.0 tokens are 3 tokens
    return {key: int(value) if isinstance(known[key], int) else value for key, value in given.items()}


def _expected(key: str, value: object, *, default: object) -> str | None:
    """What a parameter should have been; None where it is that."""
    if key in CHOICES:
        return None if value in CHOICES[key] else f"one of {', '.join(CHOICES[key])}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, int) and not (is_number and float(value).is_integer()):  # type: ignore[arg-type]
        return "a whole number"
    if not is_number or not math.isfinite(value):  # type: ignore[arg-type]
        return "a finite number"
    rule = RULES.get(key)
    return None if rule is None or rule.holds(value) else rule.expected  # type: ignore[arg-type]


def _unknown(what: str, name: str, known: list[str]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"unknown {what} {name}" + (f"; did you mean {nearest[0]}?" if nearest else "")
