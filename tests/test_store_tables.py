"""The declared tables are the migrated ones, and nothing that is waited for pays for declaring them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlmodel import Session

from store.database import open_catalogue_for_writing, open_for_writing
from store.migrations import CATALOGUE, ROLLOUTS
from store.tables import CatalogueTable, RolloutsTable, Tag

HEAVY = ("sqlmodel", "sqlalchemy", "torch", "textual", "evals", "rftui", "trainer", "store.tables")


def schema(path: Path) -> dict[str, Any]:
    """Every ordinary table with its columns (name, type, NOT NULL, place in the key), kind of storage and indexes."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
        found: dict[str, Any] = {}
        for (name,) in names.fetchall():
            if name.startswith(("completion_text", "sqlite_")):
                continue
            columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
            without_rowid = connection.execute("SELECT wr FROM pragma_table_list WHERE name=?", (name,)).fetchone()[0]
            indexes = {
                (index[1], index[2], tuple(row[2] for row in connection.execute(f"PRAGMA index_info({index[1]})")))
                for index in connection.execute(f"PRAGMA index_list({name})")
                if index[3] == "c"
            }
            found[name] = ([(row[1], row[2], row[3], row[5]) for row in columns], without_rowid, indexes)
        return found


@pytest.mark.parametrize(
    ("migrations", "base"), [(CATALOGUE, CatalogueTable), (ROLLOUTS, RolloutsTable)], ids=["catalogue", "rollouts"]
)
def test_the_declared_tables_are_the_migrated_ones(
    tmp_path: Path, migrations: Sequence[str], base: type[CatalogueTable] | type[RolloutsTable]
) -> None:
    open_for_writing(tmp_path / "migrated.db", migrations).close()

    engine = create_engine(f"sqlite:///{tmp_path / 'declared.db'}")
    base.metadata.create_all(engine)
    engine.dispose()

    assert schema(tmp_path / "declared.db") == schema(tmp_path / "migrated.db")


def test_a_declared_table_writes_rows_that_plain_sql_reads(tmp_path: Path) -> None:
    open_catalogue_for_writing(tmp_path / "catalogue.db").close()

    engine = create_engine(f"sqlite:///{tmp_path / 'catalogue.db'}")
    with Session(engine) as session:
        session.add(Tag(run=7, tag="paper"))
        session.commit()
    engine.dispose()

    with closing(sqlite3.connect(tmp_path / "catalogue.db")) as connection:
        assert connection.execute("SELECT run, tag FROM tag").fetchall() == [(7, "paper")]


@pytest.mark.parametrize("module", ["store.ingest", "store.runs", "store.rollouts", "store.metrics", "store.rebuild"])
def test_reading_and_indexing_import_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"

    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "[]"


def test_the_journal_side_opens_no_database() -> None:
    modules = "store.journal_writer, store.config, store.checkpoints, store.media"
    code = f"import sys, {modules}; print('sqlite3' in sys.modules)"

    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert finished.stdout.strip() == "False"
