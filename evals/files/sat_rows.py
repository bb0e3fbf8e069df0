"""The rows of a part of SAT: question, answers and images, over all files of the part."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from evals.choices import choice_problem
from evals.files.image_store import StoredImage
from evals.files.parquet_rows import ParquetRows
from evals.files.same_images import content_name

logger = logging.getLogger(__name__)

TEXT_COLUMNS = {
    "question": "string",
    "answers": "list<string>",
    "question_type": "string",
    "correct_answer": "string",
}
IMAGE_COLUMNS = ("image_bytes", "images")
"""Version 1 (array/SAT) and version 2 (array/SAT-v2)."""


class SatRow(NamedTuple):
    """One question as it stands in the file."""

    question: str
    answers: tuple[str, ...]
    question_type: str
    correct_answer: str


class SatRows:
    """The rows of one part, over all its files."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = [ParquetRows(file, text_columns=TEXT_COLUMNS, image_columns=IMAGE_COLUMNS) for file in files]

    def __len__(self) -> int:
        return sum(len(file) for file in self.files)

    def __getitem__(self, row: int) -> SatRow:
        file, own = self._place(row)
        return sat_row(file.text(own))

    def __iter__(self) -> Iterator[SatRow]:
        for file in self.files:
            for batch in file.text_batches():
                yield from map(sat_row, batch)

    def name(self, row: int) -> str:
        """`SAT_val/17`: a file's name without its folder, and the row in it."""
        file, own = self._place(row)
        return f"{file.path.stem}/{own}"

    def images(self, row: int) -> tuple[bytes, ...]:
        """The encoded images of a row. Raises TaskError where one has no bytes."""
        file, own = self._place(row)
        return file.images(own)

    def image_count(self, row: int) -> int:
        """How many images a row has; 1 for one that has none, which is told when it is read."""
        return len(self._stored(row))

    def digests(self, row: int) -> tuple[bytes, ...]:
        """A hash of each image of a row that has bytes; the row's name where none has."""
        found = tuple(image.digest for image in self._stored(row) if image.size)
        return found or (self.name(row).encode(),)

    def scene(self, row: int) -> str:
        """A hash of what is in the images of a row."""
        return content_name(self.digests(row)).hex()

    def with_one_image(self, rows: Sequence[int]) -> list[int]:
        """Those of the rows that have a single image."""
        self.store_images(max(rows, default=-1) + 1)
        return [row for row in rows if self.image_count(row) == 1]

    def log_problems(self) -> None:
        """Warns of rows that nobody can be graded on; they stay in, and are counted as ungradable."""
        problems = [
            (row, problem)
            for row, text in enumerate(self)
            if (problem := choice_problem(text.answers, text.correct_answer)) is not None
        ]
        if problems:
            row, problem = problems[0]
            logger.warning(
                "%d of %d rows of %s cannot be graded; the first is %s: %s",
                *(len(problems), len(self), self.files[0].path.name, self.name(row), problem),
            )

    def store_images(self, rows: int) -> None:
        """Makes the images of the first `rows` rows quick to reach."""
        for start, file in zip(self._starts, self.files, strict=True):
            if rows > start:
                file.store_images(min(rows - start, len(file)))

    def _stored(self, row: int) -> tuple[StoredImage, ...]:
        file, own = self._place(row)
        return file.stored(own)

    @cached_property
    def _starts(self) -> list[int]:
        return [sum(len(file) for file in self.files[:number]) for number in range(len(self.files))]

    def _place(self, row: int) -> tuple[ParquetRows, int]:
        number = max(number for number, start in enumerate(self._starts) if start <= row)
        return self.files[number], row - self._starts[number]


def sat_row(texts: Mapping[str, Any]) -> SatRow:
    """The columns as text; what is missing is empty."""
    answers = tuple(answer or "" for answer in texts["answers"] or ())
    return SatRow(texts["question"] or "", answers, texts["question_type"] or "", texts["correct_answer"] or "")
