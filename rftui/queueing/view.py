"""The queue as people and scripts see it: who waits for what, in order, and who has what there is."""

from __future__ import annotations

from typing import Any, NamedTuple

from rftui.queueing.entries import Entry, QueueReader
from rftui.queueing.guard import is_served
from rftui.queueing.machine import Machine, look
from rftui.queueing.order import Decision, Verdict, Wants, decide
from rftui.queueing.reasons import reason, wants_words
from rftui.queueing.settings import read_settings
from store.layout import Home

STARTS_NOW = "starts in a moment"


class QueueRow(NamedTuple):
    """One queued run."""

    position: int
    entry: Entry
    decision: Decision
    reason: str
    """What it waits for and why."""


class QueueView(NamedTuple):
    """A queue at one moment."""

    rows: list[QueueRow]
    machine: Machine
    is_served: bool
    """Whether somebody starts runs as soon as they may."""


def read_queue(home: Home) -> QueueView:
    """The queue, decided as whoever serves it would; changes nothing. Raises UsageProblem for bad settings."""
    entries = {entry.facts.uid: entry for entry in QueueReader(home).read().entries}
    # NVML costs 40 ms, and a home whose queue is empty may be on a machine without a GPU
    with_gpus = any(not entry.waiting.wants.is_slot for entry in entries.values())
    machine = look(home, read_settings(home), with_gpus=with_gpus)
    decisions = decide([entry.waiting for entry in entries.values()], machine.free)
    rows = []
    for position, decision in enumerate(decisions, start=1):
        entry = entries[decision.run.uid]
        said = STARTS_NOW if decision.verdict is Verdict.START else reason(entry, decision, machine)
        rows.append(QueueRow(position, entry, decision, said))
    return QueueView(rows, machine, is_served(home))


def queue_fields(view: QueueView) -> dict[str, Any]:
    """The fields of `queue --json`; scripts rely on their names."""
    settings = view.machine.settings
    return {
        "slots": {
            "total": settings.slots,
            "origin": settings.slots_origin,
            "taken": [{"slot": slot, "run": holder} for slot, holder in view.machine.slots.items()],
        },
        "gpus": [
            {
                "index": gpu.index,
                "name": gpu.name,
                "free": gpu.is_free,
                "taken_by": None if gpu.is_free else gpu.taken_by,
            }
            for gpu in view.machine.gpus
        ],
        "served": view.is_served,
        "runs": [row_fields(row) for row in view.rows],
    }


def row_fields(row: QueueRow) -> dict[str, Any]:
    """One run of `queue --json`."""
    entry = row.entry
    return {
        "position": row.position,
        "name": entry.name,
        "state": "held" if entry.block is not None and entry.block.needs_person else "queued",
        "priority": entry.priority,
        "attempt": entry.attempt,
        "wants": wants_fields(row.decision.run.wants),
        "after": [other.name for other in entry.after],
        "waits_for": waits_for(row),
        "reason": row.reason,
        "since": entry.since,
    }


def wants_fields(wants: Wants) -> dict[str, Any]:
    """What a run must hold: a number of GPUs, those named, or a slot."""
    return {"gpus": wants.needed, "named": sorted(wants.named) or None, "slots": int(wants.is_slot)}


def waits_for(row: QueueRow) -> str:
    """One word of what a run waits for: person, run, slot, gpus, machine or nothing."""
    block = row.entry.block
    if block is not None:
        return "person" if block.needs_person else "run"
    if row.decision.verdict is Verdict.START:
        return "nothing"
    if row.decision.verdict is Verdict.IMPOSSIBLE:
        return "machine"
    return "slot" if row.decision.run.wants.is_slot else "gpus"


def wants_text(row: QueueRow) -> str:
    """What it wants, in words."""
    return wants_words(row.decision.run.wants)
