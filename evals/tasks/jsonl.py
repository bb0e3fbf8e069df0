"""Questions about a user's own images from a table, with no code: `--task jsonl --data FILE`.

What it takes: JSONL, a JSON array, CSV, TSV or Parquet with a column each for image, question and answer, and options
where a question has some. A row of SpatialMQA: image "000000070986.jpg", question "Where is the fork ...?", options
["on/above", "below", "left of", "right of"], answer "right of". Its surprise: a right answer may be written as text, as
a letter or as a number from 0 or from 1; which of them is seen from all rows together.
"""

from __future__ import annotations

import hashlib
import logging
import os
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Literal

import orjson
from pydantic import Field

from evals.errors import TaskError
from evals.files.columns import COMMON
from evals.files.image_files import printable
from evals.files.pictures import decoded_image
from evals.files.question_rows import QuestionRow, QuestionRows, RowsRequest
from evals.files.same_images import Components, content_name
from evals.files.splits import SPLIT_CODES, SPLITS, SettledSplits, Shares, settled_splits
from evals.grading import matches_gold
from evals.task import Example, Source, Task, TaskOptions

logger = logging.getLogger(__name__)

FEW_LABELS = 10
"""Up to so many different answers are offered as options where rows have none of their own."""


MANY_OPTIONS = 100
"""More different answers among rows with options mean that each row has options of its own."""


class JsonlOptions(TaskOptions):
    """Options of the task `jsonl`."""

    question: str = ""
    """What is asked in every row, with {column} for what stands there; empty takes the column of questions."""
    image_column: str = ""
    """Column of images, or a path such as photos/{id}.jpg; empty finds it by its name, and so for the others."""
    question_column: str = ""
    """Column of questions."""
    options_column: str = ""
    """Column of the options to choose from: a list, or a text with commas, semicolons, bars or letters between them."""
    answer_column: str = ""
    """Column of the right answer, or of several that count as right."""
    kind_column: str = ""
    """Column of the question's type, for breakdowns."""
    split_column: str = ""
    """Column that names the split."""
    id_column: str = ""
    """Column that names the row."""
    image_root: str = ""
    """Folder that paths of images begin at, from the folder of the table on; empty looks around the table."""
    answer_as: Literal["auto", "text", "letter", "index", "index1"] = "auto"
    """How the right option is written: its text, a letter, a number from 0 or from 1; auto sees it from all rows."""
    options_shown: Literal["auto", "own", "none"] = "auto"
    """auto shows a row's options, or all answers of the table up to 10; own only a row's own; none leaves it open."""
    shuffle_options: bool = False
    """Show options in an order that options_seed chooses, where the table has the right one always in one place."""
    options_seed: int = 0
    """Chooses the order of options."""
    splits: Literal["auto", "images"] = "auto"
    """auto takes splits that the rows name; images splits by a hash of each row's images, whatever they name."""
    validation_share: float = Field(default=0.1, ge=0, lt=0.5)
    """Share for validation where rows are split by hash."""
    heldout_share: float = Field(default=0.2, gt=0, lt=0.9)
    """Share held out where rows are split by hash."""


@dataclass(frozen=True)
class TableExample(Example):
    """An example of which several answers may be right."""

    accepted: tuple[str, ...] = ()
    """All that count, the gold among them."""


class TableData:
    """One table with the options applied: which rows are asked, and in which split."""

    def __init__(self, rows: QuestionRows, options: JsonlOptions) -> None:
        self.rows = rows
        self.options = options
        labels = tuple(sorted(rows.labels))
        shows_labels = options.options_shown == "auto" and not rows.has_own_options and 2 <= len(labels) <= FEW_LABELS
        self.shared_options = labels if shows_labels else ()
        """All answers of the table, where they are offered in every row."""
        self.answers = (
            labels if (rows.has_own_options and len(labels) <= MANY_OPTIONS) or len(labels) <= FEW_LABELS else ()
        )
        """All answers that are gold somewhere; empty where they are open, or each row has options of its own."""

    @cached_property
    def splits(self) -> SettledSplits:
        """The split of every row; reads a few kilobytes of each image where the rows name none."""
        rows = self.rows
        return settled_splits(
            rows.split_names,
            wanted=lambda index: True,
            content=lambda index: self._together.root(rows.fingerprints(rows[index])[0]),
            shares=Shares(self.options.validation_share, self.options.heldout_share),
            by_images=self.options.splits == "images",
        )

    @cached_property
    def _together(self) -> Components:
        """Which rows share images; needed only where no splits are named, and rows have several images."""
        together = Components()
        for index in range(len(self.rows)) if self.rows.has_several_images else ():
            try:
                together.join(self.rows.fingerprints(self.rows[index]))
            except OSError:
                # settling the splits meets it again, and counts it
                continue
        return together

    def shown_options(self, row: QuestionRow) -> tuple[str, ...]:
        """What the prompt of a row offers."""
        if self.options.options_shown == "none":
            return ()
        options = row.options or self.shared_options
        if not self.options.shuffle_options:
            return options
        return tuple(random.Random(f"jsonl/{self.options.options_seed}/{row.name}").sample(options, len(options)))


class TableExamples:
    """The rows of one split, in an order that the seed chooses."""

    def __init__(self, data: TableData, split: str, *, seed: int) -> None:
        self.data = data
        self.split = split
        code = SPLIT_CODES[split]
        self._order = array("I", (index for index, of in enumerate(data.splits.codes) if of == code))
        random.Random(f"jsonl/{split}/{seed}").shuffle(self._order)

    @property
    def length(self) -> int:
        """How many rows the split has."""
        return len(self._order)

    def __getitem__(self, index: int) -> TableExample:
        data = self.data
        row = data.rows[self._order[index]]
        options = data.shown_options(row)
        scene = _scene(data.rows, row)
        asked = hashlib.sha256(orjson.dumps([scene, printable(row.question), options, row.gold])).hexdigest()[:12]
        return TableExample(
            uid=f"jsonl/{printable(row.name)}/{asked}",
            split=self.split,
            index=index,
            kind=row.kind,
            question=row.question,
            options=options,
            gold=row.gold,
            scene=scene,
            draw=lambda: tuple(decoded_image(content) for content in data.rows.contents(row)),
            accepted=(row.gold, *row.accepted),
        )


def _scene(rows: QuestionRows, row: QuestionRow) -> str:
    """The fingerprint of a row's images; of their names where one cannot be read, which drawing it will report."""
    try:
        return content_name(rows.fingerprints(row)).hex()
    except OSError:
        names = "\n".join(image.path for image in row.images)
        return f"unreadable-{hashlib.sha256(names.encode('utf-8', 'replace')).hexdigest()[:20]}"


class Jsonl(Task):
    """The task `jsonl`."""

    name = "jsonl"
    summary = "your own questions about images, a row each: `--data FILE` (JSONL, JSON, CSV, TSV, Parquet)"
    options_type = JsonlOptions
    options: JsonlOptions

    def source(self, option: str) -> Source:
        """The table at a path. Raises TaskError where there is none, or none of its rows can be asked."""
        if option in ("auto", "generated"):
            raise TaskError(
                f"task jsonl with --data {option}" if option == "generated" else "task jsonl without --data",
                expected="a JSONL, JSON, CSV, TSV or Parquet file with an image, a question and an answer a row",
                fix="--data FILE",
            )
        rows = self.data(option).rows
        remark = f"; {rows.problems.remark}" if rows.problems.counts else ""
        asked = f"{len(rows):,} {'question' if len(rows) == 1 else 'questions'}"
        return Source("real", option, f"{asked} in {rows.table.path.name}{remark}")

    def data(self, path: str) -> TableData:
        """What is in the table. Raises TaskError."""
        place = Path(path).expanduser()
        try:
            stat = os.stat(place)
            version = (stat.st_mtime_ns, stat.st_size)
        except OSError:
            version = (0, 0)
        return _table_data(place, version, self.options)

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> TableExamples:
        """Rows of train, validation or heldout. Raises TaskError for another split."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        return TableExamples(self.data(source.name), split, seed=seed)

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """Every answer that is gold somewhere, in alphabetical order; empty where answers are open."""
        return self.data(source.name).answers

    def remarks(self, source: Source) -> Sequence[str]:
        """How the rows are split, what their columns are taken for, and which rows are left out, with some of them."""
        data = self.data(source.name)
        rows, columns = data.rows, data.rows.columns
        taken = {
            "image": ", ".join(columns.image),
            "question": rows.request.question or columns.question,
            "options": ", ".join(columns.options) or ("all answers" if data.shared_options else "none"),
            "answer": columns.answer,
            "type": columns.kind,
            "split": columns.split,
            "id": columns.id,
        }
        written = {"letter": "as letters", "index": "as numbers from 0", "index1": "as numbers from 1"}
        how = f", written {written[rows.answer_as]}" if rows.answer_as in written else ""
        said = [
            data.splits.remark,
            "columns: " + "; ".join(f"{what} = {column}" for what, column in taken.items() if column) + how,
        ]
        if rows.has_image_files:
            said.append(f"images are looked for in {rows.root}")
        for reason, count in rows.problems.counts.most_common():
            said.append(f"{count:,} {_rows(count)} left out, {reason}: {'; '.join(rows.problems.rows[reason])}")
        if data.splits.unreadable:
            unreadable = data.splits.unreadable
            said.append(f"{unreadable:,} {_rows(unreadable)} in no split: their images cannot be read")
        return said

    def grade(self, answer: str | None, example: Example) -> bool | None:
        """Whether the answer is the gold text, or another that the row accepts."""
        accepted = example.accepted if isinstance(example, TableExample) else ()
        if example.gold not in accepted:
            # a control experiment gave the example another gold
            accepted = (example.gold,)
        verdicts = [matches_gold(answer, text) for text in accepted]
        return None if verdicts[0] is None else any(verdicts)


def _rows(count: int) -> str:
    return "row" if count == 1 else "rows"


@lru_cache(maxsize=4)
def _table_data(path: Path, version: tuple[int, int], options: JsonlOptions) -> TableData:
    """The table as it was at that time and size, read once a process; a form asks again at every key."""
    given = tuple((what, getattr(options, f"{what}_column")) for what in COMMON)
    rows = QuestionRows(
        path,
        RowsRequest(
            given_columns=given, question=options.question, image_root=options.image_root, answer_as=options.answer_as
        ),
    )
    if rows.problems.counts:
        logger.warning("%s: %s", path.name, rows.problems.remark)
    return TableData(rows, options)


TASK = Jsonl
