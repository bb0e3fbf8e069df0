"""What the embedded model is shown: scenes with four turns each, first descriptions, then questions as well.

Descriptions teach it to see; questions come with and without reasoning, half and half, so that the gap between the two
prompts is learned and not built in. Only scenes of the training split occur.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from evals import prompts
from evals.generated.scenes import SHAPES, Scene, cells
from evals.generated.spatial_questions import KINDS, Question, ask, questions_about

TURNS = 4
LESSON_NOISE = 0.2
"""Share of random pixels in a lesson's picture at difficulty 1: from noisier ones the model never learns to see."""
QUESTION_SHARE = 0.75
"""Share of turns that are questions, once questions begin."""
TRACE_WEIGHTS = (1, 2, 1)
"""Short, normal and long reasoning."""
DESCRIPTION_WEIGHTS = {"grid": 2, "places": 1, "find": 2, "relations": 1, "shapes": 1, "distances": 0.5}


class Turn(NamedTuple):
    """One user turn and what the model should say to it."""

    asked: str
    target: str


class Lesson(NamedTuple):
    """A scene and its turns."""

    scene: Scene
    turns: tuple[Turn, ...]


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


def question_turn(rng: random.Random, question: Question, *, mode: str) -> Turn:
    """A question with its reference completion."""
    trace = rng.choices(question.traces, TRACE_WEIGHTS)[0] if mode == prompts.THINK else None
    asked = prompts.user_text(question.text, question.options, mode=mode)
    return Turn(asked, prompts.completion_text(question.gold, think=trace))


def lesson(rng: random.Random, *, with_questions: bool) -> Lesson:
    """A scene of the training split, of any difficulty, with four turns."""
    kind, difficulty = rng.choice(list(KINDS)), rng.random()
    first = ask(rng, kind, split="train", difficulty=difficulty)
    scene = first.scene._replace(noise=LESSON_NOISE * difficulty)
    further = questions_about(rng, scene)
    turns = []
    for number in range(TURNS):
        if with_questions and rng.random() < QUESTION_SHARE:
            question = first if number == 0 else _one_of_a_random_kind(rng, further)
            turns.append(question_turn(rng, question, mode=rng.choice([prompts.THINK, prompts.DIRECT])))
        else:
            what = rng.choices(list(DESCRIPTION_WEIGHTS), list(DESCRIPTION_WEIGHTS.values()))[0]
            turns.append(describe(rng, scene, what))
    return Lesson(scene, tuple(turns))


def _one_of_a_random_kind(rng: random.Random, questions: list[Question]) -> Question:
    kind = rng.choice(sorted({question.kind for question in questions}))
    return rng.choice([question for question in questions if question.kind == kind])


def all_texts(rng: random.Random, *, scenes: int) -> Iterator[str]:
    """Every kind of sentence the model reads or writes, over some scenes."""
    for _ in range(scenes):
        scene = ask(rng, rng.choice(list(KINDS)), split="train", difficulty=rng.random()).scene
        for what in DESCRIPTION_WEIGHTS:
            yield from describe(rng, scene, what)
        for question in questions_about(rng, scene):
            for mode in (prompts.THINK, prompts.DIRECT):
                yield from question_turn(rng, question, mode=mode)
