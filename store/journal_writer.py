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

from store.journal import VERSION, encode, ends_torn, next_seq

logger = logging.getLogger(__name__)

MEMORY_BYTES = 64 << 20
BATCH_BYTES = 1 << 20
GATHER_S = 0.05
"""Records of one step come within milliseconds; writing them together costs less."""
SYNC_EVERY_S = 5.0
RETRY_S = 0.5
CLOSE_PATIENCE_S = 30.0
"""Longest that closing waits for a disk in trouble."""
SYNC_PATIENCE_S = 5.0
"""Longest that a checkpoint waits for the disk."""
ROLLOUT_TYPES = frozenset({"group", "eval_sample", "eval_rotation"})
"""What is dropped first: it is most of the bytes."""
HEADER_BYTES = 100
"""About what v, seq, time and type take."""


class _Pending(NamedTuple):
    type: str
    time: float
    step: int | None
    body: bytes
    """Its fields as a line; seq is given when it is written."""

    @property
    def size(self) -> int:
        return HEADER_BYTES + len(self.body)


class _Gap:
    """Records that were lost since the last gap record."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.times: list[float] = []
        self.steps: list[int] = []
        self.reason = ""

    def add(self, record: _Pending, reason: str) -> None:
        self.counts[record.type] += 1
        self.times = [min([record.time, *self.times]), max([record.time, *self.times])]
        self.reason = self.reason or reason
        if record.step is not None:
            self.steps = [min([record.step, *self.steps]), max([record.step, *self.steps])]

    def record(self) -> _Pending:
        fields = {
            "dropped": dict(self.counts),
            "first_time": self.times[0],
            "last_time": self.times[1],
            "first_step": self.steps[0] if self.steps else None,
            "last_step": self.steps[1] if self.steps else None,
            "reason": self.reason,
        }
        return _Pending("gap", time.time(), None, encode(fields))


class JournalWriter:
    """Writes one journal from a thread."""

    def __init__(self, path: Path, *, memory_bytes: int = MEMORY_BYTES) -> None:
        self.path = path
        self.memory_bytes = memory_bytes
        self._state = threading.Condition()
        # the condition guards these
        self._pending: dict[int, _Pending] = {}
        self._droppable: deque[int] = deque()
        self._pending_bytes = 0
        self._accepted = 0
        self._in_flight: int | None = None
        """Number of the first record that was taken for writing and is not with the kernel yet."""
        self._gap = _Gap()
        self._is_urgent = False
        self._is_closing = False
        self._is_over = False
        self._sync_target: int | None = None
        self._synced_through = 0
        self._trouble: str | None = None
        """What the last write failed with; None while writing works."""
        self._has_hung = False
        """Whether a caller waited in vain since the last write that worked."""
        # these are the thread's own
        self._file: int | None = None
        self._seq = 0
        self._unsent = b""
        self._is_dirty = False
        self._synced_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def put(self, type: str, fields: dict[str, Any]) -> None:
        """Hands a record over. Never blocks on the disk and raises nothing."""
        step = fields.get("step")
        record = _Pending(type, time.time(), step if isinstance(step, int) else None, b"")
        try:
            record = record._replace(body=encode(fields))
        except Exception as error:
            # whatever a caller hands over, training goes on and so do the records after it; this one counts as lost
            logger.warning("a %s record cannot be written: %r", type, error)
            with self._state:
                self._gap.add(record, f"a record cannot be encoded: {error!r}"[:500])
                self._state.notify_all()
            return
        with self._state:
            self._pending[self._accepted] = record
            if type in ROLLOUT_TYPES:
                self._droppable.append(self._accepted)
            self._accepted += 1
            self._pending_bytes += record.size
            while self._pending_bytes > self.memory_bytes and len(self._pending) > 1:
                self._drop_one()
            if len(self._pending) == 1:
                # the thread sleeps only while nothing waits; waking it for every record would cost more than the record
                self._state.notify_all()

    def flush(self, timeout_s: float) -> bool:
        """Whether everything so far was handed to the kernel (or dropped) within the time.

        Waits for a disk that works. One that refuses writes, or that a caller waited for in vain, costs no more time
        until it has worked again.
        """
        with self._state:
            target = self._accepted
            self._is_urgent = True
            self._state.notify_all()
            self._state.wait_for(lambda: self._is_settled(target) or self._is_hopeless(), timeout_s)
            is_settled = self._is_settled(target)
            self._has_hung = self._has_hung or not is_settled
            return is_settled

    def sync(self, timeout_s: float = SYNC_PATIENCE_S) -> bool:
        """Whether everything so far was put on disk within the time. Raises nothing."""
        with self._state:
            target = self._sync_target = self._accepted
            self._is_urgent = True
            self._state.notify_all()
            self._state.wait_for(lambda: self._sync_target is None or self._is_over, timeout_s)
            return self._synced_through >= target

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

    def _unsettled_from(self) -> int:
        """Number of the first record that is neither with the kernel nor dropped."""
        return self._in_flight if self._in_flight is not None else next(iter(self._pending), self._accepted)

    def _is_settled(self, target: int) -> bool:
        return self._unsettled_from() >= target

    def _is_hopeless(self) -> bool:
        return self._trouble is not None or self._has_hung or self._is_over

    def _drop_one(self) -> None:
        """Drops the oldest rollout, or the oldest record where no rollout waits."""
        number = self._droppable.popleft() if self._droppable else next(iter(self._pending))
        record = self._pending.pop(number)
        self._pending_bytes -= record.size
        self._gap.add(record, self._trouble or "memory for waiting records was full")

    def _take(self) -> list[_Pending]:
        """The next records to write, in order."""
        batch: list[_Pending] = []
        taken = 0
        with self._state:
            self._in_flight = next(iter(self._pending), None)
            while self._pending and taken < BATCH_BYTES:
                number = next(iter(self._pending))
                record = self._pending.pop(number)
                if self._droppable and self._droppable[0] == number:
                    self._droppable.popleft()
                self._pending_bytes -= record.size
                taken += record.size
                batch.append(record)
        return batch

    def _run(self) -> None:
        deadline: float | None = None
        try:
            while True:
                is_last = self._wait_for_work()
                if is_last and deadline is None:
                    deadline = time.monotonic() + CLOSE_PATIENCE_S
                is_written = self._write_batch()
                self._sync_if_due(is_last=is_last)
                if is_last and is_written and not self._has_work():
                    break
                if deadline is not None and time.monotonic() > deadline:
                    break
                if not is_written:
                    time.sleep(RETRY_S)
        finally:
            if self._file is not None:
                with contextlib.suppress(OSError):
                    os.close(self._file)
            with self._state:
                self._is_over = True
                self._state.notify_all()

    def _has_work(self) -> bool:
        with self._state:
            return self._has_records()

    def _has_records(self) -> bool:
        return bool(self._pending or self._unsent or self._gap.counts)

    def _wait_for_work(self) -> bool:
        """Returns when there is something to write or to sync; True where the writer is closing."""
        sync_in_s = max(0.0, self._synced_at + SYNC_EVERY_S - time.monotonic()) if self._is_dirty else None
        with self._state:
            self._state.wait_for(
                lambda: self._has_records() or self._sync_target is not None or self._is_closing, sync_in_s
            )
            if not self._unsent:
                self._state.wait_for(lambda: self._is_urgent or self._is_closing, timeout=GATHER_S)
            self._is_urgent = False
            return self._is_closing

    def _write_batch(self) -> bool:
        """Whether everything was written; what was not stays in `_unsent`, cut exactly where the kernel stopped."""
        if not self._has_work():
            return True
        try:
            file = self._opened()
            # what the disk refused goes first; taking more beside it would only grow it
            if not self._unsent:
                self._unsent = b"".join(self._line(record) for record in self._take())
            self._send(file)
            with self._state:
                gap, self._gap = self._gap, _Gap()
            if gap.counts:
                self._unsent = self._line(gap.record())
                self._send(file)
        except OSError as error:
            if self._trouble is None:
                logger.warning("%s cannot be written (%s); the run goes on", self.path, error)
            with self._state:
                self._trouble = str(error)
                self._state.notify_all()
            return False
        with self._state:
            self._in_flight = self._trouble = None
            self._has_hung = False
            self._state.notify_all()
        return True

    def _opened(self) -> int:
        """The journal, opened at its end. One that is there already is gone on with: its last line ended, its seq kept.

        Raises OSError.
        """
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._seq = next_seq(self.path)
            self._unsent = b"\n" if ends_torn(file) else b""
            self._file = file
        return self._file

    def _line(self, record: _Pending) -> bytes:
        header = encode({"v": VERSION, "seq": self._seq, "time": record.time, "type": record.type})
        self._seq += 1
        # {"v":1, ...} and {"step":1, ...} become one object
        return header if record.body == b"{}\n" else header[:-2] + b"," + record.body[1:]

    def _send(self, file: int) -> None:
        while self._unsent:
            written = os.write(file, self._unsent)
            self._unsent = self._unsent[written:]
            self._is_dirty = True

    def _sync_if_due(self, *, is_last: bool) -> None:
        with self._state:
            settled = self._unsettled_from()
            is_wanted = self._sync_target is not None and settled >= self._sync_target
        is_due = self._is_dirty and time.monotonic() - self._synced_at >= SYNC_EVERY_S
        if not (is_due or is_wanted or is_last):
            return
        is_on_disk = not self._is_dirty or self._fsync()
        with self._state:
            if is_on_disk:
                self._synced_through = settled
            if is_wanted:
                self._sync_target = None
                self._state.notify_all()

    def _fsync(self) -> bool:
        self._synced_at = time.monotonic()
        self._is_dirty = False
        try:
            assert self._file is not None, "only an open file is dirty"
            os.fsync(self._file)
        except OSError as error:
            logger.warning("%s cannot be synced (%s); the run goes on", self.path, error)
            return False
        return True
