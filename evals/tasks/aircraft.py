"""Fine-grained aircraft classification: FGVC-Aircraft (Maji et al. 2013), or invented aircraft drawn from parameters.

https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/

A real line of images_variant_test.txt: `1514522 707-320`, with the image data/images/1514522.jpg. Its surprise: the
lowest 20 pixels of every image are a banner with the photographer's name, which is cut off here.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from evals.aircraft_names import ALIASES, maker_prefixes, user_aliases
from evals.class_names import ClassExample, ClassNames, names_of
from evals.errors import TaskError
from evals.files.aircraft_archive import AircraftFiles, open_aircraft
from evals.files.aircraft_lists import AircraftLists, read_lists, rows_of
from evals.files.generated_marker import MARKER, marker_sentence
from evals.files.pictures import decoded_image
from evals.files.splits import SPLITS
from evals.generated.aircraft_drawing import DEFAULT_SIDE, LARGEST_SIDE, SMALLEST_SIDE, draw
from evals.generated.aircraft_fleet import DEFAULT_VARIANTS, FEWEST_VARIANTS, MOST_VARIANTS, fleet, labels
from evals.generated.aircraft_questions import ask, question_text
from evals.generated.uids import uid_of
from evals.task import Example, Examples, Source, Task, TaskOptions

if TYPE_CHECKING:
    from PIL.Image import Image

BANNER_PIXELS = 20
"""At the bottom of every real image."""
GENERATED_NAMES = ("auto", "generated")
GENERATED_NAME = "aircraft-generated"
"""Of the source without end; of one on disk, its path follows."""
_WRITTEN = f"{GENERATED_NAME} in "


class AircraftOptions(TaskOptions):
    """Options of the task `aircraft`."""

    level: Literal["variant", "family", "manufacturer"] = "variant"
    """What is asked for: the variant (737-700), the family (Boeing 737) or the manufacturer (Boeing)."""
    options_shown: int = Field(default=0, ge=0)
    """How many labels the prompt offers; 0 leaves the answer open, as the paper's code family does."""
    aliases: str = ""
    """JSON file of other names that count as right, {label: [names]}; a path, from the folder of the data on."""
    train: Literal["train", "trainval"] = "train"
    """Real images only: trainval trains on the validation images too, 6,667 in all, as the paper does."""
    variants: int = Field(default=DEFAULT_VARIANTS, ge=FEWEST_VARIANTS, le=MOST_VARIANTS)
    """Generated aircraft only: how many variants there are."""
    side: int = Field(default=DEFAULT_SIDE, ge=SMALLEST_SIDE, le=LARGEST_SIDE)
    """Generated aircraft only: pixels a side."""


def class_names(
    answers: tuple[str, ...], options: AircraftOptions, *, root: Path, makers: Mapping[str, str]
) -> ClassNames:
    """Every spelling of the labels, with the user's own aliases; `makers` are the data's manufacturers by label.

    Raises TaskError for labels or aliases that cannot be told apart.
    """
    prefixes: dict[str, tuple[str, ...]] = {}
    # no maker stands before a maker
    if options.level != "manufacturer":
        known = maker_prefixes()
        prefixes = {label: (*known.get(label, ()), *([makers[label]] if label in makers else [])) for label in answers}
    aliases = dict(ALIASES[options.level])
    if options.aliases:
        for label, names in user_aliases(root / Path(options.aliases).expanduser(), answers).items():
            aliases[label] = [*aliases.get(label, ()), *names]
    return ClassNames(answers, aliases=aliases, prefixes=prefixes)


def generated_names(options: AircraftOptions) -> ClassNames:
    """Every spelling of the generated labels."""
    variants = fleet(options.variants)
    makers = {variant.label(options.level): variant.manufacturer for variant in variants}
    return class_names(labels(variants, options.level), options, root=Path(), makers=makers)


class GeneratedAircraft:
    """Generated pictures of one split; each stretch of as many as there are variants has each variant once."""

    length = None

    def __init__(
        self, split: str, *, seed: int, difficulty: float, options: AircraftOptions, names: ClassNames
    ) -> None:
        self.split = split
        self.difficulty = difficulty
        self.options = options
        self.names = names
        self._fleet = fleet(options.variants)
        shown = f"/o{options.options_shown}" if options.options_shown else ""
        shape = f"v{options.variants}/{options.side}px/{options.level}{shown}"
        self._key = f"aircraft/generated/{shape}/d{difficulty:g}/s{seed}/{split}"

    def __getitem__(self, index: int) -> ClassExample:
        options = self.options
        stretch, at = divmod(index, len(self._fleet))
        order = random.Random(f"{self._key}/stretch/{stretch}").sample(range(len(self._fleet)), len(self._fleet))
        place = f"{self._key}/{index}"
        question = ask(
            random.Random(place),
            self._fleet[order[at]],
            split=self.split,
            difficulty=self.difficulty,
            level=options.level,
            variants=self._fleet,
            option_count=options.options_shown,
        )
        return ClassExample(
            uid=uid_of(place, question.scene, question.text, question.options, question.gold),
            split=self.split,
            index=index,
            kind=question.kind,
            question=question.text,
            options=question.options,
            gold=question.gold,
            scene=question.scene.hash,
            traces=question.traces,
            draw=lambda: (draw(question.scene, options.side),),
            names=self.names,
        )


class RealData:
    """FGVC-Aircraft, or what is laid out like it, read at one level."""

    def __init__(self, path: Path, options: AircraftOptions) -> None:
        self.options = options
        self.files: AircraftFiles = open_aircraft(path)
        self.lists: AircraftLists = read_lists(self.files, options.level)
        rows = [row for part in self.lists.rows.values() for row in part]
        makers = {
            row.label: self.lists.manufacturers[row.image] for row in rows if row.image in self.lists.manufacturers
        }
        root = path if path.is_dir() else path.parent
        self.names = class_names(self.lists.labels, options, root=root, makers=makers)

    def kind(self, image: str, label: str) -> str:
        """Breakdown: the family of a variant, the manufacturer of a family; the label where no list says it."""
        above = self.lists.families if self.options.level == "variant" else self.lists.manufacturers
        return above.get(image, label)


class RealAircraft:
    """Images of one official split, in an order that the seed chooses: the lists go label by label."""

    def __init__(self, data: RealData, split: str, *, seed: int) -> None:
        self.data = data
        self.split = split
        part = {"train": data.options.train, "validation": "val", "heldout": "test"}[split]
        rows = rows_of(data.files, data.lists, data.options.level, part)
        self._rows = random.Random(f"aircraft/{split}/{seed}").sample(rows, len(rows))

    @property
    def length(self) -> int:
        """How many images the split has."""
        return len(self._rows)

    def __getitem__(self, index: int) -> ClassExample:
        data, row = self.data, self._rows[index]
        options, scene = self._options(row.image, row.label), _scene(data.files, row.image)
        question = question_text(data.options.level)
        asked = hashlib.sha256(repr((scene, question, options, row.label)).encode()).hexdigest()[:12]
        return ClassExample(
            # trainval shares images with validation, so the split is part of what is unique
            uid=f"aircraft/{self.split}/{row.image}/{asked}",
            split=self.split,
            index=index,
            kind=data.kind(row.image, row.label),
            question=question,
            options=options,
            gold=row.label,
            scene=scene,
            draw=lambda: (without_banner(decoded_image(data.files.read(row.image))),),
            names=data.names,
        )

    def _options(self, image: str, gold: str) -> tuple[str, ...]:
        """Labels to choose from, in an order that says nothing about the right one; the same for every seed."""
        if not self.data.options.options_shown:
            return ()
        rng = random.Random(f"aircraft/options/{image}")
        others = [label for label in self.data.lists.labels if label != gold]
        wrong = rng.sample(others, min(self.data.options.options_shown - 1, len(others)))
        return tuple(rng.sample([gold, *wrong], len(wrong) + 1))


def without_banner(image: Image) -> Image:
    """The image without the banner at its bottom. Raises OSError for one that is nothing else."""
    if image.height <= BANNER_PIXELS:
        raise OSError(f"the image is {image.height} pixels high, and the banner alone has {BANNER_PIXELS}")
    return image.crop((0, 0, image.width, image.height - BANNER_PIXELS))


def _scene(files: AircraftFiles, image: str) -> str:
    """The fingerprint of an image; of its number where it cannot be read, which drawing it will report."""
    try:
        return files.fingerprint(image).hex()
    except OSError:
        return f"unreadable-{image}"


def _place(source: Source) -> str:
    """The path of a source on disk, real or written by `rftui tasks write`."""
    return source.name if source.kind == "real" else source.name.removeprefix(_WRITTEN)


class Aircraft(Task):
    """The task `aircraft`."""

    name = "aircraft"
    generates = True
    summary = "fine-grained aircraft classification: which variant, family or manufacturer an image shows"
    options_type = AircraftOptions
    options: AircraftOptions

    def __init__(self, options: TaskOptions | None = None) -> None:
        super().__init__(options)
        self._read: dict[str, RealData] = {}

    def source(self, option: str) -> Source:
        """Generated aircraft for auto and generated, else FGVC-Aircraft at a path. Raises TaskError."""
        if option in GENERATED_NAMES:
            return Source(
                "generated",
                GENERATED_NAME,
                f"GENERATED DATA: {self.options.variants} invented aircraft drawn from parameters; "
                "results say nothing about FGVC-Aircraft",
            )
        data = self.data(option)
        sizes = ", ".join(f"{len(rows):,} {part}" for part, rows in data.lists.rows.items() if part != "trainval")
        shared = "; trains on the validation images too" if self.options.train == "trainval" else ""
        count = len(data.lists.labels)
        plural = {"variant": "variants", "family": "families", "manufacturer": "manufacturers"}[self.options.level]
        what = f"{count} {plural}, {sizes} images{shared}"
        if (marker := data.files.text(MARKER)) is not None:
            settings = marker_sentence(marker)
            made = f" ({settings})" if settings else ""
            return Source(
                "generated",
                f"{_WRITTEN}{option}",
                f"GENERATED DATA: invented aircraft in {Path(option).name}, written by `rftui tasks write`{made}: "
                f"{what}; results say nothing about FGVC-Aircraft",
            )
        return Source("real", option, f"FGVC-Aircraft in {Path(option).name}: {what}")

    def data(self, path: str) -> RealData:
        """What is at the path, read once. Raises TaskError."""
        if path not in self._read:
            self._read[path] = RealData(Path(path).expanduser(), self.options)
        return self._read[path]

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> Examples:
        """Examples of train, validation or heldout; generated pictures are in one of them alone. Raises TaskError."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        if source.name != GENERATED_NAME:
            return RealAircraft(self.data(_place(source)), split, seed=seed)
        return GeneratedAircraft(
            split, seed=seed, difficulty=difficulty, options=self.options, names=self.names(source)
        )

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """The labels of the level, in the order of the data."""
        return self.names(source).labels

    def names(self, source: Source) -> ClassNames:
        """Every spelling of the labels. Raises TaskError for aliases that cannot be used."""
        if source.name != GENERATED_NAME:
            return self.data(_place(source)).names
        return generated_names(self.options)

    def grade(self, answer: str | None, example: Example) -> bool | None:
        """Whether the whole answer is a spelling of the gold label and of no other."""
        return (names_of(example) or ClassNames((example.gold,))).label_of(answer) == example.gold


TASK = Aircraft
