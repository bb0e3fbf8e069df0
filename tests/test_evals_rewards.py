"""Shipped rewards against values worked out by hand, and against text that tries to be paid for nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.errors import RewardError
from evals.parsing import parse
from evals.prompts import DIRECT, THINK
from evals.rewards import (
    REWARDS,
    Response,
    build_rewards,
    check_rewards,
    formula,
    resolved_parameters,
    reward_names,
    reward_parameters,
)
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
        "form": "relative",
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


@pytest.mark.parametrize(
    ("form", "values"),
    [
        # arXiv 2504.05682, equation 4, read in three ways, at alpha 1 and a target of 512
        ("relative", [0.281, 0.321, 0.378, 0.500, 0.622, 0.731]),
        ("ratio", [0.516, 0.562, 0.622, 0.731, 0.818, 0.881]),
        ("difference", [0, 0, 0, 0.5, 1, 1]),
    ],
)
def test_each_reading_of_the_length_reward_has_its_own_values(form: str, values: list[float]) -> None:
    paid = [pay("length", response("x", tokens=count), form=form) for count in (32, 128, 256, 512, 768, 1024)]

    assert paid == pytest.approx(values, abs=5e-4)


def test_ratio_is_relative_with_its_centre_at_nought() -> None:
    text = response("x", tokens=300)

    assert pay("length", text, form="ratio", alpha=2) == pay("length", text, form="relative", alpha=2, centre=0)


@pytest.mark.parametrize(
    ("tokens", "params", "value"),
    [
        (100, {}, 0.1),
        (0, {}, 0.0),
        (5000, {}, 5.0),  # no bound
        (100, {"rate": -0.01}, -1.0),
        (100, {"counted": "think"}, 0.007),
        (100, {"gate": "correct"}, 0.0),
    ],
)
def test_the_per_token_reward_pays_its_rate_for_each(tokens: int, params: dict[str, Any], value: float) -> None:
    assert pay("length_per_token", response("x", tokens=tokens, think_tokens=7), **params) == pytest.approx(value)


@pytest.mark.parametrize(
    ("tokens", "value"),
    # DAPO's own 16384 + 4096
    [(0, 0.0), (16384, 0.0), (16385, -1 / 4096), (18432, -0.5), (20480, -1.0), (20481, -1.0), (10**6, -1.0)],
)
def test_soft_overlong_falls_over_its_cache_and_no_further(tokens: int, value: float) -> None:
    paid = pay("soft_overlong", response("x", tokens=tokens), max_completion_len=20480, soft_punish_cache=4096)

    assert paid == value


def test_soft_overlong_without_a_cache_is_a_step() -> None:
    paid = [
        pay("soft_overlong", response("x", tokens=count), max_completion_len=100, soft_punish_cache=0)
        for count in (100, 101)
    ]

    assert paid == [0.0, -1.0]


@pytest.mark.train
@given(tokens=st.integers(0, 300), longest=st.integers(1, 250), cache=st.integers(0, 250))
def test_soft_overlong_pays_what_trls_own_does(tokens: int, longest: int, cache: int) -> None:
    rewards = pytest.importorskip("trl.rewards.other_rewards")
    cache = min(cache, longest)

    paid = pay("soft_overlong", response("x", tokens=tokens), max_completion_len=longest, soft_punish_cache=cache)

    assert [paid] == rewards.get_soft_overlong_punishment(longest, cache)(completion_ids=[[1] * tokens])


@pytest.mark.parametrize(
    ("text", "params", "value"),
    [
        ("", {}, 0.0),
        ("one two", {}, 0.0),  # shorter than an n-gram
        ("one two three", {}, 0.0),
        ("a b c a b c", {}, -0.25),  # of abc bca cab abc one came before
        ("A b c a B c", {}, -0.25),
        ("the the the the", {}, -0.5),
        ("the " * 1000, {}, -(1 - 1 / 998)),
        ("a b a b a", {"ngram_size": 2}, -0.5),
        ("a b a b a", {"ngram_size": 2.0, "max_penalty": -4}, -2.0),
        ("a a a", {"ngram_size": 1}, -2 / 3),
    ],
)
def test_repetition_costs_the_share_of_ngrams_that_came_before(text: str, params: dict[str, Any], value: float) -> None:
    assert pay("repetition", response(text), **params) == pytest.approx(value)


@pytest.mark.train
@given(words=st.lists(st.sampled_from("abc"), max_size=30), size=st.integers(1, 5), most=st.floats(-10, 0))
def test_repetition_counts_words_as_trls_own_counts_tokens(words: list[str], size: int, most: float) -> None:
    rewards = pytest.importorskip("trl.rewards.other_rewards")

    paid = pay("repetition", response(" ".join(words)), ngram_size=size, max_penalty=most)

    assert [paid] == rewards.get_repetition_penalty_reward(size, most)(completion_ids=[[ord(word) for word in words]])


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("accuracy", {}, "1 for a right answer"),
        ("length", {}, "sigmoid(1 x (tokens / 512 - 1))"),
        ("length", {"form": "ratio", "target": 64}, "sigmoid(1 x tokens / 64)"),
        ("length", {"form": "difference", "alpha": 0.1}, "sigmoid(0.1 x (tokens - 512))"),
        (
            "length",
            {"counted": "think", "gate": "correct"},
            "sigmoid(1 x (think tokens / 512 - 1)), right answers only",
        ),
        ("length_per_token", {}, "0.001 x tokens"),
        ("soft_overlong", {}, "0 to 768 tokens, falling to -1 at 1024"),
        ("repetition", {}, "-1 x share of repeated 3-grams of words"),
    ],
)
def test_a_rewards_formula_tells_which_reading_it_is(name: str, params: dict[str, Any], said: str) -> None:
    assert formula(name, params) == said


def test_resolved_parameters_hold_what_is_used_and_nothing_that_is_not() -> None:
    assert resolved_parameters("length", {"target": 64})["form"] == "relative"
    assert "centre" not in resolved_parameters("length", {"form": "ratio"})
    assert resolved_parameters("accuracy", {}) == {}


@given(
    tokens=st.integers(0, 10**6),
    form=st.sampled_from(["relative", "ratio", "difference"]),
    target=st.floats(1e-3, 1e6),
    alpha=st.floats(-1e6, 1e6),
    centre=st.floats(-1e6, 1e6),
)
def test_the_length_reward_stays_between_nought_and_one(
    tokens: int, form: str, target: float, alpha: float, centre: float
) -> None:
    params: dict[str, Any] = {"form": form, "target": target, "alpha": alpha, "centre": centre}
    paid = REWARDS["length"](response("x", tokens=tokens), EXAMPLE, task=SAT, **params)

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

    low, high = {"soft_overlong": (-1.0, 0.0), "repetition": (-1.0, 0.0), "length_per_token": (0.0, len(text))}.get(
        name, (0.0, 1.0)
    )
    assert paid is not None and low <= paid <= high


def test_rewards_keep_their_order_and_weights() -> None:
    rewards = build_rewards({"format": {"weight": 0.5}, "length": {}, "accuracy": {"weight": 2}}, SAT)

    assert [(reward.name, reward.weight) for reward in rewards] == [("format", 0.5), ("length", 1.0), ("accuracy", 2.0)]


@pytest.mark.parametrize(
    ("settings", "found", "expected"),
    [
        (
            {"acuracy": {}},
            "did you mean accuracy?",
            "one of accuracy, format, length, length_per_token, repetition, soft_overlong",
        ),
        (
            {"length": {"params": {"tarket": 5}}},
            "did you mean target?",
            "one of form, target, alpha, centre, counted, gate",
        ),
        ({"accuracy": {"params": {"x": 1}}}, "unknown parameter of reward accuracy", "accuracy has no parameters"),
        ({"length": {"params": {"counted": "words"}}}, "counted is 'words'", "one of completion, think"),
        ({"length": {"params": {"gate": True}}}, "gate is True", "one of none, correct"),
        ({"length": {"params": {"form": "4a"}}}, "form is '4a'", "one of relative, ratio, difference"),
        (
            {"length": {"params": {"form": "ratio", "centre": 1}}},
            "form is ratio, which has none",
            "form relative alone",
        ),
        ({"repetition": {"params": {"ngram_size": 0}}}, "ngram_size is 0", "1 or more"),
        ({"repetition": {"params": {"ngram_size": 2.5}}}, "ngram_size is 2.5", "a whole number"),
        ({"repetition": {"params": {"ngram_size": True}}}, "ngram_size is True", "a whole number"),
        ({"repetition": {"params": {"max_penalty": 0.5}}}, "max_penalty is 0.5", "0 or less"),
        ({"soft_overlong": {"params": {"max_completion_len": 0}}}, "max_completion_len is 0", "a positive number"),
        ({"soft_overlong": {"params": {"soft_punish_cache": -1}}}, "soft_punish_cache is -1", "0 or more"),
        ({"soft_overlong": {"params": {"soft_punish_cache": 2000}}}, "larger than max_completion_len", "fewer tokens"),
        ({"soft_overlong": {"params": {"max_completion_len": 1e400}}}, "max_completion_len is inf", "a whole number"),
        ({"length_per_token": {"params": {"rate": "0.1"}}}, "rate is '0.1'", "a finite number"),
        ({"length": {"params": {"target": 0}}}, "target is 0", "a positive number of tokens"),
        ({"length": {"params": {"target": -1.5}}}, "target is -1.5", "a positive number of tokens"),
        ({"length": {"params": {"alpha": "1"}}}, "alpha is '1'", "a finite number"),
        ({"length": {"params": {"alpha": True}}}, "alpha is True", "a finite number"),
        ({"length": {"params": {"alpha": float("nan")}}}, "alpha is nan", "a finite number"),
        ({"length": {"params": {"task": "sat"}}}, "unknown parameter of reward length task", "one of form"),
    ],
)
def test_what_a_reward_does_not_know_is_refused_with_what_it_does(
    settings: dict[str, Any], found: str, expected: str
) -> None:
    with pytest.raises(RewardError) as caught:
        check_rewards(settings)

    assert found in caught.value.found
    assert expected in caught.value.expected
