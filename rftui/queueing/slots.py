"""Slots of a home for runs without a GPU: a kernel lock each, on local disk, held by the supervisor and its trainer."""

from __future__ import annotations

import os
from pathlib import Path

from rftui.supervision.gpu_locks import holder_of, lock_or_none, name_holder
from store.layout import Home


def slots_dir(home: Home) -> Path:
    """Folder of the locks: with the databases, which are on local disk."""
    return home.databases / "slots"


def held_slots(home: Home) -> dict[int, str]:
    """Who holds which slot at this moment; a slot beyond today's number counts as long as it is held."""
    try:
        paths = [path for path in slots_dir(home).iterdir() if path.suffix == ".lock" and path.stem.isdecimal()]
    except FileNotFoundError:
        return {}
    found = {int(path.stem): holder for path in paths if (holder := holder_of(path)) is not None}
    return dict(sorted(found.items()))


def take_slot(home: Home, total: int, *, holder: str) -> tuple[int, int] | None:
    """The first free slot and the descriptor that holds it, or None where as many as there are are taken."""
    held = held_slots(home)
    if len(held) >= total:
        return None
    folder = slots_dir(home)
    folder.mkdir(parents=True, exist_ok=True)
    for slot in range(total):
        if slot in held:
            continue
        descriptor = os.open(folder / f"{slot}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if lock_or_none(descriptor):
            name_holder(descriptor, holder)
            return slot, descriptor
        os.close(descriptor)
    return None
