"""Reading the store: one broken part hides nothing else, and what people did is taken in."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from rftui.runs.reads import current_runs
from rftui.runs.store_check import findings_of
from store.ingest import ingest_home
from store.journal import Appender
from store.layout import Home
from store.rebuild import rebuild
from tests.store_runs import append, make_run, start


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two runs that have ended, indexed."""
    made = Home(tmp_path)
    for number, name in enumerate(("sat-grpo-1", "sat-grpo-2"), start=1):
        run_dir = make_run(made, name, uid=number)
        append(run_dir.journal(0, 1), start())
        append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "finished", "reason": ""})
    ingest_home(made)
    return made


def test_a_rollout_database_of_a_newer_rftui_hides_no_run(home: Home) -> None:
    with closing(sqlite3.connect(home.rollouts("sat-grpo-1"))) as connection:
        connection.execute("PRAGMA user_version=99")
    # more was written, so the run has to be looked at again
    append(
        home.run("sat-grpo-1").supervisor_journal, {"type": "state", "attempt": 1, "state": "finished", "reason": ""}
    )

    assert {summary.name for summary in current_runs(home)} == {"sat-grpo-1", "sat-grpo-2"}


def test_a_tag_shows_at_the_next_look(home: Home) -> None:
    appender = Appender(home.user_journal)
    appender.append("tag", uid=2, tag="baseline")
    appender.close()

    tags = {summary.name: summary.tags for summary in current_runs(home)}

    assert tags == {"sat-grpo-1": (), "sat-grpo-2": ("baseline",)}


def test_check_takes_in_what_was_appended_to_a_run_that_has_ended(home: Home) -> None:
    with home.run("sat-grpo-1").journal(0, 1).open("a") as journal:
        journal.write("this is foreign\n")

    findings = findings_of(home)

    assert [(finding.run, finding.is_fault) for finding in findings] == [("sat-grpo-1", False)]
    assert "1 journal lines are no records" in findings[0].problem


def test_a_copied_run_directory_is_named_and_rebuilds_go_round_it(home: Home) -> None:
    shutil.copytree(home.run("sat-grpo-1").path, home.run("copied").path)

    (finding,) = findings_of(home)
    report = rebuild(home)

    assert finding.run == "copied" and finding.is_fault
    assert "is a copy of the run sat-grpo-1" in finding.problem
    assert (report.runs, report.copies) == (2, ("copied",))
    assert {summary.name for summary in current_runs(home)} == {"sat-grpo-1", "sat-grpo-2"}
