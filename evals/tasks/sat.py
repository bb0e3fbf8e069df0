"""Spatial aptitude questions: SAT itself (https://huggingface.co/datasets/array/SAT), or generated scenes in its form.

A row of SAT: question "How did the camera likely move?", answers ["rotated left", "rotated right"], correct_answer
"rotated left", one or two images. Its surprises: the answer is an option's text, never a letter; the training file is
one row group of 5 GB, sorted by kind of question.

The wording is that of every task here. VisualThinker, whose preparation of SAT the paper most likely used, asks "Answer
in natural language. {question} Choose between the following options: a, b or c" and goes on as R1-V's prompts do; ours
leaves the first sentence out.
"""

from __future__ import annotations

import hashlib
import json
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from evals.choices import choice_problem
from evals.errors import TaskError
from evals.files.sat_files import SatPlace
from evals.files.splits import SPLITS
from evals.generated.scenes import draw
from evals.generated.spatial_questions import KINDS, ask
from evals.generated.uids import uid_of
from evals.task import Example, Examples, Source, Task, TaskOptions

if TYPE_CHECKING:
    from PIL.Image import Image

    from evals.files.sat_rows import SatRows

PAPER_ROWS = 15_000


class SatOptions(TaskOptions):
    """Options of the task `sat`; all are about real data."""

    subset: Literal["all", "paper15k", "static"] = "all"
    """Training questions: all; paper15k, the first 15,000 rows less those with two images; static, SAT_static's."""
    heldout: Literal["val", "test"] = "val"
    """Held-out questions: val, 4,001 synthetic ones, which `validation` has too; test, 150 on real photographs.

    Val by default, since held-out examples are scored all through a run and 150 of them leave ±8 points; take
    test once, at the end, in circular order.
    """


@dataclass(frozen=True)
class SatExample(Example):
    """A question of the real data."""

    problem: str | None = None
    """Why it cannot be graded; None for nearly all."""


class GeneratedScenes:
    """Generated questions of one split; question types take turns by index."""

    length = None

    def __init__(self, split: str, *, seed: int, difficulty: float) -> None:
        self.split = split
        self.seed = seed
        self.difficulty = difficulty

    def __getitem__(self, index: int) -> Example:
        key = f"sat/generated/d{self.difficulty:g}/s{self.seed}/{self.split}/{index}"
        kind = list(KINDS)[index % len(KINDS)]
        question = ask(random.Random(key), kind, split=self.split, difficulty=self.difficulty)
        return Example(
            uid=uid_of(key, question.scene, question.text, question.options, question.gold),
            split=self.split,
            index=index,
            kind=kind,
            question=question.text,
            options=question.options,
            gold=question.gold,
            scene=question.scene.hash,
            traces=question.traces,
            draw=lambda: (draw(question.scene),),
        )


class RealQuestions:
    """Questions of one split of SAT, in an order that the seed chooses, as does that of their options."""

    def __init__(self, rows: SatRows, chosen: Sequence[int], *, split: str, seed: int) -> None:
        self.rows = rows
        self.split = split
        self.seed = seed
        # the files are sorted by kind of question: in their order, the first 500 would all be of one
        self._order = array("I", chosen)
        random.Random(f"sat/{split}/{seed}").shuffle(self._order)

    @property
    def length(self) -> int:
        """How many questions the split has."""
        return len(self._order)

    def __getitem__(self, index: int) -> SatExample:
        number = self._order[index]
        row = self.rows[number]
        asked = json.dumps([row.question, row.answers, row.correct_answer], ensure_ascii=True)
        uid = f"sat/{self.rows.name(number)}/{hashlib.sha256(asked.encode()).hexdigest()[:8]}"
        return SatExample(
            uid=uid,
            split=self.split,
            index=index,
            kind=row.question_type or "(none)",
            question=row.question,
            options=tuple(random.Random(f"{uid}/{self.seed}").sample(row.answers, len(row.answers))),
            gold=row.correct_answer,
            scene=self.rows.scene(number),
            draw=partial(_images, self.rows, number),
            problem=choice_problem(row.answers, row.correct_answer),
        )


def _images(rows: SatRows, row: int) -> tuple[Image, ...]:
    """The images of a row, decoded. Raises TaskError, or what Pillow raises for a damaged one."""
    # Pillow costs 0.1 s, which a command that only asks what a task is need not pay
    from PIL import UnidentifiedImageError

    from evals.files.pictures import decoded_image

    images = []
    for number, encoded in enumerate(rows.images(row), 1):
        try:
            images.append(decoded_image(encoded))
        except UnidentifiedImageError:
            raise TaskError(
                f"image {number} of {rows.name(row)} begins with {encoded[:8]!r}", expected="an image file"
            ) from None
    return tuple(images)


class SpatialAptitude(Task):
    """The task `sat`."""

    name = "sat"
    generates = True
    summary = "spatial questions with options (left/right, above/below, nearer/farther, count, compare, after a move)"
    options_type = SatOptions
    options: SatOptions

    def __init__(self, options: TaskOptions | None = None) -> None:
        super().__init__(options)
        self._read: dict[str, SatPlace] = {}

    def source(self, option: str) -> Source:
        """Generated scenes for auto and generated, else SAT in a folder, in one file, or at `hub:array/SAT`.

        Looks at names only: nothing is read or fetched. Raises TaskError where there is no SAT.
        """
        if option in ("auto", "generated"):
            return Source(
                "generated",
                "sat-generated",
                "GENERATED DATA: rendered scenes of coloured shapes; results say nothing about the SAT benchmark",
            )
        place = self.place(option)
        if place.is_cut:
            return Source("real", option, f"{place.title}, {place.cut}")
        trained = {"all": "all of train", "paper15k": "train's first 15,000 rows with one image", "static": "static"}
        heldout = {
            "val": "held out is val, synthetic; the 150 real test images with task_options.heldout=test",
            "test": "held out are the 150 real test images",
        }
        return Source(
            "real", option, f"{place.title}: trains on {trained[self.options.subset]}; {heldout[self.options.heldout]}"
        )

    def place(self, option: str) -> SatPlace:
        """What is there, looked at once. Raises TaskError."""
        if option not in self._read:
            self._read[option] = SatPlace(option)
        return self._read[option]

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> Examples:
        """Examples of train, validation or heldout; no generated scene occurs in two of them. Raises TaskError."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        if source.kind == "generated":
            return GeneratedScenes(split, seed=seed, difficulty=difficulty)
        place = self.place(source.name)
        rows = place.rows(self._part(split))
        chosen: Sequence[int] = place.cut_rows(split) if place.is_cut else range(len(rows))
        if split == "train" and self.options.subset == "paper15k":
            chosen = rows.with_one_image([row for row in chosen if row < PAPER_ROWS])
        if not chosen:
            raise TaskError(
                f"{place.title} has no question for {split}", expected="at least one", fix="name data that has more"
            )
        return RealQuestions(rows, chosen, split=split, seed=seed)

    def _part(self, split: str) -> str:
        """The part of SAT that a split means."""
        if split == "train":
            return "static" if self.options.subset == "static" else "train"
        return "val" if split == "validation" else self.options.heldout

    def grade(self, answer: str | None, example: Example) -> bool | None:
        """Whether the answer is the gold option's text; None where no option, or more than one, is the gold."""
        if isinstance(example, SatExample) and example.problem is not None:
            return None
        return super().grade(answer, example)


TASK = SpatialAptitude
