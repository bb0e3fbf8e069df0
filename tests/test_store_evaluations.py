"""Held-out evaluations, system samples and endings come back as they were written, and only those that count."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evals.scoring import circular_score, wilson
from evals.unmatched import Given, unmatched_record
from store.attempt_ends import last_attempt, run_state, runs_in
from store.evaluations import EvalKey, HeldOut, chance, eval_answers, eval_sample_of, held_out
from store.layout import Home
from store.rollouts import open_rollouts
from store.runs import open_catalogue
from store.system_samples import GpuSample, read_samples
from tests.eval_rows import answer, evaluated_home, evaluation_records
from tests.store_runs import append, eval_result, eval_sample, ingest_all, make_run, start

RUN = "sat-grpo-1"
GPU = {"index": 1, "uuid": "GPU-1", "name": "H100", "utilization_percent": 98, "memory_used_mb": 71_000}
GPU |= {"memory_total_mb": 80_000, "power_w": 312.5, "temperature_c": 68}


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """A run with evaluations at steps 0 and 50."""
    yield evaluated_home(tmp_path)


def test_every_evaluation_comes_once_with_its_totals(home: Home) -> None:
    with closing(open_catalogue(home)) as connection:
        found = held_out(connection, RUN)

    assert [item.key for item in found] == [
        EvalKey(step, prompt, "greedy", "heldout") for step in (0, 50) for prompt in ("direct", "think")
    ]
    last = found[-1]
    assert (last.n, last.correct, last.unparsed, last.ungradable, last.clipped) == (12, 9, 1, 0, 0)
    assert (last.low, last.high) == pytest.approx(wilson(9, 12))
    assert (last.level, last.mean_tokens, last.temperature) == (0.95, 12.5, 0.0)
    assert last.source["kind"] == "generated"


def told(home: Home, **fields: Any) -> HeldOut:
    """An evaluation whose record has these fields besides."""
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), eval_result(0, **fields))
    ingest_all(home)
    with closing(open_catalogue(home)) as connection:
        return held_out(connection, RUN)[0]


def test_what_a_record_says_beyond_its_totals_comes_back_as_it_was_counted(tmp_path: Path) -> None:
    circular = circular_score({"a": {0: True, 1: True}, "b": {0: True, 1: False}}, {"a": 2, "b": 2})
    unmatched = unmatched_record([Given("Boing 737", False, ()), Given(None, False, ())], ["Boeing 737"])
    assert circular is not None and unmatched is not None

    found = told(
        Home(tmp_path),
        circular=circular.as_record(),
        unmatched=unmatched,
        unparsed_by={"no answer tag": 3, "several answers": 1},
    )

    assert found.circular is not None and found.unmatched is not None
    assert (found.circular.n, found.circular.rotations, found.circular.mean) == (2, 4, 0.75)
    assert found.circular.every.correct == 1
    assert found.circular.every.low == pytest.approx(wilson(1, 2).low)
    assert [part.accuracy for part in found.circular.by_rotation] == [1.0, 0.5]
    assert (found.unmatched.among, found.unmatched.total) == ("labels", 1)
    assert found.unmatched.answers[0].nearest == ("Boeing 737",)
    assert found.unparsed_by == {"no answer tag": 3, "several answers": 1}


@pytest.mark.parametrize(
    "odd", [None, 3, "text", [], {}, {"n": "many"}, {"among": "labels", "count": 1, "answers": [3]}, {"answers": 1}]
)
def test_parts_that_another_program_wrote_are_no_parts(tmp_path: Path, odd: Any) -> None:
    found = told(Home(tmp_path), circular=odd, unmatched=odd)

    assert (found.circular, found.unmatched) == (None, None)


def test_an_answer_says_what_is_wrong_with_its_form(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    records = [eval_sample(0, 0), eval_sample(0, 1, malformed="no answer tag", answer=None, correct=False)]
    append(run_dir.journal(0, 1), start(), *records)
    ingest_all(home)

    with closing(open_rollouts(home, RUN)) as connection:
        found = eval_answers(connection, EvalKey(0, "think", "greedy", "test"))

    assert [answer.malformed for answer in found] == [None, "no answer tag"]


def test_an_evaluation_that_a_later_attempt_made_again_comes_as_it_was_made_last(home: Home) -> None:
    records = [start(), *evaluation_records(0, "0" * 12), *evaluation_records(50, "1" * 12)]
    append(home.run(RUN).journal(0, 2), *records)
    ingest_all(home)

    with closing(open_catalogue(home)) as catalogue, closing(open_rollouts(home, RUN)) as rollouts:
        found = {item.key: item for item in held_out(catalogue, RUN)}
        first = EvalKey(0, "think", "greedy", "heldout")
        answers = eval_answers(rollouts, first)
        again = eval_sample_of(rollouts, first, 0)

    # step 0 of the first attempt still counts, for the second begins at step 1; the second asked it again
    assert found[first].correct == 0 and found[first].attempt == 2
    assert found[first._replace(step=50)].correct == 12
    assert found[EvalKey(0, "direct", "greedy", "heldout")].attempt == 1
    assert [item.correct for item in answers] == [False] * 12
    assert again is not None and again.correct is False


def test_answers_come_without_texts_and_one_comes_in_full(home: Home) -> None:
    key = EvalKey(50, "think", "greedy", "heldout")
    with closing(open_rollouts(home, RUN)) as connection:
        answers = eval_answers(connection, key)
        sample = eval_sample_of(connection, key, 9)
        nothing = eval_sample_of(connection, key, 99)

    assert [item.number for item in answers] == list(range(12))
    assert answers[9]._asdict() == {
        **answer(9, kind="relation", answer=None, correct=False, tokens=4, think_tokens=0, options=3)._asdict()
    }
    assert sample is not None and sample.question == "Question 9?"
    assert sample.completion.startswith("<think>step 50 thinks of 9</think>")
    assert sample.images[0]["tokens"] == 1
    assert nothing is None


def test_a_home_without_runs_has_no_evaluations(tmp_path: Path) -> None:
    home = Home(tmp_path)

    with closing(open_catalogue(home)) as catalogue, closing(open_rollouts(home, RUN)) as rollouts:
        assert held_out(catalogue, RUN) == []
        assert eval_answers(rollouts, EvalKey(0, "think", "greedy", "heldout")) == []
        assert last_attempt(catalogue, RUN) is None
        assert run_state(catalogue, RUN) is None
        assert read_samples(catalogue, RUN).samples == []


@pytest.mark.parametrize("odd", ["NaN", "Infinity", None, [1], {"a": 1}, True, "many"])
def test_odd_totals_of_other_programs_break_no_list(tmp_path: Path, odd: object) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    extras: dict[str, Any] = dict.fromkeys(("level", "ungradable", "clipped", "mean_tokens", "temperature"), odd)
    append(run_dir.journal(0, 1), start(), eval_result(1, source="somewhere", **extras))
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        (found,) = held_out(connection, RUN)

    assert (found.level, found.ungradable, found.clipped, found.mean_tokens) == (None, 0, None, None)
    assert found.source == {"kind": "unknown", "name": "somewhere"}


def test_chance_is_known_where_every_question_shows_options() -> None:
    assert chance([answer(options=2), answer(options=4)]) == pytest.approx(0.375)
    assert chance([answer(options=2), answer(options=0)]) is None
    assert chance([answer(options=2), answer(options=0, correct=None)]) == 0.5
    assert chance([]) is None


def test_samples_come_once_each_from_where_they_were_left(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    base = {"cpu_percent": 150.0, "rss_mb": 100, "host_memory_used_mb": 1, "host_memory_total_mb": 2}
    records = [{"type": "sample", **base, "disk_free_mb": 3, "gpus": [GPU]} for _ in range(5)]
    append(run_dir.supervisor_journal, *records)
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        first = read_samples(connection, RUN, limit=3)
        rest = read_samples(connection, RUN, after=first.place)
        nothing = read_samples(connection, RUN, after=rest.place)

    assert [sample.time for sample in (*first.samples, *rest.samples)] == [1000.0 + number for number in range(5)]
    assert nothing == ([], rest.place)
    assert first.samples[0].cpu_percent == 150.0
    assert first.samples[0].gpus == (GpuSample(1, "GPU-1", "H100", 98.0, 71_000.0, 80_000.0, 312.5, 68.0),)


@pytest.mark.parametrize("gpus", ["text", {"index": 0}, [1, "x", None], [{"index": "one", "power_w": "NaN"}]])
def test_odd_gpus_of_a_sample_break_nothing(tmp_path: Path, gpus: object) -> None:
    home = Home(tmp_path)
    append(make_run(home).supervisor_journal, {"type": "sample", "gpus": gpus})
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        (sample,) = read_samples(connection, RUN).samples

    assert all(gpu == GpuSample(-1, "", "", None, None, None, None, None) for gpu in sample.gpus)


def test_the_last_attempt_comes_with_its_evidence(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    append(run_dir.journal(0, 2), {**start(), "host": "box-1"})
    oom = {"kind": "allocation", "detail": "CUDA out of memory"}
    end = {"exit_code": 1, "signal": None, "oom": oom, "traceback": "Traceback\nOutOfMemoryError: no"}
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "attempt_start", "attempt": 2, "pid": 2},
        {"type": "attempt_end", "attempt": 2, **end},
        {"type": "state", "attempt": 2, "state": "failed", "reason": "out of memory"},
    )
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        found = last_attempt(connection, RUN)

        assert found is not None
        assert (found.number, found.state, found.exit_code, found.signal) == (2, "failed", 1, None)
        assert (found.oom, found.host) == (oom, "box-1")
        assert json.dumps(found.traceback).startswith('"Traceback')
        assert run_state(connection, RUN) == "failed"
        assert runs_in(connection, {"failed", "lost"}) == [RUN]
        assert runs_in(connection, {"running"}) == []
