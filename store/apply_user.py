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
    connection.execute(
        "INSERT OR REPLACE INTO note (run, file, seq, time, level, text) VALUES (?,?,?,?,?,?)",
        (whole(record["uid"]), FILE, record["seq"], record["time"], PERSON, text(record["text"])),
    )


_WRITES: dict[str, Callable[[sqlite3.Connection, Record], None]] = {"tag": _tag, "untag": _untag, "note": _note}
