"""Reads what the tab of evaluations shows, one connection a read, so that any thread may ask. Draws nothing."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import NamedTuple

from evals.lengths import LengthBin, by_length
from evals.statistics import Paired
from rftui.evaluations.length_text import TrainingLengths
from rftui.evaluations.tables import Flip, KindRow, by_kind, flips, paired_answers
from rftui.evaluations.training_reads import MOST_COMPLETIONS, read_training_lengths
from rftui.terminal.half_blocks import Picture, Size, read_picture
from store.evaluations import EvalAnswer, EvalKey, HeldOut, chance, eval_answers, eval_sample_of, held_out
from store.layout import Home
from store.rollouts import EvalSample, open_rollouts
from store.runs import open_catalogue

MOST_DETAILS = 16
"""Evaluations whose answers are kept, so that going back and forth reads nothing."""
_OTHER = {"think": "direct", "direct": "think"}


class Since(NamedTuple):
    """An evaluation against the first one that asked in the same way."""

    step: int
    """Of the first one."""
    change: Paired


class EvalDetail(NamedTuple):
    """One evaluation in parts."""

    totals: HeldOut
    answers: tuple[EvalAnswer, ...]
    kinds: tuple[KindRow, ...]
    chance: float | None
    """Accuracy of guessing among the options shown; None for open questions."""
    thinking: Paired | None
    """With against without <think> at the same step; None where only one of them was asked."""
    flips: dict[str, Flip]
    """By uid; empty where only one prompt was asked."""
    since_first: Since | None
    lengths: tuple[LengthBin, ...] = ()
    """Accuracy by length of the completion, shortest first."""
    is_whole: bool = True
    """False where what needs tests and intervals is still to come: question types, pairs and lengths."""


class EvalsPage(NamedTuple):
    """All that the tab shows but for single answers."""

    evaluations: tuple[HeldOut, ...]
    """The newest first."""
    chances: dict[tuple[str, int], float | None]
    """Accuracy of guessing, by split and n."""
    detail: EvalDetail | None
    """Of the chosen evaluation; None where there is none."""
    training: TrainingLengths | None = None
    """What length did within the prompts of training up to now; None where that is not known yet or nothing is."""


class SamplePage(NamedTuple):
    """One held-out example with its answers."""

    key: EvalKey
    number: int
    sample: EvalSample | None
    other: EvalSample | None
    """The same example under the other prompt at the same step."""


class EvalsSource:
    """The evaluations of one run. Its methods raise StoreError and sqlite3.Error; one thread at a time calls `page`."""

    def __init__(self, home: Home, run: str) -> None:
        self.home = home
        self.run = run
        self._answers: dict[tuple[EvalKey, int, float], tuple[EvalAnswer, ...]] = {}
        self._details: dict[tuple[EvalKey, int, float], EvalDetail] = {}
        self._known: tuple[HeldOut, ...] = ()
        self._chances: dict[tuple[str, int], float | None] = {}
        self._training: TrainingLengths | None = None
        self._has_trained = False
        """Whether that was read since the last evaluation."""

    def page(self, wanted: EvalKey | None, *, in_parts: bool = True) -> EvalsPage:
        """The evaluations, and the wanted one in parts; the newest where None or one that is not there is wanted.

        Without what needs tests and intervals it is there at once: scipy, which makes these, takes a second to import.
        """
        with closing(open_catalogue(self.home)) as connection:
            found = newest_first(held_out(connection, self.run))
        if found != self._known:
            # an evaluation that was made changes what the others are held against
            self._known = found
            self._details.clear()
            self._has_trained = False
        for item in found:
            place = (item.key.split, item.n)
            if place not in self._chances and is_whole(item, answers := self._answers_of(item)):
                self._chances[place] = chance(answers)
        chosen = next((item for item in found if item.key == wanted), found[0] if found else None)
        detail = None if chosen is None else self._detail(chosen, found) if in_parts else self._first(chosen, found)
        return EvalsPage(found, dict(self._chances), detail, self._trained() if in_parts else None)

    def sample(self, key: EvalKey, number: int) -> SamplePage:
        """One example in full, with its answer under the other prompt where there is one."""
        with closing(open_rollouts(self.home, self.run)) as connection:
            sample = eval_sample_of(connection, key, number)
            other = eval_sample_of(connection, other_prompt(key), number) if key.prompt in _OTHER else None
        is_same = other is not None and sample is not None and other.uid == sample.uid
        return SamplePage(key, number, sample, other if is_same else None)

    def picture(self, digest: str, space: Size, *, is_ascii: bool) -> Picture:
        """An image of the run, sized to cells."""
        return read_picture(self.home.run(self.run).media, digest, space, is_ascii=is_ascii)

    def _trained(self) -> TrainingLengths | None:
        """Made once an evaluation: a live run writes rollouts at every step."""
        if not self._has_trained and self._known:
            self._training = read_training_lengths(self.home, self.run, most=MOST_COMPLETIONS)
            self._has_trained = True
        return self._training

    def _detail(self, item: HeldOut, others: Sequence[HeldOut]) -> EvalDetail:
        place = _place(item)
        known = self._details.get(place)
        if known is None:
            known = self._worked_out(item, others)
            if is_whole(item, known.answers):
                self._details[place] = known
        return known

    def _first(self, item: HeldOut, others: Sequence[HeldOut]) -> EvalDetail:
        answers = self._answers_of(item)
        think, direct = self._both_ways(item, answers, others)
        found = flips(think, direct)
        return EvalDetail(item, answers, (), chance(answers), None, found, None, is_whole=False)

    def _both_ways(
        self, item: HeldOut, answers: Sequence[EvalAnswer], others: Sequence[HeldOut]
    ) -> tuple[Sequence[EvalAnswer], Sequence[EvalAnswer]]:
        """The answers with and without <think> at the same step; none where only one of them was asked."""
        counterpart = next((other for other in others if other.key == other_prompt(item.key)), None)
        if counterpart is None:
            return (), ()
        theirs = self._answers_of(counterpart)
        return (answers, theirs) if item.key.prompt == "think" else (theirs, answers)

    def _worked_out(self, item: HeldOut, others: Sequence[HeldOut]) -> EvalDetail:
        answers = self._answers_of(item)
        think, direct = self._both_ways(item, answers, others)
        return EvalDetail(
            totals=item,
            answers=answers,
            kinds=tuple(by_kind(answers)),
            chance=chance(answers),
            thinking=paired_answers(direct, think),
            flips=flips(think, direct),
            since_first=self._since_first(item, answers, others),
            lengths=lengths_of(answers),
        )

    def _since_first(self, item: HeldOut, answers: Sequence[EvalAnswer], others: Sequence[HeldOut]) -> Since | None:
        alike = [other for other in others if other.key._replace(step=item.key.step) == item.key]
        first = min(alike, key=lambda other: other.key.step)
        if first.key.step >= item.key.step:
            return None
        change = paired_answers(self._answers_of(first), answers)
        return None if change is None else Since(first.key.step, change)

    def _answers_of(self, item: HeldOut) -> tuple[EvalAnswer, ...]:
        place = _place(item)
        known = self._answers.get(place)
        if known is None:
            with closing(open_rollouts(self.home, self.run)) as connection:
                known = tuple(eval_answers(connection, item.key))
            if is_whole(item, known):
                while len(self._answers) >= MOST_DETAILS:
                    self._answers.pop(next(iter(self._answers)))
                self._answers[place] = known
        return known


def lengths_of(answers: Sequence[EvalAnswer]) -> tuple[LengthBin, ...]:
    """Accuracy by length over the answers that could be graded."""
    graded = [answer for answer in answers if answer.correct is not None]
    return tuple(by_length([answer.tokens for answer in graded], [bool(answer.correct) for answer in graded]))


def is_whole(item: HeldOut, answers: Sequence[EvalAnswer]) -> bool:
    """Whether all answers of an evaluation are there: the two databases are not written in one transaction."""
    return len(answers) >= item.n + item.ungradable


def newest_first(found: Sequence[HeldOut]) -> tuple[HeldOut, ...]:
    """By step from the last to the first, with <think> before without, greedy before sampled."""
    return tuple(
        sorted(
            found,
            key=lambda item: (
                -item.key.step,
                item.key.split,
                item.key.decoding != "greedy",
                item.key.prompt != "think",
                item.key,
            ),
        )
    )


def other_prompt(key: EvalKey) -> EvalKey:
    """The evaluation with <think> for one without, and the other way round."""
    return key._replace(prompt=_OTHER.get(key.prompt, key.prompt))


def _place(item: HeldOut) -> tuple[EvalKey, int, float]:
    return item.key, item.attempt, item.time
