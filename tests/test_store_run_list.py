"""What a list of very many runs reads: only what changed, small curves that mean something, settings and metrics."""

from __future__ import annotations

import math
from contextlib import closing
from pathlib import Path

import pytest

from store.apply_user import PERSON
from store.database import open_catalogue_for_writing
from store.ingest import ingest_user_journal
from store.layout import Home
from store.run_list import (
    EXACT_STEPS,
    RunRows,
    known_metrics,
    known_settings,
    last_measured,
    metric_values,
    noted,
    person_notes,
    read_trace,
    setting_values,
)
from store.runs import list_runs, open_catalogue
from tests.listed_runs import small_home
from tests.store_runs import append, eval_result, eventful_run, ingest_all, make_run, metrics, rows, start


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    small_home(home)
    return home


def test_the_list_is_the_one_that_list_runs_gives(home: Home) -> None:
    append(home.user_journal, {"type": "tag", "uid": 12, "tag": "b"}, {"type": "tag", "uid": 12, "tag": "a"})
    ingest_user_journal(home)
    listed = RunRows()

    with closing(open_catalogue(home)) as connection:
        assert listed.read_all(connection)
        assert list(listed.runs.values()) == list_runs(connection)
    assert list(listed.runs) == [11, 12, 13, 14]


def test_a_run_that_did_not_change_stays_the_same_object(home: Home) -> None:
    listed = RunRows()
    with closing(open_catalogue(home)) as connection:
        listed.read_all(connection)
        before = dict(listed.runs)

        assert not listed.read_all(connection)
        rows(home, "UPDATE run SET step=7 WHERE id=12")
        assert listed.read_all(connection)

    assert listed.runs[11] is before[11]
    assert listed.runs[12].step == 7


def test_some_runs_are_read_without_the_others(home: Home) -> None:
    listed = RunRows()
    append(home.user_journal, {"type": "tag", "uid": 12, "tag": "kept"})
    ingest_user_journal(home)
    with closing(open_catalogue(home)) as connection:
        listed.read_all(connection)
        rows(home, "UPDATE run SET step=8 WHERE id IN (11, 12)")

        assert listed.read_some(connection, {12, 999})
        assert not listed.read_some(connection, {12, 13})

    assert (listed.runs[11].step, listed.runs[12].step) == (20, 8)
    assert listed.runs[12].tags == ("kept",)


def test_a_trace_is_the_mean_of_each_stretch(home: Home) -> None:
    with closing(open_catalogue(home)) as connection:
        trace = read_trace(connection, 11, "reward", columns=4)

    assert trace.values == pytest.approx((0.15, 0.4, 0.65, 0.9))
    assert trace[1:] == (1.0, 10, "test", "think", "greedy")


def test_a_trace_leaves_gaps_where_nothing_is_finite_and_follows_the_last_attempt(tmp_path: Path) -> None:
    home = Home(tmp_path)
    eventful_run(home)
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        trace = read_trace(connection, 11, "reward", columns=21)
        missing = read_trace(connection, 11, "never", columns=4)

    # steps 1 to 10 of the first attempt, 11 to 20 of the second, and an infinity at 21 that is no bar
    assert trace.values[:20] == pytest.approx([s / 100 + (1 if s < 11 else 2) for s in range(1, 21)])
    assert trace.last == math.inf
    assert missing.values == () and missing.last is None


def test_a_very_long_run_is_traced_from_its_roll_ups(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    count = EXACT_STEPS + 1000
    append(run_dir.journal(0, 1), start(), *(metrics(step, reward=step / count) for step in range(1, count + 1)))
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        connection.execute("CREATE TEMP TABLE metric_point (run, attempt, key, step, value, kind, time)")
        values = read_trace(connection, 11, "reward", columns=10).values

    assert [value is not None for value in values] == [True] * 10
    assert values == tuple(sorted(value for value in values if value is not None))


def test_settings_and_metrics_of_every_run_come_by_uid(home: Home) -> None:
    with closing(open_catalogue(home)) as connection:
        assert setting_values(connection, "learning_rate") == {11: 1e-6, 12: 1e-5}
        assert setting_values(connection, "max_steps") == dict.fromkeys((11, 12, 13, 14), 20)
        assert setting_values(connection, "lora.rank") == {}
        assert metric_values(connection, "loss") == {12: 1.0, 14: 1.0}
        assert metric_values(connection, "never") == {}
        assert {"learning_rate", "max_steps", "name"} <= set(known_settings(connection))
        assert {"kl", "loss", "reward"} <= set(known_metrics(connection))


def test_a_configuration_that_is_no_json_hides_no_other(home: Home) -> None:
    rows(home, "UPDATE run SET config='{\"learning_rate\": NaN}' WHERE id=12")

    with closing(open_catalogue(home)) as connection:
        assert setting_values(connection, "learning_rate") == {11: 1e-6}


def test_of_each_prompt_the_last_evaluation_counts(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    evaluations = [eval_result(5), eval_result(10, correct=7), eval_result(5, prompt="direct", correct=2)]
    append(run_dir.journal(0, 1), start(), *evaluations)
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        measured = last_measured(connection, 11)

    assert [(item.prompt, item.step, item.accuracy, item.n, item.source) for item in measured] == [
        ("think", 10, 0.7, 10, "generated"),
        ("direct", 5, 0.2, 10, "generated"),
    ]


def test_notes_are_written_replaced_and_taken_away(home: Home) -> None:
    append(
        home.user_journal,
        {"type": "note", "uid": 11, "text": "first"},
        {"type": "note", "uid": 11, "text": "second"},
        {"type": "note", "uid": 12, "text": "gone"},
        {"type": "note", "uid": 11, "text": "better", "replaces": 0},
        {"type": "unnote", "uid": 12, "note": 2},
        {"type": "unnote", "uid": 12, "note": "odd"},
    )
    ingest_user_journal(home)

    with closing(open_catalogue(home)) as connection:
        assert [note.text for note in person_notes(connection, 11)] == ["second", "better"]
        assert noted(connection) == {11: "second better"}
    with closing(open_catalogue_for_writing(home.catalogue)) as connection:
        assert connection.execute("SELECT count(*) FROM note WHERE level=?", (PERSON,)).fetchone() == (2,)
