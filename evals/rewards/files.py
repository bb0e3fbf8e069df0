"""Rewards that users write: `my_rewards.py:brevity` names a function in a file, loaded by path.

Loading runs the user's code, so only the training interpreter does it. Whether the file is there can be asked anywhere.
"""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from evals.errors import RewardError
from evals.user_files import imported_file

SIGNATURE = "a function (response, example) -> number or None, with params as keywords"


class RewardPlace(NamedTuple):
    """Where a user's reward is."""

    path: Path
    function: str


def parse_place(text: str, *, setting: str) -> RewardPlace:
    """The file and function in `file.py:function`; `setting` is the key it stands under.

    Raises RewardError where the form is another or no such file is there.
    """
    path_text, colon, function = text.rpartition(":")
    if not colon or not path_text or not function.isidentifier():
        raise RewardError(
            f"{setting} is {text!r}", expected="file.py:function", fix=f'for example {setting}="my_rewards.py:brevity"'
        )
    path = Path(path_text)
    # os.path, because Path.is_file raises for a name that is too long
    if not os.path.isfile(path):
        found = "is a directory" if os.path.isdir(path) else "is not there"
        raise RewardError(
            f"{setting}: {path} {found}", expected="a Python file", fix="correct the path before the colon"
        )
    return RewardPlace(path, function)


def load_reward(text: str, *, setting: str, params: Mapping[str, Any]) -> Callable[..., Any]:
    """The function at `file.py:function`, which takes `params`.

    Raises RewardError for a file that does not import, a name that is not there or no function, and parameters that
    the function does not take or misses.
    """
    place = parse_place(text, setting=setting)
    module = imported_file(place.path, what=setting, error=RewardError)
    if place.function not in vars(module):
        raise _no_such_function(place, module, setting=setting)
    function: object = vars(module)[place.function]
    if not callable(function):
        raise RewardError(
            f"{setting}: {place.function} in {place.path} is a {type(function).__name__}",
            expected=SIGNATURE,
            fix="name a function of that file after the colon",
        )
    _check_parameters(function, place, setting=setting, params=params)
    return function


def _no_such_function(place: RewardPlace, module: ModuleType, *, setting: str) -> RewardError:
    functions = sorted(
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_")
    )
    nearest = difflib.get_close_matches(place.function, functions, n=1, cutoff=0.4)
    return RewardError(
        f"{setting}: no {place.function} in {place.path}" + (f"; did you mean {nearest[0]}?" if nearest else ""),
        expected=f"one of its functions: {', '.join(functions)}" if functions else f"{SIGNATURE}; it has none",
        fix="correct the name after the colon",
    )


def _check_parameters(
    function: Callable[..., Any], place: RewardPlace, *, setting: str, params: Mapping[str, Any]
) -> None:
    name = f"{place.function} in {place.path}"
    if inspect.iscoroutinefunction(function):
        raise RewardError(f"{setting}: {name} is async", expected=SIGNATURE, fix="make it a plain function")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        # some functions written in C tell no signature; the first completion will
        return
    try:
        signature.bind(None, None, **params)
    except TypeError as error:
        raise RewardError(
            f"{setting}: {name} takes {signature}, but it is called with (response, example"
            + "".join(f", {key}={value!r}" for key, value in params.items())
            + f"): {error}",
            expected=SIGNATURE,
            fix=_parameter_fix(signature, setting=setting, params=params),
        ) from error


def _parameter_fix(signature: inspect.Signature, *, setting: str, params: Mapping[str, Any]) -> str:
    """Which key of params to write, where one is misspelt or missing."""
    table = setting.removesuffix(".function") + ".params"
    own = [parameter.name for parameter in list(signature.parameters.values())[2:]]
    for key in params:
        if key not in own:
            nearest = difflib.get_close_matches(key, own, n=1, cutoff=0.4)
            return f"write {table}.{nearest[0]}" if nearest else f"leave {table}.{key} out, or let the function take it"
    needed = [
        parameter.name
        for parameter in list(signature.parameters.values())[2:]
        if parameter.default is inspect.Parameter.empty
        and parameter.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    ]
    missing = [name for name in needed if name not in params]
    return f"give {table}.{missing[0]}, or a default in the function" if missing else "change the function's parameters"
