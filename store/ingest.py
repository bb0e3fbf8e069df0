"""Takes what journals hold into the databases, exactly once: rows and byte offset in one transaction for each database.

The two databases keep offsets of their own, so that a kill between their transactions costs nothing. A chunk is read
and parsed outside the write lock; inside it the offset is checked, and a chunk that another process took meanwhile is
read again from where that one got to.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from store.apply_catalogue import CatalogueWriter
from store.apply_rollouts import RolloutsWriter
from store.database import open_catalogue_for_writing, open_rollouts_for_writing, transaction
from store.errors import JournalError
from store.journal import Chunk, ForeignLine, encode, read_chunk
from store.layout import Home, RunDir
from store.states import State

CHUNK_BYTES = 2 << 20
JOURNAL_NAME = re.compile(r"rank(\d+)-attempt(\d+)\.jsonl")
INDEX_BATCH = 512


class JournalFile(NamedTuple):
    """One journal of a run."""

    key: str
    """Path relative to the run directory."""
    path: Path
    attempt: int | None
    """None for the supervisor's."""
    rank: int


class IngestReport(NamedTuple):
    """What one call took in."""

    records: int
    foreign: int
    shrunk: tuple[str, ...]
    """Journals that are shorter than what was read of them before; nothing of them was read again."""


class _Sink(NamedTuple):
    """One of the two databases as an ingester sees it."""

    connection: sqlite3.Connection
    offset_of: Callable[[str], int]
    store: Callable[[JournalFile, Chunk], None]


def journal_files(run_dir: RunDir) -> list[JournalFile]:
    """The run's journals in a fixed order: the supervisor's, then attempts and ranks in order."""
    files = [JournalFile("supervisor.jsonl", run_dir.supervisor_journal, None, 0)]
    found = []
    if run_dir.journal_dir.is_dir():
        for path in run_dir.journal_dir.iterdir():
            if match := JOURNAL_NAME.fullmatch(path.name):
                rank, attempt = int(match[1]), int(match[2])
                found.append(JournalFile(f"journal/{path.name}", path, attempt, rank))
    return files + sorted(found, key=lambda file: (file.attempt, file.rank))


def ingest_home(home: Home) -> dict[str, IngestReport]:
    """Takes in every run of a home, and what people did."""
    reports = {name: ingest_run(home, name) for name in home.runs()}
    with closing(open_catalogue_for_writing(home.catalogue)) as connection:
        ingest_user_journal(connection, home)
    return reports


def ingest_run(home: Home, name: str) -> IngestReport:
    """Takes in what is new of one run. Safe beside other processes that do the same.

    Raises JournalError where launch.json or config.toml is missing or unreadable, StoreError for the databases.
    """
    run_dir = home.run(name)
    facts = read_launch(run_dir)
    with (
        closing(open_catalogue_for_writing(home.catalogue)) as catalogue,
        closing(open_rollouts_for_writing(home.rollouts(name))) as rollouts,
    ):
        register_run(catalogue, facts)
        return _ingest_files(run_dir, facts.uid, catalogue=catalogue, rollouts=rollouts)


class LaunchFacts(NamedTuple):
    """What the catalogue takes from a run's own two files."""

    uid: int
    name: str
    created_at: float
    config: dict[str, Any]


def read_launch(run_dir: RunDir) -> LaunchFacts:
    """The run's launch.json and config.toml. Raises JournalError."""
    try:
        launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
        config = tomllib.loads(run_dir.config.read_text(encoding="utf-8"))
        return LaunchFacts(int(launch["uid"]), run_dir.name, float(launch["created_at"]), config)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JournalError(
            f"{run_dir.path} is no run that can be read",
            found=repr(error),
            expected="launch.json with uid and created_at, and config.toml",
            fix="restore the two files, or move the folder out of the home",
        ) from error


def register_run(catalogue: sqlite3.Connection, facts: LaunchFacts) -> None:
    """Adds the run where it is not there yet; a row of the same name under another uid is a run that was replaced."""
    if catalogue.execute("SELECT 1 FROM run WHERE id=? AND name=?", (facts.uid, facts.name)).fetchone():
        return
    config = facts.config
    with transaction(catalogue):
        stale = catalogue.execute("SELECT id FROM run WHERE name=? AND id<>?", (facts.name, facts.uid)).fetchone()
        if stale is not None:
            forget_run(catalogue, stale[0])
        catalogue.execute(
            "INSERT OR IGNORE INTO run (id, name, task, method, model, state, reason, attempt, step, total_steps, "
            "created_at, config) VALUES (?,?,?,?,?,?,'',0,0,?,?,?)",
            (
                facts.uid,
                facts.name,
                str(config.get("task", "")),
                str(config.get("method", "")),
                str(config.get("model", "")),
                State.STARTING.value,
                int(config.get("max_steps", 0)),
                facts.created_at,
                json.dumps(config, ensure_ascii=False),
            ),
        )


CATALOGUE_TABLES = (
    "attempt",
    "metric_point",
    "metric_rollup",
    "metric_last",
    "evaluation",
    "checkpoint",
    "gap",
    "note",
    "system_sample",
    "foreign_line",
    "tag",
    "progress",
)
"""Tables with a column `run`."""


def forget_run(catalogue: sqlite3.Connection, run: int) -> None:
    """Removes a run's rows from the catalogue within an open transaction; its files are not touched."""
    for table in CATALOGUE_TABLES:
        catalogue.execute(f"DELETE FROM {table} WHERE run=?", (run,))
    catalogue.execute("DELETE FROM run WHERE id=?", (run,))


def _ingest_files(
    run_dir: RunDir, run: int, *, catalogue: sqlite3.Connection, rollouts: sqlite3.Connection
) -> IngestReport:
    sinks = (_catalogue_sink(catalogue, run), _rollouts_sink(rollouts))
    records = foreign = 0
    shrunk: list[str] = []
    for file in journal_files(run_dir):
        if not file.path.exists():
            continue
        wanted = sinks if file.attempt is not None else sinks[:1]
        size = file.path.stat().st_size
        if any(sink.offset_of(file.key) > size for sink in wanted):
            shrunk.append(file.key)
            continue
        taken = _ingest_file(file, wanted)
        records += taken[0]
        foreign += taken[1]
    return IngestReport(records, foreign, tuple(shrunk))


def _ingest_file(file: JournalFile, sinks: tuple[_Sink, ...]) -> tuple[int, int]:
    """Records and foreign lines taken in. A sink that is behind catches up; then one read serves both."""
    records = foreign = 0
    while True:
        offsets = [sink.offset_of(file.key) for sink in sinks]
        offset = min(offsets)
        # a sink that is ahead waits here: the chunk ends where it stands at the latest
        ahead = min((other for other in offsets if other > offset), default=None)
        limit = CHUNK_BYTES if ahead is None else min(CHUNK_BYTES, ahead - offset)
        chunk = read_chunk(file.path, offset, limit)
        if chunk.next_offset == offset:
            return records, foreign
        for sink, at in zip(sinks, offsets, strict=True):
            if at != offset:
                continue
            with transaction(sink.connection):
                if sink.offset_of(file.key) != offset:
                    # another process was quicker; what it stored is not stored again
                    continue
                sink.store(file, chunk)
        records += len(chunk.records)
        foreign += len(chunk.foreign)


def _catalogue_sink(connection: sqlite3.Connection, run: int) -> _Sink:
    writer = CatalogueWriter(connection, run=run)

    def offset_of(key: str) -> int:
        row = connection.execute('SELECT "offset" FROM progress WHERE run=? AND file=?', (run, key)).fetchone()
        return int(row[0]) if row else 0

    def store(file: JournalFile, chunk: Chunk) -> None:
        refused = writer.apply(chunk.records, file=file.key, attempt=file.attempt, rank=file.rank)
        foreign = [*chunk.foreign, *(_as_foreign(chunk, number) for number in refused)]
        connection.executemany(
            "INSERT OR REPLACE INTO foreign_line VALUES (?,?,?,?)",
            [(run, file.key, line.offset, line.text) for line in foreign],
        )
        connection.execute("INSERT OR REPLACE INTO progress VALUES (?,?,?)", (run, file.key, chunk.next_offset))
        writer.refresh_headline()

    return _Sink(connection, offset_of, store)


def _as_foreign(chunk: Chunk, number: int) -> ForeignLine:
    text = encode(chunk.records[number]).decode("utf-8", "replace").rstrip("\n")
    return ForeignLine(chunk.offsets[number], text[:4096])


def _rollouts_sink(connection: sqlite3.Connection) -> _Sink:
    writer = RolloutsWriter(connection)

    def offset_of(key: str) -> int:
        row = connection.execute('SELECT "offset" FROM progress WHERE file=?', (key,)).fetchone()
        return int(row[0]) if row else 0

    def store(file: JournalFile, chunk: Chunk) -> None:
        assert file.attempt is not None, "the supervisor writes no rollouts"
        refused = writer.apply(chunk.records, attempt=file.attempt)
        lines = [_as_foreign(chunk, number) for number in refused]
        connection.executemany(
            "INSERT OR REPLACE INTO foreign_line VALUES (?,?,?)", [(file.key, line.offset, line.text) for line in lines]
        )
        connection.execute("INSERT OR REPLACE INTO progress VALUES (?,?)", (file.key, chunk.next_offset))

    return _Sink(connection, offset_of, store)


def index_pending(home: Home, name: str, *, budget: int = INDEX_BATCH) -> int:
    """Adds up to `budget` completions to the full-text index and returns how many; ingest alone would be slowed."""
    path = home.rollouts(name)
    if not path.exists():
        return 0
    with closing(open_rollouts_for_writing(path)) as connection, transaction(connection):
        rows = connection.execute(
            "SELECT c.id, c.text FROM unindexed u JOIN completion c ON c.id=u.id ORDER BY u.id LIMIT ?", (budget,)
        ).fetchall()
        connection.executemany("INSERT INTO completion_text (rowid, text) VALUES (?,?)", rows)
        connection.executemany("DELETE FROM unindexed WHERE id=?", [row[:1] for row in rows])
    return len(rows)


def ingest_user_journal(connection: sqlite3.Connection, home: Home) -> None:
    """Takes in what people did to runs: tags. Other records wait for the parts that use them."""
    path, key = home.user_journal, "user.jsonl"
    while path.exists():
        row = connection.execute('SELECT "offset" FROM progress WHERE run=0 AND file=?', (key,)).fetchone()
        offset = int(row[0]) if row else 0
        chunk = read_chunk(path, offset, CHUNK_BYTES)
        if chunk.next_offset == offset:
            return
        with transaction(connection):
            for record in chunk.records:
                if record["type"] == "tag":
                    connection.execute("INSERT OR IGNORE INTO tag VALUES (?,?)", (record["uid"], record["tag"]))
                elif record["type"] == "untag":
                    connection.execute("DELETE FROM tag WHERE run=? AND tag=?", (record["uid"], record["tag"]))
            connection.execute("INSERT OR REPLACE INTO progress VALUES (0,?,?)", (key, chunk.next_offset))
