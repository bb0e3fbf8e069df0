"""A file of labels beside a folder of images: readable names for its class folders, or a class for each image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from evals.errors import TaskError
from evals.files.pictures import SUFFIXES as IMAGE_SUFFIXES
from evals.files.splits import split_named
from evals.files.tables import RowError, Table, open_table

NAMES = tuple(f"{stem}{suffix}" for stem in ("labels", "metadata") for suffix in (".jsonl", ".json", ".csv", ".tsv"))
"""Names that a file of labels goes by; `metadata` is what the Hub's image folders use."""
FILE_COLUMNS = ("file_name", "file", "filename", "image", "image_path", "path", "key", "id")
FOLDER_COLUMNS = ("key", "folder", "class_id", "class", "id", "wnid", "synset", "directory")
LABEL_COLUMNS = ("label", "class_name", "class", "category", "name")
NAME_COLUMNS = ("name", "class_name", "label", "title", "class", "category")
SPLIT_COLUMNS = ("split", "set", "partition")
ALIAS_COLUMNS = ("aliases", "alias", "synonyms", "other_names")


class FileLabel(NamedTuple):
    """What is said of one image."""

    name: str
    split: str
    """As it stands there; empty where nothing does."""


@dataclass(frozen=True)
class Labels:
    """What a file of labels says; empty where there is none."""

    by_file: Mapping[str, FileLabel] = field(default_factory=dict)
    """By path below the root, where the file lists images."""
    by_folder: Mapping[str, str] = field(default_factory=dict)
    """Readable names by folder, or by `parent/folder`, where the file lists classes."""
    aliases_by_folder: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def name(self, parts: Sequence[str]) -> str:
        """The readable name of class folders; empty where none is given."""
        return next((self.by_folder[key] for key in _keys(parts) if key in self.by_folder), "")

    def aliases(self, parts: Sequence[str]) -> tuple[str, ...]:
        """Other names of these class folders."""
        return next((self.aliases_by_folder[key] for key in _keys(parts) if key in self.aliases_by_folder), ())


def _keys(parts: Sequence[str]) -> tuple[str, ...]:
    """What class folders may be listed as, the most exact first."""
    return "/".join(parts), "/".join(parts[-2:]), parts[-1]


def read_labels(root: Path) -> Labels:
    """The labels beside a folder's images, or in its folders of splits, as the Hub's image folders have them.

    None for an archive. Raises TaskError for a file called labels that cannot be used; one called metadata may hold
    anything, and is passed over.
    """
    by_file: dict[str, FileLabel] = {}
    by_folder: dict[str, str] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    for folder in (root, *_split_folders(root)):
        found = _labels_in(folder, below="" if folder == root else f"{folder.name}/")
        by_file |= found.by_file
        by_folder |= found.by_folder
        aliases |= found.aliases_by_folder
    return Labels(by_file, by_folder, aliases)


def _split_folders(root: Path) -> Sequence[Path]:
    if not root.is_dir():
        return ()
    return sorted(child for child in root.iterdir() if split_named(child.name) and child.is_dir())


def _labels_in(folder: Path, *, below: str) -> Labels:
    """What the file of labels in one folder says; `below` is how the listing names that folder."""
    path = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if path is None:
        return Labels()
    table = open_table(path)
    rows = list(_rows(table))
    file_column = _column(table.columns, FILE_COLUMNS)
    label_column = _column([name for name in table.columns if name != file_column], LABEL_COLUMNS)
    if file_column and label_column and _lists_images(rows, file_column):
        split_column = _column(table.columns, SPLIT_COLUMNS)
        return Labels(
            by_file={
                below + _inside(str(row[file_column])): FileLabel(
                    str(row[label_column]).strip(), str(row.get(split_column or "") or "")
                )
                for row in rows
                if row.get(label_column) not in (None, "")
            }
        )
    folder_column = _column(table.columns, FOLDER_COLUMNS)
    name_column = _column([name for name in table.columns if name != folder_column], NAME_COLUMNS)
    if folder_column is None or name_column is None:
        if path.stem == "metadata":
            return Labels()
        raise TaskError(
            f"{path.name} has the columns {', '.join(table.columns)}",
            expected=f"an image ({FILE_COLUMNS[0]}) or a class folder (key), and a name for it (label, name)",
            fix=f"rename its columns, or move {path.name} out of the folder",
        )
    alias_column = _column(table.columns, ALIAS_COLUMNS) or ""
    return _folder_labels(rows, folder_column=folder_column, name_column=name_column, alias_column=alias_column)


def _column(columns: Sequence[str], wanted: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in columns}
    return next((by_lower[name] for name in wanted if name in by_lower), None)


def _rows(table: Table) -> Sequence[dict[str, Any]]:
    rows = []
    for index in range(len(table)):
        try:
            rows.append(table[index])
        except RowError as error:
            raise TaskError(
                f"{table.path.name}: {table.place(index)}: {error}", expected="one label a row", fix="mend that row"
            ) from None
    return rows


def _lists_images(rows: Sequence[Mapping[str, Any]], column: str) -> bool:
    return any(PurePosixPath(str(row.get(column, ""))).suffix.lower() in IMAGE_SUFFIXES for row in rows[:100])


def _inside(path: str) -> str:
    """A path below the root as the listing writes it."""
    return PurePosixPath(path.replace("\\", "/")).as_posix().removeprefix("./")


def _folder_labels(
    rows: Sequence[Mapping[str, Any]], *, folder_column: str, name_column: str, alias_column: str
) -> Labels:
    names: dict[str, set[str]] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    for row in rows:
        key, name = str(row.get(folder_column, "")).strip("/ "), str(row.get(name_column) or "").strip()
        if not key or not name:
            continue
        # one folder name may occur in several groups; any other cell of the row may say which group is meant
        groups = [str(cell) for column, cell in row.items() if column != folder_column and isinstance(cell, str)]
        for place in (key, *(f"{group}/{key}" for group in groups)):
            names.setdefault(place, set()).add(name)
            aliases[place] = listed(row.get(alias_column))
    return Labels(
        by_folder={key: next(iter(given)) for key, given in names.items() if len(given) == 1},
        aliases_by_folder={key: given for key, given in aliases.items() if given and len(names[key]) == 1},
    )


def listed(cell: object) -> tuple[str, ...]:
    """The texts in a cell that holds a list, a list written as JSON, or texts between bars or semicolons."""
    if isinstance(cell, list | tuple):
        return tuple(str(item).strip() for item in cell if str(item).strip())
    text = str(cell or "").strip()
    if text.startswith("["):
        try:
            return listed(json.loads(text))
        except ValueError:
            return (text,)
    parts = text.split("|") if "|" in text else text.split(";")
    return tuple(part.strip() for part in parts if part.strip())
