"""Which aircraft is it? Questions over generated pictures with exact answers, reasoning of three lengths, descriptions.

Reasoning names what can be seen, part by part, then comes the answer. Descriptions ask for the parts themselves; they
are for teaching a model to see, never for scoring.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

from evals.generated.aircraft_drawing import cell_of_nose_and_tail
from evals.generated.aircraft_fleet import Build, Variant, labels
from evals.generated.aircraft_scenes import AircraftScene, make_scene

ASKED_FOR = {"variant": "model", "family": "family", "manufacturer": "manufacturer"}
"""What the question calls a level."""
CELLS = 3
"""Cells a side of the grid by which descriptions say where nose and tail are."""


class Question(NamedTuple):
    """A picture and what it shows."""

    scene: AircraftScene
    kind: str
    """Breakdown: the family, or the manufacturer where the family is asked for."""
    text: str
    options: tuple[str, ...]
    """In the order shown; empty unless options were asked for."""
    gold: str
    traces: tuple[str, ...]
    """Reasoning at a glance, with the whole evidence, and with the evidence looked at twice."""


class Description(NamedTuple):
    """One thing to say about a picture."""

    asked: str
    target: str


def question_text(level: str) -> str:
    """The question, in the words of the paper's code family (Visual-RFT); it lists no classes."""
    return (
        f"This is an image containing an aircraft. Please identify the {ASKED_FOR[level]} of the aircraft "
        "based on the image."
    )


def ask(
    rng: random.Random,
    variant: Variant,
    *,
    split: str,
    difficulty: float,
    level: str = "variant",
    variants: Sequence[Variant] = (),
    option_count: int = 0,
) -> Question:
    """A question about a picture of the variant that belongs to the split.

    With `option_count` it shows so many of the labels of `variants`, the gold one among them; the others look the more
    alike the higher the difficulty.
    """
    scene = make_scene(rng, variant, split=split, difficulty=difficulty)
    options: tuple[str, ...] = ()
    if option_count:
        options = _options(rng, variant, variants, level=level, count=option_count, difficulty=difficulty)
    return Question(
        scene,
        variant.family if level == "variant" else variant.manufacturer,
        question_text(level),
        options,
        variant.label(level),
        traces(scene),
    )


def traces(scene: AircraftScene) -> tuple[str, ...]:
    """Reasoning at a glance, with the whole evidence, and with the evidence looked at twice."""
    build = scene.variant.build
    evidence = f"{scene.view} view, {parts_text(build)}"
    return f"{_wings(build)}, {_body(build)}", evidence, f"{evidence}; again {evidence}"


def parts_text(build: Build) -> str:
    """`low swept wings, 2 jets, plain tail, slim long body`, and `tip tanks` where there are any."""
    named = [_wings(build), build.engines, f"{build.tail} tail", _body(build)]
    return ", ".join([*named, "tip tanks"] if build.has_tip_tanks else named)


def descriptions(scene: AircraftScene) -> dict[str, Description]:
    """What can be asked about the picture besides its name, by kind of description."""
    build, (nose, tail) = scene.variant.build, cell_of_nose_and_tail(scene, cells=CELLS)
    return {
        "parts": Description("List the parts.", f"{scene.view} view, {parts_text(build)}"),
        "wings": Description("Name the wings.", _wings(build)),
        "engines": Description("Name the engines.", build.engines),
        "count": Description("How many engines?", str(build.engine_count)),
        "tail": Description("Name the tail.", f"{build.tail} tail"),
        "body": Description("Name the body.", _body(build)),
        "view": Description("Name the view.", f"{scene.view} view"),
        "colours": Description("Name the colours.", f"{scene.livery.body} {scene.livery.second}"),
        "ends": Description("Find the nose and the tail.", f"nose {nose[0]} {nose[1]}, tail {tail[0]} {tail[1]}"),
    }


def _wings(build: Build) -> str:
    return f"{build.position} {build.wings} wings"


def _body(build: Build) -> str:
    return f"{build.width} {build.length} body"


def _options(
    rng: random.Random, variant: Variant, variants: Sequence[Variant], *, level: str, count: int, difficulty: float
) -> tuple[str, ...]:
    """The gold label and count - 1 others: from all of them at difficulty 0, the most alike ones at difficulty 1."""
    gold = variant.label(level)
    alike = sorted(variants, key=lambda other: sum(a != b for a, b in zip(variant.build, other.build, strict=True)))
    others = [label for label in labels(tuple(alike), level) if label != gold]
    wrong = max(0, min(count - 1, len(others)))
    pool = others[: round(wrong + (1 - difficulty) * (len(others) - wrong))]
    return tuple(rng.sample([gold, *rng.sample(pool, wrong)], wrong + 1))
