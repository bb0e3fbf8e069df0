"""The gain of a run: last evaluation against first, paired by example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.details import FEW_FLIPPED, detail_lines, gain_fields, run_fields
from rftui.evaluations.gains import Gain, gains
from store.config import config_toml, parse_config
from store.ingest import ingest_run
from store.journal import Appender
from store.layout import Home
from store.runs import open_catalogue, run_detail

NAME = "sat-grpo-1"
SOURCE = {"kind": "generated", "name": "sat-generated", "detail": "made up"}


def write_run(home: Home, answers_by_step: Mapping[int, Mapping[str, bool | None]]) -> None:
    """A run with one evaluation a step: whether each example, by uid, was right; None where it cannot be graded."""
    run_dir = home.run(NAME)
    run_dir.journal_dir.mkdir(parents=True)
    run_dir.config.write_text(config_toml(parse_config({"name": NAME})))
    run_dir.launch.write_text(json.dumps({"uid": 1, "created_at": 1.0}))
    journal = Appender(run_dir.journal(0, 1))
    journal.append("start", attempt=1, rank=0, world_size=1, first_step=1, total_steps=9, source=SOURCE)
    for step, answers in answers_by_step.items():
        kind: dict[str, Any] = {"step": step, "prompt": "think", "decoding": "sampled", "split": "heldout"}
        for number, (uid, correct) in enumerate(answers.items()):
            journal.append("eval_sample", **kind, **_sample(number, uid, correct))
        graded = [correct for correct in answers.values() if correct is not None]
        totals = {"n": len(graded), "correct": sum(graded), "accuracy": sum(graded) / len(graded)}
        journal.append("eval_result", **kind, **totals, source=SOURCE, low=0.0, high=1.0, unparsed=0)
    journal.close()
    ingest_run(home, NAME)


def _sample(number: int, uid: str, correct: bool | None) -> dict[str, Any]:
    text = {"question": "?", "user_text": "?", "gold": "left", "completion": "", "kind": "relation", "stop": "eos"}
    empty = dict.fromkeys(("think", "answer", "malformed", "scene"))
    counts = {"tokens": 1, "think_tokens": 0}
    return {"index": number, "uid": uid, "options": [], "images": [], "correct": correct, **text, **empty, **counts}


def gains_of(home: Home) -> list[Gain]:
    with closing(open_catalogue(home)) as connection:
        evaluations = run_detail(connection, NAME).evals
    return gains(home, NAME, evaluations)


def test_the_gain_is_the_mean_change_over_the_examples_of_both_evaluations(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before = {f"example-{number}": number < 20 for number in range(100)}
    middle = dict.fromkeys(before, False)
    after = {f"example-{number}": number < 50 for number in range(100)}
    write_run(home, {0: before, 5: middle, 9: after})

    (gain,) = gains_of(home)

    assert (gain.prompt, gain.decoding, gain.split) == ("think", "sampled", "heldout")
    assert (gain.from_step, gain.to_step, gain.n) == (0, 9, 100)
    assert gain.gain == pytest.approx(0.3)
    assert gain.low < 0.3 < gain.high
    # 1.96 standard errors of a share of .3 over 100 examples
    assert gain.high - gain.low == pytest.approx(2 * 1.96 * (0.3 * 0.7 / 100) ** 0.5, rel=0.15)


def test_examples_pair_by_uid_whatever_their_order(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_run(home, {0: {"a": True, "b": False}, 9: {"b": True, "a": True}})

    (gain,) = gains_of(home)

    assert (gain.gain, gain.n) == (0.5, 2)


def test_examples_without_a_gradable_gold_are_left_out(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_run(home, {0: {"a": False, "b": None}, 9: {"a": True, "b": None}})

    (gain,) = gains_of(home)

    assert (gain.gain, gain.n) == (1.0, 1)


def test_one_evaluation_alone_has_no_gain(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_run(home, {0: {"a": True}})

    assert gains_of(home) == []


def test_evaluations_of_different_examples_have_no_gain(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_run(home, {0: {"a": True}, 9: {"b": True}})

    assert gains_of(home) == []


@pytest.mark.parametrize(
    ("right_after", "flips", "p"),
    [
        (8, "+0 -0", "1.000"),  # nothing flipped: an interval without width bounds nothing
        (7, "+0 -1", "1.000"),
        (13, "+5 -0", ".062"),
    ],
)
def test_a_gain_of_few_flips_says_that_its_interval_is_too_narrow(
    right_after: int, flips: str, p: str, tmp_path: Path
) -> None:
    home = Home(tmp_path)
    before = {f"example-{number}": number < 8 for number in range(16)}
    write_run(home, {0: before, 9: {uid: number < right_after for number, uid in enumerate(before)}})

    fields = run_fields(home, NAME) | gain_fields(home, NAME)
    lines = list(detail_lines(fields))

    place = next(number for number, line in enumerate(lines) if "what training changed" in line)
    assert lines[place + 2].endswith(f"{flips}  {p}")
    assert lines[place + 3].strip() == FEW_FLIPPED
    assert fields["gains"][0]["is_interval_narrow"]


def test_a_gain_of_many_flips_goes_by_its_interval(tmp_path: Path) -> None:
    home = Home(tmp_path)
    before = {f"example-{number}": number < 20 for number in range(100)}
    write_run(home, {0: before, 9: {uid: number < 50 for number, uid in enumerate(before)}})

    lines = list(detail_lines(run_fields(home, NAME) | gain_fields(home, NAME)))

    assert any(line.endswith("+30 -0  <.001") for line in lines)
    assert FEW_FLIPPED not in "\n".join(lines)
