"""Lessons of the task sat: scenes of coloured shapes, described object by object, and spatial questions about them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from evals.generated.scenes import COLOURS, DISTANCES, SHAPES, Scene, cells, draw
from evals.generated.spatial_questions import KINDS, Question, ask, questions_about
from trainer.tiny.subjects import Asked, Fact, Subject, Turn

if TYPE_CHECKING:
    from PIL.Image import Image

LESSON_NOISE = 0.2
"""Share of random pixels in a lesson's picture at difficulty 1: from noisier ones the model never learns to see."""
DESCRIPTION_WEIGHTS = {"grid": 2, "places": 1, "find": 2, "relations": 1, "shapes": 1, "distances": 0.5}


class SceneSample(NamedTuple):
    """A scene and what can be asked about it."""

    scene: Scene
    first: Question
    """The one that the scene was built for, so that answers are balanced."""
    further: tuple[Question, ...]


class SatLessons(Subject):
    """Scenes on a grid."""

    name = "sat"
    facts: ClassVar[dict[str, Fact]] = {
        "colour": Fact("cell", ("none", *COLOURS)),
        "shape": Fact("cell", ("none", *SHAPES)),
        "distance": Fact("cell", ("none", *DISTANCES)),
    }

    def sample(self, rng: random.Random, *, hardest: float = 1.0) -> SceneSample:
        """A scene built for a question of any type."""
        difficulty = hardest * rng.random()
        first = ask(rng, rng.choice(list(KINDS)), split="train", difficulty=difficulty)
        scene = first.scene._replace(noise=LESSON_NOISE * difficulty)
        return SceneSample(scene, first, tuple(questions_about(rng, scene)))

    def draw(self, sample: SceneSample) -> Image:
        """The scene."""
        return draw(sample.scene)

    def seen(self, sample: SceneSample) -> dict[str, tuple[str, ...]]:
        """Colour, shape and distance of what stands in each cell."""
        at = {thing.cell: thing for thing in sample.scene.things}
        return {
            fact: tuple(getattr(at[cell], fact) if cell in at else "none" for cell in cells()) for fact in self.facts
        }

    def describe(self, rng: random.Random, sample: SceneSample) -> Turn:
        """One of several lists, or a search."""
        what = rng.choices(list(DESCRIPTION_WEIGHTS), list(DESCRIPTION_WEIGHTS.values()))[0]
        return describe(rng, sample.scene, what)

    def ask(self, rng: random.Random, sample: SceneSample, *, number: int) -> Asked:
        """The question that the scene was built for, then others of random types."""
        question = sample.first
        if number:
            kind = rng.choice(sorted({further.kind for further in sample.further}))
            question = rng.choice([further for further in sample.further if further.kind == kind])
        return Asked(question.text, question.options, question.gold, question.traces)


def describe(rng: random.Random, scene: Scene, what: str) -> Turn:
    """A description of the scene."""
    things = scene.by_colour()
    if what == "grid":
        at = {thing.cell: thing.name for thing in things}
        return Turn("List the grid.", " ".join(at.get(cell, "none") for cell in cells()))
    if what == "places":
        return Turn("List the objects.", ", ".join(f"{t.name} {t.cell[0]} {t.cell[1]}" for t in things))
    if what == "distances":
        return Turn("List the distances.", ", ".join(f"{t.colour} {t.distance}" for t in things))
    if what == "shapes":
        listed = [(shape, [t.colour for t in things if t.shape == shape]) for shape in SHAPES]
        return Turn("List the shapes.", ", ".join(f"{s} {' '.join(c) or 'none'} {len(c)}" for s, c in listed))
    if what == "find":
        chosen = rng.sample(things, min(2, len(things)))
        found = ", ".join(f"{t.colour} {t.cell[0]} {t.cell[1]}" for t in chosen)
        return Turn(f"Find the {' and the '.join(t.name for t in chosen)}.", found)
    pairs = [rng.sample(things, 2) for _ in range(3)] if len(things) > 1 else []
    return Turn(
        "List the relations.", ", ".join(_both_directions(a.cell, b.cell, a.colour, b.colour) for a, b in pairs)
    )


def _both_directions(a: tuple[int, int], b: tuple[int, int], first: str, second: str) -> str:
    across = "left" if a[0] < b[0] else "right" if a[0] > b[0] else "same"
    down = "above" if a[1] < b[1] else "below" if a[1] > b[1] else "same"
    return f"{first} {second} {across} {down}"
