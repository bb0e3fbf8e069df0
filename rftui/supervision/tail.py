"""Follows the journals of one attempt cheaply: progress, promises and endings, never the rollouts.

Group and evaluation samples are most of a journal's bytes; their lines are skipped before they are parsed.
"""

from __future__ import annotations

import json
import re
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rftui.runs.time_left import EVALUATION_SECONDS, RECENT_STEPS, TIMED_BY
from store.layout import RunDir
from store.metrics import StepTime

CHUNK_BYTES = 1 << 20
_ROLLOUT_LINE = re.compile(rb'"type": ?"(?:group|eval_sample)"')
_TYPE_WINDOW = 200
"""v, seq, time and type stand at the front of a record, so a type is found within so many bytes."""


@dataclass
class Progress:
    """What an attempt's journals have said so far."""

    has_started: bool = False
    total_steps: int = 0
    first_step: int = 0
    step: int = 0
    """Last step whose metrics were written."""
    phase: str = ""
    phase_step: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    """Latest value of every metric."""
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    checkpoint_step: int | None = None
    notes: list[str] = field(default_factory=list)
    ends: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The `end` record of each rank that wrote one."""
    step_times: deque[StepTime] = field(default_factory=lambda: deque(maxlen=RECENT_STEPS))
    """When the last steps were recorded."""
    evaluations_took_s: dict[int, float] = field(default_factory=dict)
    """Seconds that each evaluation took, by step."""

    @property
    def end(self) -> dict[str, Any] | None:
        """Rank 0's `end` record, which speaks for the attempt."""
        return self.ends.get(0)

    @property
    def error(self) -> dict[str, Any] | None:
        """The error of the lowest rank that recorded one."""
        return next((end["error"] for _, end in sorted(self.ends.items()) if end.get("error")), None)


class AttemptTail:
    """Reads what was appended to an attempt's journals since the last look."""

    def __init__(self, run_dir: RunDir, *, attempt: int, stall_after_s: float) -> None:
        self.run_dir = run_dir
        self.attempt = attempt
        self.stall_after_s = stall_after_s
        self.progress = Progress()
        self._offsets: dict[Path, int] = {}
        self._promises: dict[Path, float] = {}
        self._deadlines: dict[Path, float] = {}

    def read(self) -> list[dict[str, Any]]:
        """New records but rollouts, rank by rank; updates `progress` and the promises."""
        new: list[dict[str, Any]] = []
        for path in sorted(self.run_dir.journal_dir.glob(f"rank*-attempt{self.attempt}.jsonl")):
            rank = int(path.name[len("rank") :].partition("-")[0])
            size_before = self._offsets.get(path, 0)
            for record in self._appended(path):
                self._take(record, rank=rank, path=path)
                new.append(record)
            if self._offsets.get(path, 0) > size_before:
                self._extend(path)
        return new

    def seconds_overdue(self) -> float:
        """How long the latest rank is past its promise; negative while all keep theirs."""
        if not self._deadlines:
            return float("-inf")
        return time.monotonic() - min(self._deadlines.values())

    def _extend(self, path: Path) -> None:
        promise = self._promises.get(path, self.stall_after_s)
        # any record is a sign of life, as old as the file's last write
        age = max(0.0, time.time() - path.stat().st_mtime)
        deadline = time.monotonic() - age + promise
        self._deadlines[path] = max(deadline, self._deadlines.get(path, deadline))

    def _appended(self, path: Path) -> Iterator[dict[str, Any]]:
        for line in self._lines(path):
            if _ROLLOUT_LINE.search(line, 0, _TYPE_WINDOW):
                continue
            try:
                record = json.loads(line)
            except ValueError:
                # the store counts foreign lines; here they only must not stop the reading
                continue
            if isinstance(record, dict):
                yield record

    def _lines(self, path: Path) -> Iterator[bytes]:
        """Whole lines past the offset, which moves along."""
        size = CHUNK_BYTES
        with path.open("rb") as file:
            while True:
                offset = self._offsets.get(path, 0)
                file.seek(offset)
                block = file.read(size)
                end = block.rfind(b"\n") + 1
                if end == 0:
                    if len(block) < size:
                        return
                    size *= 2  # one line longer than the block
                    continue
                self._offsets[path] = offset + end
                yield from block[:end].split(b"\n")[:-1]

    def _take(self, record: dict[str, Any], *, rank: int, path: Path) -> None:
        kind = record.get("type")
        if kind == "end":
            self.progress.ends[rank] = record
        elif kind == "phase":
            self._promise(record, path)
        if rank == 0:
            _advance(self.progress, kind, record)

    def _promise(self, record: dict[str, Any], path: Path) -> None:
        promise = float(record.get("due_s") or self.stall_after_s)
        self._promises[path] = promise
        # the record may be old when a new supervisor reads it; after that only the monotonic clock counts
        age = max(0.0, time.time() - float(record["time"]))
        self._deadlines[path] = time.monotonic() - age + promise


def _advance(progress: Progress, kind: object, record: dict[str, Any]) -> None:
    if kind == "start":
        progress.has_started = True
        progress.total_steps = int(record.get("total_steps") or 0)
        progress.first_step = int(record.get("first_step") or 0)
        progress.step = max(progress.step, progress.first_step - 1)
    elif kind == "metrics":
        step, values = int(record.get("step") or 0), record.get("values") or {}
        progress.step = max(progress.step, step)
        progress.values.update(values)
        if any(metric in values for metric in TIMED_BY):
            progress.step_times.append(StepTime(step, float(record["time"])))
        took_s = values.get(EVALUATION_SECONDS)
        if isinstance(took_s, float | int) and took_s >= 0:
            progress.evaluations_took_s[step] = took_s
    elif kind == "phase":
        progress.phase = str(record.get("phase") or "")
        progress.phase_step = int(record.get("step") or 0)
    elif kind == "eval_result":
        progress.evaluations.append(record)
    elif kind == "checkpoint":
        progress.checkpoint_step = int(record.get("step") or 0)
    elif kind == "note":
        progress.notes.append(str(record.get("text") or ""))
    elif kind == "end":
        progress.step = max(progress.step, int(record.get("step") or 0))
