"""FGVC-Aircraft as it is distributed: its unpacked folder, a tar, or the official `.tar.gz` itself.

gzip has no random access, and images are read in random order. A `.tar.gz` is therefore decompressed once, as one plain
tar below the XDG cache directory, where every later process finds it by a fingerprint of the archive and reads members
at their offsets.
"""

from __future__ import annotations

import fcntl
import gzip
import logging
import os
import shutil
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from evals.errors import TaskError
from evals.files.fingerprints import fingerprint_file
from evals.files.generated_marker import MARKER
from evals.files.image_files import read_slice

logger = logging.getLogger(__name__)

LIST_NAMES = (
    "variants.txt",
    "families.txt",
    "manufacturers.txt",
    *(
        f"images_{level}_{part}.txt"
        for level in ("variant", "family", "manufacturer")
        for part in ("train", "val", "trainval", "test")
    ),
)
"""The files that say what is in the images."""
MAX_LIST_BYTES = 64 * 2**20
SPARE_BYTES = 64 * 2**20
"""Left free on the disk of the cache."""
FOLDERS_BELOW = ("", "data", "fgvc-aircraft-2013b/data")
"""Where the data folder lies below what may be named: itself, the release's folder, what holds that."""
_CHUNK = 1 << 20
_FIX = "set XDG_CACHE_HOME to a larger disk that can be written, or unpack it yourself (tar xzf) and name the folder"


class AircraftFiles(Protocol):
    """Lists and images, wherever they lie."""

    def text(self, name: str) -> bytes | None:
        """The content of a list, or of the marker of generated data; None where there is none. Raises OSError."""
        ...

    def has_image(self, image: str) -> bool:
        """Whether there is an image of that number."""
        ...

    def read(self, image: str) -> bytes:
        """The content of an image. Raises OSError."""
        ...

    def fingerprint(self, image: str) -> bytes:
        """What tells an image's content apart from others, from a few kilobytes of it. Raises OSError."""
        ...


def open_aircraft(path: Path) -> AircraftFiles:
    """The files below a folder or in an archive. Raises TaskError where they are not FGVC-Aircraft's."""
    if path.is_dir():
        return FolderAircraft(_data_folder(path))
    if not path.exists():
        raise TaskError(
            f"{path} is not there",
            expected="the folder or the .tar.gz of FGVC-Aircraft",
            fix="correct the path after --data",
        )
    try:
        if _is_gzip(path):
            path = decompressed(path)
        return TarAircraft(path)
    except (tarfile.TarError, OSError) as error:
        raise TaskError(
            f"{path} cannot be read as an archive ({error})",
            expected="fgvc-aircraft-2013b.tar.gz, that as a plain tar, or the unpacked folder",
        ) from error


def _data_folder(path: Path) -> Path:
    below = [path / folder for folder in FOLDERS_BELOW]
    for folder in [*below, *sorted(path.glob("*/data"))]:
        if any((folder / name).is_file() for name in LIST_NAMES):
            return folder
    raise TaskError(
        f"{path} holds none of FGVC-Aircraft's lists",
        expected=f"{LIST_NAMES[0]} and images_variant_train.txt in it, in data/ or in fgvc-aircraft-2013b/data/",
        fix="name the folder that the archive was unpacked to",
    )


class FolderAircraft:
    """The unpacked data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        images = folder / "images"
        # one listing, where ten thousand single looks would take seconds on a network disk
        self._images = frozenset(os.listdir(images)) if images.is_dir() else frozenset()

    def text(self, name: str) -> bytes | None:
        """The content of a list; None where there is no such file. Raises OSError."""
        path = self._folder / name
        return path.read_bytes() if path.is_file() else None

    def has_image(self, image: str) -> bool:
        """Whether there is an image of that number."""
        return f"{image}.jpg" in self._images

    def read(self, image: str) -> bytes:
        """The content of an image. Raises OSError."""
        return self._path(image).read_bytes()

    def fingerprint(self, image: str) -> bytes:
        """From a few kilobytes of the file. Raises OSError."""
        return fingerprint_file(os.fspath(self._path(image)))

    def _path(self, image: str) -> Path:
        return self._folder / "images" / f"{image}.jpg"


class TarAircraft:
    """A tar without compression, its images read where they lie."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lists: dict[str, bytes] = {}
        self._images: dict[str, tuple[int, int]] = {}
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                self._take(archive, member)
                # tarfile keeps every member it ever saw
                archive.members = []  # type: ignore[attr-defined]
        if not self._lists.keys() - {MARKER}:
            raise TaskError(
                f"{path.name} holds none of FGVC-Aircraft's lists", expected=f"data/{LIST_NAMES[0]} and others in it"
            )

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        folder, _, name = member.name.rpartition("/")
        if not member.isreg():
            return
        if name in (*LIST_NAMES, MARKER) and member.size <= MAX_LIST_BYTES:
            file = archive.extractfile(member)
            assert file is not None, "a regular member"
            self._lists[name] = file.read()
        elif folder.rpartition("/")[2] == "images" and name.endswith(".jpg"):
            self._images[name.removesuffix(".jpg")] = (member.offset_data, member.size)

    def text(self, name: str) -> bytes | None:
        """The content of a list; None where there is no such file."""
        return self._lists.get(name)

    def has_image(self, image: str) -> bool:
        """Whether there is an image of that number."""
        return image in self._images

    def read(self, image: str) -> bytes:
        """The content of an image. Raises OSError."""
        start, size = self._images[image]
        return read_slice(self._path, start=start, size=size)

    def fingerprint(self, image: str) -> bytes:
        """From a few kilobytes of the member. Raises OSError."""
        start, size = self._images[image]
        return fingerprint_file(os.fspath(self._path), start=start, size=size)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def archive_cache() -> Path:
    """Where decompressed archives are kept; everything in it can be deleted."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache.absolute() / "rftui" / "archives"


def decompressed(path: Path) -> Path:
    """The archive as a plain tar in the cache, made where it is not there. Raises TaskError.

    Processes that ask at once wait for the one that decompresses.
    """
    cache = archive_cache()
    kept = cache / f"{fingerprint_file(os.fspath(path)).hex()}.tar"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with _locked(kept.with_suffix(".lock")):
            if not kept.is_file():
                _decompress(path, kept)
    except OSError as error:
        raise TaskError(
            f"{path.name} cannot be decompressed to {cache} ({error.strerror or error})",
            expected="a folder that can be written",
            fix=_FIX,
        ) from error
    return kept


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _decompress(path: Path, kept: Path) -> None:
    needed = max(_decompressed_size(path), path.stat().st_size)
    free = shutil.disk_usage(kept.parent).free
    if free < needed + SPARE_BYTES:
        raise TaskError(
            f"{path.name} needs {needed >> 20} MB decompressed and {kept.parent} has {free >> 20} MB free",
            expected="room for the archive as a plain tar: gzip cannot be read at any place",
            fix=_FIX,
        )
    logger.info("decompressing %s (%d MB) to %s, once", path.name, needed >> 20, kept)
    began = time.monotonic()
    # under the lock, so what a killed process left is overwritten
    part = kept.with_suffix(".part")
    try:
        with gzip.open(path, "rb") as packed, part.open("wb") as file:
            shutil.copyfileobj(packed, file, _CHUNK)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        part.unlink(missing_ok=True)
        raise TaskError(
            f"{path} is damaged or cut off ({error})", expected="a whole .tar.gz", fix="download it again"
        ) from error
    except OSError:
        part.unlink(missing_ok=True)
        raise
    part.replace(kept)
    logger.info("decompressed %s in %.0f s", path.name, time.monotonic() - began)


def _decompressed_size(path: Path) -> int:
    """As gzip notes it at its end, which is the size modulo 4 GiB."""
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        return int.from_bytes(file.read(4), "little")
