"""Which answers of an evaluation somebody looks through: wrong ones, flips, one question type. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeVar

from rftui.evaluations.reads import EvalDetail
from rftui.evaluations.tables import Flip
from store.evaluations import EvalAnswer

T = TypeVar("T")


class Filter(StrEnum):
    """Which answers are listed."""

    WRONG = "wrong"
    """Graded and not right."""
    BROKEN = Flip.BROKEN.value
    """Right without <think>, wrong with it."""
    MENDED = Flip.MENDED.value
    """Wrong without <think>, right with it."""
    NEITHER = Flip.NEITHER.value
    """Wrong either way."""
    UNPARSED = "unparsed"
    """Without a readable answer."""
    CLIPPED = "clipped"
    """Cut at the limit."""
    RIGHT = "right"
    """Right."""
    ALL = "all"
    """Every one."""


_FLIPS = {Filter.BROKEN: Flip.BROKEN, Filter.MENDED: Flip.MENDED, Filter.NEITHER: Flip.NEITHER}


class AnswerBrowser:
    """The answers of one evaluation under a filter and of a question type."""

    def __init__(self) -> None:
        self.detail: EvalDetail | None = None
        self.filter = Filter.WRONG
        self.kind: str | None = None
        """None for all question types."""
        self.answers: list[EvalAnswer] = []

    def take(self, detail: EvalDetail | None) -> None:
        """Looks through another evaluation, under the same filter where it has one."""
        self.detail = detail
        if self.kind not in self.kinds:
            self.kind = None
        if self.filter not in self.filters:
            self.filter = Filter.WRONG
        self._select()

    @property
    def kinds(self) -> list[str | None]:
        """None, and every question type where there are several."""
        found = [row.kind for row in self.detail.kinds] if self.detail is not None else []
        return [None, *(found if len(found) > 1 else [])]

    @property
    def filters(self) -> list[Filter]:
        """The filters that mean something: those by flip need both prompts."""
        has_flips = self.detail is not None and bool(self.detail.flips)
        return [each for each in Filter if each not in _FLIPS or has_flips]

    def next_filter(self, by: int = 1) -> None:
        """Takes the next filter, the first after the last."""
        self.filter = _after(self.filters, self.filter, by)
        self._select()

    def next_flips(self) -> None:
        """Takes what thinking broke, or mended where it broke nothing; after that the other, and so on.

        Nothing where the examples were not asked both ways.
        """
        if self.detail is None or not self.detail.flips:
            return
        if self.filter in (Filter.BROKEN, Filter.MENDED):
            is_broken_next = self.filter is Filter.MENDED
        else:
            broken, mended = self.flip_counts
            is_broken_next = broken > 0 or mended == 0
        self.filter = Filter.BROKEN if is_broken_next else Filter.MENDED
        self._select()

    @property
    def flip_counts(self) -> tuple[int, int]:
        """How many answers of the chosen question type thinking broke, and how many it mended."""
        flips = [self.flip(answer) for answer in self.of_kind()]
        return flips.count(Flip.BROKEN), flips.count(Flip.MENDED)

    def next_kind(self, by: int = 1) -> None:
        """Takes the next question type, all after the last."""
        self.kind = _after(self.kinds, self.kind, by)
        self._select()

    def of_kind(self) -> list[EvalAnswer]:
        """Every answer of the chosen question type."""
        answers = self.detail.answers if self.detail is not None else ()
        return [answer for answer in answers if self.kind is None or answer.kind == self.kind]

    def flip(self, answer: EvalAnswer) -> Flip | None:
        """How the example fared under both prompts; None where it was asked under one."""
        return self.detail.flips.get(answer.uid) if self.detail is not None else None

    def _select(self) -> None:
        self.answers = [answer for answer in self.of_kind() if self._passes(answer)]

    def _passes(self, answer: EvalAnswer) -> bool:
        if self.filter in _FLIPS:
            return self.flip(answer) is _FLIPS[self.filter]
        return {
            Filter.WRONG: answer.correct is False,
            Filter.RIGHT: answer.correct is True,
            Filter.UNPARSED: answer.answer is None,
            Filter.CLIPPED: answer.is_clipped,
            Filter.ALL: True,
        }[self.filter]


def _after(values: Sequence[T], value: T, by: int) -> T:
    return values[(values.index(value) + by) % len(values)]
