"""Append-only journals of JSON lines: one writer a file, readers that take whole lines and keep their offset.

Every record has v, seq (from 0 in each file), time (seconds since 1970) and type. Non-finite numbers are written as the
strings "NaN", "Infinity" and "-Infinity". The format is documented in docs/journal.md.
"""

from __future__ import annotations

import contextlib
import json
import math
import numbers
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import orjson

VERSION = 1
NON_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
FAR = 1e15
"""No seq and no time of ours is beyond; NaN is not below."""
FOREIGN_CHARACTERS = 4096
"""How much of a line that is no record is kept."""


def encode(record: dict[str, Any]) -> bytes:
    """One record as a line. Values that JSON lacks become strings; raises only where a value cannot even be that."""
    if _is_finite(record):
        # what orjson does not take (lone surrogates, numbers beyond 64 bits, numpy's) is for the slow way below
        with contextlib.suppress(orjson.JSONEncodeError):
            return orjson.dumps(record, option=_AS_JSON_HAS_IT)
    try:
        text = json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (ValueError, TypeError):
        text = json.dumps(_plain(record), ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # a lone surrogate in model output: escaped, it survives the round trip
        return json.dumps(_plain(record), ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


_AS_JSON_HAS_IT = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def _is_finite(value: Any) -> bool:
    """Whether every float in a value is finite, and every container a plain one: orjson writes NaN as null."""
    kind = type(value)
    if kind is float:
        return bool(value - value == 0.0)
    if kind is dict:
        value = value.values()
    elif kind is not list and kind is not tuple:
        return not isinstance(value, dict | list | tuple)
    for item in value:
        # most of what there is, and so most of the calls saved; a generator would cost twice as much
        kind = type(item)
        if kind is not str and kind is not int and item is not None and not _is_finite(item):
            return False
    return True


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, str | bool):
        return value
    # numpy's numbers are registered as these; json knows only Python's own
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        number = float(value)
        if math.isfinite(number):
            return number
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def decode_number(value: Any) -> float | None:
    """A number as the journal wrote it; None for null and for anything that is no number."""
    if isinstance(value, str):
        return NON_FINITE.get(value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


class ForeignLine(NamedTuple):
    """A whole line that is no record."""

    offset: int
    text: str


class Chunk(NamedTuple):
    """Whole lines of a journal from some offset on."""

    records: list[dict[str, Any]]
    offsets: list[int]
    """Where each record begins."""
    foreign: list[ForeignLine]
    next_offset: int
    """Where to read on; the offset itself where no line was whole."""


def read_chunk(path: Path, offset: int, limit: int) -> Chunk:
    """Records from `offset` up to the last newline within about `limit` bytes, at least one line where one is whole.

    Raises OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read(limit)
        if len(data) == limit and b"\n" not in data:
            data += file.readline()
    whole = data[: data.rfind(b"\n") + 1]
    records: list[dict[str, Any]] = []
    offsets: list[int] = []
    foreign: list[ForeignLine] = []
    position = offset
    for line in whole.splitlines(keepends=True) if b"\r" not in whole else _newline_split(whole):
        record = _decoded(line)
        if record is not None:
            records.append(record)
            offsets.append(position)
        elif line.strip():
            foreign.append(ForeignLine(position, line.decode("utf-8", "replace").rstrip("\n")[:FOREIGN_CHARACTERS]))
        position += len(line)
    return Chunk(records, offsets, foreign, offset + len(whole))


def _newline_split(data: bytes) -> list[bytes]:
    """Lines that end at a newline only; bytes.splitlines also ends them at a carriage return."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def _parsed(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        # json takes lone surrogates as well
        return json.loads(line)


def _decoded(line: bytes) -> dict[str, Any] | None:
    try:
        record = _parsed(line)
    except (ValueError, RecursionError):
        return None
    is_record = (
        isinstance(record, dict)
        and isinstance(record.get("type"), str)
        and isinstance(record.get("v"), int)
        and isinstance(record.get("seq"), int)
        and 0 <= record["seq"] < FAR
        and isinstance(record.get("time"), int | float)
        and -FAR < record["time"] < FAR
    )
    return record if is_record else None


class Appender:
    """Appends records at once, in the caller's thread. For the supervisor and for what people do, which is little."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        self._seq = next_seq(path)
        self._is_torn = ends_torn(self._file)

    def append(self, type: str, **fields: Any) -> None:
        """Writes one record. Raises OSError where the disk takes none of it, or not all; the torn line is then ended
        by the next record, and readers set it aside."""
        line = encode({"v": VERSION, "seq": self._seq, "time": time.time(), "type": type, **fields})
        data = b"\n" + line if self._is_torn else line
        written = 0
        try:
            while written < len(data):
                written += os.write(self._file, data[written:])
        finally:
            if written:
                self._is_torn = written < len(data) and data[written - 1 : written] != b"\n"
        self._seq += 1

    def sync(self) -> None:
        """Returns when everything is on disk. Raises OSError."""
        os.fsync(self._file)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


def ends_torn(descriptor: int) -> bool:
    """Whether the last line of an open file was never ended."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


def next_seq(path: Path) -> int:
    """One past the highest seq in a journal that exists."""
    highest, offset = -1, 0
    while True:
        chunk = read_chunk(path, offset, 1 << 20)
        highest = max([highest, *(int(record["seq"]) for record in chunk.records)])
        if chunk.next_offset == offset:
            return highest + 1
        offset = chunk.next_offset
