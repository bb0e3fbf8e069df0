"""`rftui rewards` and `rewards check` as they are typed: pages, documents, exit codes, and where users' code runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.reward_page import answered, conclusion, tables
from rftui.cli.root import run
from tests import gameable_rewards

OWN = "rewards.mine.function"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and the rules that can be gamed as a user's own file in the working directory."""
    monkeypatch.setenv("RFTUI_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    shutil.copy(gameable_rewards.__file__, tmp_path / "mine.py")
    return tmp_path


def check(*arguments: str) -> int:
    return run(["rewards", "check", "--task", "sat", "--source", "generated", *arguments])


def said_by(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_the_rewards_that_ship_are_listed_with_their_formulas(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rewards", "--json"]) == 0

    listed = {item["name"]: item for item in json.loads(capsys.readouterr().out)}
    assert set(listed) == {"accuracy", "format", "length", "length_per_token", "soft_overlong", "repetition"}
    assert listed["length"]["pays"] == "sigmoid(1 x (tokens / 512 - 1))"
    assert listed["repetition"]["parameters"] == {"ngram_size": 3, "max_penalty": -1.0}


def test_the_list_says_how_to_bring_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rewards"]) == 0

    printed = capsys.readouterr().out
    assert "0.001 x tokens" in printed and "rewards.NAME.function=my_rewards.py:function" in printed


def test_the_rewards_of_a_task_come_out_clean(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--json") == 0

    said = said_by(capsys)
    assert (said["is_clean"], said["findings"], said["collisions"], said["unpaid_labels"]) == (True, [], [], [])
    assert {one["verdict"] for one in said["attacks"]} == {"not paid"}
    assert {one["verdict"] for one in said["right_answers"]} <= {"paid, as it should be", "not paid"}
    assert len(said["matrix"]["pays"]) == said["labels"] == said["labels_tried"]
    assert said["source"]["kind"] == "generated"


def test_a_rule_that_can_be_gamed_is_told_of_by_attack_and_fails_the_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--set", f"{OWN}=mine.py:two_way_substring") == 1

    printed = capsys.readouterr().out
    (line,) = (line for line in printed.splitlines() if line.startswith("wrong: mine pays it like the right answer: "))
    assert "all labels, right first (all); " in line and re.search(r"; and \d+ more, in the table above$", line)
    assert "\x1b" not in printed


def test_each_attack_says_what_was_answered_what_it_was_paid_and_what_was_allowed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check("--set", f"{OWN}=mine.py:two_way_substring", "--set", "rewards.mine.weight=2", "--json") == 1

    empty = next(one for one in said_by(capsys)["attacks"] if one["attack"] == "empty answer")
    assert empty["answered"] == "<think>looking closely before deciding</think><answer></answer>"
    assert empty["rewards"] == {"accuracy": 0.0, "format": 0.0, "mine": 1.0}
    assert (empty["reward"], empty["right_reward"], empty["is_fault"]) == (2.0, 4.0, True)
    assert empty["allowed"] == {"reward_below": 4.0, "at_most": {"accuracy": 0.0, "mine": 0.0}}


def test_a_users_file_is_run_by_the_interpreter_that_trains_and_not_by_this_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "mine.py").write_text(
        "import os\nprint('a reward file may print')\n"
        "PID = os.getpid()\ndef f(response, example):\n    raise KeyError(PID)\n"
    )

    assert check("--set", f"{OWN}=mine.py:f", "--json") == 1

    said = said_by(capsys)
    pid = int(said["attacks"][0]["errors"]["mine"].removeprefix("KeyError: "))
    assert pid not in (0, os.getpid())
    assert not any("mine" in name for name in sys.modules if name.startswith("user_"))


@pytest.mark.parametrize(
    ("assignment", "found", "code"),
    [
        (f"{OWN}=absent.py:f", "absent.py is not there", 2),
        (f"{OWN}=mine.py:nothing", "no nothing in", 2),
        ("rewards.length.params.form=4a", "form is '4a'", 2),
        ("rewards.lenght.weight=1", "unknown reward lenght; did you mean length?", 2),
    ],
)
def test_rewards_that_cannot_be_used_are_a_wrong_command(
    folder: Path, capsys: pytest.CaptureFixture[str], assignment: str, found: str, code: int
) -> None:
    assert check("--set", assignment, "--json") == code

    said = capsys.readouterr()
    assert said.out == ""
    assert found in json.loads(said.err)["found"] and json.loads(said.err)["expected"]


def test_a_task_that_is_not_there_is_not_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rewards", "check", "--task", "saat", "--json"]) == 3


def test_a_check_leaves_nothing_behind(folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}

    check("--set", f"{OWN}=mine.py:exact")

    assert {path.name for path in folder.iterdir()} == before


def report(**fields: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "is_clean": False,
        "rewards": [],
        "findings": [],
        "attacks": [],
        "right_answers": [],
        "collisions": [],
        "unpaid_labels": [],
        "matrix": {"labels": ["a", "b"], "pays": [[1.0, 0.0], [0.0, 1.0]], "left_out": 0},
    }
    return empty | fields


def test_of_many_collisions_the_full_ones_come_first_and_the_rest_is_counted() -> None:
    pairs = [{"gold": f"g{n}", "answer": "a", "pay": 0.5, "right": 1.0, "is_full": n == 29} for n in range(30)]

    *_, table = tables(report(collisions=pairs))

    assert table.title == "labels that are paid where another is right: the first 20 of 30 pairs"
    assert table.rows[0][0] == "g29" and len(table.rows) == 20


def test_the_conclusion_names_the_three_worst_attacks_of_a_reason_and_counts_the_others() -> None:
    attacks = [
        {"attack": f"attack {n}", "kind": "trick", "is_fault": True, "why": "paid for no answer", "reward": 1.0}
        | {"cases": 10, "cases_alike": n}
        for n in range(1, 11)
    ]

    line = conclusion(report(attacks=attacks))[0]

    assert line == (
        "wrong: paid for no answer: attack 10 (all); attack 9 (9 of 10); attack 8 (8 of 10); "
        "and 7 more, in the table above"
    )


def test_the_conclusion_names_labels_that_are_never_paid_and_those_not_tried() -> None:
    matrix = {"labels": ["a", "b"], "pays": [[1.0, 0.0]], "left_out": 1}

    lines = conclusion(report(unpaid_labels=[f"label {n}" for n in range(10)], matrix=matrix))

    assert lines[0].startswith("right and not paid: the labels label 0, label 1") and lines[0].endswith("and 2 more")
    assert lines[1] == "not tried against each other: 1 label"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "(nothing)"),
        (" \n", "(white space)"),
        (f"<think>{'looking closely ' * 3}</think><answer>a</answer>", "<think>looking …</think><answer>a</answer>"),
        ("<answer>\na\n</answer>", "<answer> \\n a \\n </answer>"),
        ("\x1b[31mred", "red"),
        ("x" * 100, "x" * 43 + "…"),
    ],
)
def test_completions_are_shown_in_few_characters_and_cannot_steer_a_terminal(text: str, shown: str) -> None:
    assert answered(text) == shown
