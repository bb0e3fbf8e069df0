"""FGVC-Aircraft's lists: which image shows which variant, family and manufacturer, and which split it belongs to.

A line of images_variant_test.txt: `1514522 707-320`. Its surprise: labels have spaces (`Cessna 172`), so a line is
split at its first space alone. Whatever does not fit together is an error that names the file and the line.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import NamedTuple

from evals.errors import TaskError
from evals.files.aircraft_archive import AircraftFiles

LEVELS = ("variant", "family", "manufacturer")
NAMES_FILES = {"variant": "variants.txt", "family": "families.txt", "manufacturer": "manufacturers.txt"}
PARTS = ("train", "val", "test")
"""What the lists call their splits; trainval is the first two together."""
_IMAGE = re.compile(r"[A-Za-z0-9_-]+")


class Row(NamedTuple):
    """One line of a list."""

    image: str
    label: str
    line: int


class AircraftLists(NamedTuple):
    """Lists that fit together."""

    labels: tuple[str, ...]
    """Of the level, in the order of its file."""
    rows: Mapping[str, tuple[Row, ...]]
    """Of the level, by part (train, val, trainval, test); parts that have no list are not there."""
    families: Mapping[str, str]
    """Family by image; empty where the data has no list of families."""
    manufacturers: Mapping[str, str]
    """Manufacturer by image; empty where the data has no list of manufacturers."""


def list_name(level: str, part: str) -> str:
    """`images_variant_train.txt`"""
    return f"images_{level}_{part}.txt"


def read_lists(files: AircraftFiles, level: str) -> AircraftLists:
    """All lists that are there, checked against each other. Raises TaskError that names file and line."""
    labels = {each: _names(files, each) for each in LEVELS}
    if not labels[level]:
        raise TaskError(f"{NAMES_FILES[level]} is not there", expected=f"the names of every {level}, one a line")
    by_level = {each: _parts(files, each, labels[each]) for each in LEVELS}
    if not by_level[level]:
        raise TaskError(
            f"there is no list of images by {level}", expected=f"{list_name(level, 'train')} and others beside it"
        )
    for each, parts in by_level.items():
        _check_splits(each, parts)
    for part in (*PARTS, "trainval"):
        there = [(each, by_level[each][part]) for each in LEVELS if part in by_level[each]]
        for (one, rows), (other, others) in combinations(there, 2):
            _check_same_images(list_name(one, part), rows, list_name(other, part), others)
    _check_hierarchy(by_level)
    return AircraftLists(
        labels[level], by_level[level], _label_by_image(by_level["family"]), _label_by_image(by_level["manufacturer"])
    )


def rows_of(files: AircraftFiles, lists: AircraftLists, level: str, part: str) -> tuple[Row, ...]:
    """The rows of one part, whose images are all there. Raises TaskError."""
    name = list_name(level, part)
    if part not in lists.rows:
        raise TaskError(f"{name} is not there", expected="the official lists", fix="take them from the archive")
    rows = lists.rows[part]
    missing = [row for row in rows if not files.has_image(row.image)]
    if missing:
        more = f", and {len(missing) - 1} more images that it lists" if len(missing) > 1 else ""
        raise TaskError(
            f"images/{missing[0].image}.jpg, which {name} lists in line {missing[0].line}, is not there{more}",
            expected=f"the {len(rows)} images of {name}",
            fix="unpack the whole archive",
        )
    return rows


def _text(files: AircraftFiles, name: str) -> list[tuple[int, str]]:
    """Lines by number, from 1, without empty ones. Raises TaskError for what is not UTF-8."""
    content = files.text(name)
    if content is None:
        return []
    lines = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        try:
            text = line.decode().strip()
        except UnicodeDecodeError as error:
            raise TaskError(f"{name} line {number} is not UTF-8 ({error})", expected="text") from error
        if text:
            lines.append((number, text))
    return lines


def _names(files: AircraftFiles, level: str) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for number, name in _text(files, NAMES_FILES[level]):
        if name in seen:
            raise TaskError(
                f"{NAMES_FILES[level]} line {number} repeats {name!r} of line {seen[name]}", expected="each name once"
            )
        seen[name] = number
    return tuple(seen)


def _parts(files: AircraftFiles, level: str, labels: Sequence[str]) -> dict[str, tuple[Row, ...]]:
    known = frozenset(labels)
    parts = {}
    for part in (*PARTS, "trainval"):
        name = list_name(level, part)
        if files.text(name) is not None:
            parts[part] = _rows(name, _text(files, name), labels, known, names_file=NAMES_FILES[level])
    return parts


def _rows(
    name: str, lines: list[tuple[int, str]], labels: Sequence[str], known: frozenset[str], *, names_file: str
) -> tuple[Row, ...]:
    rows: list[Row] = []
    seen: dict[str, int] = {}
    for number, line in lines:
        image, _, label = line.partition(" ")
        label = label.strip()
        if not label or not _IMAGE.fullmatch(image):
            raise TaskError(f"{name} line {number} is {line[:80]!r}", expected="an image's number, a space and a label")
        if image in seen:
            raise TaskError(f"{name} line {number} repeats image {image} of line {seen[image]}", expected="it once")
        if label not in known:
            near = difflib.get_close_matches(label, labels, n=1)
            raise TaskError(
                f"{name} line {number} has the label {label!r}, which {names_file} does not have",
                expected=f"did you mean {near[0]!r}" if near else f"a name of {names_file}",
            )
        seen[image] = number
        rows.append(Row(image, label, number))
    return tuple(rows)


def _check_splits(level: str, parts: Mapping[str, tuple[Row, ...]]) -> None:
    """Raises TaskError for an image in two splits, and for a trainval that is not train and val together."""
    for one, other in combinations([part for part in PARTS if part in parts], 2):
        lines = {row.image: row.line for row in parts[one]}
        for row in parts[other]:
            if row.image in lines:
                raise TaskError(
                    f"{list_name(level, other)} line {row.line} lists image {row.image}, "
                    f"which {list_name(level, one)} line {lines[row.image]} lists too",
                    expected="no image in two splits",
                )
    if all(part in parts for part in ("train", "val", "trainval")):
        both = (*parts["train"], *parts["val"])
        together = f"{list_name(level, 'train')} or {list_name(level, 'val')}"
        _check_same_images(together, both, list_name(level, "trainval"), parts["trainval"])


def _check_same_images(one: str, rows: Sequence[Row], other: str, others: Sequence[Row]) -> None:
    for name, these, elsewhere, those in ((one, rows, other, others), (other, others, one, rows)):
        there = {row.image for row in those}
        for row in these:
            if row.image not in there:
                raise TaskError(
                    f"{name} line {row.line} lists image {row.image}, which {elsewhere} does not",
                    expected="the same images in both",
                )


def _check_hierarchy(by_level: Mapping[str, Mapping[str, Sequence[Row]]]) -> None:
    """Raises TaskError where a variant has two families or a family two manufacturers."""
    for lower, upper in (("variant", "family"), ("family", "manufacturer")):
        above: dict[str, tuple[str, str]] = {}
        for part in PARTS:
            upper_of = {row.image: row.label for row in by_level[upper].get(part, ())}
            for row in by_level[lower].get(part, ()):
                label = upper_of.get(row.image)
                place = f"{list_name(lower, part)} line {row.line}"
                first, first_place = above.setdefault(row.label, (label or "", place))
                if label is not None and label != first:
                    raise TaskError(
                        f"{place}: {lower} {row.label!r} is of {upper} {label!r}, and of {first!r} in {first_place}",
                        expected=f"one {upper} a {lower}",
                    )


def _label_by_image(parts: Mapping[str, Sequence[Row]]) -> dict[str, str]:
    return {row.image: row.label for rows in parts.values() for row in rows}
