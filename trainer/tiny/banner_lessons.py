"""Lessons of the task banner: short messages read row by row, and whether they are positive or negative."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

from evals.generated.banner_pictures import ROWS
from evals.generated.banner_questions import (
    DESCRIPTION_WEIGHTS,
    Banner,
    describe,
    draw,
    question_about,
    sample_question,
)
from evals.generated.banner_sentences import (
    SHORT_ASIDES,
    SHORT_INTENSIFIERS,
    SHORT_NEGATORS,
    SHORT_VERDICTS,
)
from evals.generated.scenes import GRID
from trainer.tiny.subjects import Asked, Fact, Subject, Turn

if TYPE_CHECKING:
    from PIL.Image import Image

LESSON_NOISE = 0.1
"""Share of random pixels in a lesson's picture at difficulty 1; letters drown earlier than shapes."""
WORDS = (
    *("none", "but", "but not"),
    *(*SHORT_VERDICTS["positive"], *SHORT_VERDICTS["negative"]),
    *(*SHORT_ASIDES, *SHORT_INTENSIFIERS, *SHORT_NEGATORS),
)


class BannerLessons(Subject):
    """Banners of one to three rows."""

    name = "banner"
    facts: ClassVar[dict[str, Fact]] = {"word": Fact("cell", WORDS)}

    def sample(self, rng: random.Random, *, hardest: float = 1.0) -> Banner:
        """A banner of either sentiment, of a form that fits its difficulty."""
        difficulty = hardest * rng.random()
        banner = sample_question(rng, split="train", difficulty=difficulty).banner
        return banner._replace(noise=LESSON_NOISE * difficulty)

    def draw(self, sample: Banner) -> Image:
        """The banner."""
        return draw(sample)

    def seen(self, sample: Banner) -> dict[str, tuple[str, ...]]:
        """What stands in each row, told by every cell of it: whichever the language model looks at, it can read."""
        first, words = sample.look.first_row, sample.message.rows
        rows = [*["none"] * first, *words, *["none"] * (ROWS - first - len(words))]
        return {"word": tuple(row for row in rows for _ in range(GRID))}

    def describe(self, rng: random.Random, sample: Banner) -> Turn:
        """The message read, spelled or weighed."""
        what = rng.choices(list(DESCRIPTION_WEIGHTS), list(DESCRIPTION_WEIGHTS.values()))[0]
        return Turn(*describe(rng, sample, what))

    def ask(self, rng: random.Random, sample: Banner, *, number: int) -> Asked:
        """Is it positive or negative?"""
        question = question_about(rng, sample)
        return Asked(question.text, question.options, question.gold, question.traces)
