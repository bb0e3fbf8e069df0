"""Which runs people starred, and which one is pinned as the baseline: read from user.jsonl itself, as it grows.

The records are `star`, `unstar`, `pin` and `unpin`, each with the uid of a run. No database holds them, so that nothing
is lost with one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from store.journal import read_chunk
from store.layout import Home

CHUNK_BYTES = 1 << 20


class Marks(NamedTuple):
    """What people marked for good, by uid."""

    starred: frozenset[int] = frozenset()
    pinned: int | None = None


class MarkReader:
    """Reads what is new of a home's user.jsonl, from one thread at a time."""

    def __init__(self, home: Home) -> None:
        self._path = home.user_journal
        self._offset = 0
        self._starred: set[int] = set()
        self.marks = Marks()

    def read(self) -> Marks:
        """The marks as they are now. Raises OSError."""
        try:
            size = self._path.stat().st_size
        except FileNotFoundError:
            size = 0
        if size < self._offset:
            # another file took its place
            self._offset, self._starred, self.marks = 0, set(), Marks()
        pinned = self.marks.pinned
        while self._offset < size:
            chunk = read_chunk(self._path, self._offset, CHUNK_BYTES)
            if chunk.next_offset == self._offset:
                break
            self._offset = chunk.next_offset
            for record in chunk.records:
                pinned = self._apply(record, pinned)
        if self._starred != self.marks.starred or pinned != self.marks.pinned:
            self.marks = Marks(frozenset(self._starred), pinned)
        return self.marks

    def _apply(self, record: dict[str, Any], pinned: int | None) -> int | None:
        """Takes in one record, and returns which run is pinned after it. What is no record of ours changes nothing."""
        kind, uid = record["type"], record.get("uid")
        if not isinstance(uid, int):
            return pinned
        if kind == "star":
            self._starred.add(uid)
        elif kind == "unstar":
            self._starred.discard(uid)
        elif kind == "pin":
            return uid
        elif kind == "unpin" and pinned == uid:
            return None
        return pinned
