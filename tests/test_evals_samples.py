"""What a launch and a run see of their data in the first examples, and that `tasks check` says the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from evals.checking.facts import Level, Problem
from evals.checking.samples import GRADED_EXAMPLES, sampled_problems
from evals.checking.task_check import check_task
from evals.choices import graded
from evals.rewards import build_rewards
from evals.rewards.response import Response
from evals.task import Example
from tests.test_evals_task_check import PaysNever, Small, example

Change = Callable[[Example], Example]


def problems(task: Small) -> list[Problem]:
    train, heldout = (
        task.examples(split, seed=0, difficulty=0, source=task.source("here")) for split in ("train", "heldout")
    )
    return list(sampled_problems(task, train, heldout))


def first(count: int, **fields: object) -> Change:
    """Changes so many training examples."""
    return lambda one: replace(one, **fields) if one.split == "train" and one.index < count else one  # type: ignore[arg-type]


def test_nothing_is_wrong_with_sound_data() -> None:
    assert problems(Small((20, 5, 110))) == []


@pytest.mark.parametrize(
    "change",
    [{"gold": "up"}, {"options": ("left", "left", "right")}, {"gold": ""}],
    ids=["none is right", "one stands twice", "no gold"],
)
@pytest.mark.parametrize(("count", "level"), [(5, Level.WARNING), (10, Level.WARNING), (11, Level.ERROR)])
def test_a_launch_and_tasks_check_call_it_an_error_where_most_cannot_be_graded(
    change: dict[str, object], count: int, level: Level
) -> None:
    task = Small((20, 5, 110), change=first(count, **change))

    (problem,) = problems(task)
    facts = check_task(task, "here")

    assert problem.level is level
    assert f"{count} of 20 train examples looked at ({count / 20:.0%}) cannot be graded" in problem.found
    assert (facts.errors != []) == (level is Level.ERROR), facts.problems


def test_held_out_examples_that_cannot_be_graded_are_a_warning() -> None:
    task = Small((20, 5, 110), change=lambda one: replace(one, gold="up") if one.split == "heldout" else one)

    (problem,) = problems(task)

    assert problem.level is Level.WARNING
    assert "110 of 110 heldout examples" in problem.found
    assert "'up' is not among its options" in problem.found


def test_a_rule_that_calls_the_gold_wrong_is_told() -> None:
    levels = [(problem.level, "grades as wrong" in problem.found) for problem in problems(PaysNever((20, 5, 110)))]

    assert levels == [(Level.ERROR, True), (Level.WARNING, True)]


@pytest.mark.parametrize("field", ["scene", "uid"])
def test_images_that_are_trained_on_too_are_told_with_their_share(field: str) -> None:
    def shares(one: Example) -> Example:
        return replace(one, **{field: f"same {one.index}"}) if one.index < 11 else one  # type: ignore[arg-type]

    (problem,) = problems(Small((20, 5, 110), change=shares))

    assert problem.level is Level.WARNING
    assert "11 of 110 held-out examples looked at (10%) have images that are trained on too" in problem.found
    assert "all 20 training examples" in problem.found


def test_no_image_is_made() -> None:
    def breaks(one: Example) -> Example:
        return replace(one, draw=lambda: 1 / 0)  # type: ignore[arg-type, return-value]

    assert problems(Small((20, 5, 110), change=breaks)) == []


def test_of_a_long_split_the_first_examples_are_graded() -> None:
    task = Small((2000, 5, 110), change=lambda one: replace(one, gold="up") if one.index < 3 else one)

    assert f"3 of {GRADED_EXAMPLES} train examples looked at (1%)" in problems(task)[0].found


@pytest.mark.parametrize("options", [("up", "down"), ("left", "left", "right")])
def test_nobody_is_graded_where_not_one_option_is_the_gold(options: tuple[str, ...]) -> None:
    task = Small()
    asked = replace(example("heldout", 0, options=options), gold="left")

    assert [graded(task, answer, asked) for answer in ("left", "up", None)] == [None] * 3
    (accuracy,) = build_rewards({"accuracy": {"weight": 1.0}}, task)
    response = Response(
        text="left", mode="direct", think=None, answer="left", malformed=None, tokens=1, think_tokens=0, stop="eos"
    )
    assert accuracy.function(response, asked) is None
    assert accuracy.function(response, replace(asked, options=("left", "up"))) == 1.0


def test_an_open_question_is_graded_by_the_tasks_own_rule() -> None:
    asked = replace(example("heldout", 0), options=(), gold="left")

    assert (graded(Small(), "Left.", asked), graded(Small(), "up", asked)) == (True, False)
