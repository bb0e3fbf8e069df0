"""The schemas of both kinds of database as numbered migrations, applied in order under a lock with a backup.

A released migration never changes. tables.py declares the same tables; a test holds the two equal. Ids come from the
files (a run's uid, a hash of a metric's name, packed attempt, step, group and sample), so that a rebuild gives the same
rows.
"""

from __future__ import annotations

import fcntl
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from store.errors import SchemaTooNew

CATALOGUE_1 = """
CREATE TABLE run (
    id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, task TEXT NOT NULL, method TEXT NOT NULL, model TEXT NOT NULL,
    source TEXT, state TEXT NOT NULL, reason TEXT NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL,
    total_steps INTEGER NOT NULL, created_at FLOAT NOT NULL, started_at FLOAT, ended_at FLOAT, accuracy FLOAT,
    accuracy_low FLOAT, accuracy_high FLOAT, reward FLOAT, config TEXT NOT NULL);
CREATE UNIQUE INDEX ix_run_name ON run (name);
CREATE TABLE attempt (
    run INTEGER NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, started_at FLOAT,
    ended_at FLOAT, first_step INTEGER, last_step INTEGER, superseded_from INTEGER, resumed_from TEXT,
    exit_code INTEGER, signal TEXT, oom TEXT, traceback TEXT, facts TEXT, PRIMARY KEY (run, number)) WITHOUT ROWID;
CREATE TABLE metric_key (id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL);
CREATE UNIQUE INDEX ix_metric_key_name ON metric_key (name);
CREATE TABLE metric_point (
    run INTEGER NOT NULL, attempt INTEGER NOT NULL, key INTEGER NOT NULL, step INTEGER NOT NULL, value FLOAT,
    kind INTEGER NOT NULL, time FLOAT NOT NULL, PRIMARY KEY (run, attempt, key, step)) WITHOUT ROWID;
CREATE TABLE metric_rollup (
    run INTEGER NOT NULL, attempt INTEGER NOT NULL, key INTEGER NOT NULL, bucket INTEGER NOT NULL,
    first_step INTEGER NOT NULL, first FLOAT NOT NULL, min_step INTEGER NOT NULL, min FLOAT NOT NULL,
    max_step INTEGER NOT NULL, max FLOAT NOT NULL, last_step INTEGER NOT NULL, last FLOAT NOT NULL,
    PRIMARY KEY (run, attempt, key, bucket)) WITHOUT ROWID;
CREATE TABLE metric_last (
    run INTEGER NOT NULL, key INTEGER NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL, value FLOAT,
    kind INTEGER NOT NULL, PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE evaluation (
    run INTEGER NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL, prompt TEXT NOT NULL, decoding TEXT NOT NULL,
    split TEXT NOT NULL, source TEXT NOT NULL, n INTEGER NOT NULL, correct INTEGER NOT NULL, accuracy FLOAT,
    low FLOAT NOT NULL, high FLOAT NOT NULL, unparsed INTEGER NOT NULL, time FLOAT NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (run, attempt, step, prompt, decoding, split)) WITHOUT ROWID;
CREATE TABLE checkpoint (
    run INTEGER NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL, kind TEXT NOT NULL, path TEXT NOT NULL,
    bytes INTEGER NOT NULL, seconds FLOAT NOT NULL, time FLOAT NOT NULL,
    PRIMARY KEY (run, attempt, step, kind)) WITHOUT ROWID;
CREATE TABLE gap (
    run INTEGER NOT NULL, file TEXT NOT NULL, seq INTEGER NOT NULL, time FLOAT NOT NULL, dropped TEXT NOT NULL,
    first_step INTEGER, last_step INTEGER, reason TEXT NOT NULL, PRIMARY KEY (run, file, seq)) WITHOUT ROWID;
CREATE TABLE note (
    run INTEGER NOT NULL, file TEXT NOT NULL, seq INTEGER NOT NULL, time FLOAT NOT NULL, level TEXT NOT NULL,
    text TEXT NOT NULL, PRIMARY KEY (run, file, seq)) WITHOUT ROWID;
CREATE TABLE system_sample (
    run INTEGER NOT NULL, time FLOAT NOT NULL, seq INTEGER NOT NULL, cpu_percent FLOAT, rss_mb FLOAT,
    host_memory_used_mb FLOAT, host_memory_total_mb FLOAT, disk_free_mb FLOAT, gpus TEXT NOT NULL,
    PRIMARY KEY (run, time, seq)) WITHOUT ROWID;
CREATE TABLE foreign_line (
    run INTEGER NOT NULL, file TEXT NOT NULL, "offset" INTEGER NOT NULL, text TEXT NOT NULL,
    PRIMARY KEY (run, file, "offset")) WITHOUT ROWID;
CREATE TABLE tag (run INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (run, tag)) WITHOUT ROWID;
CREATE TABLE progress (
    run INTEGER NOT NULL, file TEXT NOT NULL, "offset" INTEGER NOT NULL, PRIMARY KEY (run, file)) WITHOUT ROWID;
CREATE VIEW metric AS
    SELECT run.name AS run, p.attempt, metric_key.name AS metric, p.step, p.value, p.kind, p.time
    FROM metric_point p JOIN run ON run.id = p.run JOIN metric_key ON metric_key.id = p.key
    JOIN attempt a ON a.run = p.run AND a.number = p.attempt
    WHERE a.superseded_from IS NULL OR p.step < a.superseded_from;
"""

CATALOGUE_2 = """
CREATE TABLE bookmark (
    run INTEGER NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL, group_number INTEGER NOT NULL,
    sample INTEGER NOT NULL, time FLOAT NOT NULL,
    PRIMARY KEY (run, attempt, step, group_number, sample)) WITHOUT ROWID;
CREATE INDEX ix_metric_point_odd ON metric_point (run, key, attempt, step) WHERE kind <> 0;
"""

ROLLOUTS_1 = """
CREATE TABLE attempt (number INTEGER NOT NULL PRIMARY KEY, first_step INTEGER NOT NULL, superseded_from INTEGER);
CREATE TABLE prompt_group (
    id INTEGER NOT NULL PRIMARY KEY, attempt INTEGER NOT NULL, step INTEGER NOT NULL, policy_step INTEGER NOT NULL,
    number INTEGER NOT NULL, uid TEXT NOT NULL, kind TEXT NOT NULL, question TEXT NOT NULL, options TEXT NOT NULL,
    prompt TEXT NOT NULL, prompt_mode TEXT NOT NULL, gold TEXT NOT NULL, scene TEXT, images TEXT NOT NULL);
CREATE INDEX ix_prompt_group_uid ON prompt_group (uid);
CREATE TABLE completion (
    id INTEGER NOT NULL PRIMARY KEY, prompt_group INTEGER NOT NULL, attempt INTEGER NOT NULL, step INTEGER NOT NULL,
    sample INTEGER NOT NULL, text TEXT NOT NULL, think TEXT, answer TEXT, malformed TEXT, rewards TEXT NOT NULL,
    reward FLOAT, advantage FLOAT, tokens INTEGER NOT NULL, think_tokens INTEGER NOT NULL, stop TEXT NOT NULL,
    errors TEXT);
CREATE INDEX ix_completion_step ON completion (step);
CREATE TABLE unindexed (id INTEGER NOT NULL PRIMARY KEY);
CREATE VIRTUAL TABLE completion_text USING fts5(text, content='completion', content_rowid='id');
CREATE TABLE eval_sample (
    attempt INTEGER NOT NULL, step INTEGER NOT NULL, prompt TEXT NOT NULL, decoding TEXT NOT NULL, split TEXT NOT NULL,
    number INTEGER NOT NULL, uid TEXT NOT NULL, kind TEXT NOT NULL, question TEXT NOT NULL, options TEXT NOT NULL,
    user_text TEXT NOT NULL, gold TEXT NOT NULL, scene TEXT, images TEXT NOT NULL, text TEXT NOT NULL, think TEXT,
    answer TEXT, malformed TEXT, correct INTEGER, tokens INTEGER NOT NULL, think_tokens INTEGER NOT NULL,
    stop TEXT NOT NULL, PRIMARY KEY (attempt, step, prompt, decoding, split, number)) WITHOUT ROWID;
CREATE TABLE foreign_line (
    file TEXT NOT NULL, "offset" INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (file, "offset")) WITHOUT ROWID;
CREATE TABLE progress (file TEXT NOT NULL PRIMARY KEY, "offset" INTEGER NOT NULL) WITHOUT ROWID;
"""

CATALOGUE: tuple[str, ...] = (CATALOGUE_1, CATALOGUE_2)
"""Migrations of catalogue.db; number n is the n-th."""
ROLLOUTS: tuple[str, ...] = (ROLLOUTS_1,)
"""Migrations of rollouts/<run>.db."""


def schema_version(connection: sqlite3.Connection) -> int:
    """How many migrations the database has had."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(path: Path, migrations: Sequence[str]) -> None:
    """Brings the database at `path` to the newest schema, making it where it is not there.

    One process at a time; a database that holds data is copied to <name>.before-<version> first. Raises SchemaTooNew
    for a database that a newer rftui wrote, and leaves it as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with migration_lock(path), closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as connection:
        version = schema_version(connection)
        refuse_newer(version, path, migrations)
        if version == len(migrations):
            return
        connection.execute("PRAGMA journal_mode=WAL")
        if version:
            with closing(sqlite3.connect(path.with_name(f"{path.name}.before-{len(migrations)}"))) as backup:
                connection.backup(backup)
        for number in range(version, len(migrations)):
            connection.executescript(f"BEGIN IMMEDIATE; {migrations[number]} PRAGMA user_version={number + 1}; COMMIT;")


def migration_lock(path: Path) -> AbstractContextManager[None]:
    """Holds the right to make, migrate or exchange the database at `path`. Raises OSError."""
    return locked(path.with_name(f".{path.name}.migration.lock"))


@contextmanager
def locked(lock: Path) -> Iterator[None]:
    """Waits until no other process holds the lock, and holds it. Raises OSError."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def refuse_newer(version: int, path: Path, migrations: Sequence[str]) -> None:
    """Raises SchemaTooNew where the database has had migrations that this rftui does not know."""
    if version > len(migrations):
        raise SchemaTooNew(
            f"{path} was written by a newer rftui",
            found=f"schema {version}",
            expected=f"schema {len(migrations)} or older",
            fix="upgrade rftui, or move the database away and run `rftui store rebuild`",
        )
