"""What `rftui show` says of a run beyond its numbers: what was left out, and what the run noted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.details import NOTES_SHOWN, detail_lines, run_fields
from rftui.cli.output import MOST_CELL, MOST_LAST
from store.config import config_toml, parse_config
from store.ingest import ingest_run
from store.journal import Appender
from store.layout import Home

NAME = "sat-grpo-1"
SOURCE = {"kind": "real", "name": "photos", "detail": "a folder of photos"}
RESULT: dict[str, Any] = {
    "step": 0,
    "prompt": "think",
    "decoding": "greedy",
    "split": "heldout",
    "source": SOURCE,
    "n": 97,
    "correct": 50,
    "accuracy": 50 / 97,
    "low": 0.4,
    "high": 0.6,
    "unparsed": 2,
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    run_dir = made.run(NAME)
    run_dir.journal_dir.mkdir(parents=True)
    run_dir.config.write_text(config_toml(parse_config({"name": NAME})))
    run_dir.launch.write_text(json.dumps({"uid": 1, "created_at": 1.0}))
    journal = Appender(run_dir.journal(0, 1))
    journal.append("start", attempt=1, rank=0, world_size=1, first_step=1, total_steps=9, source=SOURCE)
    journal.close()
    return made


def write(home: Home, kind: str, **fields: Any) -> None:
    journal = Appender(home.run(NAME).journal(0, 1))
    journal.append(kind, **fields)
    journal.close()


def shown(home: Home) -> str:
    ingest_run(home, NAME)
    return "\n".join(detail_lines(run_fields(home, NAME)))


def test_examples_that_could_not_be_read_are_named_beside_n(home: Home) -> None:
    write(home, "eval_result", **RESULT, unreadable=3)

    assert "n leaves out 3 examples whose images cannot be read" in shown(home)


def test_an_evaluation_that_read_everything_says_nothing_of_it(home: Home) -> None:
    write(home, "eval_result", **RESULT)

    assert "leaves out" not in shown(home)
    assert run_fields(home, NAME)["evals"][0]["unreadable"] == 0


def test_what_a_run_noted_is_shown_without_its_control_codes(home: Home) -> None:
    write(home, "note", level="warning", text="no checkpoint at step 2\x1b[31m: disk full")

    text = shown(home)

    assert "warning: no checkpoint at step 2" in text
    assert "\x1b" not in text


def test_of_many_notes_the_last_are_shown_and_all_are_in_the_fields(home: Home) -> None:
    for number in range(NOTES_SHOWN + 5):
        write(home, "note", level="info", text=f"note {number}")

    text = shown(home)

    assert "info: note 4\n" not in text and "info: note 5\n" in text
    assert f"info: note {NOTES_SHOWN + 4}" in text
    assert len(run_fields(home, NAME)["notes"]) == NOTES_SHOWN + 5


def test_a_long_name_of_a_prompt_makes_no_wide_table_and_stays_whole_in_the_fields(home: Home) -> None:
    long = "think \x1b[31m" + "日w " * 400
    write(home, "eval_result", **{**RESULT, "prompt": long, "source": {**SOURCE, "name": "photos " * 400}})
    write(home, "eval_result", **RESULT)

    lines = shown(home).splitlines()
    table = lines[lines.index("evaluations") + 1 :][:3]

    assert all("\x1b" not in line for line in table)
    assert max(map(len, table)) < MOST_CELL + MOST_LAST + 60
    # a short cell is padded for no longer one than that
    assert len(table[2]) < MOST_CELL + 100
    assert sum("…" in line for line in table) == 1
    assert run_fields(home, NAME)["evals"][0]["prompt"] == long or run_fields(home, NAME)["evals"][1]["prompt"] == long
