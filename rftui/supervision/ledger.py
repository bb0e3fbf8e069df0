"""What supervisor.jsonl says about a run: its attempts, its last state, and who asked for what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from rftui.supervision.processes import Identity
from store.journal import read_chunk
from store.layout import RunDir
from store.states import State

CHUNK_BYTES = 4 << 20
QUEUE_FIELDS = ("held", "priority", "after", "resume", "by", "host")


@dataclass
class AttemptFacts:
    """One attempt as its supervisors recorded it."""

    number: int
    identity: Identity | None = None
    """The trainer's process; None when the supervisor died before it could write it down."""
    started_at: float | None = None
    output_offset: int = 0
    """Size of output.log when the attempt began."""
    oom_kills: int | None = None
    """The control group's count of memory kills when the attempt began."""
    has_ended: bool = False
    queued_at: float | None = None
    """When it came into the queue; one that goes back to it keeps its place."""
    starts: int = 0
    """How often a supervisor was given it to start."""
    gpus: tuple[int, ...] | None = None
    """GPUs that it was started on; None where the record does not say."""
    requests: set[str] = field(default_factory=set)


@dataclass
class Ledger:
    """A run's supervision so far."""

    attempts: dict[int, AttemptFacts] = field(default_factory=dict)
    state: State | None = None
    reason: str = ""
    current_attempt: int = 0
    """The attempt that the last state is about; 0 before the first."""
    supervisor: Identity | None = None
    """The last supervisor that took the run."""
    queue: dict[str, Any] = field(default_factory=dict)
    """What was said about its place in the queue since the launch, the last word on each thing: held, priority, after,
    resume, by."""

    def attempt(self, number: int) -> AttemptFacts:
        """The facts of one attempt, made when first named."""
        return self.attempts.setdefault(number, AttemptFacts(number))

    @property
    def next_attempt(self) -> int:
        """One past every attempt that was ever begun."""
        return max(self.attempts, default=0) + 1


class LedgerReader:
    """Reads supervisor.jsonl as it grows."""

    def __init__(self, run_dir: RunDir) -> None:
        self.run_dir = run_dir
        self.ledger = Ledger()
        self._offset = 0

    def update(self) -> Ledger:
        """The ledger with everything that was appended since the last look."""
        path = self.run_dir.supervisor_journal
        while path.exists() and path.stat().st_size > self._offset:
            chunk = read_chunk(path, self._offset, CHUNK_BYTES)
            for record in chunk.records:
                _take(self.ledger, record)
            if chunk.next_offset == self._offset:
                break
            self._offset = chunk.next_offset
        return self.ledger


def read_ledger(run_dir: RunDir) -> Ledger:
    """All of supervisor.jsonl; an empty ledger where there is none yet."""
    return LedgerReader(run_dir).update()


def _take(ledger: Ledger, record: dict[str, Any]) -> None:
    kind = record.get("type")
    if kind == "supervisor_start":
        ledger.supervisor = _identity(record)
    elif kind == "attempt_start":
        facts = ledger.attempt(int(record["attempt"]))
        facts.identity = _identity(record)
        facts.started_at = record.get("first_seen") or record.get("time")
        facts.output_offset = int(record.get("output_offset") or 0)
        facts.oom_kills = record.get("oom_kills")
        if isinstance(record.get("gpus"), list):
            facts.gpus = tuple(int(index) for index in record["gpus"])
    elif kind == "queue":
        ledger.queue.update({key: record[key] for key in QUEUE_FIELDS if key in record})
    elif kind == "attempt_end":
        ledger.attempt(int(record["attempt"])).has_ended = True
    elif kind == "request":
        ledger.attempt(int(record["attempt"])).requests.add(str(record["what"]))
    elif kind == "state":
        ledger.state = State(record["state"])
        ledger.reason = str(record.get("reason") or "")
        number = int(record.get("attempt") or 0)
        if number:
            ledger.current_attempt = number
            attempt = ledger.attempt(number)
            if ledger.state is State.QUEUED and attempt.queued_at is None:
                attempt.queued_at = float(record.get("time") or 0)
            attempt.starts += ledger.state is State.STARTING


def _identity(record: dict[str, Any]) -> Identity | None:
    pid, pid_start = record.get("pid"), record.get("pid_start")
    if not isinstance(pid, int) or not isinstance(pid_start, int):
        return None
    return Identity(pid, pid_start, str(record.get("boot_id") or ""), str(record.get("host") or ""))
