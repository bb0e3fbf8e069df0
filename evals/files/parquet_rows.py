"""Rows of one parquet file that holds images: text by row at once, images by row through a store on local disk.

Parquet has no way to a single row: a row is reached by decoding its row group up to there, and one official SAT file
has a single row group of 5 GB. So text columns are read apart, once, and images are streamed once into an ImageStore.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

from evals.errors import TaskError
from evals.files.image_store import ImageStore, StoredImage, cache_folder

READ_AHEAD_BYTES = 1 << 20
"""pyarrow's own default reads a column of a row group whole before its first row: 5 GB of memory for SAT."""
BATCH_BYTES = 8 << 20
"""Images decoded at a time."""
TEXT_BATCH_ROWS = 4096
HEAD_BYTES = 1 << 16
"""How much of a file's start helps to tell it from another."""
LFS_POINTER = b"version https://git-lfs"


class ParquetRows:
    """One parquet file by row number. Raises TaskError for whatever is wrong with the file."""

    def __init__(
        self, path: Path, *, text_columns: Mapping[str, str], image_columns: Sequence[str], cache: Path | None = None
    ) -> None:
        """`text_columns` says the type of each, string or list<string>; one of `image_columns` has to be there."""
        self.path = path
        with opened_parquet(path) as file:
            self.metadata = file.metadata
            schema = file.schema_arrow
        self._check_columns(schema, text_columns, image_columns)
        self.image_column = next(name for name in image_columns if name in schema.names)
        self.image_leaf = self._image_leaf(schema)
        self.texts = read_texts(path, list(text_columns))
        self.store = ImageStore((cache or cache_folder()) / self._key(), label=str(path))

    def __len__(self) -> int:
        return int(self.metadata.num_rows)

    def text(self, row: int) -> dict[str, Any]:
        """The text columns of a row: str, list[str | None] or None by name."""
        return {name: self.texts.column(name)[row].as_py() for name in self.texts.column_names}

    def text_batches(self) -> Iterator[list[dict[str, Any]]]:
        """The text columns of all rows in order, some thousand rows at a time."""
        for batch in self.texts.to_batches(max_chunksize=TEXT_BATCH_ROWS):
            yield batch.to_pylist()

    def stored(self, row: int) -> tuple[StoredImage, ...]:
        """Where the images of a row lie and what their content hashes to; at least one, as a row without has a void."""
        self.store_images(row + 1)
        return self.store[row]

    def images(self, row: int) -> tuple[bytes, ...]:
        """The encoded images of a row. Raises TaskError where one has no bytes."""
        stored = self.stored(row)
        for number, image in enumerate(stored, 1):
            if image.size == 0:
                which = "no image" if len(stored) == 1 else f"no bytes in image {number} of {len(stored)}"
                raise TaskError(f"row {row} of {self.path.name} has {which}", expected="the bytes of an image file")
        return tuple(self.store.read(image) for image in stored)

    def store_images(self, rows: int) -> None:
        """Makes the images of the first `rows` rows quick to reach; costs a pass over the file where they are not.

        At least twice what was there, so that rows asked for one after another cost few passes.
        """
        if self.store.rows < rows:
            upto = min(len(self), max(rows, 2 * self.store.rows, self._batch_rows()))
            self.store.extend(upto, self._encoded_images, need_bytes=self._image_bytes() * upto // len(self))

    def _encoded_images(self, start: int, stop: int) -> Iterator[list[bytes | None]]:
        """Images of the rows from start to stop, in order; whole row groups before start are not touched."""
        groups, first = self._groups_from(start)
        row = first
        with opened_parquet(self.path) as file, reading_parquet(self.path):
            # one thread: decoding keeps up with the disk, and each thread would hold pages of its own
            batches = file.iter_batches(
                batch_size=self._batch_rows(), row_groups=groups, columns=[self.image_leaf], use_threads=False
            )
            for images in chain.from_iterable(batch.column(0).to_pylist() for batch in batches):
                if row >= stop:
                    return
                if row >= start:
                    yield [image["bytes"] if isinstance(image, dict) else image for image in images or [None]]
                row += 1

    def _groups_from(self, start: int) -> tuple[list[int], int]:
        """The row groups that hold the rows from start on, and the first row of the first of them."""
        first = 0
        for group in range(self.metadata.num_row_groups):
            rows = self.metadata.row_group(group).num_rows
            if start < first + rows:
                return list(range(group, self.metadata.num_row_groups)), first
            first += rows
        return [], first

    def _image_bytes(self) -> int:
        """Bytes of the image column before compression; more than the store needs, as it keeps equal images once."""
        groups = [self.metadata.row_group(group) for group in range(self.metadata.num_row_groups)]
        columns = [group.column(index) for group in groups for index in range(group.num_columns)]
        return sum(c.total_uncompressed_size for c in columns if c.path_in_schema == self.image_leaf)

    def _batch_rows(self) -> int:
        return max(1, min(256, BATCH_BYTES * len(self) // max(1, self._image_bytes())))

    def _check_columns(self, schema: Any, text_columns: Mapping[str, str], image_columns: Sequence[str]) -> None:
        missing = [name for name in text_columns if name not in schema.names]
        if missing or not set(image_columns) & set(schema.names):
            raise TaskError(
                f"{self.path.name} has the columns {', '.join(schema.names) or '(none)'}",
                expected=f"{', '.join(text_columns)} and {' or '.join(image_columns)}",
                fix="rename its columns, or describe its rows in a .jsonl file for task jsonl",
            )
        for name, wanted in text_columns.items():
            if (found := _text_type(schema.field(name).type)) != wanted:
                raise TaskError(
                    f"column {name} of {self.path.name} has the type {schema.field(name).type}",
                    expected=wanted,
                    fix="write the column anew with that type" if found else "",
                )

    def _image_leaf(self, schema: Any) -> str:
        """The parquet column of the images' bytes: of a list of binary, or of a list of structs with `bytes`."""
        from pyarrow import types

        kind = schema.field(self.image_column).type
        is_list = types.is_list(kind) or types.is_large_list(kind)
        item = kind.value_type if is_list else None
        fields = {field.name: field.type for field in item} if item is not None and types.is_struct(item) else {}
        held = fields.get("bytes", item)
        if held is None or not (types.is_binary(held) or types.is_large_binary(held)):
            raise TaskError(
                f"column {self.image_column} of {self.path.name} has the type {kind}",
                expected="list<binary>, or list<struct<bytes: binary, path: string>>",
            )
        leaves = [str(self.metadata.schema.column(index).path) for index in range(len(self.metadata.schema))]
        ours = [leaf for leaf in leaves if leaf.split(".")[0] == self.image_column]
        return next(leaf for leaf in ours if not fields or leaf.endswith(".bytes"))

    def _key(self) -> str:
        """A name for what is in the file: its footer, its start, its size and when it was written."""
        stat = self.path.stat()
        with self.path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            file.seek(-8, 2)
            footer_bytes = int.from_bytes(file.read(4), "little")
            file.seek(-min(stat.st_size, footer_bytes + 8), 2)
            footer = file.read()
        said = f"1/{self.image_leaf}/{stat.st_size}/{stat.st_mtime_ns}".encode()
        return hashlib.sha256(said + head + footer).hexdigest()[:24]


def _text_type(kind: Any) -> str:
    """string or list<string>; empty for another type."""
    from pyarrow import types

    if types.is_dictionary(kind):
        return _text_type(kind.value_type)
    if types.is_string(kind) or types.is_large_string(kind):
        return "string"
    is_list = types.is_list(kind) or types.is_large_list(kind)
    return "list<string>" if is_list and _text_type(kind.value_type) == "string" else ""


def read_texts(path: Path, columns: Sequence[str]) -> Any:
    """These columns of a file as one table in memory. Raises TaskError where it is damaged."""
    from pyarrow import Table, schema

    with opened_parquet(path) as file, reading_parquet(path):
        batches = file.iter_batches(batch_size=TEXT_BATCH_ROWS, columns=columns, use_threads=False)
        kept = schema([file.schema_arrow.field(name) for name in columns])
        table = Table.from_batches((batch.select(columns) for batch in batches), schema=kept).combine_chunks()
        # text that is no UTF-8 would otherwise raise at its row, hours later
        table.validate(full=True)
    return table


@contextmanager
def opened_parquet(path: Path) -> Iterator[Any]:
    """The file, read a little at a time. Raises TaskError where it is no parquet file."""
    # pyarrow costs 0.1 s to import; only who reads such a file should pay
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(path, buffer_size=READ_AHEAD_BYTES, pre_buffer=False)
    except (ArrowException, OSError) as error:
        raise TaskError(
            f"{path} is not read as parquet: {_first_line(error)}", expected="a whole parquet file", fix=_open_fix(path)
        ) from error
    with file:
        yield file


@contextmanager
def reading_parquet(path: Path) -> Iterator[None]:
    """Raises TaskError where a file that opened turns out to be damaged."""
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as error:
        raise TaskError(
            f"{path} is damaged: {_first_line(error)}",
            expected="a file that decodes",
            fix="compare its size and hash with the original, and fetch it again",
        ) from error


def _open_fix(path: Path) -> str:
    try:
        with path.open("rb") as file:
            is_pointer = file.read(len(LFS_POINTER)) == LFS_POINTER
    except OSError:
        return "correct the path"
    return "the file only points to its content: run `git lfs pull`" if is_pointer else "fetch it again"


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
