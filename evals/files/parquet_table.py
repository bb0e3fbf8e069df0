"""A parquet file as a table by row: texts at once, images by the row group that holds them, as data sets are published.

A row's images are decoded when they are asked for, with those of its row group, which stay until others are needed. So
row groups have to be of some hundred rows, as the Hub writes them; `parquet_rows` reads files of one huge group.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from itertools import accumulate
from pathlib import Path
from typing import Any

from evals.errors import TaskError
from evals.files.cells import CellError, ImageCell, LaterImages, image_cells
from evals.files.parquet_rows import opened_parquet, read_texts, reading_parquet

KEPT_GROUPS = 2
"""Row groups whose images are in memory."""
MAX_GROUP_BYTES = 512 << 20
"""Of images in one row group, unpacked."""


class StoredImages(LaterImages):
    """The images of one cell, decoded when they are asked for."""

    def __init__(self, table: ParquetTable, row: int, column: str, *, may_be_several: bool) -> None:
        super().__init__(may_be_several=may_be_several)
        self._table = table
        self._row = row
        self._column = column

    def cells(self) -> tuple[ImageCell, ...]:
        """The images. Raises OSError where the cell holds none that can be read."""
        try:
            found = image_cells(self._table.cell(self._row, self._column))
        except (CellError, TaskError) as error:
            raise OSError(str(error)) from error
        if not found:
            raise OSError(f"{self._table.place(self._row)} has no image")
        return found


class ParquetTable:
    """One parquet file. Raises TaskError where it is none, or its row groups are too large."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with opened_parquet(path) as file:
            schema, self._metadata = file.schema_arrow, file.metadata
            self.columns: tuple[str, ...] = tuple(schema.names)
            self.image_columns = frozenset(name for name in schema.names if _holds_bytes(schema.field(name).type))
            self._lists = frozenset(name for name in self.image_columns if _is_list(schema.field(name).type))
        groups = [self._metadata.row_group(number) for number in range(self._metadata.num_row_groups)]
        self._check_groups(groups)
        self._ends = list(accumulate(group.num_rows for group in groups))
        self._texts = read_texts(path, [name for name in self.columns if name not in self.image_columns])
        self._kept: OrderedDict[tuple[int, str], Any] = OrderedDict()

    def __len__(self) -> int:
        return int(self._metadata.num_rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """One row; images as StoredImages."""
        row: dict[str, Any] = {name: self._texts.column(name)[index].as_py() for name in self._texts.column_names}
        return row | {
            name: StoredImages(self, index, name, may_be_several=name in self._lists) for name in self.image_columns
        }

    def place(self, index: int) -> str:
        """`row 7`, counted from 1."""
        return f"row {index + 1}"

    def cell(self, index: int, column: str) -> Any:
        """What stands in a column of images. Raises TaskError for a damaged file."""
        group = bisect_right(self._ends, index)
        first = self._ends[group - 1] if group else 0
        return self._group(group, column)[index - first].as_py()

    def _group(self, group: int, column: str) -> Any:
        key = (group, column)
        if key not in self._kept:
            with opened_parquet(self.path) as file, reading_parquet(self.path):
                self._kept[key] = file.read_row_group(group, columns=[column], use_threads=False).column(0)
            while len(self._kept) > KEPT_GROUPS * max(1, len(self.image_columns)):
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _check_groups(self, groups: list[Any]) -> None:
        for group in groups:
            chunks = [group.column(place) for place in range(group.num_columns)]
            held = sum(
                chunk.total_uncompressed_size
                for chunk in chunks
                if chunk.path_in_schema.partition(".")[0] in self.image_columns
            )
            if held > MAX_GROUP_BYTES:
                raise TaskError(
                    f"a row group of {self.path.name} has {held >> 20:,} MB of images in {group.num_rows:,} rows",
                    expected=f"row groups of at most {MAX_GROUP_BYTES >> 20} MB, as a row is reached through its group",
                    fix="write it again with row_group_size=500 (pyarrow.parquet.write_table)",
                )


def _is_list(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _holds_bytes(kind: Any) -> bool:
    """Whether a column holds images themselves: bytes, or a struct with bytes, or a list of these."""
    # pyarrow costs 0.1 s to import; only who reads such a file should pay
    from pyarrow import types

    if _is_list(kind):
        return _holds_bytes(kind.value_type)
    if types.is_struct(kind):
        return any(_holds_bytes(field.type) for field in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind) or types.is_fixed_size_binary(kind))
