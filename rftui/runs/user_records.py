"""Writes what people did into user.jsonl, one process at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rftui.errors import StoreTrouble
from rftui.supervision.supervisor_lock import supervision
from store.journal import Appender
from store.layout import Home

PATIENCE_S = 5.0


def record(home: Home, kind: str, entries: Iterable[dict[str, Any]]) -> None:
    """Appends a record of that type with the fields of each entry, and returns when they are on disk.

    Raises StoreTrouble where the home is read-only, and where another process holds the lock for long: two writers
    would give out one seq twice.
    """
    if home.is_read_only:
        raise StoreTrouble(
            f"{home.path} is read-only here",
            found=f"a request to write down a {kind}",
            expected="a home that may be changed",
            fix="leave --read-only out",
        )
    journal = home.user_journal
    journal.parent.mkdir(parents=True, exist_ok=True)
    with supervision(journal.with_name("user.lock"), patience_s=PATIENCE_S) as is_mine:
        if not is_mine:
            raise StoreTrouble(
                f"{journal.name} is being written by another process",
                found=f"a lock on {journal.with_name('user.lock')}, held for {PATIENCE_S:.0f} s",
                expected="a moment without another writer",
                fix="try again; if it stays so, end the rftui process that hangs",
            )
        appender = Appender(journal)
        try:
            for fields in entries:
                appender.append(kind, **fields)
            appender.sync()
        finally:
            appender.close()
