"""Opens the databases: one writer at a time waits for the other, readers never block."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from store.errors import StoreUnreadable
from store.migrations import CATALOGUE, ROLLOUTS, migrate, refuse_newer, schema_version

BUSY_MS = 30_000
READ_BUSY_MS = 5_000


def open_for_writing(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """A connection in autocommit mode, its schema up to date. Raises SchemaTooNew or StoreUnreadable."""
    try:
        if not path.exists() or _version_of(path) != len(migrations):
            migrate(path, migrations)
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
        # NORMAL: a power cut may cost the last commits, which the journals give back; the file stays sound
        connection.execute("PRAGMA synchronous=NORMAL")
    except (sqlite3.DatabaseError, OSError) as error:
        raise _unreadable(path, error) from error
    return connection


def open_for_reading(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """A read-only connection; an empty database where there is none yet. Raises SchemaTooNew or StoreUnreadable."""
    try:
        if not path.exists():
            connection = sqlite3.connect(":memory:", isolation_level=None)
            for migration in migrations:
                connection.executescript(migration)
            return connection
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=READ_BUSY_MS / 1000, isolation_level=None
        )
        version = schema_version(connection)
        refuse_newer(version, path, migrations)
        if version < len(migrations):
            connection.close()
            open_for_writing(path, migrations).close()
            return open_for_reading(path, migrations)
    except (sqlite3.DatabaseError, OSError) as error:
        raise _unreadable(path, error) from error
    return connection


def open_catalogue_for_writing(path: Path) -> sqlite3.Connection:
    """The catalogue, ready to write."""
    return open_for_writing(path, CATALOGUE)


def open_rollouts_for_writing(path: Path) -> sqlite3.Connection:
    """A run's rollouts, ready to write."""
    return open_for_writing(path, ROLLOUTS)


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """A write transaction that takes the lock at once; rolled back where the body raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version_of(path: Path) -> int:
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        return schema_version(connection)
    finally:
        connection.close()


def _unreadable(path: Path, error: Exception) -> StoreUnreadable:
    return StoreUnreadable(
        f"{path} cannot be used",
        found=str(error),
        expected="a SQLite database that rftui wrote",
        fix="move it away and run `rftui store rebuild`: the run directories hold everything",
    )
