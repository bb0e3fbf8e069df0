"""What journals hold is in the databases exactly once, whoever reads, whenever they are killed."""

from __future__ import annotations

import itertools
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import store.ingest
from store.apply_catalogue import CatalogueWriter
from store.apply_rollouts import RolloutsWriter
from store.database import open_rollouts_for_writing
from store.errors import StoreUnreadable
from store.ingest import ingest_run, ingest_user_journal
from store.journal import encode
from store.layout import Home
from store.rollouts import search
from tests.store_runs import (
    append,
    attempt_steps,
    dump_home,
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
