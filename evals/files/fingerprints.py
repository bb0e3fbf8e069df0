"""What tells whether two files hold the same image, from a few kilobytes of each."""

from __future__ import annotations

import hashlib
import os
import stat

SAMPLE_BYTES = 4096
"""Read at the start, in the middle and at the end of a file that is longer than three times this."""
FINGERPRINT_BYTES = 16


def fingerprint(data: bytes) -> bytes:
    """Sixteen bytes from the size and three samples of the content.

    Equal files have equal fingerprints. Different files have different ones unless they agree in size and in all three
    samples, which compressed images do not; the price of such a coincidence is that both land in one split.
    """
    size = len(data)
    if size <= 3 * SAMPLE_BYTES:
        return _digest(size, data)
    middle = size // 2
    return _digest(size, data[:SAMPLE_BYTES], data[middle : middle + SAMPLE_BYTES], data[-SAMPLE_BYTES:])


def fingerprint_file(path: str, *, start: int = 0, size: int | None = None) -> bytes:
    """The fingerprint of a file, or of `size` bytes from `start` on; it reads no more than it needs. Raises OSError."""
    descriptor = open_regular(path)
    try:
        length = os.fstat(descriptor).st_size if size is None else size
        if length <= 3 * SAMPLE_BYTES:
            return _digest(length, os.pread(descriptor, length, start))
        middle = start + length // 2
        end = start + length - SAMPLE_BYTES
        return _digest(length, *(os.pread(descriptor, SAMPLE_BYTES, place) for place in (start, middle, end)))
    finally:
        os.close(descriptor)


def open_regular(path: str) -> int:
    """A descriptor of a regular file. Raises OSError, also for a pipe or a device, which could block for ever."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{os.path.basename(path)} is not a regular file")
    return descriptor


def _digest(size: int, *parts: bytes) -> bytes:
    hashed = hashlib.blake2b(size.to_bytes(8, "big"), digest_size=FINGERPRINT_BYTES)
    for part in parts:
        hashed.update(part)
    return hashed.digest()
