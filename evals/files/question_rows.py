"""Rows of a table as questions about images: which rows can be asked, and what is wrong with the others.

One pass looks at every row and at whether its images are there; it keeps a few bytes a row. A row is read again when it
is asked for.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from evals.errors import TaskError
from evals.files.cells import (
    AnswerAs,
    CellError,
    ImageCell,
    answer_cell,
    chosen_option,
    decoded_cells,
    fitting_way,
    image_cells,
    option_texts,
    options_by_text,
    question_text,
    text_of,
)
from evals.files.columns import FIELD, Columns, check_template, find_columns
from evals.files.fingerprints import fingerprint, fingerprint_file
from evals.files.image_files import read_file
from evals.files.splits import NO_SPLIT, SPLIT_CODES, split_named
from evals.files.tables import RowError, Table, open_table
from evals.grading import normalized

IMAGE_FOLDERS = ("", "images", "image", "imgs", "img", "pictures", "photos", "media", "..")
"""Where images may lie, from the folder of the table on."""
ROOT_ROWS = 64
"""Rows that are looked at to find out where images lie."""
MANY_LABELS = 10_000
"""More different answers are not counted apart: such answers are open."""
SHOWN_PROBLEMS = 5
"""Rows named of each kind of problem."""
MISSING_IMAGE = "without an image that is there"


class RowsRequest(NamedTuple):
    """How to read a table."""

    given_columns: tuple[tuple[str, str], ...] = ()
    """Names of columns by what they are, where the user says so."""
    question: str = ""
    """Text of every question, with {column} for what stands in a column; empty takes the column of questions."""
    image_root: str = ""
    """Where paths of images begin; empty looks around the table."""
    answer_as: str = "auto"
    """A member of AnswerAs, or auto."""


class QuestionRow(NamedTuple):
    """One row, ready to be asked."""

    name: str
    """The row's own id, or its place."""
    question: str
    options: tuple[str, ...]
    """The row's own, in its order; empty where it has none."""
    gold: str
    accepted: tuple[str, ...]
    """Further answers that count as right."""
    kind: str
    split: str
    """As the row names it; empty where it names none."""
    images: tuple[ImageCell, ...]


@dataclass
class RowProblems:
    """Rows that were left out, by reason."""

    counts: Counter[str] = field(default_factory=Counter)
    rows: dict[str, list[str]] = field(default_factory=dict)
    """The first rows of each reason, in words."""

    def add(self, reason: str, row: str) -> None:
        """Notes one row."""
        self.counts[reason] += 1
        named = self.rows.setdefault(reason, [])
        if len(named) < SHOWN_PROBLEMS:
            named.append(row)

    @property
    def remark(self) -> str:
        """`3 rows left out: 2 without an image that is there, 1 without an answer`; empty where there are none."""
        if not self.counts:
            return ""
        parts = ", ".join(f"{count:,} {reason}" for reason, count in self.counts.most_common())
        total = self.counts.total()
        return f"{total:,} {'row' if total == 1 else 'rows'} left out: {parts}"


class QuestionRows:
    """The rows of one table that can be asked."""

    def __init__(self, path: Path, request: RowsRequest) -> None:
        self.table: Table = open_table(path)
        self.request = request
        self.columns: Columns = find_columns(
            self.table.columns, dict(request.given_columns), has_question=bool(request.question)
        )
        check_template(request.question, self.table.columns, option="question")
        self.root = self._image_root()
        self.problems = RowProblems()
        self.answer_as = AnswerAs(request.answer_as) if request.answer_as != "auto" else self._answer_as()
        self.labels: Counter[str] = Counter()
        """How often each answer is gold; empty where there are too many different ones."""
        self.has_own_options = bool(self.columns.options)
        self.has_several_images = False
        """Whether some row may have more than one image."""
        self.has_image_files = False
        """Whether some row names a file."""
        self.rows = array("I")
        """Places in the table of the rows that can be asked."""
        self.split_names = bytearray()
        """Code of the split that each of these names."""
        self._look_at_all()

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> QuestionRow:
        """One row that can be asked."""
        place = self.rows[index]
        return self._question(self.table[place], place)

    # reading one row

    def _question(self, row: Mapping[str, Any], place: int) -> QuestionRow:
        """The row as a question. Raises CellError for one that cannot be asked."""
        columns = self.columns
        images = self._images(row)
        if not images:
            raise CellError("without an image")
        options = self._options(row)
        question = self._asked(row)
        if not question:
            raise CellError("without a question")
        answers = answer_cell(row.get(columns.answer)).texts
        if not any(normalized(text) for text in answers):
            raise CellError("without an answer")
        if options:
            answers = self._among(answers, options)
        name = text_of(row.get(columns.id)) if columns.id else ""
        return QuestionRow(
            name=name[:200] or self.table.place(place).replace(" ", "-"),
            question=question,
            options=options,
            gold=answers[0],
            accepted=answers[1:],
            kind=(text_of(row.get(columns.kind)) if columns.kind else "") or "question",
            split=text_of(row.get(columns.split)) if columns.split else "",
            images=images,
        )

    def _images(self, row: Mapping[str, Any]) -> tuple[ImageCell, ...]:
        cells = (row[column] if column in row else _filled(column, row) for column in self.columns.image)
        return tuple(image for cell in cells for image in image_cells(cell))

    def _options(self, row: Mapping[str, Any]) -> tuple[str, ...]:
        columns = self.columns.options
        if len(columns) == 1:
            return option_texts(row.get(columns[0]))
        return tuple(text for column in columns if (text := text_of(row.get(column))) and text.lower() != "nan")

    def _among(self, answers: Sequence[str], options: tuple[str, ...]) -> tuple[str, ...]:
        """The options that the answers mean. Raises CellError where there is none, or options cannot be told apart."""
        if len(options_by_text(options)) < len(options):
            raise CellError("with the same option twice", f"{list(options)!r}"[:200])
        if len(options) < 2:
            raise CellError("with a single option")
        chosen = [option for text in answers if (option := chosen_option(text, options, self.answer_as)) is not None]
        if not chosen:
            raise CellError("whose answer is none of the options", f"{answers[0]!r} of {list(options)!r}"[:200])
        return tuple(dict.fromkeys(chosen))

    def _asked(self, row: Mapping[str, Any]) -> str:
        if not self.request.question:
            return question_text(row.get(self.columns.question))
        return FIELD.sub(lambda match: text_of(row.get(match[1])), self.request.question).strip()

    # where images lie

    def _image_root(self) -> Path:
        folder = self.table.path.parent
        if self.request.image_root:
            root = folder / Path(self.request.image_root).expanduser()
            if not root.is_dir():
                raise TaskError(
                    f"task_options.image_root: no folder {root}",
                    expected="the folder that paths of images begin at",
                    fix="correct it; it begins at the folder of the table",
                )
            return root
        paths = list(self._first_paths())
        roots = [folder / name for name in IMAGE_FOLDERS]
        return max(roots, key=lambda root: sum(os.path.isfile(root / path) for path in paths))

    def _first_paths(self) -> Iterator[str]:
        for row in self._sampled_rows(ROOT_ROWS):
            try:
                yield from (image.path for image in self._images(row) if image.path)
            except CellError:
                continue

    def _sampled_rows(self, count: int) -> Iterator[dict[str, Any]]:
        """Rows from all over the table, as the first ones may be of one kind."""
        step = max(1, len(self.table) // count)
        for place in range(0, len(self.table), step):
            try:
                yield self.table[place]
            except RowError:
                continue

    def contents(self, row: QuestionRow) -> list[bytes]:
        """The bytes of a row's images. Raises OSError."""
        return [
            read_file(self.located(image)) if image.data is None else image.data for image in decoded_cells(row.images)
        ]

    def fingerprints(self, row: QuestionRow) -> list[bytes]:
        """What tells the contents of a row's images apart. Raises OSError."""
        return [
            _file_fingerprint(self.located(image)) if image.data is None else fingerprint(image.data)
            for image in decoded_cells(row.images)
        ]

    def located(self, image: ImageCell) -> str:
        """The path of an image that is a file: from the table's folder where it is there, else from the root."""
        if not self.request.image_root and self.root != self.table.path.parent:
            beside = os.path.join(self.table.path.parent, image.path)
            if _is_file(beside):
                return beside
        return os.path.join(self.root, image.path)

    # looking at all rows

    def _answer_as(self) -> AnswerAs:
        """How right answers are written, seen from all over the table; text where rows have no options."""
        counts: Counter[AnswerAs] = Counter()
        if self.columns.options:
            for row in self._sampled_rows(1000):
                try:
                    options, answers = self._options(row), answer_cell(row.get(self.columns.answer)).texts
                except CellError:
                    continue
                if answers and len(options) > 1:
                    counts.update(way for way in AnswerAs if chosen_option(answers[0], options, way) is not None)
        return fitting_way(counts)

    def _look_at_all(self) -> None:
        has_many_labels = False
        for place in range(len(self.table)):
            try:
                question = self._question(self.table[place], place)
                if missing := next((image for image in question.images if not self._is_there(image)), None):
                    raise CellError(MISSING_IMAGE, missing.path)
            except RowError as error:
                self.problems.add("that cannot be read", f"{self.table.place(place)}: {error}")
                continue
            except CellError as error:
                said = f": {error.detail}" if error.detail else ""
                self.problems.add(error.reason, f"{self.table.place(place)}{said}")
                continue
            first = question.images[0]
            self.has_image_files |= bool(first.path)
            self.has_several_images |= len(question.images) > 1 or (
                first.later is not None and first.later.may_be_several
            )
            split = split_named(question.split)
            self.rows.append(place)
            self.split_names.append(SPLIT_CODES[split] if split else NO_SPLIT)
            if not has_many_labels:
                self.labels[question.gold] += 1
                has_many_labels = len(self.labels) > MANY_LABELS
        if has_many_labels:
            self.labels.clear()
        if not self.rows:
            raise self._nothing_left()

    def _is_there(self, image: ImageCell) -> bool:
        return image.data is not None or image.later is not None or _is_file(self.located(image))

    def _nothing_left(self) -> TaskError:
        reason = self.problems.counts.most_common(1)[0][0]
        first = self.problems.rows[reason][0]
        is_missing = reason == MISSING_IMAGE
        return TaskError(
            f"no row of {self.table.path.name} can be asked; {self.problems.remark} ({first})",
            expected=f"images below {self.root}, or in a folder such as images/ there"
            if is_missing
            else "rows with an image, a question and an answer",
            fix="--set task_options.image_root=FOLDER" if is_missing else "name the columns with --set task_options.*",
        )


def _filled(template: str, row: Mapping[str, Any]) -> str:
    """A text with what stands in the columns it names; without any it is the name of a column that the row lacks."""
    return FIELD.sub(lambda match: text_of(row.get(match[1])), template) if FIELD.search(template) else ""


@lru_cache(maxsize=4096)
def _is_file(path: str) -> bool:
    # several questions are about one image, mostly one after another
    return os.path.isfile(path)


@lru_cache(maxsize=4096)
def _file_fingerprint(path: str) -> bytes:
    return fingerprint_file(path)
