"""The questions of a study and what was measured of each: effects with interval, test and corrected p-value. Pure.

A question is one family of tests: Holm's correction is over all of them, under both prompts and at every place. What
cannot be tested is named with the reason, and never left out silently.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from evals.statistics import Difference, holm, mean_interval
from evals.study_statistics import (
    SeedContrast,
    SeedDifference,
    SeedInteraction,
    Side,
    difference_over_seeds,
    interaction_over_seeds,
)
from rftui.reports.measured import PROMPT_WORDS, PROMPTS, Evaluated, Measured, Place, Role, Way, why_not_together

SIGNIFICANT = 0.05


class Question(StrEnum):
    """What a report answers."""

    OVER_BASE = "over-base"
    """Does reinforcement fine-tuning help over no training?"""
    OVER_SFT = "over-sft"
    """Does reinforcement fine-tuning help over SFT?"""
    SFT = "sft"
    """Does SFT help over no training?"""
    THINKING = "thinking"
    """Does thinking help at test time?"""
    LONGER = "longer"
    """Does training towards longer thinking help?"""


TITLES = {
    Question.OVER_BASE: "Does reinforcement fine-tuning help over the model as it was?",
    Question.OVER_SFT: "Does reinforcement fine-tuning help over SFT?",
    Question.SFT: "Does SFT help over the model as it was?",
    Question.THINKING: "Does thinking help?",
    Question.LONGER: "Does longer thinking help?",
}


class Verdict(StrEnum):
    """What a test says, by its corrected p-value."""

    HIGHER = "higher"
    """The second is right more often."""
    LOWER = "lower"
    """The second is right less often."""
    UNDECIDED = "not told apart"
    """The test does not tell them apart, which does not show that they are the same."""


class Contrast(NamedTuple):
    """Two sides that are held against each other at one place."""

    place: Place
    before: Way
    after: Way
    before_prompt: str
    after_prompt: str

    @property
    def is_of_thinking(self) -> bool:
        """Whether it is one way with <think> against itself without."""
        return self.before_prompt != self.after_prompt

    @property
    def is_trained(self) -> bool:
        """Whether other seeds could have given something else."""
        return self.before.is_trained or self.after.is_trained

    @property
    def title(self) -> str:
        """What is held against what."""
        if self.is_of_thinking:
            return f"{self.after.label}, with against without <think>"
        return f"{self.after.label} against {self.before.label}, {PROMPT_WORDS[self.after_prompt]}"

    def evaluated(self, decoding: str) -> tuple[tuple[Evaluated, ...], tuple[Evaluated, ...]]:
        """The evaluations of both sides; of thinking only those that were asked both ways."""
        before = self.before.asked(self.before_prompt, decoding)
        after = self.after.asked(self.after_prompt, decoding)
        if not self.is_of_thinking:
            return before, after
        # steps too: the same checkpoint, and not two of one run
        places = [{(each.run, each.totals.key.step) for each in side} for side in (before, after)]
        both = places[0] & places[1]
        kept = [tuple(each for each in side if (each.run, each.totals.key.step) in both) for side in (before, after)]
        return kept[0], kept[1]

    def of_seeds(self, decoding: str) -> SeedContrast:
        """Both sides for a test."""
        before, after = ([each.grades for each in group] for group in self.evaluated(decoding))
        return SeedContrast(
            Side(before, self.before.is_trained), Side(after, self.after.is_trained), self.is_of_thinking
        )


class Effect(NamedTuple):
    """One difference that was measured."""

    contrast: Contrast
    found: SeedDifference
    p_holm: float
    """Corrected for all tests of its question."""
    seeds_before: tuple[int, ...]
    """Empty where nothing was trained."""
    seeds_after: tuple[int, ...]
    data: str
    """Source and split."""

    @property
    def verdict(self) -> Verdict:
        """What the test says."""
        return verdict(self.found.difference, self.p_holm)


class Depends(NamedTuple):
    """Whether a change did more at one place than at another."""

    first: Contrast
    second: Contrast
    found: SeedInteraction
    p_holm: float

    @property
    def verdict(self) -> Verdict:
        """What the test says of the first against the second."""
        return verdict(self.found.difference, self.p_holm)


class Missing(NamedTuple):
    """What could not be tested."""

    where: str
    what: str
    why: str


class LengthChange(NamedTuple):
    """By how many tokens answers of one way are longer than those of another, over the same examples."""

    contrast: Contrast
    before: float
    after: float
    change: Difference


class Answer(NamedTuple):
    """All that was measured of one question."""

    question: Question
    effects: tuple[Effect, ...]
    missing: tuple[Missing, ...]
    depends: tuple[Depends, ...]
    """Between places, corrected together."""
    depends_missing: tuple[Missing, ...]
    lengths: tuple[LengthChange, ...] = ()
    """Of longer thinking: whether it was longer."""

    def counts(self) -> dict[Verdict, int]:
        """How many effects each verdict has."""
        return {each: sum(effect.verdict is each for effect in self.effects) for each in Verdict}


class Reach(NamedTuple):
    """How many claims reach how far."""

    checkpoints: int
    """About these checkpoints only."""
    methods: int
    """About the method: seeds are resampled."""


def reach(found: Sequence[Effect] | Sequence[Depends]) -> Reach:
    """How far the claims about what was trained reach; without those of training-free models alone, which have no
    seeds."""
    trained = [
        each for each in found if (each.contrast.is_trained if isinstance(each, Effect) else each.first.is_trained)
    ]
    methods = sum(each.found.are_seeds_resampled for each in trained)
    return Reach(len(trained) - methods, methods)


def verdict(difference: float, p: float) -> Verdict:
    """In which direction a corrected p-value tells two sides apart."""
    if p >= SIGNIFICANT or difference == 0:
        return Verdict.UNDECIDED
    return Verdict.HIGHER if difference > 0 else Verdict.LOWER


def answers(measured: Measured, *, decoding: str) -> list[Answer]:
    """Every question that the study's regimes can be asked, answered as far as its finished runs go."""
    return [
        _answered(question, contrasts, decoding)
        for question, make in _CONTRASTS.items()
        if (contrasts := [contrast for place in measured.places for contrast in make(place)])
    ]


def _answered(question: Question, contrasts: Sequence[Contrast], decoding: str) -> Answer:
    found: list[tuple[Contrast, SeedDifference]] = []
    missing: list[Missing] = []
    for contrast in contrasts:
        if why := why_not(contrast, decoding):
            missing.append(Missing(contrast.place.title, contrast.title, why))
        else:
            before, after, is_paired = contrast.of_seeds(decoding)
            found.append((contrast, difference_over_seeds(before, after, are_seeds_paired=is_paired)))
    corrected = holm([each.p for _, each in found])
    tested = [contrast for contrast, _ in found]
    depends, depends_missing = _depends(tested, decoding)
    return Answer(
        question=question,
        effects=tuple(
            Effect(contrast, each, p, *_seeds(contrast, decoding), _data(contrast, decoding))
            for (contrast, each), p in zip(found, corrected, strict=True)
        ),
        missing=tuple(missing),
        depends=depends,
        depends_missing=depends_missing,
        lengths=tuple(length_change(each, decoding) for each in tested) if question is Question.LONGER else (),
    )


def why_not(contrast: Contrast, decoding: str) -> str:
    """Why there is not enough data for a test; empty where there is."""
    before, after = contrast.evaluated(decoding)
    for way, prompt, group in (
        (contrast.before, contrast.before_prompt, before),
        (contrast.after, contrast.after_prompt, after),
    ):
        if not group:
            return _nothing(way, prompt, decoding)
    if why := why_not_together(before, after):
        return why
    shared = set.intersection(*(set(each.grades) for each in (*before, *after)))
    return "" if len(shared) > 1 else f"{len(shared)} examples were graded by all of its evaluations"


def _nothing(way: Way, prompt: str, decoding: str) -> str:
    if not way.finished:
        states = sorted({cell.state for cell in way.cells})
        return f"no finished run of {way.label} ({', '.join(states)})"
    return f"{way.label} was not evaluated {PROMPT_WORDS[prompt]}, {decoding}"


def _depends(contrasts: Sequence[Contrast], decoding: str) -> tuple[tuple[Depends, ...], tuple[Missing, ...]]:
    """The same change at two places, for each pair of places; thinking only of ways that were trained by RFT."""
    found: list[tuple[Contrast, Contrast, SeedInteraction]] = []
    missing: list[Missing] = []
    for first, second in combinations(contrasts, 2):
        if first.place == second.place or first.title != second.title:
            continue
        where = f"{first.place.title} against {second.place.title}"
        try:
            pair = interaction_over_seeds(first.of_seeds(decoding), second.of_seeds(decoding))
        except ValueError as error:
            missing.append(Missing(where, first.title, str(error)))
            continue
        found.append((first, second, pair))
    corrected = holm([pair.p for _, _, pair in found])
    return tuple(Depends(*each, p) for each, p in zip(found, corrected, strict=True)), tuple(missing)


def length_change(contrast: Contrast, decoding: str) -> LengthChange:
    """How many tokens the answers of one side are longer, mean over seeds, with a bootstrap over examples."""
    before, after = (_mean_tokens(side) for side in contrast.evaluated(decoding))
    shared = [uid for uid in before if uid in after]
    change = mean_interval([after[uid] - before[uid] for uid in shared])
    lengths = [sum(side[uid] for uid in shared) / len(shared) for side in (before, after)]
    return LengthChange(contrast, lengths[0], lengths[1], change)


def _mean_tokens(side: Sequence[Evaluated]) -> dict[str, float]:
    """By uid, over the seeds that all answered it."""
    tokens: dict[str, list[int]] = {}
    for each in side:
        for answer in each.answers:
            tokens.setdefault(answer.uid, []).append(answer.tokens)
    return {uid: sum(values) / len(values) for uid, values in tokens.items() if len(values) == len(side)}


def _seeds(contrast: Contrast, decoding: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    before, after = (
        tuple(each.seed for each in side if each.seed is not None) for side in contrast.evaluated(decoding)
    )
    return before, after


def _data(contrast: Contrast, decoding: str) -> str:
    return contrast.evaluated(decoding)[1][0].data


def _pairs(place: Place, before: Role, after: Role) -> Iterator[Contrast]:
    """Each way of one role against each way of another, under both prompts."""
    for way in place.of(after):
        for other in place.of(before):
            for prompt in PROMPTS:
                yield Contrast(place, other, way, prompt, prompt)


def _thinking(place: Place) -> Iterator[Contrast]:
    for way in place.ways:
        yield Contrast(place, way, way, "direct", "think")


def _longer(place: Place) -> Iterator[Contrast]:
    """Each way with the length reward against the one without that is closest to it."""
    plain = place.of(Role.RFT)
    for way in place.of(Role.LONGER):
        nearest = next((each for each in plain if each.point == way.point), plain[0] if plain else None)
        if nearest is not None:
            for prompt in PROMPTS:
                yield Contrast(place, nearest, way, prompt, prompt)


_CONTRASTS: dict[Question, Callable[[Place], Iterator[Contrast]]] = {
    Question.OVER_BASE: lambda place: _pairs(place, Role.BASE, Role.RFT),
    Question.OVER_SFT: lambda place: _pairs(place, Role.SFT, Role.RFT),
    Question.SFT: lambda place: _pairs(place, Role.BASE, Role.SFT),
    Question.THINKING: _thinking,
    Question.LONGER: _longer,
}
