"""Why a run waits, in one sentence. Pure."""

from __future__ import annotations

from rftui.queueing.entries import Entry
from rftui.queueing.machine import Machine
from rftui.queueing.order import Decision, Verdict, Wants


def wants_words(wants: Wants) -> str:
    """`a slot`, `2 GPUs` or `GPU 0 and 1`."""
    if wants.is_slot:
        return "a slot"
    if wants.named:
        return f"GPU {' and '.join(str(index) for index in sorted(wants.named))}"
    return "1 GPU" if wants.count == 1 else f"{wants.count} GPUs"


def reason(entry: Entry, decision: Decision, machine: Machine) -> str:
    """What a run that does not start waits for; stable as long as that is the same, since changes are written down."""
    if entry.block is not None:
        release = f"; `rftui queue release {entry.name}` runs it all the same"
        if not entry.block.needs_person:
            return entry.block.sentence
        return f"{entry.block.sentence}{release if entry.block.after else f'; `rftui queue release {entry.name}`'}"
    wants = decision.run.wants
    if decision.verdict is Verdict.START:
        return ""
    if wants.is_slot:
        return _slot_reason(machine)
    installed = frozenset(gpu.index for gpu in machine.gpus)
    if decision.verdict is Verdict.IMPOSSIBLE:
        usable = sorted(wants.usable(installed))
        there = f"only GPU {', '.join(map(str, usable))}" if usable else "none of them"
        return (
            f"wants {wants_words(wants)}; of those it may use this machine has {there}: stop it, or clone it to others"
        )
    taken = [
        f"GPU {gpu.index} {gpu.taken_by}"
        for gpu in machine.gpus
        if gpu.index in wants.usable(installed) and not gpu.is_free
    ]
    said = f"waits for {wants_words(wants)}"
    if taken:
        said += f": {', '.join(taken)}"
    return f"{said}; free ones are kept for {decision.kept_for}" if decision.kept_for else said


def _slot_reason(machine: Machine) -> str:
    total = machine.settings.slots
    if not total:
        return "waits: there are 0 slots; `rftui queue slots N` makes some"
    return "waits for the slot" if total == 1 else f"waits for one of {total} slots"
