"""Schemas grow from nothing and from the oldest file, once, with a backup; newer and broken files stay as they are."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from store.database import open_for_reading, open_for_writing, transaction
from store.errors import SchemaTooNew, StoreUnreadable
from store.ingest import ingest_home
from store.layout import Home
from store.migrations import CATALOGUE, ROLLOUTS, migrate, schema_version
from store.rollouts import iter_rollouts, search
from store.runs import list_runs, open_catalogue
from tests.store_runs import append, dump, make_run, metrics, start

DATA = Path(__file__).parent / "data"
ROOT = Path(__file__).parents[1]
NEXT = "ALTER TABLE run ADD COLUMN colour TEXT; UPDATE run SET colour='blue';"
"""A migration that only these tests know."""
BOTH = pytest.mark.parametrize("migrations", [CATALOGUE, ROLLOUTS], ids=["catalogue", "rollouts"])


@pytest.fixture
def oldest(tmp_path: Path) -> Home:
    """A home whose databases the first schema made."""
    (tmp_path / "rollouts").mkdir()
    shutil.copy(DATA / "catalogue-1.db", tmp_path / "catalogue.db")
    shutil.copy(DATA / "rollouts-1.db", tmp_path / "rollouts" / "sat-grpo-1.db")
    return Home(tmp_path)


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return schema_version(connection)


@BOTH
def test_a_blank_database_gets_the_newest_schema(tmp_path: Path, migrations: Sequence[str]) -> None:
    with closing(open_for_writing(tmp_path / "deep" / "x.db", migrations)) as connection:
        assert schema_version(connection) == len(migrations)
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not list(tmp_path.rglob("*.before-*"))


def test_the_oldest_files_are_read_with_everything_in_them(oldest: Home) -> None:
    for path, migrations in ((oldest.catalogue, CATALOGUE), (oldest.rollouts("sat-grpo-1"), ROLLOUTS)):
        open_for_writing(path, migrations).close()
        assert version_of(path) == len(migrations)

    with closing(open_catalogue(oldest)) as connection:
        (run,) = list_runs(connection)
    assert (run.name, run.state, run.step, run.reward, run.tags) == ("sat-grpo-1", "finished", 1, 0.5, ("paper",))
    assert [rollout.completion for rollout in iter_rollouts(oldest, "sat-grpo-1")] == ["the cube", "the lamp"]
    assert len(search(oldest, "sat-grpo-1", "cube")) == 1


def test_a_new_run_goes_into_the_oldest_catalogue(oldest: Home) -> None:
    append(make_run(oldest, "new-1", uid=99).journal(0, 1), start(), metrics(1))

    ingest_home(oldest)

    with closing(open_catalogue(oldest)) as connection:
        assert {run.name for run in list_runs(connection)} == {"sat-grpo-1", "new-1"}


def test_a_migration_changes_the_file_and_keeps_a_copy_of_what_it_was(oldest: Home) -> None:
    before = dump(oldest.catalogue)
    following = (*CATALOGUE, NEXT)

    with closing(open_for_writing(oldest.catalogue, following)) as connection:
        assert connection.execute("SELECT name, colour FROM run").fetchall() == [("sat-grpo-1", "blue")]

    backup = oldest.catalogue.with_name(f"catalogue.db.before-{len(following)}")
    assert dump(backup) == before
    assert (version_of(backup), version_of(oldest.catalogue)) == (1, len(following))


def test_reading_an_older_file_migrates_it_first(oldest: Home) -> None:
    with closing(open_for_reading(oldest.catalogue, (*CATALOGUE, NEXT))) as connection:
        assert connection.execute("SELECT colour FROM run").fetchall() == [("blue",)]


def test_a_migration_that_fails_changes_nothing(oldest: Home) -> None:
    open_for_writing(oldest.catalogue, CATALOGUE).close()
    before = dump(oldest.catalogue)
    failing = (*CATALOGUE, NEXT + "INSERT INTO no_such_table VALUES (1);")

    with pytest.raises(StoreUnreadable, match="no_such_table"):
        open_for_writing(oldest.catalogue, failing)

    assert dump(oldest.catalogue) == before
    assert version_of(oldest.catalogue) == len(CATALOGUE)


@pytest.mark.parametrize("opening", [open_for_writing, open_for_reading, migrate])
def test_a_newer_schema_is_refused_and_left_byte_for_byte(oldest: Home, opening: object) -> None:
    open_for_writing(oldest.catalogue, (*CATALOGUE, NEXT)).close()
    before = oldest.catalogue.read_bytes()

    with pytest.raises(SchemaTooNew) as caught:
        opening(oldest.catalogue, CATALOGUE)  # type: ignore[operator]

    assert oldest.catalogue.read_bytes() == before
    newest = len(CATALOGUE)
    assert (caught.value.found, caught.value.expected) == (f"schema {newest + 1}", f"schema {newest} or older")
    assert "upgrade rftui" in caught.value.fix


@pytest.mark.parametrize("is_blank", [True, False])
def test_processes_that_migrate_at_once_migrate_once(oldest: Home, is_blank: bool) -> None:
    path = oldest.databases / "blank.db" if is_blank else oldest.catalogue
    code = (
        "import sys; from pathlib import Path; from store.database import open_for_writing\n"
        "from store.migrations import CATALOGUE\n"
        "step = 'CREATE TABLE once (x); INSERT INTO once VALUES (1);'\n"
        "sys.stdin.read()\n"
        "open_for_writing(Path(sys.argv[1]), (*CATALOGUE, step)).close()"
    )
    command = [sys.executable, "-c", code, str(path)]
    children = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(4)]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()

    assert [child.wait() for child in children] == [0, 0, 0, 0]
    assert dump(path)["once"] == [(1,)]


@pytest.mark.parametrize("opening", [open_for_writing, open_for_reading])
@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"\xff" * 2000])
def test_a_broken_database_is_an_error_with_a_remedy(tmp_path: Path, content: bytes, opening: object) -> None:
    (tmp_path / "catalogue.db").write_bytes(content)

    with pytest.raises(StoreUnreadable) as caught:
        opening(tmp_path / "catalogue.db", CATALOGUE)  # type: ignore[operator]

    assert (tmp_path / "catalogue.db").read_bytes() == content
    assert caught.value.found and caught.value.expected and "rftui store rebuild" in caught.value.fix


def test_a_folder_in_the_place_of_the_home_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(StoreUnreadable) as caught:
        open_for_writing(tmp_path / "home" / "catalogue.db", CATALOGUE)

    assert "--home" in caught.value.fix


@pytest.fixture
def read_only_home(oldest: Home) -> Iterator[Home]:
    """A home that nobody may write: permissions bind all but root, a read-only mount binds root as well."""
    open_for_writing(oldest.catalogue, CATALOGUE).close()
    open_for_writing(oldest.rollouts("sat-grpo-1"), ROLLOUTS).close()
    if os.geteuid() != 0:
        folders = (oldest.path, oldest.databases / "rollouts")
        for folder in folders:
            folder.chmod(0o555)
        yield oldest
        for folder in folders:
            folder.chmod(0o755)
        return
    for options in (["--bind"], ["-o", "remount,bind,ro"]):
        command = ["mount", *options, str(oldest.path), str(oldest.path)]
        if subprocess.run(command, check=False, capture_output=True).returncode:
            pytest.skip("root may not mount here")
    yield oldest
    subprocess.run(["umount", "--lazy", str(oldest.path)], check=True)


def test_a_read_only_home_can_be_read(read_only_home: Home) -> None:
    with closing(open_catalogue(read_only_home)) as connection:
        assert [run.name for run in list_runs(connection)] == ["sat-grpo-1"]
    assert len(list(iter_rollouts(read_only_home, "sat-grpo-1"))) == 2


def test_writing_into_a_read_only_home_is_an_error_with_a_remedy(read_only_home: Home) -> None:
    with pytest.raises(StoreUnreadable) as caught:
        ingest_home(read_only_home)

    assert caught.value.found and caught.value.expected
    assert "writable" in caught.value.fix


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    with closing(open_for_writing(tmp_path / "x.db", CATALOGUE)) as connection:
        with pytest.raises(RuntimeError, match="halfway"), transaction(connection):
            connection.execute("INSERT INTO tag VALUES (1, 'x')")
            raise RuntimeError("halfway")

        assert connection.execute("SELECT count(*) FROM tag").fetchone() == (0,)
        assert not connection.in_transaction


def test_a_store_that_was_just_made_by_nobody_reads_as_empty(tmp_path: Path) -> None:
    with closing(open_for_reading(tmp_path / "none.db", CATALOGUE)) as connection:
        assert list_runs(connection) == []
    assert list(tmp_path.iterdir()) == []
