"""Classification of a user's own images, with no code: `--task folder --data DIR`, one folder a class.

What it takes: `cat/1.png`, `train/cat/1.png` (also val, test and what else splits are called), nested class folders,
a labels.jsonl or labels.csv beside them, and a zip or tar of any of these. Its surprise: without named splits, images
are split by what is in them and not by their names, so that copies of one image are in one split.
"""

from __future__ import annotations

import hashlib
import random
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field

from evals.class_names import ClassExample, ClassNames, names_of
from evals.errors import TaskError
from evals.files.image_files import printable
from evals.files.image_folder import ImageClass, LabelledImages, read_image_folder, readable, without_unseen
from evals.files.label_file import listed
from evals.files.pictures import decoded_image
from evals.files.splits import SPLIT_CODES, SPLITS, SettledSplits, Shares, settled_splits
from evals.grading import normalized
from evals.task import Example, Source, Task, TaskOptions

ALL_SHOWN = 10
"""Up to so many classes the prompt offers all of them, unless told otherwise."""
SOME_SHOWN = 4
"""Of more classes it offers so many."""


class FolderOptions(TaskOptions):
    """Options of the task `folder`."""

    question: str = "What is shown in the image?"
    """What is asked about every image."""
    options_shown: int = Field(default=-1, ge=-1)
    """How many classes the prompt offers; 0 leaves the answer open, -1 offers all up to 10 classes, and 4 of more."""
    options_seed: int = 0
    """Chooses which wrong classes are offered, and their order."""
    classes: str = ""
    """Only these classes, with commas between them; empty takes all."""
    min_per_class: int = Field(default=1, ge=1)
    """Classes with fewer images are left out."""
    class_from: Literal["auto", "folder", "path", "top"] = "auto"
    """What names a class: an image's folder, its whole path, the top folder; auto: the first that tells all apart."""
    aliases: str = ""
    """JSON file of other names that count as right, {class: [names]}; a path, from the data folder on."""
    splits: Literal["auto", "images"] = "auto"
    """auto takes splits that the folders name; images splits by a hash of each image, whatever they name."""
    validation_share: float = Field(default=0.1, ge=0, lt=0.5)
    """Share for validation where images are split by hash."""
    heldout_share: float = Field(default=0.2, gt=0, lt=0.9)
    """Share held out where images are split by hash."""


class FolderData:
    """One folder with the options applied: which images take part, and in which split."""

    def __init__(self, images: LabelledImages, options: FolderOptions) -> None:
        self.images = images
        self.options = options
        self.classes, self.number_of = _chosen_classes(images, options)
        self.names = _spellings(self.classes, _aliases(images, self.classes, options.aliases))

    @cached_property
    def splits(self) -> SettledSplits:
        """The split of every image; reads a few kilobytes of each where the folders name none."""
        images, number_of = self.images, self.number_of
        return settled_splits(
            images.split_of,
            wanted=lambda index: number_of.get(images.class_of[index]) is not None,
            content=images.files.fingerprint,
            shares=Shares(self.options.validation_share, self.options.heldout_share),
            by_images=self.options.splits == "images",
        )

    @property
    def options_shown(self) -> int:
        """How many classes a prompt offers."""
        count, asked = len(self.classes), self.options.options_shown
        if asked == -1:
            return count if count <= ALL_SHOWN else SOME_SHOWN
        return min(asked, count)


def _chosen_classes(images: LabelledImages, options: FolderOptions) -> tuple[Sequence[ImageClass], Mapping[int, int]]:
    """The classes that take part, and their new numbers by old ones. Raises TaskError where fewer than two do."""
    counts = Counter(images.class_of)
    asked = {normalized(name): name.strip() for name in options.classes.split(",") if name.strip()}
    known = {normalized(one.name) for one in images.classes}
    if missing := [name for text, name in asked.items() if text not in known]:
        raise TaskError(
            f"task_options.classes names {', '.join(missing)}",
            expected=f"classes of the folder: {_some([one.name for one in images.classes])}",
            fix="correct the name, or leave the option out",
        )
    kept = [
        number
        for number, one in enumerate(images.classes)
        if (not asked or normalized(one.name) in asked) and counts[number] >= options.min_per_class
    ]
    if len(kept) < 2:
        raise TaskError(
            f"{len(kept)} classes are left of {len(images.classes)}",
            expected="two or more to tell apart",
            fix=f"lower task_options.min_per_class={options.min_per_class}" if not asked else "name more classes",
        )
    return [images.classes[number] for number in kept], {old: new for new, old in enumerate(kept)}


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _of_unseen(images: LabelledImages) -> str:
    """A note where names of folders have signs that nobody sees."""
    folders = dict.fromkeys(images.files.folder(index) for index in range(len(images.files)))
    changed = [readable(folder.rpartition("/")[2]) for folder in folders if without_unseen(folder) != folder]
    if not changed:
        return ""
    return f"control characters and marks of writing direction are left out of the names of: {_some(changed)}"


def _aliases(images: LabelledImages, classes: Sequence[ImageClass], file: str) -> dict[str, Sequence[str]]:
    """Other names by class: those of the file of labels, and those of the JSON file named. Raises TaskError."""
    found: dict[str, Sequence[str]] = {one.name: one.aliases for one in classes if one.aliases}
    if not file:
        return found
    root = images.files.root
    path = (root if root.is_dir() else root.parent) / Path(file).expanduser()
    try:
        table = orjson.loads(path.read_bytes())
        named = {str(name): listed(names) for name, names in table.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise TaskError(
            f"task_options.aliases: {path} cannot be read ({error})",
            expected='a JSON file such as {"garden phlox": ["Phlox paniculata"]}',
            fix="correct the path; it begins at the data folder",
        ) from error
    # classes that other options leave out may be named all the same
    if unknown := sorted(named.keys() - {one.name for one in images.classes}):
        raise TaskError(
            f"task_options.aliases: {path} names {_some(unknown)}",
            expected=f"classes of the folder: {_some([one.name for one in images.classes])}",
            fix="spell it as one of these",
        )
    return found | named


def _spellings(classes: Sequence[ImageClass], aliases: Mapping[str, Sequence[str]]) -> ClassNames | None:
    """Every spelling of the classes; None where two of them differ in signs alone. Raises TaskError for bad aliases."""
    labels = [one.name for one in classes]
    try:
        ClassNames(labels)
    except TaskError:
        return None
    return ClassNames(labels, aliases=aliases)


class FolderExamples:
    """The images of one split, in an order that the seed chooses."""

    def __init__(self, data: FolderData, split: str, *, seed: int) -> None:
        self.data = data
        self.split = split
        code = SPLIT_CODES[split]
        self._order = array("I", (index for index, of in enumerate(data.splits.codes) if of == code))
        random.Random(f"folder/{split}/{seed}").shuffle(self._order)

    @property
    def length(self) -> int:
        """How many images the split has."""
        return len(self._order)

    def __getitem__(self, index: int) -> ClassExample:
        data, file = self.data, self._order[index]
        files = data.images.files
        place = data.number_of[data.images.class_of[file]]
        gold = data.classes[place]
        name = printable(files.name(file))
        options = self._options(place, name)
        question = data.options.question
        scene = _scene(data, file)
        asked = hashlib.sha256(orjson.dumps([scene, question, options, gold.name])).hexdigest()[:12]
        return ClassExample(
            uid=f"folder/{name}/{asked}",
            split=self.split,
            index=index,
            kind=gold.group or gold.name,
            question=question,
            options=options,
            gold=gold.name,
            scene=scene,
            draw=lambda: (decoded_image(files.read(file)),),
            names=data.names,
        )

    def _options(self, gold: int, name: str) -> tuple[str, ...]:
        """Classes to choose from, in an order that says nothing about the right one."""
        count = self.data.options_shown
        if not count:
            return ()
        rng = random.Random(f"folder/options/{self.data.options.options_seed}/{name}")
        others = [place + (place >= gold) for place in rng.sample(range(len(self.data.classes) - 1), max(1, count - 1))]
        shown = rng.sample([gold, *others], len(others) + 1)
        return tuple(self.data.classes[place].name for place in shown)


def _scene(data: FolderData, file: int) -> str:
    """The fingerprint of an image; of its name where it cannot be read, which drawing it will report."""
    try:
        return data.images.files.fingerprint(file).hex()
    except OSError:
        return f"unreadable-{hashlib.sha256(data.images.files.name(file).encode('utf-8', 'replace')).hexdigest()[:20]}"


class Folder(Task):
    """The task `folder`."""

    name = "folder"
    summary = "your own images, one folder a class: `--data DIR`"
    options_type = FolderOptions
    options: FolderOptions

    def __init__(self, options: TaskOptions | None = None) -> None:
        super().__init__(options)
        self._read: dict[str, FolderData] = {}

    def source(self, option: str) -> Source:
        """The folder at a path. Raises TaskError where there is none, or one that makes no classification set."""
        if option in ("auto", "generated"):
            raise TaskError(
                f"task folder with --data {option}" if option == "generated" else "task folder without --data",
                expected="a folder of images, one folder a class",
                fix="--data DIR",
            )
        data = self.data(option)
        taking_part = sum(count for place, count in Counter(data.images.class_of).items() if place in data.number_of)
        return Source(
            "real",
            option,
            f"{taking_part:,} images of {len(data.classes):,} classes in {Path(option).name or option}",
        )

    def data(self, path: str) -> FolderData:
        """What is in the folder; listed once. Raises TaskError."""
        if path not in self._read:
            images = read_image_folder(Path(path).expanduser(), class_from=self.options.class_from)
            self._read[path] = FolderData(images, self.options)
        return self._read[path]

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> FolderExamples:
        """Images of train, validation or heldout. Raises TaskError for another split."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        return FolderExamples(self.data(source.name), split, seed=seed)

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """The names of the classes, in alphabetical order."""
        return tuple(one.name for one in self.data(source.name).classes)

    def remarks(self, source: Source) -> Sequence[str]:
        """How the images are split, and which files are none of them."""
        data = self.data(source.name)
        images, splits = data.images, data.splits
        others = ", ".join(f"{count:,} {suffix}" for suffix, count in images.files.ignored.most_common(5))
        small = sum(count for place, count in Counter(images.class_of).items() if place not in data.number_of) - (
            images.unlabelled
        )
        said = (
            splits.remark,
            f"{images.unlabelled:,} images have no class: no class folder or row of labels says it"
            if images.unlabelled
            else "",
            f"{small:,} images of {len(images.classes) - len(data.classes):,} classes are left out" if small else "",
            f"{splits.unreadable:,} images cannot be read and are in no split" if splits.unreadable else "",
            f"passed over, being no images: {others}" if others else "",
            f"without an image: {_some([printable(without_unseen(name)) for name in images.files.empty])}"
            if images.files.empty
            else "",
            _of_unseen(images),
        )
        return [sentence for sentence in said if sentence]

    def grade(self, answer: str | None, example: Example) -> bool | None:
        """Whether the whole answer is a spelling of the gold class and of no other."""
        names = names_of(example)
        if names is None:
            return super().grade(answer, example)
        return names.label_of(answer) == example.gold


TASK = Folder
