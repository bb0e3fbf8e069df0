"""One kernel lock a GPU, on local disk: held by the supervisor, inherited by the trainer, free when both are gone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

LOCK_DIRECTORY = Path("/tmp/rftui-gpus")
"""Not TMPDIR: every user and session of the machine must mean the same files."""


def hold_gpus(uuids: Sequence[str]) -> list[int] | None:
    """Open descriptors that hold all these GPUs, or None when one of them is taken. Inheritable."""
    held: list[int] = []
    for uuid in sorted(uuids):
        descriptor = _open(uuid)
        held.append(descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            release(held)
            return None
    return held


def is_held(uuid: str) -> bool:
    """Whether a run holds this GPU."""
    held = hold_gpus([uuid])
    if held is None:
        return True
    release(held)
    return False


def release(descriptors: Sequence[int]) -> None:
    """Closes this process's share of the locks; a trainer that inherited them keeps holding."""
    for descriptor in descriptors:
        os.close(descriptor)


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
