"""A user's own banners for the task `banner`: read as the tasks folder and jsonl read them, their labels mapped."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from evals.errors import TaskError
from evals.files.binary_labels import BinaryLabels
from evals.files.columns import COMMON
from evals.files.tables import SUFFIXES, open_table
from evals.generated.banner_questions import QUESTION
from evals.generated.banner_sentences import ANSWERS
from evals.task import Example, Examples, Task, TaskOptions
from evals.tasks.folder import Folder, FolderOptions
from evals.tasks.jsonl import Jsonl, JsonlOptions

LABEL_COLUMNS = ("sentiment", "polarity")
"""Columns that hold the answer, besides those that every table task knows."""


class OwnBannerOptions(TaskOptions):
    """How to read banners of one's own."""

    positive: str = ""
    """Your label of positive banners or sentences; empty understands positive, pos, 1 and good."""
    negative: str = ""
    """Your label of negative ones; empty understands negative, neg, 0, -1 and bad."""
    image_column: str = ""
    """Of a table of your own: the column of images; empty finds it by its name."""
    label_column: str = ""
    """Of a table of your own: the column of labels; empty finds it by its name."""
    splits: Literal["auto", "images"] = "auto"
    """Your banners: auto takes splits that folders or rows name; images splits by a hash, whatever they name."""
    validation_share: float = Field(default=0.1, ge=0, lt=0.5)
    """Share for validation where your banners or sentences are split by hash."""
    heldout_share: float = Field(default=0.2, gt=0, lt=0.9)
    """Share held out where they are split by hash."""


def is_table(path: Path) -> bool:
    """Whether that is read as a table, by its suffix."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def has_images(columns: Sequence[str]) -> bool:
    """Whether a table with these columns names images."""
    return any(column.strip().lower() in COMMON["image"] for column in columns)


class OwnBannerExamples:
    """The banners of one split, each asked for its sentiment."""

    def __init__(self, inner: Examples, answers: Mapping[str, str]) -> None:
        self._inner = inner
        self._answers = answers

    @property
    def length(self) -> int | None:
        """How many banners the split has."""
        return self._inner.length

    def __getitem__(self, index: int) -> Example:
        read = self._inner[index]
        gold = self._answers[read.gold]
        uid = f"banner/{read.uid}"
        return Example(
            uid=uid,
            split=read.split,
            index=read.index,
            kind=gold if read.kind in (read.gold, "question") else read.kind,
            question=QUESTION,
            options=tuple(random.Random(f"{uid}/options").sample(ANSWERS, len(ANSWERS))),
            gold=gold,
            scene=read.scene,
            draw=read.draw,
        )


class OwnBanners:
    """A folder with one folder a label, or a table with an image and a label a row."""

    def __init__(self, path: Path, options: OwnBannerOptions) -> None:
        """Raises TaskError where it cannot be read, or its labels are not the two wanted."""
        labels = BinaryLabels(positive=options.positive, negative=options.negative)
        self.inner: Task
        found: tuple[str, ...]
        if is_table(path):
            jsonl = Jsonl(_table_options(path, options))
            self.inner = jsonl
            self.inner_source = jsonl.source(str(path))
            found = tuple(jsonl.data(str(path)).rows.labels)
            if not found:
                raise TaskError(
                    f"{path} has more different labels than can be counted",
                    expected=f"two: {labels.wanted}",
                    fix="name the column of labels: --set task_options.label_column=COLUMN",
                )
        else:
            folder = Folder(
                FolderOptions(
                    question=QUESTION,
                    options_shown=0,
                    splits=options.splits,
                    validation_share=options.validation_share,
                    heldout_share=options.heldout_share,
                )
            )
            self.inner = folder
            self.inner_source = folder.source(str(path))
            found = folder.answer_space(self.inner_source)
        self._answers = labels.answers(found, where=str(path))
        self.mapping = "labels: " + ", ".join(f"{label} is {answer}" for label, answer in sorted(self._answers.items()))
        """Which label means what, for people."""

    def examples(self, split: str, *, seed: int, difficulty: float) -> OwnBannerExamples:
        """Banners of train, validation or heldout. Raises TaskError for another split."""
        inner = self.inner.examples(split, seed=seed, difficulty=difficulty, source=self.inner_source)
        return OwnBannerExamples(inner, self._answers)


def _table_options(path: Path, options: OwnBannerOptions) -> JsonlOptions:
    columns = open_table(path).columns
    found = next((column for column in columns if column.strip().lower() in LABEL_COLUMNS), "")
    return JsonlOptions(
        question=QUESTION,
        image_column=options.image_column,
        answer_column=options.label_column or found,
        # labels 0 and 1 are texts here, not numbers of options
        answer_as="text",
        options_shown="none",
        splits=options.splits,
        validation_share=options.validation_share,
        heldout_share=options.heldout_share,
    )
