"""Image files of a folder, a zip or a tar by number: names in one block of memory, contents read when asked for."""

from __future__ import annotations

import os
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from evals.errors import TaskError
from evals.files.fingerprints import fingerprint, fingerprint_file, open_regular
from evals.files.packed_texts import PackedTexts
from evals.files.pictures import SUFFIXES

MAX_FILE_BYTES = 512 * 2**20
"""A file that claims more is refused: a zip may hold a petabyte of zeros."""
ARCHIVE_SUFFIXES = (".zip", ".tar")


def printable(path: str) -> str:
    """A path as text that is the same on every machine and that JSON can hold; bytes that are no UTF-8 written out."""
    composed = unicodedata.normalize("NFC", path)
    return composed.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class ImageFiles(Protocol):
    """Image files in an order that is the same on every machine."""

    root: Path
    """The folder, or the archive itself."""
    ignored: Counter[str]
    """How many files were no images, by the end of their names."""
    empty: list[str]
    """Folders that hold neither an image nor a folder; of an archive none."""

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """Path below the root, with forward slashes."""
        ...

    def folder(self, index: int) -> str:
        """The folder of that path; empty at the root."""
        ...

    def read(self, index: int) -> bytes:
        """The whole content. Raises OSError."""
        ...

    def fingerprint(self, index: int) -> bytes:
        """What tells the content apart from others, see `evals.files.fingerprints`. Raises OSError."""
        ...


def list_images(path: Path) -> ImageFiles:
    """The images below a folder or in a zip or tar. Raises TaskError for anything else."""
    if path.is_dir():
        return FolderFiles(path)
    if path.suffix.lower() in ARCHIVE_SUFFIXES and path.is_file():
        try:
            return ZipFiles(path) if path.suffix.lower() == ".zip" else TarFiles(path)
        except (zipfile.BadZipFile, tarfile.TarError, struct.error, EOFError, NotImplementedError, OSError) as error:
            raise TaskError(
                f"{path} cannot be read as an archive ({error})",
                expected="a zip or an uncompressed tar",
                fix="unpack it and name the folder",
            ) from error
    if not path.exists():
        raise TaskError(f"{path} is not there", expected="a folder of images", fix="correct the path after --data")
    is_packed = path.name.lower().endswith((".tar.gz", ".tgz", ".tar.xz", ".tar.bz2", ".7z", ".rar"))
    raise TaskError(
        f"{path.name} is {'a compressed archive, which cannot be read at any place' if is_packed else 'a file'}",
        expected="a folder of images, a zip, or a tar without compression",
        fix=f"unpack it (tar xf {path.name}) and name the folder" if is_packed else "for a table use --task jsonl",
    )


class _Named:
    """Names and folders of images, as all three kinds keep them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.ignored: Counter[str] = Counter()
        self.empty: list[str] = []
        self._folders: list[str] = []
        self._names = PackedTexts()
        self._folder_of = array("I")

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        """Path below the root, with forward slashes."""
        folder = self.folder(index)
        return f"{folder}/{self._names[index]}" if folder else self._names[index]

    def folder(self, index: int) -> str:
        """The folder of that path; empty at the root."""
        return self._folders[self._folder_of[index]]

    def _add(self, folder: str, name: str) -> None:
        if not self._folders or self._folders[-1] != folder:
            self._folders.append(folder)
        self._names.append(name)
        self._folder_of.append(len(self._folders) - 1)

    def _is_wanted(self, name: str) -> bool:
        """Whether a file is an image by its name; others are counted, hidden ones passed over."""
        if name[0] == ".":
            return False
        suffix = os.path.splitext(name)[1].lower()
        if suffix in SUFFIXES:
            return True
        self.ignored[suffix or name] += 1
        return False


class FolderFiles(_Named):
    """Images below a folder, in any depth; links to folders are followed, each folder once."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._base = os.fspath(root)
        seen: set[tuple[int, int]] = set()
        pending = [""]
        while pending:
            folder = pending.pop()
            try:
                images, folders = self._scan(folder, seen)
            except OSError as error:
                if not folder:
                    raise TaskError(
                        f"{root} cannot be listed ({error.strerror or error})",
                        expected="a folder that can be read",
                        fix="look at its permissions",
                    ) from error
                self.ignored["folders that cannot be listed"] += 1
                continue
            if folder and not images and not folders:
                self.empty.append(folder)
            for name in images:
                self._add(folder, name)
            pending += [f"{folder}/{name}" if folder else name for name in reversed(folders)]

    def _scan(self, folder: str, seen: set[tuple[int, int]]) -> tuple[list[str], list[str]]:
        """Names of images and of folders directly in a folder, sorted."""
        images: list[str] = []
        folders: list[str] = []
        with os.scandir(os.path.join(self._base, folder)) as entries:
            for entry in entries:
                name = entry.name
                # the kind of an entry comes with its name, so that a hundred thousand files cost no stat each
                if entry.is_dir():
                    if (
                        name[0] != "."
                        and name != "__MACOSX"
                        and not (entry.is_symlink() and self._is_known(entry, seen))
                    ):
                        folders.append(name)
                elif self._is_wanted(name):
                    images.append(name)
        images.sort()
        folders.sort()
        return images, folders

    def _is_known(self, entry: os.DirEntry[str], seen: set[tuple[int, int]]) -> bool:
        """Whether a link leads to a folder above it, or to one that another link led to."""
        target = os.stat(entry.path)
        identity = (target.st_dev, target.st_ino)
        base, linked = os.path.realpath(self._base), os.path.realpath(entry.path)
        if identity in seen or os.path.commonpath((base, linked)) == linked:
            return True
        seen.add(identity)
        return False

    def path(self, index: int) -> str:
        """Where the file is."""
        return f"{self._base}/{self.name(index)}"

    def read(self, index: int) -> bytes:
        """The whole content. Raises OSError."""
        return read_file(self.path(index))

    def fingerprint(self, index: int) -> bytes:
        """From a few kilobytes of the file. Raises OSError."""
        return fingerprint_file(self.path(index))


def read_file(path: str) -> bytes:
    """A regular file's content. Raises OSError, also for one that is too long to be an image."""
    with open(open_regular(path), "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise OSError(f"{os.path.basename(path)} has {size >> 20} MB")
        return file.read()


class _Members(_Named):
    """Images in an archive, sorted by folder and name, each with where its bytes are."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._starts = array("Q")
        self._sizes = array("Q")

    def _add_all(self, members: Iterator[tuple[str, int, int]]) -> None:
        """Members as (path, start, stored size)."""
        wanted = []
        for path, start, size in members:
            folder, _, name = path.removeprefix("./").lstrip("/").rpartition("/")
            parts = folder.split("/")
            if (
                name
                and "__MACOSX" not in parts
                and not any(part.startswith(".") for part in parts)
                and self._is_wanted(name)
            ):
                wanted.append((folder, name, start, size))
        wanted.sort()
        for folder, name, start, size in wanted:
            self._add(folder, name)
            self._starts.append(start)
            self._sizes.append(size)

    def fingerprint(self, index: int) -> bytes:
        """From the whole content, which has to be unpacked for it. Raises OSError."""
        return fingerprint(self.read(index))

    def read(self, index: int) -> bytes:
        """The whole content. Raises OSError."""
        raise NotImplementedError


class TarFiles(_Members):
    """Images in a tar without compression, read where they lie."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._add_all(self._entries())

    def _entries(self) -> Iterator[tuple[str, int, int]]:
        with tarfile.open(self.root, "r:") as archive:
            for member in archive:
                if member.isreg():
                    yield member.name, member.offset_data, member.size
                # tarfile keeps every member it ever saw
                archive.members = []  # type: ignore[attr-defined]

    def read(self, index: int) -> bytes:
        """The whole content. Raises OSError."""
        return read_slice(self.root, start=self._starts[index], size=self._sizes[index])


def read_slice(path: Path, *, start: int, size: int) -> bytes:
    """Bytes of a file. Raises OSError where it ends before them."""
    if size > MAX_FILE_BYTES:
        raise OSError(f"a member of {path.name} has {size >> 20} MB")
    with open(path, "rb") as file:
        file.seek(start)
        data = file.read(size)
    if len(data) < size:
        raise OSError(f"{path.name} ends before its member does")
    return data


_LOCAL_HEADER = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED = 1


class ZipFiles(_Members):
    """Images in a zip, each unpacked when read; no object a member stays in memory."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self._add_all(self._entries())

    def _entries(self) -> Iterator[tuple[str, int, int]]:
        with zipfile.ZipFile(self.root) as archive:
            for member in archive.infolist():
                if not member.is_dir() and not member.flag_bits & _ENCRYPTED:
                    yield member.filename, member.header_offset, member.compress_size

    def read(self, index: int) -> bytes:
        """The whole content. Raises OSError."""
        start, size = self._starts[index], self._sizes[index]
        header = _LOCAL_HEADER.unpack(read_slice(self.root, start=start, size=_LOCAL_HEADER.size))
        method, name_length, extra_length = header[3], header[-2], header[-1]
        data = read_slice(self.root, start=start + _LOCAL_HEADER.size + name_length + extra_length, size=size)
        if method == _STORED:
            return data
        if method != _DEFLATED:
            raise OSError(f"{self.name(index)} in {self.root.name} is compressed by method {method}")
        try:
            unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
            content = unpacker.decompress(data, MAX_FILE_BYTES)
        except zlib.error as error:
            raise OSError(f"{self.name(index)} in {self.root.name} cannot be unpacked ({error})") from error
        if not unpacker.eof:
            raise OSError(
                f"{self.name(index)} in {self.root.name} is cut off, or longer than {MAX_FILE_BYTES >> 20} MB"
            )
        return content
