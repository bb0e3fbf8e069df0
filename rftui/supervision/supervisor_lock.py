"""The kernel lock that says a run is supervised. Free exactly when no supervisor lives."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def supervision(lock: Path, *, patience_s: float = 0.0) -> Iterator[bool]:
    """Holds the run's lock for the block; yields False where another process still holds it after `patience_s`.

    Whoever means to stay should be patient: commands that look hold the lock for a moment.
    """
    descriptor = take(lock, patience_s=patience_s)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def take(lock: Path, *, patience_s: float = 0.0) -> int | None:
    """A descriptor that holds the lock until it and its copies are closed; None where another process has it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    if _acquire(descriptor, deadline=time.monotonic() + patience_s):
        return descriptor
    os.close(descriptor)
    return None


def _acquire(descriptor: int, *, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        else:
            return True


def is_supervised(lock: Path) -> bool:
    """Whether some process holds the run's lock."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
