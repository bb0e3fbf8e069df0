"""Opens the databases: one writer at a time waits for the other, readers never block."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from store.errors import StoreError, StoreUnreadable
from store.migrations import CATALOGUE, ROLLOUTS, migrate, refuse_newer, schema_version

BUSY_MS = 30_000
READ_BUSY_MS = 5_000
REBUILD = "move it away and run `rftui store rebuild`: the run directories hold everything"
REMEDIES = (
    (
        ("disk is full", "No space left", "Disk quota"),
        "free some space and try again; the run directories hold everything",
    ),
    (("locked",), "try again when the other process is done; `rftui store rebuild` takes long"),
    (
        ("readonly", "unable to open", "Permission denied", "Read-only", "Not a directory", "File exists"),
        "make its folder writable for you, or name another home with --home",
    ),
)
"""What to do about what SQLite or the system says; for everything else, REBUILD."""


def open_for_writing(path: Path, migrations: Sequence[str]) -> sqlite3.Connection:
    """A connection in autocommit mode, its schema up to date. Raises SchemaTooNew or StoreUnreadable.

    Any thread may use it, one at a time.
    """
    with explained(path), ExitStack() as on_failure:
        version = _version_of(path) if path.exists() else 0
        refuse_newer(version, path, migrations)
        if version < len(migrations):
            migrate(path, migrations)
        connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None, check_same_thread=False)
        on_failure.callback(connection.close)
        # NORMAL: a power cut may cost the last commits, which the journals give back; the file stays sound
        connection.execute("PRAGMA synchronous=NORMAL")
        on_failure.pop_all()
        return connection


def open_for_reading(path: Path, migrations: Sequence[str], *, is_home_read_only: bool = False) -> sqlite3.Connection:
    """A read-only connection; an empty database where there is none yet. Raises SchemaTooNew or StoreUnreadable.

    An older schema is brought up to date first; where the home is read-only, that is refused.
    """
    with explained(path), ExitStack() as on_failure:
        if not path.exists():
            return _empty(migrations)
        connection = _connect_read_only(path)
        on_failure.callback(connection.close)
        if is_home_read_only:
            # whoever gets the connection can ask it whether the databases beside it may be touched
            connection.execute("PRAGMA query_only=1")
        version = _version_or_none(connection)
        if is_home_read_only and (version is None or version < len(migrations)):
            raise StoreUnreadable(
                f"{path} has to be brought up to date, and its home is read-only",
                found="what a killed process left half done" if version is None else f"schema {version}",
                expected=f"schema {len(migrations)}",
                fix="let its owner run `rftui runs` once with this version, or copy the home and read the copy",
            )
        if version is None or version < len(migrations):
            open_for_writing(path, migrations).close()
            return _connect_read_only(path)
        refuse_newer(version, path, migrations)
        on_failure.pop_all()
        return connection


def is_home_read_only(connection: sqlite3.Connection) -> bool:
    """Whether a connection was opened for a home of which nothing may be changed."""
    return bool(connection.execute("PRAGMA query_only").fetchone()[0])


def _version_or_none(connection: sqlite3.Connection) -> int | None:
    """The schema's version; None where a kill left a change half made, which only a writer can take back."""
    try:
        return schema_version(connection)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith("SQLITE_READONLY"):
            return None
        raise


def _empty(migrations: Sequence[str]) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for migration in migrations:
        connection.executescript(migration)
    return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns what SQLite or the system says about a database, or a folder of them, into an error with the remedy."""
    try:
        yield
    except StoreError:
        raise
    except (sqlite3.Error, OSError) as error:
        said = str(error)
        remedy = next((fix for phrases, fix in REMEDIES if any(phrase in said for phrase in phrases)), REBUILD)
        raise StoreUnreadable(
            f"{path} cannot be used", found=said, expected="a SQLite database that rftui can read and write", fix=remedy
        ) from error


def _connect_read_only(path: Path) -> sqlite3.Connection:
    # even a reader of a WAL database makes files beside it; where it cannot, and none is there, nobody writes
    is_still = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    mode = "mode=ro&immutable=1" if is_still else "mode=ro"
    uri = f"{path.absolute().as_uri()}?{mode}"
    return sqlite3.connect(uri, uri=True, timeout=READ_BUSY_MS / 1000, isolation_level=None)


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
        connection.execute("COMMIT")
    except BaseException:
        # a full disk has ended the transaction already
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def remove_database(path: Path) -> None:
    """Removes a database and the files beside it, those that are there."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _version_of(path: Path) -> int:
    with closing(sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)) as connection:
        return schema_version(connection)
