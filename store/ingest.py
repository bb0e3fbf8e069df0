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
from store.apply_user import FILE as USER_FILE
from store.apply_user import apply_user_records
from store.database import (
    explained,
    open_catalogue_for_writing,
    open_rollouts_for_writing,
    remove_database,
    transaction,
)
from store.errors import JournalError, RunCopied, StoreError
from store.fields import UNUSABLE, finite, text, whole
from store.journal import FOREIGN_CHARACTERS, Chunk, ForeignLine, encode, read_chunk
from store.layout import Home, RunDir
from store.states import State

CHUNK_BYTES = 2 << 20
JOURNAL_NAME = re.compile(r"rank(\d+)-attempt(\d+)\.jsonl")
INDEX_BATCH = 512
HOME_ITSELF = 0
"""Stands for the home's own journal where tables have a run."""


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

    records: int = 0
    foreign: int = 0
    shrunk: tuple[str, ...] = ()
    """Journals that are shorter than what was read of them before; nothing of them was read again."""


class HomeReport(NamedTuple):
    """What one call took in of a whole home."""

    runs: dict[str, IngestReport]
    user: IngestReport
    """Of what people did."""
    broken: dict[str, StoreError]
    """Runs that could not be taken in, and why; the others were."""


class Sink(NamedTuple):
    """One of the two databases as an ingester sees it."""

    connection: sqlite3.Connection
    offset_of: Callable[[str], int]
    store: Callable[[JournalFile, Chunk], list[int]]
    """Stores a chunk and where it ends; returns the numbers of records that have our form and not our fields."""


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


def ingest_home(home: Home) -> HomeReport:
    """Takes in every run of a home that can be read, and what people did. Raises StoreError for the catalogue."""
    runs: dict[str, IngestReport] = {}
    broken: dict[str, StoreError] = {}
    for name in _originals_first(home):
        try:
            runs[name] = ingest_run(home, name)
        except StoreError as error:
            broken[name] = error
    # after the runs, as it was lived: a person may take off the tag that a run was launched with
    return HomeReport(runs, ingest_user_journal(home), broken)


def _originals_first(home: Home) -> list[str]:
    """The home's runs, those under another name than they were launched with last: of two twins it is the copy."""

    def is_renamed(name: str) -> bool:
        try:
            launch = json.loads(home.run(name).launch.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # taking it in will say what is wrong with it
            return True
        return not isinstance(launch, dict) or launch.get("name") != name

    return sorted(home.runs(), key=is_renamed)


def ingest_run(home: Home, name: str) -> IngestReport:
    """Takes in what is new of one run. Safe beside other processes that do the same.

    Raises JournalError where its files are missing or unreadable, other StoreErrors for the databases.
    """
    run_dir = home.run(name)
    facts = read_launch(run_dir)
    with explained(home.databases), closing(open_catalogue_for_writing(home.catalogue)) as catalogue:
        register_run(home, catalogue, facts)
        with closing(open_rollouts_for_writing(home.rollouts(name))) as rollouts:
            sinks = (catalogue_sink(catalogue, facts.uid), rollouts_sink(rollouts))
            return ingest_files(run_dir, sinks)


def ingest_user_journal(home: Home) -> IngestReport:
    """Takes in what people did to runs: tags and notes. Other records are for other readers. Raises StoreError."""
    with explained(home.databases), closing(open_catalogue_for_writing(home.catalogue)) as catalogue:
        file = JournalFile(USER_FILE, home.user_journal, None, 0)
        return _ingest_file(file, (_user_sink(catalogue),))


class LaunchFacts(NamedTuple):
    """What the catalogue takes from a run's own two files."""

    uid: int
    name: str
    created_at: float
    config: dict[str, Any]
    study: str = ""
    """The study that launched it; empty for none."""


STUDY_TAG = "study:"
"""Begins the tag of a run that a study launched."""


def read_launch(run_dir: RunDir) -> LaunchFacts:
    """The run's launch.json and config.toml. Raises JournalError."""
    try:
        launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
        config = tomllib.loads(run_dir.config.read_text(encoding="utf-8"))
        # a number or a name that SQLite cannot hold raises here
        whole(config.get("max_steps", 0))
        run_dir.name.encode()
        return LaunchFacts(
            whole(launch["uid"]), run_dir.name, finite(launch["created_at"]), config, _study_name(launch.get("study"))
        )
    except (OSError, *UNUSABLE) as error:
        raise JournalError(
            f"{run_dir.path} is no run that can be read",
            found=repr(error),
            expected="launch.json with uid and created_at, and config.toml",
            fix="restore the two files, or move the folder out of the home",
        ) from error


def _study_name(field: Any) -> str:
    """The study in launch.json; empty where there is none, or what stands there is not what a study writes."""
    name = field.get("name") if isinstance(field, dict) else None
    return text(name) if isinstance(name, str) else ""


def register_run(home: Home, catalogue: sqlite3.Connection, facts: LaunchFacts) -> None:
    """Adds the run where it is not there yet.

    A row of the same name under another uid is a run that this one replaced; a row of the same uid under another name
    is this run before its folder was renamed. Raises RunCopied for a copy of another run's folder.
    """
    if _is_registered(catalogue, facts):
        return
    config = facts.config
    with transaction(catalogue):
        if _is_registered(catalogue, facts):
            # another process was quicker, and may be taking in the run already
            return
        replaced = catalogue.execute("SELECT id FROM run WHERE name=? AND id<>?", (facts.name, facts.uid)).fetchone()
        if replaced is not None:
            forget_run(catalogue, replaced[0])
        twin = catalogue.execute("SELECT name FROM run WHERE id=? AND name<>?", (facts.uid, facts.name)).fetchone()
        if twin is not None:
            _refuse_copy(home, facts, twin=twin[0])
            forget_run(catalogue, facts.uid)
            remove_database(home.rollouts(twin[0]))
        # whatever lies there has another run's rows and offsets, or those of a catalogue that is gone
        remove_database(home.rollouts(facts.name))
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
                json.dumps(config, ensure_ascii=False, default=str),
            ),
        )
        if facts.study:
            catalogue.execute(
                "INSERT OR IGNORE INTO tag (run, tag) VALUES (?,?)", (facts.uid, f"{STUDY_TAG}{facts.study}")
            )


def _is_registered(catalogue: sqlite3.Connection, facts: LaunchFacts) -> bool:
    row = catalogue.execute("SELECT 1 FROM run WHERE id=? AND name=?", (facts.uid, facts.name)).fetchone()
    return row is not None


def _refuse_copy(home: Home, facts: LaunchFacts, *, twin: str) -> None:
    """Raises JournalError where the run that has this uid is still in its own folder."""
    try:
        is_there = read_launch(home.run(twin)).uid == facts.uid
    except JournalError:
        # renamed, so nothing is left under the old name
        return
    if is_there:
        raise RunCopied(
            f"{home.run(facts.name).path} is a copy of the run {twin}",
            found=f"uid {facts.uid} in the launch.json of both",
            expected="one folder a run",
            fix=f"move one of the two out of the home, or clone the run with `rftui clone {twin}`",
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
    "progress",
)
"""Tables that a run's own files fill. Tags are not among them: user.jsonl, which is not read again, gives them, as it
gives people's notes."""


def forget_run(catalogue: sqlite3.Connection, run: int) -> None:
    """Removes a run's rows from the catalogue within an open transaction; its files are not touched."""
    for table in CATALOGUE_TABLES:
        kept = f" AND file<>'{USER_FILE}'" if table == "note" else ""
        catalogue.execute(f"DELETE FROM {table} WHERE run=?{kept}", (run,))
    catalogue.execute("DELETE FROM run WHERE id=?", (run,))


def ingest_files(run_dir: RunDir, sinks: tuple[Sink, Sink]) -> IngestReport:
    """Takes in what is new of a registered run's journals. Raises JournalError where they cannot be read."""
    try:
        # the supervisor writes no rollouts
        reports = [
            _ingest_file(file, sinks if file.attempt is not None else sinks[:1]) for file in journal_files(run_dir)
        ]
    except StoreError:
        raise
    except OSError as error:
        raise JournalError(
            f"{run_dir.path} cannot be read",
            found=str(error),
            expected="journals that you may read",
            fix="check the permissions of the folder and the health of its disk",
        ) from error
    return IngestReport(
        sum(report.records for report in reports),
        sum(report.foreign for report in reports),
        tuple(key for report in reports for key in report.shrunk),
    )


def _ingest_file(file: JournalFile, sinks: tuple[Sink, ...]) -> IngestReport:
    """Takes in what is new of one journal. A sink that is behind catches up; then one read serves both."""
    records = foreign = 0
    while file.path.exists():
        offsets = [sink.offset_of(file.key) for sink in sinks]
        if max(offsets) > file.path.stat().st_size:
            return IngestReport(records, foreign, (file.key,))
        offset = min(offsets)
        # a sink that is ahead waits here: the chunk ends where it stands at the latest
        ahead = min((other for other in offsets if other > offset), default=None)
        limit = CHUNK_BYTES if ahead is None else min(CHUNK_BYTES, ahead - offset)
        chunk = read_chunk(file.path, offset, limit)
        if chunk.next_offset == offset:
            break
        refused: set[int] = set()
        is_stored = False
        for sink, at in zip(sinks, offsets, strict=True):
            if at != offset:
                continue
            with transaction(sink.connection):
                if sink.offset_of(file.key) != offset:
                    # another process was quicker; what it stored is not stored again
                    continue
                refused |= set(sink.store(file, chunk))
                is_stored = True
        if is_stored:
            records += len(chunk.records) - len(refused)
            foreign += len(chunk.foreign) + len(refused)
    return IngestReport(records, foreign)


def catalogue_sink(connection: sqlite3.Connection, run: int) -> Sink:
    """The catalogue, for the records of one run."""
    writer = CatalogueWriter(connection, run=run)

    def store(file: JournalFile, chunk: Chunk) -> list[int]:
        refused = writer.apply(chunk.records, file=file.key, attempt=file.attempt, rank=file.rank)
        _advance_catalogue(connection, run, file.key, chunk, refused)
        writer.refresh_headline()
        return refused

    return Sink(connection, lambda key: _catalogue_offset(connection, run, key), store)


def _user_sink(connection: sqlite3.Connection) -> Sink:
    def store(file: JournalFile, chunk: Chunk) -> list[int]:
        refused = apply_user_records(connection, chunk.records)
        _advance_catalogue(connection, HOME_ITSELF, file.key, chunk, refused)
        return refused

    return Sink(connection, lambda key: _catalogue_offset(connection, HOME_ITSELF, key), store)


def _catalogue_offset(connection: sqlite3.Connection, run: int, key: str) -> int:
    row = connection.execute('SELECT "offset" FROM progress WHERE run=? AND file=?', (run, key)).fetchone()
    return int(row[0]) if row else 0


def _advance_catalogue(connection: sqlite3.Connection, run: int, key: str, chunk: Chunk, refused: list[int]) -> None:
    foreign = [*chunk.foreign, *(_as_foreign(chunk, number) for number in refused)]
    connection.executemany(
        "INSERT OR REPLACE INTO foreign_line VALUES (?,?,?,?)", [(run, key, line.offset, line.text) for line in foreign]
    )
    connection.execute("INSERT OR REPLACE INTO progress VALUES (?,?,?)", (run, key, chunk.next_offset))


def _as_foreign(chunk: Chunk, number: int) -> ForeignLine:
    line = encode(chunk.records[number]).decode("utf-8", "replace").rstrip("\n")
    return ForeignLine(chunk.offsets[number], line[:FOREIGN_CHARACTERS])


def rollouts_sink(connection: sqlite3.Connection) -> Sink:
    """The rollouts of one run."""
    writer = RolloutsWriter(connection)

    def offset_of(key: str) -> int:
        row = connection.execute('SELECT "offset" FROM progress WHERE file=?', (key,)).fetchone()
        return int(row[0]) if row else 0

    def store(file: JournalFile, chunk: Chunk) -> list[int]:
        assert file.attempt is not None, "the supervisor writes no rollouts"
        refused = writer.apply(chunk.records, attempt=file.attempt)
        lines = [_as_foreign(chunk, number) for number in refused]
        connection.executemany(
            "INSERT OR REPLACE INTO foreign_line VALUES (?,?,?)", [(file.key, line.offset, line.text) for line in lines]
        )
        connection.execute("INSERT OR REPLACE INTO progress VALUES (?,?)", (file.key, chunk.next_offset))
        return refused

    return Sink(connection, offset_of, store)


def index_pending(home: Home, name: str, *, budget: int = INDEX_BATCH) -> int:
    """Adds up to `budget` completions to the full-text index and returns how many; ingest alone would be slowed."""
    path = home.rollouts(name)
    if not path.exists():
        return 0
    with (
        explained(path),
        closing(open_rollouts_for_writing(path)) as connection,
        transaction(connection),
    ):
        rows = connection.execute(
            "SELECT c.id, c.text FROM unindexed u JOIN completion c ON c.id=u.id ORDER BY u.id LIMIT ?", (budget,)
        ).fetchall()
        connection.executemany("INSERT INTO completion_text (rowid, text) VALUES (?,?)", rows)
        connection.executemany("DELETE FROM unindexed WHERE id=?", [row[:1] for row in rows])
    return len(rows)
