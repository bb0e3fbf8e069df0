"""Writes about a queued run into its own supervisor.jsonl, under its own lock, as long as it is queued."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rftui.queueing.markers import home_of, mark, unmark
from rftui.supervision.ledger import Ledger, read_ledger
from rftui.supervision.processes import ATTEMPT_VARIABLE, RUN_ID_VARIABLE
from rftui.supervision.supervisor_lock import take
from store.journal import Appender
from store.layout import RunDir
from store.states import State

PATIENCE_S = 2.0
"""Others hold the lock of a queued run for moments, unless they start it."""


class QueuedRun:
    """A run that is queued, held by its lock."""

    def __init__(self, run_dir: RunDir, ledger: Ledger, lock: int) -> None:
        self.run_dir = run_dir
        self.ledger = ledger
        self.lock = lock
        """Descriptor of the run's lock; a supervisor that is started inherits it."""
        self._appender = Appender(run_dir.supervisor_journal)

    def state(self, state: State, reason: str = "") -> None:
        """Records what became of it. Raises OSError."""
        attempt = self.ledger.current_attempt
        self._appender.append("state", attempt=attempt, state=state.value, reason=reason)
        if state is not State.QUEUED:
            self._appender.sync()

    def say(self, **fields: Any) -> None:
        """Records a word about its place in the queue. Raises OSError."""
        self._appender.append("queue", attempt=self.ledger.current_attempt, **fields)
        self._appender.sync()

    def close(self) -> None:
        """Closes the file."""
        self._appender.close()


@contextmanager
def while_queued(run_dir: RunDir, *, patience_s: float = PATIENCE_S) -> Iterator[QueuedRun | None]:
    """Holds a run as long as the block takes; None where it is not queued, or not any more. Raises OSError."""
    lock = take(run_dir.supervisor_lock, patience_s=patience_s)
    if lock is None:
        yield None
        return
    try:
        ledger = read_ledger(run_dir)
        if ledger.state is not State.QUEUED:
            yield None
            return
        held = QueuedRun(run_dir, ledger, lock)
        try:
            yield held
        finally:
            held.close()
    finally:
        os.close(lock)


def write_new(run_dir: RunDir) -> None:
    """Makes a run that nobody else knows of yet queued, from its first moment on. Raises OSError."""
    appender = Appender(run_dir.supervisor_journal)
    appender.append("state", attempt=1, state=State.QUEUED.value, reason="")
    appender.close()
    keep_environment(run_dir, os.environ)


def write_again(run_dir: RunDir, attempt: int, *, reason: str = "", **said: Any) -> None:
    """Makes a run queued that has ended or never began, under its lock. Raises OSError."""
    mark(home_of(run_dir), run_dir.name)
    appender = Appender(run_dir.supervisor_journal)
    if said:
        appender.append("queue", attempt=attempt, **said)
    appender.append("state", attempt=attempt, state=State.QUEUED.value, reason=reason)
    appender.sync()
    appender.close()


def leave_queue(run_dir: RunDir) -> None:
    """Forgets what only a queued run needs. Under its lock, when its state says that it is not queued any more."""
    unmark(home_of(run_dir), run_dir.name)
    _environment_file(run_dir).unlink(missing_ok=True)


# the environment it was launched in


def _environment_file(run_dir: RunDir) -> Path:
    return run_dir.path / "queue-environment.json"


def keep_environment(run_dir: RunDir, environment: Mapping[str, str]) -> None:
    """Keeps the environment of whoever launched the run until it starts, for this user's eyes only: it holds tokens.

    Whoever starts the run may sit in another shell. Raises OSError.
    """
    kept = {name: text for name, text in environment.items() if name not in (RUN_ID_VARIABLE, ATTEMPT_VARIABLE)}
    path = _environment_file(run_dir)
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(kept, file)
    os.replace(partial, path)


def kept_environment(run_dir: RunDir) -> dict[str, str] | None:
    """The environment the run was launched in; None where it was not kept."""
    try:
        found = json.loads(_environment_file(run_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return {str(name): str(text) for name, text in found.items()} if isinstance(found, dict) else None
