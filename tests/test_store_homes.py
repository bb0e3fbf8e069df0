"""Runs are told apart by uid, whatever happens to folders; a broken one hides no other; people's tags stay theirs."""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from store.database import open_catalogue_for_writing
from store.errors import JournalError, StoreUnreadable
from store.ingest import forget_run, ingest_home, ingest_run
from store.layout import Home
from store.rollouts import iter_rollouts
from store.runs import list_runs, open_catalogue
from tests.store_runs import (
    append,
    attempt_steps,
    dump_home,
    group,
    ingest_all,
    make_run,
    metrics,
    rows,
    start,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_one_broken_run_hides_no_other(home: Home) -> None:
    for number, name in enumerate(("a-1", "b-1", "c-1", "d-1")):
        append(make_run(home, name, uid=number + 1).journal(0, 1), start(), metrics(1))
    home.run("b-1").launch.write_text("{")
    home.run("c-1").config.unlink()

    report = ingest_home(home)

    assert set(report.runs) == {"a-1", "d-1"}
    assert set(report.broken) == {"b-1", "c-1"}
    assert "restore the two files" in report.broken["b-1"].fix
    with closing(open_catalogue(home)) as connection:
        assert [run.name for run in list_runs(connection)] == ["a-1", "d-1"]


@pytest.mark.parametrize(
    "launch",
    [
        "[]",
        '{"uid": 1}',
        '{"uid": "x", "created_at": 1}',
        '{"uid": 99999999999999999999, "created_at": 1}',  # beyond 64 bits
        '{"uid": 1, "created_at": "NaN"}',
    ],
)
def test_a_launch_that_says_too_little_is_one_clear_error(home: Home, launch: str) -> None:
    run_dir = make_run(home)
    run_dir.launch.write_text(launch)

    with pytest.raises(JournalError, match="is no run that can be read"):
        ingest_run(home, run_dir.name)


def test_a_rollout_database_that_is_broken_breaks_its_run_alone(home: Home) -> None:
    for number, name in enumerate(("a-1", "b-1")):
        append(make_run(home, name, uid=number + 1).journal(0, 1), start(), metrics(1))
    ingest_home(home)
    home.rollouts("a-1").write_bytes(b"no database at all" * 100)

    report = ingest_home(home)

    assert set(report.broken) == {"a-1"} and set(report.runs) == {"b-1"}
    assert isinstance(report.broken["a-1"], StoreUnreadable)
    assert "rftui store rebuild" in report.broken["a-1"].fix


def test_a_run_that_replaced_another_of_its_name_has_nothing_of_it(home: Home) -> None:
    attempt_steps(make_run(home, uid=1), 1, range(1, 30))
    ingest_all(home)
    shutil.rmtree(home.run("sat-grpo-1").path)
    append(make_run(home, uid=2).journal(0, 1), start(), group(1, texts=["new"]), metrics(1))

    ingest_all(home)

    assert [rollout.completion for rollout in iter_rollouts(home, "sat-grpo-1")] == ["new"]
    assert rows(home, "SELECT id FROM run") == [(2,)]
    assert rows(home, "SELECT count(*) FROM metric_point WHERE run=1") == [(0,)]


def test_a_run_whose_folder_was_renamed_is_the_same_run(home: Home) -> None:
    attempt_steps(make_run(home, uid=1), 1, range(1, 6))
    ingest_all(home)
    os.rename(home.run("sat-grpo-1").path, home.run("renamed").path)

    ingest_all(home)

    assert rows(home, "SELECT id, name FROM run") == [(1, "renamed")]
    assert len(list(iter_rollouts(home, "renamed"))) == 20
    assert not home.rollouts("sat-grpo-1").exists()


def test_a_copied_run_folder_is_reported_and_changes_nothing(home: Home) -> None:
    attempt_steps(make_run(home, uid=1), 1, range(1, 6))
    ingest_all(home)
    before = dump_home(home)
    shutil.copytree(home.run("sat-grpo-1").path, home.run("a-copy").path)

    report = ingest_home(home)
    shutil.rmtree(home.run("a-copy").path)

    assert "copy of the run sat-grpo-1" in report.broken["a-copy"].message
    assert dump_home(home) == before


def test_tags_follow_the_uid_and_survive_the_run_being_forgotten(home: Home) -> None:
    make_run(home, uid=1)
    append(home.user_journal, {"type": "tag", "uid": 1, "tag": "paper"}, {"type": "tag", "uid": 1, "tag": "old"})
    append(home.user_journal, {"type": "untag", "uid": 1, "tag": "old"}, {"type": "trash", "run": "x", "uid": 9})
    ingest_home(home)
    with closing(open_catalogue_for_writing(home.catalogue)) as connection:
        forget_run(connection, 1)

    ingest_home(home)

    with closing(open_catalogue(home)) as connection:
        assert [run.tags for run in list_runs(connection)] == [("paper",)]


def test_a_foreign_line_of_the_users_journal_is_kept_aside(home: Home) -> None:
    make_run(home, uid=1)
    append(home.user_journal, {"type": "tag", "uid": [1], "tag": "x"}, {"type": "tag", "uid": 1, "tag": "good"})
    with home.user_journal.open("ab") as file:
        file.write(b"half a line\n")

    report = ingest_home(home)

    assert (report.user.records, report.user.foreign) == (1, 2)
    assert rows(home, "SELECT run, file FROM foreign_line") == [(0, "user.jsonl")] * 2
    assert rows(home, "SELECT tag FROM tag") == [("good",)]
