"""What journals hold is in the databases exactly once, whoever reads, whenever they are killed."""

from __future__ import annotations

import itertools
import math
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import store.ingest
from store.apply_catalogue import CatalogueWriter
from store.apply_rollouts import RolloutsWriter
from store.database import open_catalogue_for_writing, open_for_reading, open_rollouts_for_writing
from store.errors import JournalError, StoreUnreadable
from store.ingest import forget_run, index_pending, ingest_home, ingest_run, ingest_user_journal
from store.journal import encode, read_chunk
from store.layout import Home
from store.metrics import curve
from store.migrations import CATALOGUE, ROLLOUTS
from store.rollouts import iter_rollouts, search
from store.runs import list_runs, open_catalogue, run_detail
from tests.store_runs import (
    PATIENTLY,
    append,
    attempt_steps,
    checkpoint,
    dump_home,
    eval_result,
    eval_sample,
    eventful_run,
    group,
    ingest_all,
    make_run,
    metrics,
    rows,
    start,
    supervise,
)

ROOT = Path(__file__).parents[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def clean_rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What one undisturbed reading makes of an eventful run."""
    home = Home(tmp_path_factory.mktemp("clean"))
    eventful_run(home)
    ingest_all(home)
    return dump_home(home)


def test_reading_twice_changes_nothing(home: Home, clean_rows: dict[str, Any]) -> None:
    eventful_run(home)
    ingest_all(home)
    again = ingest_run(home, "sat-grpo-1")

    assert (again.records, again.foreign, again.shrunk) == (0, 0, ())
    assert dump_home(home) == clean_rows


@pytest.mark.parametrize("piece", [1_000, 7_001])
def test_reading_while_it_is_written_gives_the_same_rows(home: Home, clean_rows: dict[str, Any], piece: int) -> None:
    run_dir = eventful_run(home)
    whole = {path: path.read_bytes() for path in sorted(run_dir.path.rglob("*.jsonl"))}
    for path in whole:
        path.write_bytes(b"")

    # one journal after the other, as attempts come; pieces end anywhere within a line
    for path in sorted(whole, key=lambda path: (path.name != "supervisor.jsonl", path.name[::-1])):
        for end in [*range(piece, len(whole[path]), piece), len(whole[path])]:
            path.write_bytes(whole[path][:end])
            ingest_run(home, "sat-grpo-1")
    ingest_all(home)

    assert dump_home(home) == clean_rows


def test_a_torn_last_line_is_taken_in_once_it_is_finished(home: Home) -> None:
    run_dir = make_run(home)
    line = encode({"v": 1, "seq": 0, "time": 1.0, **metrics(1)})
    run_dir.journal(0, 1).write_bytes(line[:30])
    torn = ingest_run(home, run_dir.name)
    with run_dir.journal(0, 1).open("ab") as file:
        file.write(line[30:])
    finished = ingest_run(home, run_dir.name)

    assert (torn.records, torn.foreign) == (0, 0)
    assert (finished.records, finished.foreign) == (1, 0)


def test_two_processes_at_once_take_everything_in_once(home: Home, clean_rows: dict[str, Any]) -> None:
    eventful_run(home)
    code = (
        "import sys; from pathlib import Path; import store.ingest as i; from store.layout import Home\n"
        "i.CHUNK_BYTES = 2000\n"
        "home = Home(Path(sys.argv[1])); sys.stdin.read()\n"
        "i.ingest_run(home, 'sat-grpo-1')\n"
        "while i.index_pending(home, 'sat-grpo-1', budget=3): pass"
    )
    command = [sys.executable, "-c", code, str(home.path)]
    children = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()

    errors = [child.stderr.read().decode() for child in children if child.stderr is not None]

    assert [child.wait() for child in children] == [0, 0, 0], errors
    ingest_user_journal(home)
    assert dump_home(home) == clean_rows


def test_kill_nine_at_any_moment_loses_and_doubles_nothing(home: Home, clean_rows: dict[str, Any]) -> None:
    eventful_run(home)
    code = (
        "import sys; from pathlib import Path; import store.ingest as i; from store.layout import Home\n"
        "i.CHUNK_BYTES = 500\n"
        "home = Home(Path(sys.argv[1])); print('ready', flush=True)\n"
        "i.ingest_run(home, 'sat-grpo-1')\n"
        "while i.index_pending(home, 'sat-grpo-1', budget=2): pass\n"
    )
    chance = random.Random(5)
    was_killed = 0
    for _ in range(12):
        child = subprocess.Popen([sys.executable, "-c", code, str(home.path)], cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.05))
        child.kill()
        child.stdout.close()
        was_killed += child.wait() != 0

    ingest_all(home)

    assert was_killed > 0
    assert dump_home(home) == clean_rows


@pytest.mark.parametrize("lost", ["catalogue", "rollouts"])
def test_a_database_that_is_behind_catches_up(
    home: Home, clean_rows: dict[str, Any], lost: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.ingest, "CHUNK_BYTES", 3_000)
    run_dir = eventful_run(home)
    writer: Any = {"catalogue": CatalogueWriter, "rollouts": RolloutsWriter}[lost]
    with monkeypatch.context() as patch:
        # what a kill between the two transactions leaves
        patch.setattr(writer, "apply", interrupted(writer.apply, after=3))
        with pytest.raises(KeyboardInterrupt):
            ingest_run(home, run_dir.name)

    ingest_all(home)

    assert dump_home(home) == clean_rows


def interrupted(apply: Callable[..., list[int]], *, after: int) -> Callable[..., list[int]]:
    """The function, which from some call on acts as if somebody pressed ctrl+c."""
    calls = itertools.count()

    def apply_or_stop(*arguments: Any, **named: Any) -> list[int]:
        if next(calls) >= after:
            raise KeyboardInterrupt
        return apply(*arguments, **named)

    return apply_or_stop


def test_a_foreign_line_is_counted_kept_and_reported(home: Home) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1))
    with run_dir.journal(0, 1).open("ab") as file:
        file.write(b"Segmentation fault \xff\n")
    append(run_dir.journal(0, 1), metrics(2))

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (3, 1)
    assert rows(home, "SELECT text FROM foreign_line") == [("Segmentation fault �",)]
    with closing(open_catalogue(home)) as connection:
        assert run_detail(connection, run_dir.name).counts.foreign_lines == 1
        assert [point.step for point in curve(connection, run_dir.name, "reward")] == [1, 2]


BROKEN: list[dict[str, Any]] = [
    {"type": "metrics", "step": "one", "values": {"reward": 1.0}},
    {"type": "metrics", "step": 1 << 80, "values": {"reward": 1.0}},
    {"type": "metrics", "step": -1, "values": {"reward": 1.0}},
    {"type": "metrics", "step": [1], "values": {"reward": 1.0}},
    {"type": "metrics", "step": 1, "values": [1.0]},
    {"type": "metrics", "step": 1, "values": {"reward": 10**400}},  # beyond every float
    {"type": "metrics", "step": 1, "values": {"name \ud800": 1.0}},
    {"type": "metrics", "values": {"reward": 1.0}},
    {"type": "group", "step": 1, "policy_step": 0},
    {**group(1), "policy_step": 1 << 70},
    {**group(1), "samples": None},
    {**group(1), "samples": [{"sample": 1}]},
    {**group(1), "step": 1 << 30},  # beyond what an id holds
    {**group(1), "group": float("inf")},
    {**eval_sample(1), "tokens": 1 << 64},
    {**eval_sample(1), "index": None},
    {**eval_result(1), "low": "NaN"},
    {**eval_result(1), "n": {"all": 1}},
    {**checkpoint(1), "bytes": -1},
    {"type": "start", "first_step": None},
    {"type": "start", "first_step": 1, "total_steps": 3},  # no source
    {"type": "note", "level": "info"},
    {"type": "gap"},
    {"type": "end", "outcome": "finished", "step": "last"},
]


@pytest.mark.parametrize("record", BROKEN)
def test_a_record_with_our_form_and_wrong_fields_stops_nothing(home: Home, record: dict[str, Any]) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1, good=1.0), record, metrics(2, good=2.0))

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (3, 1)
    with closing(open_catalogue(home)) as connection:
        assert run_detail(connection, run_dir.name).counts.foreign_lines == 1
        assert curve(connection, run_dir.name, "good") == [(1, 1.0), (2, 2.0)]
        assert curve(connection, run_dir.name, "reward") == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SOUND: list[dict[str, Any]] = [
    start(),
    metrics(1),
    group(1),
    eval_sample(1),
    eval_result(1),
    checkpoint(1),
    {"type": "note", "level": "info", "text": "x"},
    {"type": "gap", "dropped": {}, "reason": ""},
    {"type": "end", "outcome": "finished", "step": 1},
    {"type": "attempt_start", "attempt": 1},
    {"type": "attempt_end", "attempt": 1, "exit_code": 0, "signal": None, "oom": None, "traceback": None},
    {"type": "state", "attempt": 1, "state": "running", "reason": ""},
    {"type": "sample", "cpu_percent": 1.0, "rss_mb": 1.0, "gpus": []},
]


@settings(PATIENTLY, max_examples=400)
@given(st.data())
def test_no_value_in_any_field_of_any_record_stops_a_writer(data: st.DataObject) -> None:
    record = dict(data.draw(st.sampled_from(SOUND)))
    for name in data.draw(st.sets(st.sampled_from(sorted(set(record) - {"type"})), min_size=1, max_size=3)):
        record[name] = data.draw(anything)
    # as a journal carries it
    line = encode({"v": 1, "seq": 5, "time": 2.0, **record})
    nowhere = Path("/nonexistent/x.db")

    with (
        tempfile.NamedTemporaryFile() as file,
        closing(open_for_reading(nowhere, CATALOGUE)) as catalogue,
        closing(open_for_reading(nowhere, ROLLOUTS)) as rollouts,
    ):
        file.write(line)
        file.flush()
        records = read_chunk(Path(file.name), 0, 1 << 20).records
        for attempt in (None, 1):
            refused = CatalogueWriter(catalogue, run=1).apply(records, file="j", attempt=attempt, rank=0)
            assert refused in ([], [0])
        assert RolloutsWriter(rollouts).apply(records, attempt=1) in ([], [0])


SUPERVISOR_BROKEN: list[dict[str, Any]] = [
    {"type": "state", "attempt": "first", "state": "running"},
    {"type": "state", "attempt": 1},
    {"type": "attempt_end", "attempt": 1 << 70},
    {"type": "attempt_end", "attempt": 1, "exit_code": "bad"},
    {"type": "attempt_start"},
]


@pytest.mark.parametrize("record", SUPERVISOR_BROKEN)
def test_a_wrong_supervisor_record_stops_nothing(home: Home, record: dict[str, Any]) -> None:
    run_dir = make_run(home)
    append(run_dir.supervisor_journal, record, {"type": "state", "attempt": 1, "state": "running", "reason": ""})

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (1, 1)
    assert rows(home, "SELECT state FROM run") == [("running",)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1, -0.0, 5e-324, 1.7976931348623157e308])
def test_a_metric_comes_back_as_it_was_logged(home: Home, value: float) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1, loss=value))

    ingest_run(home, run_dir.name)

    with closing(open_catalogue(home)) as connection:
        (point,) = curve(connection, run_dir.name, "loss")
    assert point.value == value or (math.isnan(value) and math.isnan(point.value))


def test_hostile_text_is_stored_and_found_again(home: Home) -> None:
    run_dir = make_run(home)
    texts = ["cr\r\nlf nul\x00 \u2028 \x85", "lone \ud800 surrogate", "é" * 100_000]
    append(run_dir.journal(0, 1), start(), group(1, texts=texts, question="\udfff?", images=[{"hash": "\ud801"}]))

    report = ingest_run(home, run_dir.name)
    index_pending(home, run_dir.name)

    assert report.foreign == 0
    stored = [rollout.completion for rollout in iter_rollouts(home, run_dir.name)]
    assert stored == [texts[0], "lone \\ud800 surrogate", texts[2]]
    assert len(search(home, run_dir.name, "surrogate")) == 1


def test_a_ten_megabyte_completion_is_taken_in(home: Home) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), group(1, texts=["x" * 10_000_000]), metrics(1))

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (3, 0)
    assert [len(rollout.completion) for rollout in iter_rollouts(home, run_dir.name)] == [10_000_000]


def test_a_journal_that_shrank_is_reported_and_the_others_are_read(home: Home) -> None:
    run_dir = make_run(home)
    attempt_steps(run_dir, 1, range(1, 4))
    ingest_run(home, run_dir.name)
    run_dir.journal(0, 1).write_bytes(run_dir.journal(0, 1).read_bytes()[:100])
    supervise(run_dir, 1)

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.shrunk) == (3, ("journal/rank0-attempt1.jsonl",))
    assert rows(home, "SELECT state FROM run") == [("running",)]


def test_a_completion_that_comes_twice_is_found_once(home: Home) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), group(1, texts=["cube"]))
    ingest_all(home)
    append(run_dir.journal(0, 1), group(1, texts=["cube"]))
    ingest_all(home)

    assert len(search(home, run_dir.name, "cube")) == 1
    assert rows_of_index(home, run_dir.name) == [("cube", 1, 1)]


def rows_of_index(home: Home, name: str) -> list[tuple[Any, ...]]:
    """Each word with how many texts have it and how often."""
    with closing(sqlite3.connect(home.rollouts(name))) as connection:
        connection.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, completion_text, row)")
        return connection.execute("SELECT * FROM words").fetchall()


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


def test_a_full_disk_while_indexing_is_an_error_with_a_remedy_and_nothing_is_lost(
    home: Home, clean_rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = eventful_run(home)

    def open_small(path: Path) -> sqlite3.Connection:
        connection = open_rollouts_for_writing(path)
        # SQLite says "database or disk is full" for this exactly as for a full disk
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(store.ingest, "open_rollouts_for_writing", open_small)
        with pytest.raises(StoreUnreadable, match="disk is full") as caught:
            ingest_run(home, run_dir.name)
    ingest_all(home)

    assert "free some space" in caught.value.fix
    assert dump_home(home) == clean_rows
