"""A classification set as a folder: `class/image.png` or `train/class/image.png`, with names and splits worked out.

Class folders may be nested (omniglot: `alphabet/character/drawing.png`), and a file of labels beside them may give
readable names to folders or a class to each image. Only names are read here; no image is opened.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from evals.errors import TaskError
from evals.files.image_files import ImageFiles, list_images
from evals.files.label_file import Labels, read_labels
from evals.files.splits import NO_SPLIT, SPLIT_CODES, split_named
from evals.grading import normalized

NO_CLASS = -1
_JOINERS = "\u200c\u200d"


class ClassFrom(StrEnum):
    """Which part of an image's path is its class."""

    AUTO = "auto"
    """The folder that holds the image, with the folders above it where two such folders have one name."""
    FOLDER = "folder"
    """The folder that holds the image."""
    PATH = "path"
    """All folders between the root and the image."""
    TOP = "top"
    """The first folder below the root or the split."""


class ImageClass(NamedTuple):
    """One class of a folder."""

    name: str
    """As it is asked for and answered."""
    group: str
    """The folder above the class folder; empty where all classes have the same."""
    aliases: tuple[str, ...] = ()
    """Other names of it, from the file of labels."""


class LabelledImages(NamedTuple):
    """Images with a class each, and a split where their path names one."""

    files: ImageFiles
    classes: Sequence[ImageClass]
    """In alphabetical order of their names."""
    class_of: array[int]
    """Class of each file by place in `classes`; -1 for one that has none."""
    split_of: bytearray
    """Code of each file's split by `SPLIT_CODES`; 255 where its path names none."""

    @property
    def split_counts(self) -> Counter[str]:
        """How many labelled images name each split."""
        counts = Counter(code for code, place in zip(self.split_of, self.class_of, strict=True) if place >= 0)
        return Counter({split: counts[code] for split, code in SPLIT_CODES.items() if counts[code]})

    @property
    def unlabelled(self) -> int:
        """Images of no class: outside of every class folder, or in no row of the file of labels."""
        return self.class_of.count(NO_CLASS)


def read_image_folder(path: Path, *, class_from: str = ClassFrom.AUTO) -> LabelledImages:
    """The labelled images below a folder, or in a zip or tar of one. Raises TaskError."""
    files = list_images(path)
    if not len(files):
        others = ", ".join(f"{count} {suffix}" for suffix, count in files.ignored.most_common(4))
        raise TaskError(
            f"no images in {path}" + (f" ({others})" if others else ""),
            expected="folders of .png, .jpg, .webp, .bmp, .gif or .tiff files, one folder a class",
            fix="name the folder that holds the class folders",
        )
    labels = read_labels(path)
    places = _placed(list(dict.fromkeys(files.folder(index) for index in range(len(files)))))
    if labels.by_file:
        return _labelled_by_file(files, labels, places)
    classes = _classes({place.parts for place in places.values() if place.parts}, labels, class_from=class_from)
    numbers = {image_class.name: number for number, image_class in enumerate(classes.listed)}
    number_of = {
        folder: numbers[classes.named[place.parts].name] if place.parts else NO_CLASS
        for folder, place in places.items()
    }
    return _checked(
        LabelledImages(
            files,
            classes.listed,
            array("i", (number_of[files.folder(index)] for index in range(len(files)))),
            bytearray(places[files.folder(index)].split for index in range(len(files))),
        )
    )


class _Place(NamedTuple):
    """What a folder's path says."""

    split: int
    parts: tuple[str, ...]
    """Folders below the split, which make the class."""


def _placed(folders: Sequence[str]) -> dict[str, _Place]:
    """Split and class folders of each folder; wrapping folders that all images share say nothing."""
    parts_of = {folder: tuple(folder.split("/")) if folder else () for folder in folders}
    wrapping = 0
    while _is_wrapped(list(parts_of.values()), depth=wrapping):
        wrapping += 1
    rest_of = {folder: parts[wrapping:] for folder, parts in parts_of.items()}
    tops = {rest[0] for rest in rest_of.values() if rest}
    codes = {top: SPLIT_CODES[split] for top in tops if (split := split_named(top))}
    if len(codes) < len(tops):
        return {folder: _Place(NO_SPLIT, rest) for folder, rest in rest_of.items()}
    return {
        folder: _Place(codes[rest[0]], rest[1:]) if rest else _Place(NO_SPLIT, ()) for folder, rest in rest_of.items()
    }


def _is_wrapped(all_parts: Sequence[tuple[str, ...]], *, depth: int) -> bool:
    """Whether all images lie below one folder at this depth that is neither a split nor the only class."""
    if any(len(parts) <= depth + 1 for parts in all_parts):
        return False
    first = {parts[depth] for parts in all_parts}
    return len(first) == 1 and split_named(next(iter(first))) is None


def readable(folder: str) -> str:
    """A folder's name as people write it: `convenience_store` is convenience store. Signs that nobody sees go."""
    seen = without_unseen(" ".join(unicodedata.normalize("NFC", folder).replace("_", " ").split()))
    return " ".join(seen.split()) or folder


def without_unseen(text: str) -> str:
    """The text without control characters and marks of writing direction; joiners stay, which some scripts need."""
    return "".join(
        sign for sign in text if sign in _JOINERS or unicodedata.category(sign) not in ("Cc", "Cf") or sign.isspace()
    )


class _Classes(NamedTuple):
    """The classes of a folder."""

    named: Mapping[tuple[str, ...], ImageClass]
    """By class folders."""
    listed: Sequence[ImageClass]
    """Each once, by name."""


def _classes(paths: Set[tuple[str, ...]], labels: Labels, *, class_from: str) -> _Classes:
    """Names the classes. Raises TaskError where two of them could not be told apart by an answer."""
    if class_from == ClassFrom.AUTO:
        own_names = {normalized(_name((parts[-1],), parts, labels)) for parts in paths}
        class_from = ClassFrom.FOLDER if len(own_names) == len(paths) else ClassFrom.PATH
    named: dict[tuple[str, ...], ImageClass] = {}
    first_by_answer: dict[str, str] = {}
    has_groups = class_from != ClassFrom.TOP and len({parts[:-1] for parts in paths}) > 1
    for parts in sorted(paths):
        kept = parts[:1] if class_from == ClassFrom.TOP else parts[-1:] if class_from == ClassFrom.FOLDER else parts
        group = "/".join(map(readable, parts[:-1])) if has_groups else ""
        named[parts] = ImageClass(_name(kept, parts, labels), group, labels.aliases(parts))
        # folders that the file of labels gives one name are one class, and so are those of one name that were asked for
        meant = labels.name(parts) or "/".join(kept)
        other = first_by_answer.setdefault(normalized(named[parts].name), meant)
        if other != meant:
            raise TaskError(
                f"the classes {other} and {meant} read the same in an answer",
                expected="names that differ in more than case and spaces",
                fix='rename a folder, or name them in labels.jsonl: {"key": FOLDER, "name": NAME}',
            )
    return _Classes(named, sorted({image_class.name: image_class for image_class in named.values()}.values()))


def _name(kept: tuple[str, ...], parts: tuple[str, ...], labels: Labels) -> str:
    """What the file of labels says of the class folder, or the folders kept."""
    given = labels.name(parts) if kept[-1] == parts[-1] else labels.name(kept)
    return given or "/".join(map(readable, kept))


def _labelled_by_file(files: ImageFiles, labels: Labels, places: Mapping[str, _Place]) -> LabelledImages:
    """Images whose classes, and splits where it says them, stand in the file of labels."""
    class_names = sorted({label.name for label in labels.by_file.values()})
    numbers = {name: number for number, name in enumerate(class_names)}
    class_of, split_of = array("i"), bytearray()
    for index in range(len(files)):
        label = labels.by_file.get(files.name(index))
        class_of.append(NO_CLASS if label is None else numbers[label.name])
        named = split_named(label.split) if label is not None else None
        split_of.append(SPLIT_CODES[named] if named else places[files.folder(index)].split)
    return _checked(LabelledImages(files, [ImageClass(name, "") for name in class_names], class_of, split_of))


def _checked(images: LabelledImages) -> LabelledImages:
    """The same. Raises TaskError where there are not two classes to tell apart."""
    if len(images.classes) < 2:
        names = ", ".join(image_class.name for image_class in images.classes) or "none"
        raise TaskError(
            f"{len(images.files)} images in {images.files.root} and {len(images.classes)} classes: {names}",
            expected="two or more class folders with images, or a labels.csv with file and label",
            fix="name the folder that holds the class folders",
        )
    return images
