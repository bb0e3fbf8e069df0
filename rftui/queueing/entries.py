"""The queued runs of a home, read from their directories: what each wants, since when, and what holds it back."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from rftui.queueing.markers import marked
from rftui.queueing.order import Waiting, Wants
from rftui.supervision.facts import RunFacts, read_facts
from rftui.supervision.ledger import Ledger, LedgerReader
from rftui.supervision.processes import host_name
from rftui.supervision.supervisor_lock import is_supervised
from store.layout import NETWORK_FILESYSTEMS, Home, RunDir, filesystem_type
from store.states import State, is_live

logger = logging.getLogger(__name__)


class After(NamedTuple):
    """A run that another waits for."""

    name: str
    uid: int

    def facts(self) -> dict[str, Any]:
        """As launch.json and supervisor.jsonl keep it."""
        return self._asdict()


class Block(NamedTuple):
    """What holds a run back, whatever is free."""

    sentence: str
    needs_person: bool
    """Whether nothing but a person's word changes it."""
    after: tuple[str, ...] = ()
    """Runs that it waits for, or that did not finish."""


class Entry(NamedTuple):
    """One queued run."""

    run_dir: RunDir
    facts: RunFacts
    attempt: int
    since: float
    priority: int
    after: tuple[After, ...]
    block: Block | None
    resumes: bool
    """Whether its trainer goes on from a checkpoint."""
    reason: str
    """As it was recorded last."""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.run_dir.name

    @property
    def waiting(self) -> Waiting:
        """The run as the policy sees it."""
        return Waiting(
            uid=self.facts.uid,
            name=self.name,
            wants=wants_of(self.facts),
            since=self.since,
            priority=self.priority,
            is_blocked=self.block is not None,
        )

    @property
    def needs_dispatcher(self) -> bool:
        """Whether it may start without a person's word."""
        return self.block is None or not self.block.needs_person


def wants_of(facts: RunFacts) -> Wants:
    """What a run must hold: the GPUs it was launched on, as many of any where nobody named them, or a slot."""
    if not facts.gpus:
        return Wants()
    if not facts.queue.get("gpus_any"):
        return Wants(named=frozenset(facts.gpus))
    allowed = facts.queue.get("gpus_allowed")
    return Wants(len(facts.gpus), allowed=None if allowed is None else frozenset(int(index) for index in allowed))


class Reading(NamedTuple):
    """The queue at one moment."""

    entries: list[Entry]
    strays: list[str]
    """Runs in the index that are not queued, and that nobody supervises: their start was cut off, or has ended."""

    @property
    def needs_dispatcher(self) -> bool:
        """Whether anybody waits for more than a person's word."""
        return any(entry.needs_dispatcher for entry in self.entries)


class _Known(NamedTuple):
    """What is kept of a run between two readings."""

    stamp: tuple[int, int]
    facts: RunFacts
    ledger: LedgerReader


class QueueReader:
    """Reads the queue again and again; of each run only what was written since."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._known: dict[str, _Known] = {}

    def read(self) -> Reading:
        """Everything that is queued at this moment. A run that cannot be read is logged and left out."""
        entries, strays, read = [], [], set()
        for name in marked(self.home):
            run_dir = self.home.run(name)
            known = self._look(name)
            if known is None or known.ledger.ledger.state is not State.QUEUED:
                if not is_supervised(run_dir.supervisor_lock):
                    strays.append(name)
                continue
            if not is_of_this_machine(self.home, known.facts, known.ledger.ledger):
                continue
            entries.append(self._entry(run_dir, known.facts, known.ledger.ledger))
            read |= {name, *(after.name for after in entries[-1].after)}
        self._known = {name: known for name, known in self._known.items() if name in read}
        return Reading(entries, strays)

    def _look(self, name: str) -> _Known | None:
        """A run as its files are now; None where there is none that can be read."""
        run_dir = self.home.run(name)
        try:
            found = run_dir.launch.stat()
            stamp = (found.st_ino, found.st_mtime_ns)
            known = self._known.get(name)
            if known is None or known.stamp != stamp:
                known = _Known(stamp, read_facts(run_dir), LedgerReader(run_dir))
                self._known[name] = known
            known.ledger.update()
        except (OSError, ValueError, KeyError, TypeError) as error:
            if run_dir.launch.exists():
                logger.warning("%s cannot be read: %s", name, error)
            return None
        return known

    def _entry(self, run_dir: RunDir, facts: RunFacts, ledger: Ledger) -> Entry:
        said: Mapping[str, Any] = {**facts.queue, **ledger.queue}
        after = tuple(afters_of(said.get("after") or ()))
        attempt = ledger.current_attempt
        return Entry(
            run_dir=run_dir,
            facts=facts,
            attempt=attempt,
            since=ledger.attempt(attempt).queued_at or facts.created_at,
            priority=int(said.get("priority") or 0),
            after=after,
            block=_held(said) or self._waits_for(after),
            resumes=bool(said.get("resume")),
            reason=ledger.reason,
        )

    def _waits_for(self, after: tuple[After, ...]) -> Block | None:
        """What the runs that it waits for come to: those that did not finish weigh more than those that still run."""
        bad, live = [], []
        for other in after:
            known = self._look(other.name)
            if known is None or known.facts.uid != other.uid:
                bad.append((other.name, "is gone"))
                continue
            state = known.ledger.ledger.state
            if state is None or is_live(state):
                live.append((other.name, f"is {state or State.QUEUED}"))
            elif state is not State.FINISHED:
                bad.append((other.name, f"{'was ' if state in (State.KILLED, State.STOPPED) else ''}{state}"))
        if bad:
            said = " and ".join(f"{name} {what}" for name, what in bad)
            return Block(f"held: {said}", needs_person=not live, after=tuple(name for name, _ in bad))
        if live:
            said = " and ".join(name for name, _ in live)
            return Block(f"waits for {said} to finish", needs_person=False, after=tuple(name for name, _ in live))
        return None


def is_of_this_machine(home: Home, facts: RunFacts, ledger: Ledger) -> bool:
    """Whether the run was queued here: on a network filesystem other machines may share the home."""
    host = {**facts.queue, **ledger.queue}.get("host")
    return host in (None, host_name()) or filesystem_type(home.path) not in NETWORK_FILESYSTEMS


def _held(said: Mapping[str, Any]) -> Block | None:
    return Block("held", needs_person=True) if said.get("held") else None


def afters_of(rows: Iterable[Any]) -> Iterable[After]:
    """The runs that are waited for, as files name them; anything else is left out."""
    for row in rows:
        if isinstance(row, dict) and isinstance(row.get("name"), str) and isinstance(row.get("uid"), int):
            yield After(row["name"], row["uid"])


def after_of(home: Home, name: str) -> After:
    """The run of that name as something to wait for. Raises OSError, ValueError or KeyError where it cannot be read."""
    return After(name, int(json.loads(home.run(name).launch.read_text(encoding="utf-8"))["uid"]))
