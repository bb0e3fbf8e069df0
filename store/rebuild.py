"""Makes the databases again from the files, and holds the two against each other."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from store.database import explained, open_for_reading, remove_database
from store.errors import JournalError, RunCopied, StoreError
from store.ingest import HOME_ITSELF, index_pending, ingest_home, journal_files, read_launch
from store.journal import read_chunk
from store.layout import Home
from store.media import image_path
from store.migrations import CATALOGUE, locked, migration_lock
from store.rollouts import open_rollouts
from store.runs import foreign_lines

CHUNK_BYTES = 4 << 20
KEPT = "kept in table foreign_line; nothing to do"
LOST = "they cannot be brought back; free the disk where it is still full"
SHRUNK = "restore it; rebuild to accept it"


class RebuildReport(NamedTuple):
    """What a rebuild made."""

    runs: int
    records: int
    foreign: int
    copies: tuple[str, ...]
    """Run directories that are copies of others and were left out; nothing of theirs is lost."""


class Finding(NamedTuple):
    """Something about a run or the store that is not as it should be."""

    run: str
    problem: str
    fix: str
    is_fault: bool = True
    """Whether something is wrong still; else it is a fact about the past that nothing can change."""

    def __str__(self) -> str:
        return f"{self.run or 'store'}: {self.problem} ({self.fix})"


class _ScratchHome(Home):
    """A home whose databases are made in another folder."""

    def __init__(self, home: Home, databases: Path) -> None:
        super().__init__(home.path)
        self._scratch = databases

    @property
    def databases(self) -> Path:
        return self._scratch


def rebuild(home: Home) -> RebuildReport:
    """Makes the catalogue and every rollout database anew and swaps them in; the old ones stay until that.

    Raises StoreError where a run cannot be read or a database cannot be written; nothing is swapped then.
    """
    with explained(home.databases):
        home.databases.mkdir(parents=True, exist_ok=True)
        with locked(home.databases / ".rebuild.lock"):
            for left in home.databases.glob(".rebuild-*"):
                # a rebuild that was killed could not remove it
                shutil.rmtree(left, ignore_errors=True)
            scratch = Path(tempfile.mkdtemp(prefix=".rebuild-", dir=home.databases))
            try:
                return _make_and_swap(home, _ScratchHome(home, scratch))
            finally:
                shutil.rmtree(scratch, ignore_errors=True)


def _make_and_swap(home: Home, made: Home) -> RebuildReport:
    report = ingest_home(made)
    copies = tuple(sorted(name for name, error in report.broken.items() if isinstance(error, RunCopied)))
    unreadable = {name: error for name, error in report.broken.items() if name not in copies}
    if unreadable:
        raise _unreadable_runs(unreadable)
    for name in report.runs:
        while index_pending(made, name):
            continue
    _swap(made, home)
    reports = [report.user, *report.runs.values()]
    return RebuildReport(
        len(report.runs),
        sum(part.records for part in reports),
        sum(part.foreign for part in reports),
        copies,
    )


def _unreadable_runs(broken: dict[str, StoreError]) -> StoreError:
    """One error for all runs that a rebuild would lose."""
    first = next(iter(broken.values()))
    if len(broken) == 1:
        return first
    names = ", ".join(sorted(broken)[:8])
    return JournalError(
        f"{len(broken)} runs cannot be read: {names}", found=str(first), expected=first.expected, fix=first.fix
    )


def _swap(made: Home, home: Home) -> None:
    wanted = {home.catalogue: made.catalogue}
    for path in sorted((made.databases / "rollouts").glob("*.db")):
        wanted[home.rollouts(path.stem)] = path
    for path in wanted.values():
        with closing(sqlite3.connect(path)) as connection:
            # everything into the one file that is renamed
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    existing = {home.catalogue, *(home.databases / "rollouts").glob("*.db")}
    for path in existing - set(wanted):
        remove_database(path)
    for place, new in wanted.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        # until the new one is there nobody may make an empty one, whose log would be taken for the new one's
        with migration_lock(place):
            remove_database(place)
            os.replace(new, place)


def check(home: Home) -> list[Finding]:
    """Everything that is wrong with databases and files, an empty list where nothing is."""
    findings: list[Finding] = []
    try:
        with closing(open_for_reading(home.catalogue, CATALOGUE)) as catalogue:
            findings += _integrity(catalogue, "", home.catalogue)
            for name in home.runs():
                findings += _check_run(home, catalogue, name)
            known = {row[0] for row in catalogue.execute("SELECT name FROM run")}
            findings += _check_user_journal(home, catalogue)
    except (StoreError, sqlite3.DatabaseError) as error:
        return [*findings, Finding("", str(error), "rftui store rebuild")]
    findings += [
        Finding(name, "is in the catalogue and its directory is gone", "rftui store rebuild")
        for name in sorted(known - set(home.runs()))
    ]
    return findings


def _check_user_journal(home: Home, catalogue: sqlite3.Connection) -> Iterator[Finding]:
    path = home.user_journal
    size = path.stat().st_size if path.exists() else 0
    row = catalogue.execute('SELECT max("offset") FROM progress WHERE run=?', (HOME_ITSELF,)).fetchone()
    if (row[0] or 0) > size:
        yield Finding("", f"{path.name} is shorter than what was read of it", SHRUNK)
    foreign = catalogue.execute("SELECT count(*) FROM foreign_line WHERE run=?", (HOME_ITSELF,)).fetchone()[0]
    if foreign:
        yield Finding("", f"{foreign} lines of {path.name} are no records", KEPT, is_fault=False)


def _integrity(connection: sqlite3.Connection, run: str, path: Path) -> Iterator[Finding]:
    for (result,) in connection.execute("PRAGMA integrity_check"):
        if result != "ok":
            yield Finding(run, f"{path.name}: {result}", "rftui store rebuild")


def _check_run(home: Home, catalogue: sqlite3.Connection, name: str) -> list[Finding]:
    try:
        uid = read_launch(home.run(name)).uid
    except JournalError as error:
        return [Finding(name, f"{error.message}: {error.found}", error.fix)]
    if catalogue.execute("SELECT 1 FROM run WHERE id=? AND name=?", (uid, name)).fetchone() is None:
        return [Finding(name, "is not in the catalogue", "rftui store rebuild")]
    findings = [*_check_offsets(home, catalogue, uid, name), *_check_losses(catalogue, uid, name)]
    try:
        with closing(open_rollouts(home, name)) as rollouts:
            findings += _integrity(rollouts, name, home.rollouts(name))
            findings += _check_counts(home, rollouts, name)
            findings += _check_media(home, rollouts, name)
            lines = foreign_lines(catalogue, rollouts, uid)
    except (StoreError, sqlite3.DatabaseError, OSError) as error:
        return [*findings, Finding(name, str(error), "rftui store rebuild")]
    if lines:
        findings.append(Finding(name, f"{lines} journal lines are no records", KEPT, is_fault=False))
    return findings


def _check_losses(catalogue: sqlite3.Connection, run: int, name: str) -> Iterator[Finding]:
    for dropped, reason in catalogue.execute("SELECT dropped, reason FROM gap WHERE run=?", (run,)):
        yield Finding(name, f"records were dropped: {dropped} ({reason})", LOST, is_fault=False)


def _check_offsets(home: Home, catalogue: sqlite3.Connection, run: int, name: str) -> Iterator[Finding]:
    offsets = dict(catalogue.execute('SELECT file, "offset" FROM progress WHERE run=?', (run,)))
    for file in journal_files(home.run(name)):
        size = file.path.stat().st_size if file.path.exists() else 0
        if offsets.get(file.key, 0) > size:
            yield Finding(name, f"{file.key} is shorter than what was read of it", SHRUNK)


def _check_counts(home: Home, rollouts: sqlite3.Connection, name: str) -> Iterator[Finding]:
    """Rows against records, up to where the journals were read."""
    offsets = dict(rollouts.execute('SELECT file, "offset" FROM progress'))
    written: set[tuple[str, ...]] = set()
    for file in journal_files(home.run(name)):
        if file.attempt is not None and file.path.exists():
            written |= _rollout_keys(file.path, attempt=file.attempt, end=offsets.get(file.key, 0))
    stored = {
        ("completion", *map(str, row))
        for row in rollouts.execute(
            "SELECT c.attempt, c.step, g.number, c.sample FROM completion c JOIN prompt_group g ON g.id=c.prompt_group"
        )
    } | {
        ("eval", *map(str, row))
        for row in rollouts.execute("SELECT attempt, step, prompt, decoding, split, number FROM eval_sample")
    }
    if written - stored:
        yield Finding(
            name, f"{len(written - stored)} rows of its journals are not in the database", "rftui store rebuild"
        )
    if stored - written:
        yield Finding(name, f"{len(stored - written)} rows have no record in its journals", "rftui store rebuild")


def _rollout_keys(path: Path, *, attempt: int, end: int) -> set[tuple[str, ...]]:
    keys: set[tuple[str, ...]] = set()
    offset = 0
    while offset < end:
        chunk = read_chunk(path, offset, min(CHUNK_BYTES, end - offset))
        if chunk.next_offset == offset:
            raise JournalError(f"{path} cannot be read at byte {offset}", found="no whole line", expected="records")
        for record in chunk.records:
            keys |= _keys_of(record, attempt)
        offset = chunk.next_offset
    return keys


def _keys_of(record: dict[str, object], attempt: int) -> set[tuple[str, ...]]:
    try:
        if record["type"] == "group":
            samples = record["samples"]
            assert isinstance(samples, list)
            return {
                ("completion", str(attempt), str(record["step"]), str(record["group"]), str(s["sample"]))
                for s in samples
            }
        if record["type"] == "eval_sample":
            names = ("step", "prompt", "decoding", "split", "index")
            return {("eval", str(attempt), *(str(record[name]) for name in names))}
    except (KeyError, TypeError, AssertionError):
        # set aside at ingest as a foreign line, and reported as one
        return set()
    return set()


def _check_media(home: Home, rollouts: sqlite3.Connection, name: str) -> Iterator[Finding]:
    media = home.run(name).media
    hashes = {
        row[0]
        for table in ("prompt_group", "eval_sample")
        for row in rollouts.execute(
            f"SELECT DISTINCT json_extract(value, '$.hash') FROM {table}, json_each({table}.images)"
        )
    }
    missing = [digest for digest in hashes if not image_path(media, digest).exists()]
    if missing:
        yield Finding(
            name, f"{len(missing)} of {len(hashes)} images are missing", "its rollouts are shown without them"
        )
