"""Rollouts and held-out answers come back as they were written, and only those that were asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.apply_rollouts import completion_id, group_id
from store.layout import Home
from store.rollouts import eval_samples, iter_rollouts, search
from tests.store_runs import append, eval_sample, group, ingest_all, make_run, start


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A run of three steps with two groups of two completions each, and two held-out answers."""
    home = Home(tmp_path / "home")
    journal = make_run(home).journal(0, 1)
    append(journal, start())
    for step in (1, 2, 3):
        for number in (0, 1):
            record = group(step, number, texts=[f"cube {step} {number}", f"lamp {step} {number}"])
            for sample in record["samples"]:
                sample["reward"] = step + sample["sample"] / 2
            append(journal, record)
    append(journal, eval_sample(2, 1, correct=None), eval_sample(2, 0, prompt="direct", correct=False))
    ingest_all(home)
    return home


def test_a_rollout_comes_back_whole(home: Home) -> None:
    rollout = next(iter_rollouts(home, "sat-grpo-1"))

    assert (rollout.step, rollout.policy_step, rollout.group, rollout.sample) == (1, 0, 0, 0)
    assert (rollout.completion, rollout.answer, rollout.gold, rollout.stop) == ("cube 1 0", "left", "left", "eos")
    assert rollout.rewards == {"accuracy": 1.0, "length": None}
    assert (rollout.options, rollout.image) == (("left", "right"), "ab" * 32)
    assert (rollout.errors, rollout.attempt) == ({}, 1)


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"step": 2}, 4),
        ({"group": 1}, 6),
        ({"min_reward": 3}, 4),
        ({"max_reward": 1}, 2),
        ({"contains": "lamp 3"}, 2),
        ({"prompt": "example-1"}, 6),
        ({"prompt": "left or right"}, 12),
        ({"step": 2, "group": 0, "contains": "cube"}, 1),
        ({"limit": 5}, 5),
        ({"limit": 0}, 0),
        ({"contains": "%"}, 0),  # text, not a pattern
    ],
)
def test_conditions_choose_rollouts(home: Home, conditions: dict[str, Any], expected: int) -> None:
    assert len(list(iter_rollouts(home, "sat-grpo-1", **conditions))) == expected


def test_rollouts_come_by_step_group_and_sample_or_newest_step_first(home: Home) -> None:
    oldest = [(rollout.step, rollout.group, rollout.sample) for rollout in iter_rollouts(home, "sat-grpo-1")]
    newest = [rollout.step for rollout in iter_rollouts(home, "sat-grpo-1", newest_first=True)]

    assert oldest == sorted(oldest) and len(oldest) == 12
    assert newest == [3] * 4 + [2] * 4 + [1] * 4


def test_a_reward_that_was_not_finite_is_read_as_a_number(tmp_path: Path) -> None:
    home = Home(tmp_path / "other")
    record = group(1)
    record["samples"][0]["rewards"] = {"length": float("inf"), "accuracy": None}
    append(make_run(home).journal(0, 1), record)
    ingest_all(home)

    assert next(iter_rollouts(home, "sat-grpo-1")).rewards == {"length": float("inf"), "accuracy": None}


def test_held_out_answers_come_in_order_with_what_cannot_be_graded(home: Home) -> None:
    found = [(answer.prompt, answer.number, answer.correct) for answer in eval_samples(home, "sat-grpo-1")]

    assert found == [("direct", 0, False), ("think", 1, None)]
    assert [answer.prompt for answer in eval_samples(home, "sat-grpo-1", step=2, prompt="think")] == ["think"]
    assert list(eval_samples(home, "sat-grpo-1", step=1)) == []


def test_a_run_without_rollouts_has_none(tmp_path: Path) -> None:
    home = Home(tmp_path / "empty")

    assert list(iter_rollouts(home, "nope")) == [] and search(home, "nope", "word") == []


def test_search_finds_words_newest_first(home: Home) -> None:
    found = search(home, "sat-grpo-1", "lamp AND 1")

    assert found == sorted(found, reverse=True) and len(found) == 4


def test_ids_sort_as_attempts_steps_groups_and_samples_do() -> None:
    places = [
        (1, 1, 0, 0),
        (1, 1, 0, 4095),
        (1, 1, 1, 0),
        (1, 2, 0, 0),
        (2, 1, 0, 0),
        (511, 2**24 - 1, 2**18 - 1, 4095),
    ]

    ids = [completion_id(group_id(attempt, step, number), sample) for attempt, step, number, sample in places]

    assert ids == sorted(set(ids)) and ids[-1] < 2**63


@pytest.mark.parametrize("place", [(512, 1, 1), (1, 2**24, 1), (1, 1, 2**18), (-1, 1, 1)])
def test_a_place_that_no_id_holds_is_refused(place: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        group_id(*place)
