"""Writes a run's supervisor.jsonl. Only whoever holds the run's lock may have one."""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from typing import Any

from rftui.supervision.ledger import Ledger, read_ledger
from rftui.supervision.processes import Identity
from store.journal import Appender
from store.layout import RunDir
from store.states import State

logger = logging.getLogger(__name__)

PENDING_RECORDS = 1000
"""Records kept while the disk is full; samples, which come again, are not among them."""


class Keeper:
    """The run's ledger and the pen that continues it. A full disk delays records and never raises."""

    def __init__(self, run_dir: RunDir) -> None:
        self.run_dir = run_dir
        self.ledger: Ledger = read_ledger(run_dir)
        self._appender: Appender | None = None
        self._pending: deque[tuple[str, dict[str, Any]]] = deque(maxlen=PENDING_RECORDS)

    def write(self, kind: str, **fields: Any) -> None:
        """Appends one record, after any that had to wait."""
        self._pending.append((kind, fields))
        self.retry()

    def sample(self, fields: dict[str, Any]) -> None:
        """Appends a sample, or drops it while older records wait for the disk."""
        self.retry()
        if not self._pending:
            self.write("sample", **fields)
            if self._pending:
                self._pending.pop()

    def retry(self) -> None:
        """Tries again to write what had to wait."""
        while self._pending:
            kind, fields = self._pending[0]
            try:
                if self._appender is None:
                    self._appender = Appender(self.run_dir.supervisor_journal)
                self._appender.append(kind, **fields)
            except OSError as error:
                logger.warning("cannot write %s: %s; will try again", self.run_dir.supervisor_journal, error)
                self._drop_appender()
                return
            self._pending.popleft()

    def _drop_appender(self) -> None:
        """Forgets the open file: opening it again repairs a line that a full disk cut off."""
        if self._appender is None:
            return
        with contextlib.suppress(OSError):
            self._appender.close()
        self._appender = None

    def state(self, state: State, reason: str = "", *, attempt: int) -> None:
        """Records a state where it differs from the last one."""
        ledger = self.ledger
        if (ledger.state, ledger.reason, ledger.current_attempt) == (state, reason, attempt):
            return
        ledger.state, ledger.reason, ledger.current_attempt = state, reason, attempt
        ledger.attempt(attempt)
        self.write("state", attempt=attempt, state=state.value, reason=reason)
        self.sync()

    def request(self, what: str, *, attempt: int) -> None:
        """Records once that somebody asked this attempt to stop or be killed."""
        requests = self.ledger.attempt(attempt).requests
        if what not in requests:
            requests.add(what)
            self.write("request", what=what, attempt=attempt)

    def attempt_start(
        self,
        identity: Identity,
        *,
        attempt: int,
        command: list[str],
        env: dict[str, str],
        resume: bool,
        first_seen: float,
        output_offset: int,
        oom_kills: int | None,
        gpus: list[int] | None = None,
        slot: int | None = None,
    ) -> None:
        """Records the trainer's process and what it holds."""
        facts = self.ledger.attempt(attempt)
        facts.identity, facts.started_at = identity, first_seen
        facts.output_offset, facts.oom_kills = output_offset, oom_kills
        self.write(
            "attempt_start",
            attempt=attempt,
            **identity._asdict(),
            command=command,
            env=env,
            resume=resume,
            first_seen=first_seen,
            output_offset=output_offset,
            oom_kills=oom_kills,
            gpus=gpus,
            slot=slot,
        )
        self.sync()

    def sync(self) -> None:
        """Asks the disk to keep what was written."""
        if self._appender is None:
            return
        try:
            self._appender.sync()
        except OSError as error:
            logger.warning("cannot sync %s: %s", self.run_dir.supervisor_journal, error)

    def close(self) -> None:
        """Closes the file; what could not be written is lost and said so."""
        self.retry()
        if self._pending:
            logger.error("%d records could not be written", len(self._pending))
        if self._appender is not None:
            self.sync()
            self._appender.close()
            self._appender = None
