"""Lessons of the task aircraft: invented aircraft, described part by part, and which variant each is."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar

from evals.generated.aircraft_drawing import draw
from evals.generated.aircraft_fleet import ENGINES, LENGTHS, POSITIONS, TAILS, WIDTHS, WINGS, fleet
from evals.generated.aircraft_questions import descriptions, question_text, traces
from evals.generated.aircraft_scenes import VIEWS, AircraftScene, make_scene
from trainer.tiny.subjects import Asked, Fact, Subject, Turn

if TYPE_CHECKING:
    from PIL.Image import Image

LESSON_NOISE = 0.2
"""Share of random pixels in a lesson's picture at difficulty 1."""
DESCRIPTION_WEIGHTS = {
    "parts": 3,
    "wings": 1,
    "engines": 1,
    "count": 0.5,
    "tail": 1,
    "body": 1,
    "view": 0.5,
    "colours": 0.5,
    "ends": 0.5,
}


class AircraftLessons(Subject):
    """The variants of the fleet that the task has by default."""

    name = "aircraft"
    facts: ClassVar[dict[str, Fact]] = {
        "wings": Fact("picture", WINGS),
        "position": Fact("picture", POSITIONS),
        "engines": Fact("picture", ENGINES),
        "tail": Fact("picture", TAILS),
        "width": Fact("picture", WIDTHS),
        "length": Fact("picture", LENGTHS),
        "view": Fact("picture", VIEWS),
    }

    def sample(self, rng: random.Random, *, hardest: float = 1.0) -> AircraftScene:
        """Any variant, seen any way."""
        difficulty = hardest * rng.random()
        scene = make_scene(rng, rng.choice(fleet()), split="train", difficulty=difficulty)
        return scene._replace(jitter=scene.jitter._replace(noise=LESSON_NOISE * difficulty))

    def draw(self, sample: AircraftScene) -> Image:
        """The aircraft at the embedded model's size."""
        return draw(sample)

    def seen(self, sample: AircraftScene) -> dict[str, tuple[str, ...]]:
        """How it is built and from where it is seen."""
        build = sample.variant.build
        return {fact: (sample.view,) if fact == "view" else (getattr(build, fact),) for fact in self.facts}

    def describe(self, rng: random.Random, sample: AircraftScene) -> Turn:
        """All parts, or one of them."""
        what = rng.choices(list(DESCRIPTION_WEIGHTS), list(DESCRIPTION_WEIGHTS.values()))[0]
        return Turn(*descriptions(sample)[what])

    def ask(self, rng: random.Random, sample: AircraftScene, *, number: int) -> Asked:
        """Which variant is it?"""
        return Asked(question_text("variant"), (), sample.variant.label("variant"), traces(sample))
