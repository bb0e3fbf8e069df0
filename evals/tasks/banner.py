"""Whether the message on a banner is positive or negative, in the form of the paper's private Banner-Analysis set.

The paper's 331 banners were never published, so neither generated banners nor a set of the user's own can be compared
with its numbers; every source says so. A row of a set that works: image "sale.png", label "neg". Its surprise: the
answer is `positive` or `negative`, whatever the labels are called.
"""

from __future__ import annotations

import hashlib
import os
import random
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from pydantic import Field, field_validator

from evals.errors import TaskError
from evals.files.binary_labels import BinaryLabels
from evals.files.splits import SPLITS, Shares
from evals.files.tables import open_table
from evals.generated.banner_own_sentences import LABEL, TEXT, OwnSentences, question_of
from evals.generated.banner_pictures import SMALL_SIDE, fits_always
from evals.generated.banner_questions import LARGE_FROM, Question, balanced_question, draw
from evals.generated.banner_sentences import ANSWERS, LONGEST_SENTENCE
from evals.generated.uids import uid_of
from evals.task import Example, Examples, Source, Task
from evals.tasks.banner_data import OwnBannerOptions, OwnBanners, has_images, is_table

LARGEST_SIDE = 2048
SENTENCE_SIDE = 448
SENTENCES = "sentences:"
"""A source's name begins so where banners say the sentences of a file."""
NOT_THE_PAPERS = "the paper's own banners are private, so results can't be compared with the paper's"


class BannerOptions(OwnBannerOptions):
    """Options of the task `banner`."""

    side: int = Field(default=0, ge=0, le=LARGEST_SIDE)
    """Generated banners: width in pixels, from 48. Below 192 they say a few short words. 0: 48, own sentences 448."""
    aspect: float = Field(default=0.0, ge=0.0, le=8.0)
    """Generated banners that say sentences: width over height; 0 varies from 1 to 4."""
    sentences: str = ""
    """File of your own sentences to draw, with the columns text and label: an absolute path, or name it with --data."""

    @field_validator("side")
    @classmethod
    def _readable(cls, side: int) -> int:
        if 0 < side < SMALL_SIDE:
            raise ValueError(f"banners need {SMALL_SIDE} pixels or more to be read")
        return side


class GeneratedBanners:
    """Generated banners of one split, without end."""

    length = None

    def __init__(self, split: str, *, seed: int, difficulty: float, options: BannerOptions) -> None:
        self.split = split
        self.difficulty = difficulty
        self.side = options.side or SMALL_SIDE
        self.aspect = options.aspect if self.side >= LARGE_FROM else 0.0
        shape = f"{self.side}px" + (f"/{self.aspect:g}" if self.aspect else "")
        self._key = f"banner/generated/{shape}/d{difficulty:g}/s{seed}/{split}"

    def __getitem__(self, index: int) -> Example:
        question = balanced_question(
            self._key, index, split=self.split, difficulty=self.difficulty, side=self.side, aspect=self.aspect
        )
        return _example(question, place=f"{self._key}/{index}", split=self.split, index=index)


class SentenceBanners:
    """The user's sentences of one split, drawn anew in each pass over them, without end."""

    length: int | None = None

    def __init__(self, sentences: OwnSentences, split: str, *, seed: int, difficulty: float) -> None:
        self.sentences = sentences
        self.split = split
        self.difficulty = difficulty
        self._rows = sentences.rows[split]
        if not self._rows:
            self.length = 0
        shape = f"{sentences.side}px" + (f"/{sentences.aspect:g}" if sentences.aspect else "")
        self._key = f"banner/sentences/{shape}/d{difficulty:g}/s{seed}/{split}"
        self._order: tuple[int, list[int]] = (-1, [])

    def __getitem__(self, index: int) -> Example:
        sentences = self.sentences
        turn, at = divmod(index, len(self._rows))
        if self._order[0] != turn:
            order = random.Random(f"{self._key}/pass/{turn}").sample(range(len(self._rows)), len(self._rows))
            self._order = (turn, order)
        sentence = sentences[self._rows[self._order[1][at]]]
        # the sentence is named as well: in another file the same row is another example
        place = f"{self._key}/{index}/{hashlib.sha256(sentence.text.encode()).hexdigest()[:8]}"
        question = question_of(
            random.Random(place),
            sentence,
            side=sentences.side,
            aspect=sentences.aspect,
            difficulty=self.difficulty,
        )
        return _example(question, place=place, split=self.split, index=index)


def _example(question: Question, *, place: str, split: str, index: int) -> Example:
    return Example(
        uid=uid_of(place, question.banner, question.text, question.options, question.gold),
        split=split,
        index=index,
        kind=question.kind,
        question=question.text,
        options=question.options,
        gold=question.gold,
        scene=question.banner.hash,
        traces=question.traces,
        draw=lambda: (draw(question.banner),),
    )


class Banner(Task):
    """The task `banner`."""

    name = "banner"
    generates = True
    summary = "sentiment of a banner: is the message on it positive or negative"
    options_type = BannerOptions
    options: BannerOptions

    def source(self, option: str) -> Source:
        """Generated banners for auto and generated, or what is at a path. Raises TaskError for what cannot be used."""
        path = "" if option in ("auto", "generated") else option
        file = self.options.sentences or (path if path and self._holds_sentences(Path(path).expanduser()) else "")
        if file:
            return self._sentence_source(file, path)
        if not path:
            _check_shape(self.options)
            return Source(
                "generated", "banner-generated", f"GENERATED DATA: banners drawn from a grammar; {NOT_THE_PAPERS}"
            )
        return Source("real", path, f"{self._own_banners(path).inner_source.detail}; {NOT_THE_PAPERS}")

    def _sentence_source(self, file: str, path: str) -> Source:
        if path and path != file:
            raise TaskError(
                f"--data {path} and task_options.sentences={file}",
                expected="banners of your own, or sentences to draw",
                fix="leave one of them out",
            )
        if not path and not os.path.isabs(os.path.expanduser(file)):
            raise TaskError(
                f"task_options.sentences is {file}",
                expected="an absolute path: a run works in a folder of its own",
                fix=f"--data {file}, which is made absolute",
            )
        sentences = self._own_sentences(file)
        count = sum(map(len, sentences.rows.values()))
        return Source(
            "generated",
            f"{SENTENCES}{file}",
            f"GENERATED DATA: drawn banners that say {count:,} sentences of {Path(file).name}; {NOT_THE_PAPERS}",
        )

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> Examples:
        """Examples of train, validation or heldout; no generated banner occurs in two of them."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        if source.kind == "real":
            return self._own_banners(source.name).examples(split, seed=seed, difficulty=difficulty)
        if source.name.startswith(SENTENCES):
            sentences = self._own_sentences(source.name.removeprefix(SENTENCES))
            return SentenceBanners(sentences, split, seed=seed, difficulty=difficulty)
        return GeneratedBanners(split, seed=seed, difficulty=difficulty, options=self.options)

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """positive and negative."""
        return ANSWERS

    def remarks(self, source: Source) -> Sequence[str]:
        """How one's own banners or sentences are split and labelled, and which are left out."""
        if source.kind == "real":
            own = self._own_banners(source.name)
            return [*own.inner.remarks(own.inner_source), own.mapping]
        if not source.name.startswith(SENTENCES):
            return ()
        sentences = self._own_sentences(source.name.removeprefix(SENTENCES))
        counts = ", ".join(f"{len(rows):,} {split}" for split, rows in sentences.rows.items())
        said = [f"sentences are split by a hash of their text: {counts}"]
        if sentences.undrawable:
            said.append(f"{sentences.undrawable:,} sentences cannot be drawn; {sentences.first_undrawable}")
        return said

    def _holds_sentences(self, path: Path) -> bool:
        """Whether that is a table of sentences without images."""
        if self.options.image_column or not is_table(path) or not path.is_file():
            return False
        columns = _read_columns(path, _version(path))
        return {TEXT, LABEL} <= set(columns) and not has_images(columns)

    def _own_banners(self, path: str) -> OwnBanners:
        options = OwnBannerOptions(**{name: getattr(self.options, name) for name in OwnBannerOptions.model_fields})
        place = Path(path).expanduser()
        return _read_banners(place, _version(place), options)

    def _own_sentences(self, file: str) -> OwnSentences:
        place = Path(file).expanduser()
        return _read_sentences(place, _version(place), self.options)


def _check_shape(options: BannerOptions) -> None:
    """Raises TaskError where a sentence would not fit legibly into the shape asked for."""
    side, aspect = options.side or SMALL_SIDE, options.aspect or 1.0
    height = round(side / aspect)
    if side >= LARGE_FROM and not fits_always(LONGEST_SENTENCE, side, height):
        raise TaskError(
            f"task_options.side={side} with task_options.aspect={aspect:g} leaves {height} pixels of height",
            expected="room for a sentence in letters that can be read",
            fix="set a larger side, or a smaller aspect",
        )


def _version(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _read_columns(path: Path, version: tuple[int, int]) -> tuple[str, ...]:
    return open_table(path).columns


@lru_cache(maxsize=4)
def _read_banners(path: Path, version: tuple[int, int], options: OwnBannerOptions) -> OwnBanners:
    """The user's banners as they were at that time and size; a form asks for the source again at every key."""
    return OwnBanners(path, options)


@lru_cache(maxsize=4)
def _read_sentences(path: Path, version: tuple[int, int], options: BannerOptions) -> OwnSentences:
    side = options.side or SENTENCE_SIDE
    if side < LARGE_FROM:
        raise TaskError(
            f"task_options.side is {side}",
            expected=f"{LARGE_FROM} or more for sentences",
            fix=f"leave it out for {SENTENCE_SIDE}",
        )
    labels = BinaryLabels(positive=options.positive, negative=options.negative)
    shares = Shares(options.validation_share, options.heldout_share)
    return OwnSentences(path, labels, side=side, aspect=options.aspect, shares=shares)


TASK = Banner
