"""The training process's journal: records are handed over in microseconds and written by a thread of their own.

Trouble with the disk never reaches the caller. What cannot be written waits in memory, up to 64 MB; then the oldest
rollouts are dropped first, and a `gap` record counts them once writing works again.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
from collections import Counter, deque
from pathlib import Path
from typing import Any, NamedTuple

from store.journal import VERSION, encode

logger = logging.getLogger(__name__)

MEMORY_BYTES = 64 << 20
BATCH_BYTES = 1 << 20
GATHER_S = 0.05
"""Records of one step come within milliseconds; writing them together costs less."""
SYNC_EVERY_S = 5.0
RETRY_S = 0.5
CLOSE_PATIENCE_S = 30.0
ROLLOUT_TYPES = frozenset({"group", "eval_sample"})
"""What is dropped first: it is most of the bytes."""
OVERHEAD_BYTES = 200


class _Pending(NamedTuple):
    type: str
    time: float
    fields: dict[str, Any]
    size: int


class _Gap:
    """Records that were dropped since the last gap record."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: list[float] = []
        self.steps: list[int] = []

    def add(self, record: _Pending) -> None:
        self.counts[record.type] += 1
        self.times = [min([record.time, *self.times]), max([record.time, *self.times])]
        step = record.fields.get("step")
        if isinstance(step, int):
            self.steps = [min([step, *self.steps]), max([step, *self.steps])]

    def fields(self, reason: str) -> dict[str, Any]:
        return {
            "dropped": dict(self.counts),
            "first_time": self.times[0],
            "last_time": self.times[1],
            "first_step": self.steps[0] if self.steps else None,
            "last_step": self.steps[1] if self.steps else None,
            "reason": reason,
        }


class JournalWriter:
    """Writes one journal from a thread. Callers hand over dictionaries that they no longer touch."""

    def __init__(self, path: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.path = path
        self.memory_bytes = memory_bytes
        self._state = threading.Condition()
        self._pending: dict[int, _Pending] = {}
        self._droppable: deque[int] = deque()
        self._pending_bytes = 0
        self._accepted = 0
        self._in_flight = 0
        self._is_urgent = False
        self._wants_sync = False
        self._is_closing = False
        self._gap = _Gap()
        self._file: int | None = None
        self._seq = 0
        self._unsent = b""
        self._is_dirty = False
        self._synced_at = time.monotonic()
        self._trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def put(self, type: str, fields: dict[str, Any]) -> None:
        """Hands a record over. Never blocks on the disk and never raises for it."""
        record = _Pending(type, time.time(), fields, _weight(fields))
        with self._state:
            self._pending[self._accepted] = record
            if type in ROLLOUT_TYPES:
                self._droppable.append(self._accepted)
            self._accepted += 1
            self._pending_bytes += record.size
            while self._pending_bytes > self.memory_bytes and len(self._pending) > 1:
                self._drop_one()
            self._state.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Whether everything so far was handed to the kernel (or dropped) within the time."""
        with self._state:
            target = self._accepted
            self._is_urgent = True
            self._state.notify_all()
            return self._state.wait_for(lambda: self._settled_through(target), timeout_s)

    def sync(self, timeout_s: float = CLOSE_PATIENCE_S) -> bool:
        """Whether everything so far was put on disk within the time."""
        self.flush(timeout_s)
        with self._state:
            self._wants_sync = True
            self._is_urgent = True
            self._state.notify_all()
            return self._state.wait_for(lambda: not self._wants_sync, timeout_s)

    def close(self) -> None:
        """Writes what waits, for at most half a minute of disk trouble, and ends the thread."""
        with self._state:
            if self._is_closing:
                return
            self._is_closing = True
            self._state.notify_all()
        self._thread.join(CLOSE_PATIENCE_S)
        atexit.unregister(self.close)
        if self._thread.is_alive() or self._pending or self._unsent:
            logger.error("%s: %d records were not written: %s", self.path, len(self._pending), self._trouble)

    def _settled_through(self, target: int) -> bool:
        if self._in_flight:
            return False
        return next(iter(self._pending), self._accepted) >= target

    def _drop_one(self) -> None:
        """Drops the oldest rollout, or the oldest record where no rollout waits."""
        while self._droppable and self._droppable[0] not in self._pending:
            self._droppable.popleft()
        number = self._droppable.popleft() if self._droppable else next(iter(self._pending))
        record = self._pending.pop(number)
        self._pending_bytes -= record.size
        self._gap.add(record)

    def _run(self) -> None:
        deadline: float | None = None
        while True:
            batch, is_last = self._next_batch()
            if is_last and deadline is None:
                deadline = time.monotonic() + CLOSE_PATIENCE_S
            has_failed = not self._write(batch)
            self._sync_if_due(is_last=is_last)
            if is_last and (not has_failed or time.monotonic() > (deadline or 0.0)) and not self._has_work():
                break
            if has_failed:
                if deadline is not None and time.monotonic() > deadline:
                    break
                time.sleep(RETRY_S)
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)

    def _has_work(self) -> bool:
        with self._state:
            return bool(self._pending)

    def _next_batch(self) -> tuple[list[_Pending], bool]:
        """Records to write next, possibly none when a sync is due; and whether the writer is closing."""
        with self._state:
            self._state.wait_for(
                lambda: self._pending or self._unsent or self._wants_sync or self._is_closing,
                timeout=SYNC_EVERY_S if self._is_dirty else None,
            )
            if not (self._is_urgent or self._is_closing or self._unsent):
                self._state.wait_for(lambda: self._is_urgent or self._is_closing, timeout=GATHER_S)
            self._is_urgent = False
            batch: list[_Pending] = []
            # a batch that the disk refused is kept as bytes and goes first; taking more would grow them
            taken = 0
            while self._pending and not self._unsent and taken < BATCH_BYTES:
                record = self._pending.pop(next(iter(self._pending)))
                self._pending_bytes -= record.size
                taken += record.size
                batch.append(record)
            self._in_flight = len(batch)
            return batch, self._is_closing

    def _write(self, batch: list[_Pending]) -> bool:
        """Whether everything was written; what was not stays in `_unsent`, cut exactly where the kernel stopped."""
        if batch:
            self._unsent += b"".join(self._encoded(record) for record in batch)
        try:
            self._open_if_needed()
            assert self._file is not None
            while self._unsent:
                written = os.write(self._file, self._unsent)
                self._unsent = self._unsent[written:]
                self._is_dirty = True
            self._write_gap_if_any(self._file)
        except OSError as error:
            if self._trouble is None:
                logger.warning("%s cannot be written (%s); the run goes on", self.path, error)
            self._trouble = str(error)
            return False
        self._trouble = None
        with self._state:
            self._in_flight = 0
            self._state.notify_all()
        return True

    def _open_if_needed(self) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def _encoded(self, record: _Pending) -> bytes:
        line = encode({"v": VERSION, "seq": self._seq, "time": record.time, "type": record.type, **record.fields})
        self._seq += 1
        return line

    def _write_gap_if_any(self, file: int) -> None:
        with self._state:
            gap, self._gap = self._gap, _Gap()
        if not gap.counts:
            return
        record = _Pending("gap", time.time(), gap.fields(self._trouble or "memory for waiting records was full"), 0)
        self._unsent = self._encoded(record)
        while self._unsent:
            self._unsent = self._unsent[os.write(file, self._unsent) :]

    def _sync_if_due(self, *, is_last: bool) -> None:
        is_due = self._is_dirty and time.monotonic() - self._synced_at >= SYNC_EVERY_S
        if (is_due or self._wants_sync or is_last) and self._file is not None and not self._unsent:
            try:
                os.fsync(self._file)
            except OSError as error:
                logger.warning("%s cannot be synced (%s); the run goes on", self.path, error)
            self._is_dirty = False
            self._synced_at = time.monotonic()
        with self._state:
            if self._wants_sync and not self._unsent:
                self._wants_sync = False
                self._state.notify_all()


def _weight(value: Any) -> int:
    """About how many bytes a value takes as JSON."""
    if isinstance(value, str):
        return len(value) + 8
    if isinstance(value, dict):
        return OVERHEAD_BYTES + sum(_weight(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(_weight(item) for item in value)
    return 16
