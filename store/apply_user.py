"""What each record of user.jsonl does to the catalogue. Every write can be repeated."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from store.fields import UNUSABLE, text, whole

STATEMENTS = {
    "tag": "INSERT OR IGNORE INTO tag (run, tag) VALUES (?,?)",
    "untag": "DELETE FROM tag WHERE run=? AND tag=?",
}


def apply_user_records(connection: sqlite3.Connection, records: Sequence[dict[str, Any]]) -> list[int]:
    """Applies records in order and returns the indices of those that have our form and not our fields.

    Runs are meant by uid, so that a tag outlives a rename and the trash. Types other than these are for other readers.
    """
    refused = []
    for number, record in enumerate(records):
        statement = STATEMENTS.get(record["type"])
        if statement is None:
            continue
        try:
            connection.execute(statement, (whole(record["uid"]), text(record["tag"])))
        except UNUSABLE:
            refused.append(number)
    return refused
