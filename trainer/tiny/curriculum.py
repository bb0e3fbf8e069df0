"""What the embedded model is shown: pictures of all three tasks with four turns each, descriptions and questions.

Questions come with and without reasoning, half and half, so that the gap between the two prompts is learned and not
built in. No label is wrong and no demonstrator poor. Only the training split occurs.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from evals import prompts
from trainer.tiny.aircraft_lessons import AircraftLessons
from trainer.tiny.banner_lessons import BannerLessons
from trainer.tiny.sat_lessons import SatLessons
from trainer.tiny.subjects import Subject, Turn, question_turn

if TYPE_CHECKING:
    from PIL.Image import Image

TURNS = 4
SUBJECTS: tuple[Subject, ...] = (SatLessons(), AircraftLessons(), BannerLessons())
MODES = (prompts.THINK, prompts.DIRECT)


class Lesson(NamedTuple):
    """A picture and its turns."""

    image: Image
    turns: tuple[Turn, ...]


class Share(NamedTuple):
    """How much of the lessons a subject gets."""

    weight: float
    """Of its lessons among all."""
    questions: float
    """Share of its turns that are questions; the others are descriptions."""


def lesson(rng: random.Random, subject: Subject, *, questions: float, hardest: float = 1.0) -> Lesson:
    """A picture of the training split, of any difficulty up to the hardest, with four turns."""
    sample = subject.sample(rng, hardest=hardest)
    turns = []
    for number in range(TURNS):
        if rng.random() < questions:
            turns.append(question_turn(rng, subject.ask(rng, sample, number=number), mode=rng.choice(MODES)))
        else:
            turns.append(subject.describe(rng, sample))
    return Lesson(subject.draw(sample), tuple(turns))


def lessons(
    rng: random.Random, shares: Mapping[str, Share], *, count: int, hardest_banner: float = 1.0
) -> list[Lesson]:
    """So many lessons in the shares given."""
    chosen: Sequence[Subject] = rng.choices(SUBJECTS, [shares[subject.name].weight for subject in SUBJECTS], k=count)
    return [
        lesson(
            rng,
            subject,
            questions=shares[subject.name].questions,
            hardest=hardest_banner if subject.name == "banner" else 1.0,
        )
        for subject in chosen
    ]


def all_texts(rng: random.Random, *, samples: int) -> Iterator[str]:
    """Every kind of sentence the model reads or writes, over some pictures of each subject."""
    for subject in SUBJECTS:
        for _ in range(samples):
            sample = subject.sample(rng)
            for number in range(TURNS):
                yield from subject.describe(rng, sample)
                for mode in MODES:
                    yield from question_turn(rng, subject.ask(rng, sample, number=number), mode=mode)
