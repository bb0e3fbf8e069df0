"""A user's own rewards: loaded by path, and refused with what was found, what was expected and the fix."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from evals.errors import RewardError
from evals.rewards import Response, build_rewards, check_rewards, number_or_none
from evals.rewards.files import load_reward
from evals.task import Example
from evals.tasks import load_task

EXAMPLE = Example("uid", "train", 0, "count", "How many?", ("1", "2"), "2", "scene")
RESPONSE = Response("<answer>2</answer>", "direct", None, "2", None, tokens=7, think_tokens=0, stop="eos")

GOOD = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Limits:
    longest: int = 10

LIMITS = Limits()

def brevity(response, example, *, scale=1.0):
    return scale * (LIMITS.longest - response.tokens)

def is_even(response, example):
    return int(example.gold) % 2 == 0

async def slow(response, example):
    return 0.0

def strict(response, example, *, words):
    return float(response.text in words)

def alone(response):
    return 1.0

PI = 3.14
"""


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def write_file(text: str, name: str = "my_rewards.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write_file


def load(path: Path, function: str, **params: Any) -> Callable[..., Any]:
    return load_reward(f"{path}:{function}", setting="rewards.mine.function", params=params)


def refusal(path: Path, function: str, **params: Any) -> RewardError:
    with pytest.raises(RewardError) as caught:
        load(path, function, **params)
    return caught.value


def test_a_users_function_is_called_with_response_example_and_its_params(write: Callable[..., Path]) -> None:
    place = f"{write(GOOD)}:brevity"

    (reward,) = build_rewards({"mine": {"weight": 2, "function": place, "params": {"scale": 0.5}}}, load_task("sat"))

    assert (reward.name, reward.weight, reward.function(RESPONSE, EXAMPLE)) == ("mine", 2.0, 1.5)


def test_shipped_and_own_rewards_stand_in_the_configured_order(write: Callable[..., Path]) -> None:
    settings = {"format": {}, "mine": {"function": f"{write(GOOD)}:brevity"}, "accuracy": {"function": ""}}

    rewards = build_rewards(settings, load_task("sat"))

    assert [reward.name for reward in rewards] == ["format", "mine", "accuracy"]
    assert [reward.function(RESPONSE, EXAMPLE) for reward in rewards] == [1.0, 3.0, 1.0]


def test_two_rewards_of_one_file_share_its_module(write: Callable[..., Path]) -> None:
    path = write(GOOD)

    assert load(path, "brevity").__globals__ is load(path, "is_even").__globals__


def test_loading_leaves_import_path_and_folder_as_they_were(write: Callable[..., Path]) -> None:
    path, search_path = write(GOOD, "json.py"), list(sys.path)
    import json

    load(path, "brevity")

    assert sys.path == search_path
    assert sys.modules["json"] is json
    assert [entry.name for entry in path.parent.iterdir()] == ["json.py"]


@pytest.mark.parametrize(
    "text",
    ["my_rewards.py", ":brevity", "my_rewards.py:", "my_rewards.py:a.b", "my_rewards.py:f()", "my_rewards.py:1"],
)
def test_another_form_than_file_and_function_is_refused(text: str) -> None:
    with pytest.raises(RewardError) as caught:
        check_rewards({"mine": {"function": text}})

    assert repr(text) in caught.value.found
    assert caught.value.expected == "file.py:function"
    assert 'rewards.mine.function="my_rewards.py:brevity"' in caught.value.fix


@pytest.mark.parametrize("name", ["absent.py", "x" * 300 + ".py", "with\0null.py"])
def test_a_file_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(RewardError, match="is not there"):
        check_rewards({"mine": {"function": f"{tmp_path / name}:f"}})


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RewardError, match="is a directory"):
        check_rewards({"mine": {"function": f"{tmp_path}:f"}})


def test_looking_at_a_reward_does_not_run_its_file(write: Callable[..., Path]) -> None:
    path = write("raise AssertionError('was run')")

    check_rewards({"mine": {"function": f"{path}:anything"}})

    assert "was run" in refusal(path, "anything").found


@pytest.mark.parametrize(
    ("text", "said", "line"),
    [
        ("x = 1\ndef f(:\n", "SyntaxError: invalid syntax", "(line 2)"),
        (
            "x = 1\n\nimport no_such_module_here\n",
            "ModuleNotFoundError: No module named 'no_such_module_here'",
            "line 3",
        ),
        ("def g():\n    return 1 / 0\n\ng()\n", "ZeroDivisionError: division by zero", "(line 2)"),
        ("import json\njson.loads('{')\n", "JSONDecodeError", "(line 2)"),  # raised elsewhere, by this line
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", "(line 2)"),
        ("x = '\0'", "SyntaxError: source code string cannot contain null bytes", "null bytes"),  # no line to blame
    ],
)
def test_a_file_that_does_not_import_shows_the_tracebacks_last_line(
    write: Callable[..., Path], text: str, said: str, line: str
) -> None:
    path = write(text)

    error = refusal(path, "f")

    assert f"{path} does not import" in error.found
    assert said in error.found and line in error.found


def test_a_file_that_did_not_import_is_tried_anew(write: Callable[..., Path]) -> None:
    path = write("1 / 0")
    refusal(path, "f")
    write("def f(response, example):\n    return 1.0\n")

    assert load(path, "f")(None, None) == 1.0


def test_a_missing_module_is_to_be_installed_where_training_happens(write: Callable[..., Path]) -> None:
    assert refusal(write("import no_such_module_here"), "f").fix == (
        f"install no_such_module_here in the interpreter that trains, {sys.executable}"
    )


def test_a_neighbouring_file_is_not_on_the_import_path_and_the_fix_says_so(write: Callable[..., Path]) -> None:
    write("x = 1", "neighbour.py")

    assert "neighbour.py" in refusal(write("import neighbour"), "f").fix


def test_an_unknown_function_names_the_nearest_of_the_file(write: Callable[..., Path]) -> None:
    error = refusal(write(GOOD), "brevty")

    assert "did you mean brevity?" in error.found
    assert error.expected == "one of its functions: alone, brevity, is_even, slow, strict"


@pytest.mark.parametrize(
    ("function", "params", "found", "fix"),
    [
        ("PI", {}, "is a float", "name a function"),
        ("slow", {}, "is async", "plain function"),
        ("alone", {}, "too many positional arguments", "change the function's parameters"),
        ("brevity", {"scael": 2.0}, "scael=2.0", "write rewards.mine.params.scale"),
        ("is_even", {"scale": 2.0}, "unexpected keyword argument 'scale'", "leave rewards.mine.params.scale out"),
        ("strict", {}, "missing a required argument: 'words'", "give rewards.mine.params.words"),
        ("brevity", {"response": 1}, "multiple values", "leave rewards.mine.params.response out"),
    ],
)
def test_what_cannot_be_called_as_a_reward_is_refused(
    write: Callable[..., Path], function: str, params: dict[str, Any], found: str, fix: str
) -> None:
    error = refusal(write(GOOD), function, **params)

    assert found in error.found
    assert fix in error.fix


def test_a_callable_without_a_signature_is_taken_as_it_is(write: Callable[..., Path]) -> None:
    path = write("f = min")

    assert load(path, "f")(2, 1) == 1


@pytest.mark.parametrize("name", ["accuracy", "format", "length"])
def test_a_shipped_rewards_name_cannot_be_taken(write: Callable[..., Path], name: str) -> None:
    with pytest.raises(RewardError) as caught:
        check_rewards({name: {"function": f"{write(GOOD)}:brevity"}})

    assert f"{name} is a reward that rftui ships" in caught.value.found
    assert f"rewards.my_{name}.function" in caught.value.fix


@pytest.mark.parametrize("name", ["", "a/b", "a b", "1st", "a.b", "ä"])
def test_a_name_that_would_break_a_metrics_name_is_refused(write: Callable[..., Path], name: str) -> None:
    with pytest.raises(RewardError, match="a reward named"):
        check_rewards({name: {"function": f"{write(GOOD)}:brevity"}})


def test_an_unknown_reward_says_how_to_bring_ones_own() -> None:
    with pytest.raises(RewardError) as caught:
        check_rewards({"lenght": {}})

    assert "did you mean length?" in caught.value.found
    assert 'rewards.lenght.function="my_rewards.py:function"' in caught.value.fix


@pytest.mark.parametrize(
    ("value", "number"), [(None, None), (1, 1.0), (True, 1.0), (0.25, 0.25), (Fraction(1, 4), 0.25), (-3, -3.0)]
)
def test_numbers_and_none_are_rewards(value: object, number: float | None) -> None:
    assert number_or_none(value) == number


def test_numpy_numbers_are_rewards() -> None:
    numpy = pytest.importorskip("numpy")

    assert [number_or_none(value) for value in (numpy.float32(0.5), numpy.float64(0.5), numpy.int8(2))] == [0.5, 0.5, 2]


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), float("-inf"), "0.5", [1.0], 1j, b"1", object()],
)
def test_anything_else_is_no_reward_and_is_shown(value: object) -> None:
    with pytest.raises(RewardError) as caught:
        number_or_none(value)

    assert repr(value) in caught.value.found
    assert caught.value.expected == "a finite number, or None"
