"""Banners that say the user's own labelled sentences, from a table with the columns `text` and `label`.

The words are real, the banners drawn: the source is generated. A sentence belongs to one split by its own hash.
"""

from __future__ import annotations

import random
import unicodedata
from array import array
from pathlib import Path
from typing import NamedTuple

from evals.errors import TaskError
from evals.files.binary_labels import BinaryLabels
from evals.files.splits import SPLITS, Shares, split_by_hash
from evals.files.tables import RowError, Table, open_table
from evals.generated.banner_fonts import FACES, character_missing
from evals.generated.banner_looks import large_look
from evals.generated.banner_pictures import fits_always
from evals.generated.banner_questions import Banner, Question, fitted, question_about
from evals.generated.banner_sentences import Message

TEXT, LABEL = "text", "label"


class OwnSentence(NamedTuple):
    """One sentence that can be drawn."""

    text: str
    gold: str
    """positive or negative"""


class OwnSentences:
    """The sentences of a table by split, read again from the file when asked for."""

    def __init__(self, path: Path, labels: BinaryLabels, *, side: int, aspect: float, shares: Shares) -> None:
        """Reads and checks every row. Raises TaskError naming the file and the row."""
        self._table = open_table(path)
        self._labels = labels
        self.side = side
        self.aspect = aspect
        self.rows = {split: array("Q") for split in SPLITS}
        """Row numbers of each split."""
        self.undrawable = 0
        """Sentences left out: no font has one of their characters, or they are too long for the size."""
        self.first_undrawable = ""
        """Which row that was first, and why."""
        _check_columns(self._table)
        answers = set()
        for index in range(len(self._table)):
            sentence = self._read(index)
            answers.add(sentence.gold)
            problem = self._problem(sentence.text)
            if problem:
                self.undrawable += 1
                self.first_undrawable = self.first_undrawable or f"{self._table.place(index)}: {problem}"
            else:
                self.rows[split_by_hash(sentence.text.lower().encode(), shares)].append(index)
        self._check_answers(answers, shares)

    def _check_answers(self, answers: set[str], shares: Shares) -> None:
        path = self._table.path
        if len(answers) < 2:
            raise TaskError(f"all sentences in {path} are {answers.pop()}", expected="positive and negative ones")
        wanted = {"train": 1.0, "validation": shares.validation, "heldout": shares.heldout}
        empty = [split for split, share in wanted.items() if share and not self.rows[split]]
        if empty:
            drawable = sum(map(len, self.rows.values()))
            left_out = f"; {self.undrawable} left out, {self.first_undrawable}" if self.undrawable else ""
            raise TaskError(
                f"{path} has {drawable} sentences that can be drawn, and none for {' and '.join(empty)}{left_out}",
                expected="some for each of train, validation and heldout, which a hash of the text decides",
                fix="add sentences (fifty are plenty), or set a larger side where they are too long",
            )

    def __getitem__(self, index: int) -> OwnSentence:
        """The sentence in a row of the table."""
        return self._read(index)

    def _read(self, index: int) -> OwnSentence:
        where = f"{self._table.path}, {self._table.place(index)}"
        try:
            row = self._table[index]
        except RowError as error:
            raise TaskError(f"{where}: {error}", expected=f"{TEXT} and {LABEL}", fix="mend or remove it") from None
        text = row.get(TEXT)
        if not isinstance(text, str) or not drawable_text(text):
            raise TaskError(f"{where}: {TEXT} is {text!r}", expected="a sentence", fix="mend or remove it")
        gold = self._labels.answer(row.get(LABEL))
        if gold is None:
            raise TaskError(
                f"{where}: {LABEL} is {row.get(LABEL)!r}",
                expected=self._labels.wanted,
                fix="say which is which: --set task_options.positive=LABEL --set task_options.negative=LABEL",
            )
        return OwnSentence(drawable_text(text), gold)

    def _problem(self, text: str) -> str:
        """Why the text cannot be drawn; empty where it can."""
        if not faces_for(text):
            lacking = next(c for c in text if not faces_for(c))
            return f"no font has {lacking!r}"
        height = round(self.side / (self.aspect or 1))
        if not fits_always(text, self.side, height):
            return f"{len(text)} characters are too many for {self.side} x {height} pixels"
        return ""


def _check_columns(table: Table) -> None:
    missing = [column for column in (TEXT, LABEL) if column not in table.columns]
    if missing:
        raise TaskError(
            f"{table.path} has no column {' or '.join(missing)}; it has {', '.join(table.columns) or 'none'}",
            expected=f"the columns {TEXT} and {LABEL}",
            fix="rename the columns",
        )


def drawable_text(text: str) -> str:
    """The text on one line; control characters, which nothing can draw, are spaces."""
    text = unicodedata.normalize("NFC", text)
    spaced = (" " if unicodedata.category(c) in ("Cc", "Cs") else "" if c in "\u00ad\u200b\ufeff" else c for c in text)
    return " ".join("".join(spaced).split())


def faces_for(text: str) -> tuple[str, ...]:
    """Faces that have every character of the text, in both cases."""
    # every face has the characters of ASCII
    characters = sorted(c for c in {*text.upper(), *text.lower(), *text} if not c.isascii())
    return tuple(face for face in FACES if not any(character_missing(face, c) for c in characters))


def question_of(rng: random.Random, sentence: OwnSentence, *, side: int, aspect: float, difficulty: float) -> Question:
    """The question about a banner that says the sentence."""
    text = sentence.text
    message = Message("sentence", sentence.gold, (), text, "", False, "")
    look = large_look(rng, difficulty, faces=faces_for(text))
    return question_about(rng, fitted(rng, Banner(message, look, side, side), aspect=aspect))
