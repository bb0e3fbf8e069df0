"""Rows of a JSONL, JSON, CSV, TSV or Parquet file by number, without holding them: only where each begins is kept."""

from __future__ import annotations

import csv
import io
import json
import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import orjson

from evals.errors import TaskError

COLUMN_ROWS = 100
"""Rows looked at to learn which columns there are, where no header says it."""
SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")
_CHUNK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"


class RowError(ValueError):
    """A row that cannot be read; the rest can."""


class Table(Protocol):
    """A file of rows."""

    path: Path
    columns: tuple[str, ...]
    """In the order of the file."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One row. Raises RowError where it cannot be read."""
        ...

    def place(self, index: int) -> str:
        """Where the row is, for people: `line 7`."""
        ...


def open_table(path: Path) -> Table:
    """The rows of a file, by its suffix. Raises TaskError where it is none of these, or empty."""
    suffix = path.suffix.lower()
    if not path.is_file():
        found = "is a folder" if path.is_dir() else "is not there"
        raise TaskError(
            f"{path} {found}",
            expected=f"a file that ends in {', '.join(SUFFIXES)}",
            fix="for a folder of images use --task folder" if path.is_dir() else "correct the path after --data",
        )
    if suffix not in SUFFIXES:
        raise TaskError(f"{path.name} ends in {suffix or 'nothing'}", expected=f"one of {', '.join(SUFFIXES)}")
    try:
        table = _opened(path, suffix)
    except OSError as error:
        raise TaskError(f"{path} cannot be read ({error})", expected="a file that can be read") from error
    if not len(table):
        raise TaskError(f"no rows in {path}", expected="one row an example", fix="name another file with --data")
    return table


def _opened(path: Path, suffix: str) -> Table:
    if suffix == ".parquet":
        # pyarrow costs 0.1 s to import; only who reads such a file should pay
        from evals.files.parquet_table import ParquetTable

        return ParquetTable(path)
    if suffix in (".csv", ".tsv"):
        return DelimitedTable(path, delimiter="\t" if suffix == ".tsv" else ",")
    return JsonTable(path)


class JsonTable:
    """Objects one a line, or in one array; which of them is seen from the first character, not from the name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._starts = array("Q")
        self._sizes = array("Q")
        # kept open, and read by place: that is quick, and neither threads nor forks disturb each other
        self._file = path.open("rb")
        self._is_array = _first_byte(self._file) == b"["
        for start, size in _array_places(self._file, path) if self._is_array else _line_places(self._file):
            self._starts.append(start)
            self._sizes.append(size)
        self.columns = self._seen_columns()

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One row. Raises RowError where it is no JSON object."""
        try:
            row = orjson.loads(os.pread(self._file.fileno(), self._sizes[index], self._starts[index]))
        except orjson.JSONDecodeError as error:
            raise RowError(f"no JSON ({error})") from None
        if not isinstance(row, dict):
            raise RowError(f"a {type(row).__name__} where an object of columns was expected")
        return row

    def place(self, index: int) -> str:
        """`item 7` of an array, or `row 7` of lines; empty lines are not counted."""
        return f"{'item' if self._is_array else 'row'} {index + 1}"

    def _seen_columns(self) -> tuple[str, ...]:
        columns: dict[str, None] = {}
        for index in range(min(COLUMN_ROWS, len(self))):
            try:
                columns |= dict.fromkeys(self[index])
            except RowError:
                continue
        return tuple(columns)


def _first_byte(file: BinaryIO) -> bytes:
    """The first byte that is no space; the file stands at its beginning again."""
    file.seek(0)
    head = file.read(4096).removeprefix(_BOM).lstrip()
    file.seek(0)
    return head[:1]


def _line_places(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Start and size of every line that is not empty."""
    start = 0
    for line in file:
        skipped = len(_BOM) if start == 0 and line.startswith(_BOM) else 0
        if line[skipped:].strip():
            yield start + skipped, len(line) - skipped
        start += len(line)


def _array_places(file: BinaryIO, path: Path) -> Iterator[tuple[int, int]]:
    """Start and size of every element of a JSON array, read in pieces. Raises TaskError where it is no such array."""
    decoder = json.JSONDecoder()
    base, text, at, is_at_end = 0, "", 0, False
    while True:
        # one byte is one character of latin-1, so that places in the text are places in the file
        while at < len(text) and text[at] in " \t\r\n,[\xef\xbb\xbf":
            at += 1
        if at < len(text) and text[at] == "]":
            return
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError as error:
            # an element longer than the text: twice as much is read, so that a long one is not read again and again
            more = b"" if is_at_end else file.read(max(_CHUNK_BYTES, len(text) - at))
            if not more:
                raise TaskError(
                    f"{path} is no whole JSON array: byte {base + at} begins nothing that ends ({error})",
                    expected="an array of objects, [{...}, {...}]",
                    fix="write it again, or as one object a line",
                ) from None
            base, text, at = base + at, text[at:] + more.decode("latin-1"), 0
            continue
        yield base + at, end - at
        at = end


class DelimitedTable:
    """CSV or TSV with a header; cells may hold quoted line ends."""

    def __init__(self, path: Path, *, delimiter: str) -> None:
        self.path = path
        self._delimiter = delimiter
        self._starts = array("Q")
        csv.field_size_limit(2**31 - 1)
        self._file = path.open("rb")
        lines = _CountedLines(self._file)
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            self.columns = tuple(cell.strip() for cell in next(reader, []))
            while True:
                start = lines.position
                cells = next(reader, None)
                if cells is None:
                    break
                if cells:
                    self._starts.append(start)
        except csv.Error as error:
            raise TaskError(
                f"{path}: line {reader.line_num} cannot be read ({error})",
                expected=f"cells between {'tabs' if delimiter == chr(9) else 'commas'}, quotes in pairs",
                fix="mend that line, or write the table as JSONL",
            ) from None
        self._end = lines.position

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One row, every cell a text. Raises RowError where it has more or fewer cells than the header."""
        start = self._starts[index]
        end = self._starts[index + 1] if index + 1 < len(self._starts) else self._end
        text = os.pread(self._file.fileno(), end - start, start).decode("utf-8", "replace")
        cells = next(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter))
        if len(cells) != len(self.columns):
            raise RowError(f"{len(cells)} cells where the header has {len(self.columns)}")
        return dict(zip(self.columns, cells, strict=True))

    def place(self, index: int) -> str:
        """`row 7`, the header not counted."""
        return f"row {index + 1}"


class _CountedLines:
    """Lines of a file as text, and how far they have been read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = file.tell()

    def __iter__(self) -> _CountedLines:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        is_first = self.position == 0
        self.position += len(line)
        text = line.decode("utf-8", "replace")
        return text.removeprefix("\ufeff") if is_first else text
