"""Shipped rewards against values worked out by hand, and against text that tries to be paid for nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import RewardError
from evals.parsing import parse
from evals.prompts import DIRECT, THINK
from evals.rewards import REWARDS, Response, build_rewards, check_rewards, reward_names, reward_parameters
from evals.task import Example
from evals.tasks import load_task

SAT = load_task("sat")
OPTIONS = ("left", "right", "above", "below")
EXAMPLE = Example("uid", "heldout", 0, "relation", "Where is it?", OPTIONS, "left", "scene")
UNGRADABLE = Example("uid", "heldout", 0, "relation", "Where is it?", OPTIONS, "", "scene")


def response(text: str, *, mode: str = DIRECT, tokens: int = 10, think_tokens: int = 0) -> Response:
    part = parse(text, mode)
    return Response(text, mode, part.think, part.answer, part.malformed, tokens, think_tokens, "eos")


def pay(name: str, given_response: Response, *, example: Example = EXAMPLE, **params: Any) -> float | None:
    (reward,) = build_rewards({name: {"params": params}}, SAT)
    return reward.function(given_response, example)


def answered(answer: str) -> Response:
    return response(f"<answer>{answer}</answer>")


@pytest.mark.parametrize(
    ("centre", "tokens", "value"),
    [
        (1.0, 0, 0.2689414),
        (1.0, 32, 0.2814056),
        (1.0, 512, 0.5),
        (1.0, 1024, 0.7310586),
        (0.0, 0, 0.5),
        (0.0, 32, 0.5156199),
        (0.0, 512, 0.7310586),
        (0.0, 1024, 0.8807971),
    ],
)
def test_the_length_reward_has_the_values_of_its_formula(centre: float, tokens: int, value: float) -> None:
    paid = pay("length", response("x", tokens=tokens), target=512, alpha=1, centre=centre)

    assert paid == pytest.approx(value, abs=1e-6)


def test_the_length_reward_defaults_to_the_papers_alpha_and_the_central_reading() -> None:
    assert reward_parameters("length") == {
        "target": 512.0,
        "alpha": 1.0,
        "centre": 1.0,
        "counted": "completion",
        "gate": "none",
    }


@pytest.mark.parametrize(
    ("params", "value"),
    [
        ({"alpha": 1e6}, 1.0),
        ({"alpha": -1e6}, 0.0),
        ({"alpha": 1e308, "target": 1e-300}, 1.0),  # an infinite exponent
        ({"alpha": -1e308, "target": 1e-300}, 0.0),
        ({"centre": 1e308}, 0.0),
        ({"centre": -1e308}, 1.0),
        ({"alpha": 0}, 0.5),
    ],
)
def test_the_length_reward_saturates_and_never_overflows(params: dict[str, Any], value: float) -> None:
    assert pay("length", response("x", tokens=10**6), **params) == value


@given(
    tokens=st.integers(0, 10**6),
    target=st.floats(1e-3, 1e6),
    alpha=st.floats(-1e6, 1e6),
    centre=st.floats(-1e6, 1e6),
)
def test_the_length_reward_stays_between_nought_and_one(
    tokens: int, target: float, alpha: float, centre: float
) -> None:
    paid = REWARDS["length"](response("x", tokens=tokens), EXAMPLE, task=SAT, target=target, alpha=alpha, centre=centre)

    assert paid is not None and 0 <= paid <= 1


@given(tokens=st.integers(0, 4000))
def test_with_a_positive_alpha_one_more_token_never_pays_less(tokens: int) -> None:
    shorter, longer = (pay("length", response("x", tokens=count)) for count in (tokens, tokens + 1))

    assert shorter is not None and longer is not None and shorter < longer


def test_length_counts_the_whole_completion_or_the_reasoning_alone() -> None:
    long_thought = response("<think>a</think><answer>left</answer>", mode=THINK, tokens=1024, think_tokens=512)

    assert pay("length", long_thought, counted="completion") == pytest.approx(0.7310586)
    assert pay("length", long_thought, counted="think") == 0.5


def test_gated_length_pays_right_answers_only_and_has_no_say_where_nothing_can_be_graded() -> None:
    right, wrong = (response(f"<answer>{answer}</answer>", tokens=512) for answer in ("left", "right"))

    assert pay("length", right, gate="correct") == 0.5
    assert pay("length", wrong, gate="correct") == 0.0
    assert pay("length", right, example=UNGRADABLE, gate="correct") is None
    assert pay("length", wrong, gate="none") == 0.5


def test_accuracy_pays_the_gold_option_and_nothing_where_the_gold_is_empty() -> None:
    assert pay("accuracy", answered("left")) == 1.0
    assert pay("accuracy", answered("right")) == 0.0
    assert pay("accuracy", answered("left"), example=UNGRADABLE) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "left",
        "<answer></answer>",
        "<answer> </answer>",
        "<answer>left or right</answer>",
        "<answer>left, right, above or below</answer>",
        "<answer>not left</answer>",
        "<answer>l\u0435ft</answer>",  # a Cyrillic e
        "<answer>le\u200bft</answer>",
        "<answer>left</answer><answer>right</answer>",
        "<answer>right</answer><answer>left</answer>",
        "<think><answer>left</answer></think>",
        "<answer>left",
        "<answer>left</answer></answer>",
        "<answer>the answer is left</answer>",
        "<answer>A</answer>",  # the answer is an option's text, never a letter
        "<answer>1</answer>",
        "<answer>left\x00</answer>",
        "<answer>" + "left " * 1000 + "</answer>",
    ],
)
@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_no_trick_is_paid_by_accuracy(text: str, mode: str) -> None:
    assert pay("accuracy", response(text, mode=mode)) == 0.0


@pytest.mark.parametrize(
    ("text", "mode", "value"),
    [
        ("<think>a</think><answer>right</answer>", THINK, 1.0),  # form does not ask whether it is right
        ("<answer>right</answer>", DIRECT, 1.0),
        ("<answer>left</answer>", THINK, 0.0),
        ("<think>a</think><answer>left</answer>", DIRECT, 0.0),
        ("left", DIRECT, 0.0),
        ("", THINK, 0.0),
    ],
)
def test_format_pays_exactly_the_form_that_was_asked_for(text: str, mode: str, value: float) -> None:
    assert pay("format", response(text, mode=mode)) == value


@given(
    text=st.text() | st.lists(st.sampled_from(["<think>", "</think>", "<answer>", "</answer>", "left"])).map("".join)
)
@pytest.mark.parametrize("name", reward_names())
@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_no_text_makes_a_reward_raise_or_leave_its_range(name: str, mode: str, text: str) -> None:
    paid = pay(name, response(text, mode=mode, tokens=len(text)))

    assert paid is not None and 0 <= paid <= 1


def test_rewards_keep_their_order_and_weights() -> None:
    rewards = build_rewards({"format": {"weight": 0.5}, "length": {}, "accuracy": {"weight": 2}}, SAT)

    assert [(reward.name, reward.weight) for reward in rewards] == [("format", 0.5), ("length", 1.0), ("accuracy", 2.0)]


@pytest.mark.parametrize(
    ("settings", "found", "expected"),
    [
        ({"acuracy": {}}, "did you mean accuracy?", "one of accuracy, format, length"),
        ({"length": {"params": {"tarket": 5}}}, "did you mean target?", "one of target, alpha, centre, counted, gate"),
        ({"accuracy": {"params": {"x": 1}}}, "unknown parameter of reward accuracy", "accuracy has no parameters"),
        ({"length": {"params": {"counted": "words"}}}, "counted is 'words'", "one of completion, think"),
        ({"length": {"params": {"gate": True}}}, "gate is True", "one of none, correct"),
        ({"length": {"params": {"target": 0}}}, "target is 0", "a positive number of tokens"),
        ({"length": {"params": {"target": -1.5}}}, "target is -1.5", "a positive number of tokens"),
        ({"length": {"params": {"alpha": "1"}}}, "alpha is '1'", "a finite number"),
        ({"length": {"params": {"alpha": True}}}, "alpha is True", "a finite number"),
        ({"length": {"params": {"alpha": float("nan")}}}, "alpha is nan", "a finite number"),
        ({"length": {"params": {"task": "sat"}}}, "unknown parameter of reward length task", "one of target"),
    ],
)
def test_what_a_reward_does_not_know_is_refused_with_what_it_does(
    settings: dict[str, Any], found: str, expected: str
) -> None:
    with pytest.raises(RewardError) as caught:
        check_rewards(settings)

    assert found in caught.value.found
    assert expected in caught.value.expected
