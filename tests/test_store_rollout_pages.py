"""A step's rollouts, a group, a prompt over the steps, and queries: only what counts, only what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from sqlite3 import Connection

import pytest

from store.apply_rollouts import group_id
from store.layout import Home
from store.rollouts import (
    RolloutTest,
    group_rollouts,
    matches_by_step,
    matching_samples,
    occurrences,
    open_rollouts,
    rollout_steps,
    rollouts_at,
    step_samples,
)
from tests.store_runs import append, eventful_run, group, ingest_all, make_run, start

RUN = "sat-grpo-1"


@pytest.fixture
def rollouts(tmp_path: Path) -> Iterator[Connection]:
    """Three steps of two groups; in each the first completion is right, and the second is cut off without a reward."""
    home = Home(tmp_path / "home")
    journal = make_run(home).journal(0, 1)
    append(journal, start())
    for step in (2, 5, 9):
        for number in (0, 1):
            record = group(
                step, number, texts=[f"Cube 100% {step}", f"lamp_{number} is left of it"], kind=f"kind-{number}"
            )
            first, second = record["samples"]
            first.update(reward=1.0 + step, rewards={"accuracy": 1.0, "length": float("nan")}, think="The Cube")
            second.update(reward=0.5 * number, rewards={"accuracy": 0.0, "length": 0.25}, stop="length", tokens=100)
            second.update(malformed="no answer tag", answer=None, errors={"length": "boom"} if number else {})
            append(journal, record)
    ingest_all(home)
    with closing(open_rollouts(home, RUN)) as connection:
        yield connection


def found(connection: Connection, *tests: RolloutTest) -> int:
    return sum(count for _, count in matches_by_step(connection, tests, rollout_steps(connection)))


def test_steps_are_those_that_have_rollouts(rollouts: Connection) -> None:
    assert rollout_steps(rollouts) == [2, 5, 9]
    assert [rollouts_at(rollouts, step) for step in (2, 3)] == [4, 0]


def test_a_run_without_rollouts_has_no_steps(tmp_path: Path) -> None:
    with closing(open_rollouts(Home(tmp_path), RUN)) as connection:
        assert rollout_steps(connection) == [] and step_samples(connection, 1) == []


def test_steps_and_samples_of_a_resumed_run_are_those_that_count(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    eventful_run(home)
    ingest_all(home)

    with closing(open_rollouts(home, RUN)) as connection:
        assert rollout_steps(connection) == list(range(1, 22))
        texts = [
            rollout.completion
            for sample in step_samples(connection, 12)
            if sample.sample == 0
            for rollout in group_rollouts(connection, sample.group_id)
        ]
    assert len(texts) == 4 and all("attempt 2" in text for text in texts)


def test_steps_that_were_superseded_and_not_made_again_are_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), group(1), group(2), group(3))
    append(run_dir.journal(0, 2), start(first_step=2), group(2))
    ingest_all(home)

    with closing(open_rollouts(home, RUN)) as connection:
        assert rollout_steps(connection) == [1, 2]


def test_the_samples_of_a_step_come_in_order_without_their_text(rollouts: Connection) -> None:
    samples = step_samples(rollouts, 5)

    assert [(sample.group, sample.sample) for sample in samples] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert [sample.accuracy for sample in samples] == [1.0, 0.0, 1.0, 0.0]
    assert [(sample.is_clipped, sample.is_malformed) for sample in samples[:2]] == [(False, False), (True, True)]
    assert all(sample.matches for sample in samples)


def test_samples_say_whether_they_pass_the_tests(rollouts: Connection) -> None:
    samples = step_samples(rollouts, 5, [RolloutTest("text", ":", "lamp_1")])

    assert [sample.matches for sample in samples] == [False, False, False, True]


def test_a_group_comes_whole_by_its_id(rollouts: Connection) -> None:
    group_of_9 = group_rollouts(rollouts, group_id(1, 9, 1))

    assert [(rollout.step, rollout.group, rollout.sample) for rollout in group_of_9] == [(9, 1, 0), (9, 1, 1)]
    assert group_rollouts(rollouts, group_id(1, 3, 0)) == []


def test_the_completions_of_a_group_that_pass_are_found_by_its_id(rollouts: Connection) -> None:
    tests = [RolloutTest("clipped", "=", 1)]

    assert matching_samples(rollouts, group_id(1, 9, 1), tests) == {1}
    assert matching_samples(rollouts, group_id(1, 3, 0), tests) == frozenset()


def test_a_prompt_is_followed_over_its_steps(rollouts: Connection) -> None:
    rows = occurrences(rollouts, "example-1")

    assert [(row.step, row.group, row.size, row.right) for row in rows] == [(2, 1, 2, 1), (5, 1, 2, 1), (9, 1, 2, 1)]
    assert [row.reward for row in rows] == [1.75, 3.25, 5.25]
    assert occurrences(rollouts, "nobody") == []


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        (RolloutTest("text", ":", "CUBE"), 6),  # upper and lower case are alike
        (RolloutTest("text", ":", "100%"), 6),
        (RolloutTest("text", ":", "0%2"), 0),  # no pattern
        (RolloutTest("text", ":", "lamp_"), 6),
        (RolloutTest("text", ":", "lampX"), 0),
        (RolloutTest("text", ":", "' OR 1=1 --"), 0),
        (RolloutTest("text", ":", "lamp", is_negated=True), 6),
        (RolloutTest("step", "..", 3, 9), 8),
        (RolloutTest("step", "..", 3, float("inf")), 8),
        (RolloutTest("group", "=", 1), 6),
        (RolloutTest("reward", "<", 0.5), 3),
        (RolloutTest("reward", "<=", 0.5), 6),
        (RolloutTest("tokens", ">", 99), 6),
        (RolloutTest("reward.accuracy", ">=", 1), 6),
        (RolloutTest("reward.length", ">", 0), 6),  # NaN is no number above it
        (RolloutTest("reward.length", ">", 0, is_negated=True), 6),
        (RolloutTest("reward.nobody", ">", 0), 0),
        (RolloutTest("clipped", "=", 1), 6),
        (RolloutTest("right", "=", 0), 6),
        (RolloutTest("errors", "=", 1), 3),
        (RolloutTest("dead", "=", 1), 0),
        (RolloutTest("is_malformed", "=", 1), 6),
        (RolloutTest("malformed", ":", "answer"), 6),
        (RolloutTest("malformed", ":", "answer", is_negated=True), 6),  # those that are well formed
        (RolloutTest("kind", "=", "KIND-0"), 6),
        (RolloutTest("kind", "=", "kind"), 0),
        (RolloutTest("think", ":", "the"), 6),
    ],
)
def test_a_test_chooses_what_it_says(rollouts: Connection, test: RolloutTest, expected: int) -> None:
    assert found(rollouts, test) == expected


def test_all_tests_must_pass(rollouts: Connection) -> None:
    tests = [RolloutTest("text", ":", "left of"), RolloutTest("step", "=", 9), RolloutTest("group", "=", 0)]

    assert list(matches_by_step(rollouts, tests, [9, 2, 5])) == [(9, 1), (2, 0), (5, 0)]


def test_a_group_with_equal_rewards_is_dead(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    append(make_run(home).journal(0, 1), start(), group(1))
    ingest_all(home)

    with closing(open_rollouts(home, RUN)) as connection:
        assert found(connection, RolloutTest("dead", "=", 1)) == 2


@pytest.mark.parametrize("test", [RolloutTest("nobody", "=", 1), RolloutTest("reward", "; DROP TABLE", 1)])
def test_what_is_no_test_is_refused(rollouts: Connection, test: RolloutTest) -> None:
    with pytest.raises(ValueError, match=r"is no test|compares no"):
        step_samples(rollouts, 5, [test])
