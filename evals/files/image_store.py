"""Encoded images by row in files on local disk, so that a row costs one read: filled from a stream, in row order.

Several processes may fill one store: they take turns by a lock, and each goes on where the last one stopped. What a
kill or a power cut leaves behind is a shorter store; equal images are kept once.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evals.errors import TaskError

logger = logging.getLogger(__name__)

RECORD = np.dtype(
    [("row", "<u4"), ("offset", "<u8"), ("size", "<u4"), ("number", "<u2"), ("count", "<u2"), ("digest", "V12")]
)
"""One image of a row; a row is complete when image `count - 1` is there. An image without bytes has size 0."""
DIGEST_BYTES = 12
MOST_IMAGES = 0xFFFF
"""Images of one row, by the width of their number."""
FLUSH_BYTES = 32 << 20
"""Written and forced to disk at a time, before the index says so."""
FLUSH_RECORDS = 1 << 16
SPARE_BYTES = 256 << 20
"""What has to stay free on the disk."""
REPORT_BYTES = 1 << 30


class StoredImage(NamedTuple):
    """Where one image lies."""

    offset: int
    size: int
    """0 for an image that has no bytes."""
    digest: bytes
    """Hash of the encoded image; the same for the same file, wherever it was read from."""


def cache_folder() -> Path:
    """Where image stores lie: `rftui/images` in the XDG cache directory."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "rftui" / "images"


class ImageStore:
    """The images of one table. Its folder may be removed at any time; it is made again when needed."""

    def __init__(self, folder: Path, *, label: str) -> None:
        self.folder = folder
        self.label = label
        """What the images are from, for messages."""
        self._records: NDArray[np.void] = np.empty(0, RECORD)
        self._starts: NDArray[np.intp] = np.empty(0, np.intp)
        """Record of the first image of each row."""
        self._load()

    @property
    def rows(self) -> int:
        """Rows stored, from row 0 on without a gap."""
        return len(self._starts)

    def __getitem__(self, row: int) -> tuple[StoredImage, ...]:
        """The images of a stored row, in order."""
        if row >= len(self._starts):
            raise IndexError(f"row {row} is not in the store of {self.rows} rows")
        first = self._starts[row]
        found = self._records[first : first + self._records[first]["count"]]
        return tuple(StoredImage(int(one["offset"]), int(one["size"]), one["digest"].tobytes()) for one in found)

    def read(self, image: StoredImage) -> bytes:
        """The bytes of an image. Raises TaskError where the store was damaged."""
        try:
            with self._images.open("rb") as file:
                file.seek(image.offset)
                encoded = file.read(image.size)
        except FileNotFoundError:
            encoded = b""
        if _digest(encoded) != image.digest:
            raise TaskError(
                f"the cached images of {self.label} in {self.folder} are not what was written there",
                expected="files that nobody changes or removes while a run reads them",
                fix=f"remove {self.folder}; it is made again from the data",
            )
        return encoded

    def extend(
        self, upto: int, stream: Callable[[int, int], Iterator[Sequence[bytes | None]]], *, need_bytes: int
    ) -> None:
        """Stores the rows up to `upto`; `stream(start, stop)` gives the images of those rows in order.

        `need_bytes` is what all of them may take, at most. Raises TaskError where the disk has no room or no lock.
        """
        with _disk_problems(self.folder, label=self.label):
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / "lock").open("a") as lock:
                # another process may be filling it: wait, then use what it stored
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._load()
                if self.rows < upto:
                    self._check_room(need_bytes)
                    logger.info(
                        "keeping images of %s, rows %d to %d, at most %.1f GB, in %s",
                        *(self.label, self.rows, upto, need_bytes / 1e9, self.folder),
                    )
                    self._fill(upto, stream)
                    self._load()

    def _fill(self, upto: int, stream: Callable[[int, int], Iterator[Sequence[bytes | None]]]) -> None:
        known = {one["digest"].tobytes(): int(one["offset"]) for one in self._records if one["size"]}
        with self._images.open("ab") as images, self._index.open("r+b" if self._index.exists() else "w+b") as index:
            # a row that a kill cut in two starts again
            index.truncate(len(self._records) * RECORD.itemsize)
            index.seek(0, os.SEEK_END)
            writer = _Writer(images, index, known)
            for row, row_images in enumerate(stream(self.rows, upto), self.rows):
                writer.add(row, row_images)
            writer.flush()

    def _load(self) -> None:
        """Takes in what the index says, up to the last complete row."""
        raw = self._index.read_bytes() if self._index.is_file() else b""
        records = np.frombuffer(raw[: len(raw) // RECORD.itemsize * RECORD.itemsize], RECORD)
        ends = np.flatnonzero(records["number"] + 1 == records["count"])
        self._records = records[: ends[-1] + 1] if len(ends) else records[:0]
        self._starts = np.flatnonzero(self._records["number"] == 0)

    def _check_room(self, need_bytes: int) -> None:
        present = self._images.stat().st_size if self._images.exists() else 0
        need = max(0, need_bytes - present) + SPARE_BYTES
        free = shutil.disk_usage(self.folder).free
        if free < need:
            raise TaskError(
                f"{free / 1e9:.1f} GB are free at {self.folder}",
                expected=f"{need / 1e9:.1f} GB for the images of {self.label}, kept so that each can be read alone",
                fix="free some, or let XDG_CACHE_HOME name a larger disk",
            )

    @property
    def _images(self) -> Path:
        return self.folder / "images.bin"

    @property
    def _index(self) -> Path:
        return self.folder / "index.bin"


class _Writer:
    """Appends images and, once they are on disk, their records."""

    def __init__(self, images: BinaryIO, index: BinaryIO, known: dict[bytes, int]) -> None:
        self.images = images
        self.index = index
        self.known = known
        self.end = images.seek(0, os.SEEK_END)
        self.flushed = self.end
        self.pending: list[tuple[int, int, int, int, int, bytes]] = []

    def add(self, row: int, images: Sequence[bytes | None]) -> None:
        if len(images) > MOST_IMAGES:
            raise TaskError(f"row {row} has {len(images):,} images", expected=f"at most {MOST_IMAGES:,}")
        for number, image in enumerate(images):
            encoded = image or b""
            digest = _digest(encoded)
            if encoded and digest not in self.known:
                self.images.write(encoded)
                self.known[digest] = self.end
                self.end += len(encoded)
            self.pending.append((row, self.known.get(digest, 0), len(encoded), number, len(images), digest))
        if self.end - self.flushed > FLUSH_BYTES or len(self.pending) > FLUSH_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Images first, so that no record ever names bytes that a power cut took."""
        self.images.flush()
        os.fsync(self.images.fileno())
        self.index.write(np.array(self.pending, RECORD).tobytes())
        self.index.flush()
        self.pending.clear()
        if self.end // REPORT_BYTES > self.flushed // REPORT_BYTES:
            logger.info("%.1f GB of images are kept", self.end / 1e9)
        self.flushed = self.end


def _digest(encoded: bytes) -> bytes:
    return hashlib.blake2b(encoded, digest_size=DIGEST_BYTES).digest()


@contextmanager
def _disk_problems(folder: Path, *, label: str) -> Iterator[None]:
    """Tells a full or unwritable disk from whatever else may go wrong."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise TaskError(
            f"{folder} takes no images of {label}: {error.strerror or error}",
            expected="a folder on a disk with room, that can be written and locked",
            fix="free some room and start again; it goes on where it stopped"
            if is_full
            else "let XDG_CACHE_HOME name a folder of yours on a local disk",
        ) from error
