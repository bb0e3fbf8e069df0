"""What the run list, one run in full, and references to runs answer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from store.errors import RunNotFound
from store.layout import Home
from store.metrics import curve, last_values
from store.rollouts import eval_samples, iter_rollouts, search
from store.runs import RunDetail, RunSummary, find_run, list_runs, open_catalogue, run_detail
from tests.store_runs import (
    append,
    attempt_steps,
    eval_result,
    eventful_run,
    ingest_all,
    make_run,
    metrics,
    rows,
    start,
    supervise,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def runs_of(home: Home) -> list[RunSummary]:
    with closing(open_catalogue(home)) as connection:
        return list_runs(connection)


def detail_of(home: Home, name: str = "sat-grpo-1") -> RunDetail:
    with closing(open_catalogue(home)) as connection:
        return run_detail(connection, name)


def found(home: Home, reference: str) -> str:
    with closing(open_catalogue(home)) as connection:
        return find_run(connection, reference).name


def test_a_home_without_a_store_has_no_runs(home: Home) -> None:
    assert runs_of(home) == []


def test_the_run_list_shows_a_finished_run_as_it_ended(home: Home) -> None:
    eventful_run(home)

    ingest_all(home)

    (run,) = runs_of(home)
    assert (run.name, run.task, run.method, run.model, run.total_steps) == ("sat-grpo-1", "sat", "grpo", "tiny", 300)
    assert (run.state, run.reason, run.step) == ("finished", "", 21)
    assert run.source == {"kind": "generated", "name": "sat", "detail": "seed 0"}
    # the last evaluation of the second attempt
    assert (run.accuracy, run.accuracy_low, run.accuracy_high) == (0.2, 0.1, 0.9)


def test_a_run_that_was_resumed_is_live_again(home: Home) -> None:
    run_dir = make_run(home)
    supervise(run_dir, 1, state="failed", reason="out of memory")
    supervise(run_dir, 2)

    ingest_all(home)

    (run,) = runs_of(home)
    assert (run.state, run.reason, run.ended_at) == ("running", "", None)
    assert [(attempt.number, attempt.state) for attempt in detail_of(home).attempts] == [(1, "failed"), (2, "running")]


def test_the_newest_run_comes_first(home: Home) -> None:
    for name, created_at in (("a-1", 5.0), ("b-1", 9.0), ("c-1", 7.0)):
        make_run(home, name, uid=int(created_at), created_at=created_at)

    ingest_all(home)

    assert [run.name for run in runs_of(home)] == ["b-1", "c-1", "a-1"]


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("sat-grpo-1", "sat-grpo-1"),  # though it begins another name as well
        ("sat-grpo-12", "sat-grpo-12"),
        ("air", "air-sft-3"),
        ("@last", "air-sft-3"),
        ("@last:sat", "sat-grpo-12"),
    ],
)
def test_a_reference_finds_the_run_that_is_meant(home: Home, reference: str, name: str) -> None:
    for number, made in enumerate(("sat-grpo-1", "sat-grpo-12", "air-sft-3"), 1):
        make_run(home, made, uid=number, created_at=float(number))
    ingest_all(home)

    assert found(home, reference) == name


@pytest.mark.parametrize(
    ("reference", "said"),
    [("sat", "sat-grpo-1, sat-grpo-12"), ("nope", "3 runs"), ("@last:nope", "3 runs"), ("", "air-sft-3, sat-grpo-1")],
)
def test_a_reference_that_fits_none_or_several_says_what_there_is(home: Home, reference: str, said: str) -> None:
    for number, made in enumerate(("sat-grpo-1", "sat-grpo-12", "air-sft-3"), 1):
        make_run(home, made, uid=number, created_at=float(number))
    ingest_all(home)

    with pytest.raises(RunNotFound) as caught:
        found(home, reference)

    assert said in caught.value.found and caught.value.expected and caught.value.fix


def test_a_run_that_is_not_there_has_no_details(home: Home) -> None:
    with pytest.raises(RunNotFound, match="no run gone"):
        detail_of(home, "gone")


def test_rows_of_steps_that_were_made_again_no_longer_count(home: Home) -> None:
    run_dir = make_run(home)
    # the first attempt reached step 12, the second begins again at 9
    attempt_steps(run_dir, 1, range(1, 13))
    attempt_steps(run_dir, 2, range(9, 16))

    ingest_all(home)

    detail = detail_of(home)
    assert (detail.counts.groups, detail.counts.rollouts, detail.counts.superseded_rollouts) == (30, 60, 16)
    assert detail.counts.metric_points == 15 * 3
    assert detail.counts.eval_samples == 3 * 3
    assert [(evaluation.step, evaluation.correct) for evaluation in detail.evals] == [(5, 1), (10, 2), (15, 2)]
    stitched = [(step, 1 if step < 9 else 2) for step in range(1, 16)]
    assert [(rollout.step, rollout.attempt) for rollout in iter_rollouts(home, run_dir.name)][::4] == stitched
    assert {sample.step for sample in eval_samples(home, run_dir.name)} == {5, 10, 15}
    assert len(search(home, run_dir.name, "attempt", limit=1000)) == 60
    with closing(open_catalogue(home)) as connection:
        points = curve(connection, run_dir.name, "reward")
    assert [(point.step, point.value) for point in points] == [(step, step / 100 + n) for step, n in stitched]


def test_a_third_attempt_supersedes_both_before_it(home: Home) -> None:
    run_dir = make_run(home)
    attempt_steps(run_dir, 1, range(1, 13))
    attempt_steps(run_dir, 2, range(9, 16))
    attempt_steps(run_dir, 3, range(3, 5))

    ingest_all(home)

    assert rows(home, "SELECT number, superseded_from FROM attempt") == [(1, 3), (2, 3), (3, None)]
    assert [rollout.step for rollout in iter_rollouts(home, run_dir.name)][::4] == [1, 2, 3, 4]


def test_the_headline_of_a_run_that_was_just_resumed_is_where_it_resumed(home: Home) -> None:
    run_dir = make_run(home)
    attempt_steps(run_dir, 1, range(1, 13))
    append(run_dir.journal(0, 1), metrics(12, only_once=7.0))
    append(run_dir.journal(0, 2), start(first_step=6))

    ingest_all(home)

    (run,) = runs_of(home)
    assert (run.step, run.reward, run.accuracy) == (5, 1.05, 0.1)
    with closing(open_catalogue(home)) as connection:
        assert last_values(connection, run_dir.name) == {"reward": 1.05, "loss": -5.0, "epoch": 0.5}


def test_the_list_prefers_greedy_answers_with_thinking(home: Home) -> None:
    run_dir = make_run(home)
    append(
        run_dir.journal(0, 1),
        start(),
        eval_result(5, correct=1),
        eval_result(10, correct=2),
        eval_result(10, correct=3, prompt="direct"),
        eval_result(15, correct=4, decoding="sampled"),
    )

    ingest_all(home)

    assert [run.accuracy for run in runs_of(home)] == [0.2]


def test_details_count_gaps_and_foreign_lines(home: Home) -> None:
    eventful_run(home)

    ingest_all(home)

    counts = detail_of(home).counts
    # the torn line, and one group without fields that both databases set aside
    assert (counts.gaps, counts.foreign_lines) == (1, 2)
