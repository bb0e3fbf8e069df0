"""Tags, notes and the filters of the run list, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.options import complete_method, complete_tag
from rftui.cli.root import run
from rftui.runs import user_records
from rftui.runs.annotations import add_note, add_tags, put_star
from rftui.supervision.supervisor_lock import supervision
from rftui.terminal.clean import clean
from store.layout import Home
from tests.evaluated_runs import write_run
from tests.store_runs import dump

Command = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("RFTUI_HOME", str(tmp_path))
    home = Home(tmp_path)
    write_run(home, "sat-grpo-1", [])
    write_run(home, "sat-sft-2", [], method="sft")
    write_run(home, "air-grpo-3", [], task="aircraft", state="failed")
    return home


@pytest.fixture
def rftui(home: Home, capsys: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: str) -> str:
        assert run([*arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return command


def records(home: Home) -> list[dict[str, Any]]:
    return [json.loads(line) for line in home.user_journal.read_text().splitlines()]


def names(rftui: Command, *options: str) -> list[str]:
    return [item["name"] for item in json.loads(rftui("runs", "--json", *options))]


def test_tags_are_given_shown_and_taken(rftui: Command) -> None:
    given = json.loads(rftui("tag", "sat-grpo", "paper", "best", "--json"))
    listed = rftui("runs").splitlines()
    left = json.loads(rftui("tag", "sat-grpo", "paper", "--remove", "--json"))

    assert given == {"name": "sat-grpo-1", "tags": ["best", "paper"]}
    assert listed[0].endswith("tags")
    assert [line for line in listed if line.endswith("best paper")] == [line for line in listed if "sat-grpo-1" in line]
    assert left == {"name": "sat-grpo-1", "tags": ["best"]}
    assert "tags: best" in rftui("show", "sat-grpo")


def test_the_run_list_has_no_column_of_tags_while_no_run_has_any(rftui: Command) -> None:
    assert "tags" not in rftui("runs")


def test_a_tag_that_a_run_has_is_not_recorded_again(home: Home, rftui: Command) -> None:
    for _ in range(2):
        rftui("tag", "sat-grpo", "best", "best")

    assert [record["tag"] for record in records(home)] == ["best"]


@pytest.mark.parametrize("tag", ["two words", "", "a,b", 'quo"ted', "#hash", "x" * 65, "bell\x07", "\u202eright"])
def test_what_is_no_tag_is_refused_and_nothing_is_recorded(
    home: Home, capsys: pytest.CaptureFixture[str], tag: str
) -> None:
    assert run(["tag", "sat-grpo", "good", tag, "--json"]) == 2

    assert set(json.loads(capsys.readouterr().err)) == {"error", "found", "expected", "fix"}
    assert not home.user_journal.exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["tag", "nothing", "best"], 3),
        (["tag", "sat-grpo"], 2),
        (["tag", "sat-grpo", "kept", "missing", "--remove"], 3),
        (["note", "nothing", "text"], 3),
        (["note", "sat-grpo", " \t\x07"], 2),
        (["note", "sat-grpo"], 2),
        (["runs", "--state", "sleeping"], 2),
        (["runs", "--limit", "0"], 2),
    ],
)
def test_refusals_have_their_exit_codes_and_change_nothing(
    home: Home, rftui: Command, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    rftui("tag", "sat-grpo", "kept")

    assert run([*arguments, "--json"]) == code

    printed = capsys.readouterr()
    assert printed.out == ""
    assert set(json.loads(printed.err)) == {"error", "found", "expected", "fix"}
    assert names(rftui, "--tag", "kept") == ["sat-grpo-1"]
    assert len(records(home)) == 1


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["air-grpo-3", "sat-sft-2", "sat-grpo-1"]),
        (["--task", "sat"], ["sat-sft-2", "sat-grpo-1"]),
        (["--method", "grpo"], ["air-grpo-3", "sat-grpo-1"]),
        (["--state", "failed"], ["air-grpo-3"]),
        (["--state", "failed", "--state", "finished"], ["air-grpo-3", "sat-sft-2", "sat-grpo-1"]),
        (["--tag", "a"], ["sat-sft-2", "sat-grpo-1"]),
        (["--tag", "a", "--tag", "b"], ["sat-grpo-1"]),
        (["--tag", "a", "--limit", "1"], ["sat-sft-2"]),
        (["--task", "aircraft", "--method", "sft"], []),
    ],
)
def test_the_run_list_is_filtered_by_every_condition(
    home: Home, rftui: Command, options: list[str], found: list[str]
) -> None:
    add_tags(home, "sat-grpo-1", ["a", "b"])
    add_tags(home, "sat-sft-2", ["a"])

    assert names(rftui, *options) == found


def test_a_filter_that_nothing_fits_says_so(rftui: Command) -> None:
    assert rftui("runs", "--tag", "none") == "none of the 3 runs fits\n"


def test_a_note_is_shown_clean_and_kept_as_it_was_written(home: Home, rftui: Command) -> None:
    text = "reward hacked\nfrom \x1b[31mstep 80 [bold]on"

    rftui("note", "sat-grpo", text)

    page = rftui("show", "sat-grpo")
    assert "notes by people" in page
    assert "reward hacked from step 80 [bold]on" in page
    assert page == clean(page)
    (note,) = json.loads(rftui("show", "sat-grpo", "--json"))["notes"]
    assert (note["level"], note["text"]) == ("person", text)
    assert json.loads(rftui("show", "sat-sft", "--json"))["notes"] == []


def test_tags_and_notes_outlive_the_trash_and_a_rebuild(home: Home, rftui: Command) -> None:
    add_tags(home, "sat-grpo-1", ["best"])
    add_note(home, "sat-grpo-1", "keep this one")
    before = json.loads(rftui("show", "sat-grpo", "--json"))

    rftui("rm", "sat-grpo-1")
    rftui("rm", "sat-grpo-1", "--undo")
    restored, tables = json.loads(rftui("show", "sat-grpo", "--json")), dump(home.catalogue)
    rftui("store", "rebuild")

    assert restored == before
    assert dump(home.catalogue) == tables


def test_writers_at_the_same_time_lose_nothing_and_give_out_each_seq_once(home: Home) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: add_note(home, "sat-grpo-1", f"note {number}"), range(24)))

    found = records(home)
    assert sorted(record["seq"] for record in found) == list(range(24))
    assert {record["text"] for record in found} == {f"note {number}" for number in range(24)}


def test_a_lock_that_is_not_let_go_is_exit_code_4(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(user_records, "PATIENCE_S", 0.05)

    with supervision(home.path / "user.lock"):
        code = run(["tag", "sat-grpo", "best", "--json"])

    assert code == 4
    assert "try again" in json.loads(capsys.readouterr().err)["fix"]
    assert not home.user_journal.exists()


def test_the_shell_completes_tags_and_methods(home: Home) -> None:
    add_tags(home, "sat-grpo-1", ["best", "baseline", "paper"])

    assert complete_tag("b") == ["baseline", "best"]
    assert complete_method("s") == ["sft", "suit"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["task:sat", "-method:sft"], ["sat-grpo-1"]),
        (["state:failed"], ["air-grpo-3"]),
        (["learning_rate>=1e-9 task:sat"], ["sat-sft-2", "sat-grpo-1"]),
        (["tag:best"], ["sat-sft-2"]),
        (["hacked"], ["sat-grpo-1"]),
        (["is:starred"], ["air-grpo-3"]),
        (["age<1s"], []),
    ],
)
def test_the_list_takes_the_language_of_the_dashboard(
    home: Home, rftui: Command, words: list[str], expected: list[str]
) -> None:
    add_tags(home, "sat-sft-2", ["best"])
    add_note(home, "sat-grpo-1", "reward hacked")
    put_star(home, "air-grpo-3", is_starred=True)

    assert names(rftui, "--", *words) == expected


def test_a_filter_that_cannot_be_understood_is_a_usage_error(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "learning_rat>1", "--json"]) == 2
    problem = json.loads(capsys.readouterr().err)
    assert "did you mean learning_rate" in problem["error"] and problem["found"] == "learning_rat"

    assert run(["runs", "nothing:here", "--limit", "3"]) == 2
