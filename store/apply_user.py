"""What each record of user.jsonl does to the catalogue. Every write can be repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from store.fields import UNUSABLE, text, whole

FILE = "user.jsonl"
"""Stands beside the notes of people where those of a run have its journal."""
PERSON = "person"
"""Level of a note that a person wrote."""

Record = dict[str, Any]


def apply_user_records(connection: sqlite3.Connection, records: Sequence[Record]) -> list[int]:
    """Applies records in order and returns the indices of those that have our form and not our fields.

    Runs are meant by uid, so that a tag outlives a rename and the trash. Types other than these are for other readers.
    """
    refused = []
    for number, record in enumerate(records):
        write = _WRITES.get(record["type"])
        if write is None:
            continue
        try:
            write(connection, record)
        except UNUSABLE:
            refused.append(number)
    return refused


def _tag(connection: sqlite3.Connection, record: Record) -> None:
    connection.execute("INSERT OR IGNORE INTO tag (run, tag) VALUES (?,?)", (whole(record["uid"]), text(record["tag"])))


def _untag(connection: sqlite3.Connection, record: Record) -> None:
    connection.execute("DELETE FROM tag WHERE run=? AND tag=?", (whole(record["uid"]), text(record["tag"])))


def _note(connection: sqlite3.Connection, record: Record) -> None:
    if record.get("replaces") is not None:
        _remove_note(connection, record, whole(record["replaces"]))
    connection.execute(
        "INSERT OR REPLACE INTO note (run, file, seq, time, level, text) VALUES (?,?,?,?,?,?)",
        (whole(record["uid"]), FILE, record["seq"], record["time"], PERSON, text(record["text"])),
    )


def _unnote(connection: sqlite3.Connection, record: Record) -> None:
    _remove_note(connection, record, whole(record["note"]))


def _remove_note(connection: sqlite3.Connection, record: Record, seq: int) -> None:
    connection.execute("DELETE FROM note WHERE run=? AND file=? AND seq=?", (whole(record["uid"]), FILE, seq))


def _bookmark(connection: sqlite3.Connection, record: Record) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO bookmark (run, attempt, step, group_number, sample, time) VALUES (?,?,?,?,?,?)",
        (*_completion(record), float(record["time"])),
    )


def _unbookmark(connection: sqlite3.Connection, record: Record) -> None:
    connection.execute(
        "DELETE FROM bookmark WHERE run=? AND attempt=? AND step=? AND group_number=? AND sample=?", _completion(record)
    )


def _completion(record: Record) -> tuple[int, ...]:
    """What tells one completion of a home from all others."""
    return tuple(whole(record[name]) for name in ("uid", "attempt", "step", "group", "sample"))


_WRITES: dict[str, Callable[[sqlite3.Connection, Record], None]] = {
    "tag": _tag,
    "untag": _untag,
    "note": _note,
    "unnote": _unnote,
    "bookmark": _bookmark,
    "unbookmark": _unbookmark,
}
