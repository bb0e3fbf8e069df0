"""Held-out evaluation on the embedded model: every rotation; killed, stopped and resumed, it asks nothing twice."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from store.layout import RunDir
from tests.training_runs import make_run, of_type, records, start_trainer, train

pytestmark = [pytest.mark.train, pytest.mark.slow]

EVALUATION = {"examples": 18, "batch_size": 4, "prompts": ["think", "direct"], "sampled": True, "circular": True}
WAYS = 4
"""Both prompts, greedy and sampled."""


def evaluation_run(folder: Path, **settings: Any) -> RunDir:
    """A run that only evaluates the embedded model."""
    return make_run(folder, method="eval", max_completion_length=40, **{"evaluation": EVALUATION, **settings})


def wait_for_batch(run_dir: RunDir, *, attempt: int, timeout_s: float = 120) -> None:
    """Returns once an attempt's journal holds answers to questions that it asked itself."""
    deadline = time.monotonic() + timeout_s
    path = run_dir.journal(0, attempt)
    while time.monotonic() < deadline:
        written = path.read_bytes() if path.exists() else b""
        asked = written.find(b'"phase":"eval"')
        if asked >= 0 and b'"type":"eval_' in written[asked:]:
            return
        time.sleep(0.02)
    raise TimeoutError(run_dir.output.read_text()[-3000:])


def answers(run_dir: RunDir, *, attempt: int = 1) -> list[dict[str, Any]]:
    """What was asked and said, without what each journal gives its own records."""
    return [
        {key: value for key, value in record.items() if key not in ("seq", "time")}
        for record in records(run_dir, attempt=attempt)
        if record["type"] in ("eval_sample", "eval_rotation")
    ]


def results(run_dir: RunDir, *, attempt: int = 1) -> list[dict[str, Any]]:
    """Totals, without how long they took and what was taken over."""
    left_out = ("seq", "time", "seconds", "taken_over")
    return [
        {key: value for key, value in record.items() if key not in left_out}
        for record in of_type(records(run_dir, attempt=attempt), "eval_result")
    ]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """An evaluation that nothing disturbed."""
    run_dir = evaluation_run(tmp_path_factory.mktemp("unbroken"))
    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]
    return run_dir


def test_both_prompts_and_decodings_ask_the_same_examples(unbroken: RunDir) -> None:
    asked: dict[tuple[str, str], set[str]] = {}
    for record in of_type(records(unbroken), "eval_sample"):
        asked.setdefault((record["prompt"], record["decoding"]), set()).add(record["uid"])

    assert len(asked) == WAYS
    assert len({frozenset(uids) for uids in asked.values()}) == 1
    assert all(len(uids) == 18 for uids in asked.values())


def test_every_example_is_asked_in_every_rotation_and_scored_so(unbroken: RunDir) -> None:
    result = results(unbroken)[0]
    way = {key: result[key] for key in ("prompt", "decoding")}
    by_example: dict[int, dict[int, dict[str, Any]]] = {}
    for record in answers(unbroken):
        if way.items() <= record.items():
            by_example.setdefault(record["index"], {})[record.get("rotation", 0)] = record

    for turned in by_example.values():
        options = turned[0]["options"]
        assert sorted(turned) == list(range(len(options)))
        assert all(each["options"] == options[by:] + options[:by] for by, each in turned.items())
        assert len({each["gold"] for each in turned.values()}) == 1

    graded = [[bool(each["correct"]) for each in turned.values()] for turned in by_example.values()]
    circular = result["circular"]
    assert (circular["n"], circular["rotations"]) == (18, sum(map(len, graded)))
    assert circular["every"]["correct"] == sum(map(all, graded))
    assert circular["mean"] == pytest.approx(sum(sum(each) / len(each) for each in graded) / 18)
    # accuracy stays that of the order in which the task shows the options
    assert result["n"] == 18
    assert result["correct"] == sum(each[0] for each in graded)


def test_what_could_not_be_read_is_counted_by_what_is_wrong_with_it(unbroken: RunDir) -> None:
    for result in results(unbroken):
        unread = [
            record["malformed"]
            for record in of_type(records(unbroken), "eval_sample")
            if record["prompt"] == result["prompt"] and record["decoding"] == result["decoding"]
            if record["answer"] is None
        ]
        assert sum(result["unparsed_by"].values()) == result["unparsed"] == len(unread)
        assert result["unparsed_by"] == {reason: unread.count(reason) for reason in result["unparsed_by"]}


def test_an_evaluation_that_was_killed_and_then_stopped_ends_with_the_answers_of_one_that_was_not(
    unbroken: RunDir, tmp_path: Path
) -> None:
    run_dir = evaluation_run(tmp_path)
    process = start_trainer(run_dir)
    wait_for_batch(run_dir, attempt=1)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()

    run_dir.control.write_text(json.dumps({"request": "stop", "attempt": 2}))
    assert train(run_dir, "--attempt", "2") == 0, run_dir.output.read_text()[-3000:]

    first, second = answers(run_dir), answers(run_dir, attempt=2)
    assert records(run_dir, attempt=2)[-1]["outcome"] == "stopped"
    # what is taken over are whole batches: less than one is lost, and no other question was asked
    assert len(first) - 4 < len(second) <= len(first) < len(answers(unbroken))
    assert not any(record["phase"] == "eval" for record in of_type(records(run_dir, attempt=2), "phase"))

    assert train(run_dir, "--attempt", "3") == 0, run_dir.output.read_text()[-3000:]

    taken_over = sum(record["taken_over"] for record in of_type(records(run_dir, attempt=3), "eval_result"))
    assert taken_over == len(second)
    assert answers(run_dir, attempt=3) == answers(unbroken)
    assert results(run_dir, attempt=3) == results(unbroken)


def test_two_ranks_share_the_questions_and_resume_alike(tmp_path: Path) -> None:
    asked = {"examples": 9, "batch_size": 4, "prompts": ["think"], "circular": True}
    run_dir = evaluation_run(tmp_path, evaluation=asked, ranks=2)
    assert train(run_dir, "--attempt", "1", ranks=2) == 0, run_dir.output.read_text()[-3000:]
    # what a kill leaves: one rank lacks its last answers
    journal = run_dir.journal(1, 1)
    lines = journal.read_text().splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if '"type":"eval_rotation"' in line]
    journal.write_text("".join(lines[: places[-1]]))

    assert train(run_dir, "--attempt", "2", ranks=2) == 0, run_dir.output.read_text()[-3000:]

    first, second = (of_type(records(run_dir, attempt=attempt), "eval_result")[0] for attempt in (1, 2))
    assert 9 <= second["taken_over"] < first["circular"]["rotations"]
    assert results(run_dir, attempt=1) == results(run_dir, attempt=2)
    places_asked = [
        (record["index"], record.get("rotation", 0))
        for rank in (0, 1)
        for record in records(run_dir, rank=rank, attempt=2)
        if record["type"] in ("eval_sample", "eval_rotation")
    ]
    assert len(places_asked) == len(set(places_asked)) == first["circular"]["rotations"]


def found_again(run_dir: RunDir, *, weights: str | None = None, attempt: int = 2, **changed: Any) -> bool:
    """Whether the first answer of a run is found for a question that is the same but for some fields."""
    # torch takes seconds to import; tests that are not selected should not wait for it
    from trainer.earlier_answers import EarlierAnswers
    from trainer.held_out_records import Question, Way

    own = of_type(records(run_dir), "start")[0]["weights"]
    record = of_type(records(run_dir), "eval_sample")[0]
    fields = {**record, **changed}
    way = Way(fields["step"], fields["prompt"], fields["decoding"])
    earlier = EarlierAnswers(run_dir, attempt=attempt, weights=weights or own)
    found = earlier.find(way, Question(fields["index"], fields.get("rotation", 0)), fields)
    assert found is None or found["completion"] == record["completion"]
    return found is not None


def test_an_answer_is_taken_over_where_nothing_about_its_question_changed(unbroken: RunDir) -> None:
    assert found_again(unbroken)


@pytest.mark.parametrize(
    "changed",
    [
        {"weights": "0123456789abcdef"},  # another model under the same name
        {"step": 5},  # weights that are trained anew
        {"gold": "another"},
        {"options": ["other", "ones"]},
        {"user_text": "asked in other words"},
        {"uid": "another example"},
        {"index": 999},
        {"attempt": 1},  # nothing came before the first attempt
    ],
)
def test_an_answer_to_anything_else_is_not(unbroken: RunDir, changed: dict[str, Any]) -> None:
    assert not found_again(unbroken, **changed)


def test_of_a_training_run_only_answers_before_its_first_rollout_are_taken(unbroken: RunDir, tmp_path: Path) -> None:
    copy = RunDir(tmp_path / "run")
    copy.journal_dir.mkdir(parents=True)
    lines = unbroken.journal(0, 1).read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if '"type":"eval_sample"' in line)
    rollout = json.dumps({"v": 1, "seq": 0, "time": 0.0, "type": "group", "step": 1})

    copy.journal(0, 1).write_text("\n".join([*lines[: first + 1], rollout, *lines[first + 1 :]]) + "\n")
    assert found_again(copy)

    copy.journal(0, 1).write_text("\n".join([*lines[:first], rollout, *lines[first:]]) + "\n")
    assert not found_again(copy)
