"""One kernel lock a GPU, on local disk: held by the supervisor, inherited by the trainer, free when both are gone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

LOCK_DIRECTORY = Path("/tmp/rftui-gpus")
"""Not TMPDIR: every user and session of the machine must mean the same files."""
HOLDER_BYTES = 400


def hold_gpus(uuids: Sequence[str], *, holder: str = "") -> list[int] | None:
    """Open descriptors that hold all these GPUs, or None when one of them is taken. Inheritable."""
    held: list[int] = []
    for uuid in sorted(uuids):
        descriptor = _open(uuid)
        held.append(descriptor)
        if not lock_or_none(descriptor):
            release(held)
            return None
    for descriptor in held:
        name_holder(descriptor, holder)
    return held


def is_held(uuid: str) -> bool:
    """Whether a run holds this GPU."""
    return gpu_holder(uuid) is not None


def gpu_holder(uuid: str) -> str | None:
    """Name of the run that holds this GPU, empty where it did not say; None where nobody holds it."""
    return holder_of(LOCK_DIRECTORY / f"{uuid}.lock")


def release(descriptors: Sequence[int]) -> None:
    """Closes this process's share of the locks; a trainer that inherited them keeps holding."""
    for descriptor in descriptors:
        os.close(descriptor)


def lock_or_none(descriptor: int) -> bool:
    """Whether the lock of an open file could be taken at once."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def name_holder(descriptor: int, holder: str) -> None:
    """Writes into a held lock who holds it, for whoever has to wait; the lock alone decides."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode()[:HOLDER_BYTES], 0)


def holder_of(path: Path) -> str | None:
    """Who holds a lock, as they wrote it; None where nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # shared, so that two who look do not see each other
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, HOLDER_BYTES, 0).decode("utf-8", "replace")
    finally:
        os.close(descriptor)
    return None


def _open(uuid: str) -> int:
    if not LOCK_DIRECTORY.exists():
        LOCK_DIRECTORY.mkdir(exist_ok=True)
        LOCK_DIRECTORY.chmod(0o1777)
    path = LOCK_DIRECTORY / f"{uuid}.lock"
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(path, flags)
    except FileNotFoundError:
        descriptor = os.open(path, flags | os.O_CREAT, 0o666)
        os.fchmod(descriptor, 0o666)
        return descriptor
