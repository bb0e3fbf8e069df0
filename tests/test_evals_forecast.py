"""The rules of a forecast, each at both of its sides, and that sentences hold the numbers that they rest on."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from evals.forecast import LEAST_PROMPTS, RULES, Forecast, Outlook, Verdict, forecast
from evals.suitability import Group
from tests.sampled_groups import completion, groups, of, unread


def verdict(found: Forecast, about: str) -> Verdict:
    return next(each for each in found.verdicts if each.about == about)


def outlook(think: Sequence[Group], about: str, direct: Sequence[Group] | None = None) -> Outlook:
    return verdict(forecast(think, think if direct is None else direct, trained_prompt="think"), about).outlook


MIXED, SOLVED, MISSED = [4] * 100, [8] * 100, [0] * 100


@pytest.mark.parametrize(
    ("right", "options", "expected"),
    [
        (MIXED, 0, Outlook.ROOM),
        # half right among two options is a guess
        (MIXED, 2, Outlook.UNCLEAR),
        # and more than a guess among eight
        (MIXED, 8, Outlook.ROOM),
        # nothing is left, nothing is found
        (SOLVED, 0, Outlook.LITTLE),
        (MISSED, 0, Outlook.NO_SIGNAL),
        # half is solved and half is never found
        ([8] * 50 + [0] * 50, 0, Outlook.NO_SIGNAL),
        # 12% mixed: too few to learn from, whatever the headroom
        ([1] * 12 + [0] * 88, 0, Outlook.NO_SIGNAL),
        # 20% of 100 are mixed: the interval leaves open whether it is enough
        ([2] * 20 + [0] * 80, 0, Outlook.UNCLEAR),
        (MIXED[: LEAST_PROMPTS - 1], 0, Outlook.TOO_FEW),
    ],
)
def test_grpo_needs_something_to_reach_and_a_signal(right: list[int], options: int, expected: Outlook) -> None:
    assert outlook(groups(right, options=options), "grpo") is expected


def test_a_task_that_is_hidden_by_its_form_is_not_judged() -> None:
    hidden = [of(number, [completion(True), *[unread() for _ in range(7)]]) for number in range(60)]

    found = verdict(forecast(hidden, hidden, trained_prompt="think"), "grpo")

    assert found.outlook is Outlook.UNCLEAR
    assert "420 no answer tag" in " ".join(found.sentences)


def test_the_other_prompt_is_named_where_it_leads_elsewhere() -> None:
    found = verdict(forecast(groups(MISSED), groups(MIXED), trained_prompt="think"), "grpo")

    assert found.outlook is Outlook.NO_SIGNAL
    assert "Trained without <think> the same rule says room to gain" in found.sentences[-1]


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (MIXED, Outlook.ROOM),
        (MISSED, Outlook.ROOM),
        (SOLVED, Outlook.LITTLE),
        # 4% are missing, and up to 8% by the interval
        ([8] * 96 + [0] * 4, Outlook.UNCLEAR),
        (SOLVED[:5], Outlook.TOO_FEW),
    ],
)
def test_sft_needs_answers_that_are_missing(right: list[int], expected: Outlook) -> None:
    assert outlook(groups(MIXED), "sft", groups(right)) is expected


def with_lengths(slope: float, *, clipped: int = 0) -> list[Group]:
    """Groups in which the longer half is right more often by `slope`."""
    rng = random.Random(1)
    made = []
    for number in range(100):
        completions = [
            completion(rng.random() < 0.5 + slope * (place - 3.5) / 7, tokens=10 + 2 * place) for place in range(8)
        ]
        completions[:clipped] = [unread(tokens=48, is_clipped=True) for _ in range(clipped)]
        made.append(of(number, completions))
    return made


@pytest.mark.parametrize(
    ("slope", "clipped", "expected"),
    [
        (0.8, 0, Outlook.FOR),
        (-0.8, 0, Outlook.AGAINST),
        (0.0, 0, Outlook.UNCLEAR),
        # a limit that every eighth completion meets
        (0.8, 1, Outlook.UNCLEAR),
    ],
)
def test_length_is_judged_within_prompts(slope: float, clipped: int, expected: Outlook) -> None:
    assert outlook(with_lengths(slope, clipped=clipped), "length") is expected


def lengths_of(right: int) -> list[Group]:
    return [of(number, [completion(place < right, tokens=10 + place) for place in range(8)]) for number in range(60)]


@pytest.mark.parametrize(
    "made",
    [
        groups(MIXED),  # all of one length
        lengths_of(0),  # none is right, whatever its length
        lengths_of(8),
    ],
)
def test_where_length_and_correctness_do_not_both_vary_nothing_is_said_of_length(made: list[Group]) -> None:
    found = forecast(made, made, trained_prompt="think")

    assert verdict(found, "length").outlook is Outlook.UNCLEAR
    assert found.predicted["length"] is None


@pytest.mark.parametrize(
    ("think", "direct", "expected"),
    [
        ([6] * 60, [2] * 60, Outlook.FOR),
        ([2] * 60, [6] * 60, Outlook.AGAINST),
        ([3, 5] * 30, [5, 3] * 30, Outlook.UNCLEAR),
        ([3] * 5, [3] * 5, Outlook.TOO_FEW),
    ],
)
def test_thinking_is_judged_over_the_prompts_that_were_asked_both_ways(
    think: list[int], direct: list[int], expected: Outlook
) -> None:
    assert outlook(groups(think), "thinking", groups(direct)) is expected


def test_a_verdict_says_the_numbers_that_it_rests_on() -> None:
    found = forecast(groups([4] * 90 + [0] * 10, options=4), groups(MIXED), trained_prompt="think")

    said = " ".join(verdict(found, "grpo").sentences)
    assert said.startswith("A completion is right 45.0% [")
    assert "at least one of 8 for 90.0% [82.6, 94.5] of the prompts" in said
    assert "90.0% [82.6, 94.5] of the groups are mixed" in said
    assert "10.0% [5.5, 17.4] all wrong" in said
    assert "Guessing among the options would be right 25% of the time" in said
    # 1 - .75 ** 8
    assert "for 90% of the prompts" in said
    assert found.predicted["grpo"] == pytest.approx(0.45)
    assert found.predicted["sft"] == pytest.approx(0.5)


def test_nothing_sampled_is_too_few_and_no_error() -> None:
    found = forecast([], [], trained_prompt="think")

    assert {each.outlook for each in found.verdicts} == {Outlook.TOO_FEW}
    assert set(found.predicted.values()) == {None}


def test_a_forecast_as_json_names_the_rules_that_it_was_made_by() -> None:
    record = forecast(groups(MIXED), groups(MIXED), trained_prompt="think").as_record()

    assert record["rules"] == RULES
    assert record["measures"]["think"]["groups"]["mixed"]["value"] == 1.0
    assert record["measures"]["direct"]["pass_at_1"] == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert record["thinking_gap"]["prompts"] == 100
