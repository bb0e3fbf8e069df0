"""Spatial questions over generated scenes, with exact answers and reference reasoning of three lengths.

Five types, in the manner of SAT: relation (left, right, above, below), distance (nearest, farthest), count, compare,
and move (a relation after one object moved). The answer is drawn first and the scene built to it, so that answers are
balanced within each type; scenes of another split are thrown away.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import permutations
from typing import NamedTuple

from evals.generated.scenes import COLOURS, DISTANCES, SHAPES, Cell, Scene, Thing, cells, make_scene

DIRECTIONS: dict[str, Cell] = {"left": (-1, 0), "right": (1, 0), "above": (0, -1), "below": (0, 1)}
MOVES: dict[str, Cell] = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
EXTREMES = {"nearest": "near", "farthest": "far"}
COUNTS = ("1", "2", "3", "4")
COMPARISONS = ("more", "fewer", "equal")
FEWEST_THINGS, MOST_THINGS = 2, 5


class Question(NamedTuple):
    """A question about a scene."""

    scene: Scene
    kind: str
    text: str
    options: tuple[str, ...]
    """In the order shown."""
    gold: str
    traces: tuple[str, ...]
    """Reasoning at a glance, with the whole evidence, and with the evidence looked at twice."""


def _question(
    rng: random.Random, scene: Scene, kind: str, text: str, *, options: list[str], gold: str, glance: str, evidence: str
) -> Question:
    shown = tuple(rng.sample(options, len(options)))
    return Question(scene, kind, text, shown, gold, (glance, evidence, f"{evidence}; again {evidence}"))


def _at(thing: Thing, cell: Cell | None = None) -> str:
    """`red 0 2`: colour, column, row."""
    column, row = cell or thing.cell
    return f"{thing.colour} {column} {row}"


def _shifted(cell: Cell, step: Cell) -> Cell:
    return cell[0] + step[0], cell[1] + step[1]


def direction(a: Cell, b: Cell) -> str | None:
    """Where a is from b; None where they share neither column nor row, or are the same cell."""
    if a == b or (a[0] != b[0] and a[1] != b[1]):
        return None
    if a[1] == b[1]:
        return "left" if a[0] < b[0] else "right"
    return "above" if a[1] < b[1] else "below"


def about_relation(rng: random.Random, scene: Scene, a: Thing, b: Thing) -> Question | None:
    """Where is a from b? None where no one direction says it."""
    gold = direction(a.cell, b.cell)
    if gold is None:
        return None
    text = f"Where is the {a.name} from the {b.name}?"
    evidence = f"{_at(a)}, {_at(b)}"
    return _question(
        rng, scene, "relation", text, options=list(DIRECTIONS), gold=gold, glance=_at(a), evidence=evidence
    )


def about_move(rng: random.Random, scene: Scene, a: Thing, b: Thing, *, way: str) -> Question | None:
    """Where is a from b after a moved one cell? None where it cannot move there or no one direction says it."""
    after = _shifted(a.cell, MOVES[way])
    gold = direction(after, b.cell)
    if gold is None or after not in cells() or any(thing.cell == after for thing in scene.things):
        return None
    text = f"The {a.name} moves one cell {way}. Where is it from the {b.name} then?"
    moved = _at(a, after)
    evidence = f"{_at(a)}, {moved}, {_at(b)}"
    return _question(rng, scene, "move", text, options=list(DIRECTIONS), gold=gold, glance=moved, evidence=evidence)


def about_distance(rng: random.Random, scene: Scene, *, wanted: str) -> Question | None:
    """Which object is nearest or farthest? None where that is not exactly one, or fewer than three are there."""
    extreme = EXTREMES[wanted]
    found = [thing.colour for thing in scene.things if thing.distance == extreme]
    if len(found) != 1 or len(scene.things) < 3:
        return None
    wrong = rng.sample([thing.colour for thing in scene.things if thing.colour != found[0]], 2)
    evidence = ", ".join(f"{thing.colour} {thing.distance}" for thing in scene.by_colour())
    return _question(
        rng,
        scene,
        "distance",
        f"Which object is {wanted}?",
        options=[found[0], *wrong],
        gold=found[0],
        glance=f"{found[0]} {extreme}",
        evidence=evidence,
    )


def about_count(rng: random.Random, scene: Scene, *, shape: str) -> Question | None:
    """How many of a shape are there? None for none and for five."""
    found = [thing.colour for thing in scene.by_colour() if thing.shape == shape]
    gold = str(len(found))
    if gold not in COUNTS:
        return None
    evidence = ", ".join(f"{number} {colour}" for number, colour in enumerate(found, start=1))
    text = f"How many {shape}s are there?"
    glance = f"{shape} {gold}"
    return _question(rng, scene, "count", text, options=list(COUNTS), gold=gold, glance=glance, evidence=evidence)


def about_compare(rng: random.Random, scene: Scene, *, first: str, second: str) -> Question | None:
    """Are there more, fewer or as many of the first shape as of the second? None where neither is there."""
    found = {shape: [thing.colour for thing in scene.by_colour() if thing.shape == shape] for shape in (first, second)}
    a, b = len(found[first]), len(found[second])
    if a + b == 0:
        return None
    gold = "equal" if a == b else "more" if a > b else "fewer"
    evidence = ", ".join(f"{shape} {' '.join(colours) or 'none'} {len(colours)}" for shape, colours in found.items())
    text = f"Compared with {second}s, are {first}s more, fewer or equal in number?"
    return _question(
        rng, scene, "compare", text, options=list(COMPARISONS), gold=gold, glance=f"{a} {b}", evidence=evidence
    )


def _thing_count(rng: random.Random, difficulty: float, *, at_least: int) -> int:
    """How many things a scene holds: about two when easy, about five when hard."""
    middle = FEWEST_THINGS + difficulty * (MOST_THINGS - FEWEST_THINGS)
    return max(at_least, min(MOST_THINGS, round(middle + rng.uniform(-1, 1))))


def _scene(
    rng: random.Random,
    difficulty: float,
    count: int,
    *,
    shapes: list[str] | None = None,
    places: list[Cell] | None = None,
    free: Cell | None = None,
    distances: list[str] | None = None,
) -> Scene:
    """A scene of `count` things; what is not given is drawn, and further things stand in cells that are left."""
    first = places or []
    others = [cell for cell in cells() if cell not in first and cell != free]
    return make_scene(
        rng,
        colours=rng.sample(list(COLOURS), count),
        shapes=shapes or [rng.choice(SHAPES) for _ in range(count)],
        places=[*first, *rng.sample(others, count - len(first))],
        distances=distances or [rng.choice(DISTANCES) for _ in range(count)],
        difficulty=difficulty,
    )


def _aligned_cells(step: Cell) -> list[tuple[Cell, Cell]]:
    """Every two cells of which the first lies in that direction from the second."""
    return [(a, b) for b in cells() for a in (_shifted(b, step), _shifted(_shifted(b, step), step)) if a in cells()]


def _make_relation(rng: random.Random, difficulty: float) -> Question | None:
    # the direction first, so that all four are equally frequent
    pair = rng.choice(_aligned_cells(rng.choice(list(DIRECTIONS.values()))))
    scene = _scene(rng, difficulty, _thing_count(rng, difficulty, at_least=2), places=list(pair))
    return about_relation(rng, scene, scene.things[0], scene.things[1])


def _make_move(rng: random.Random, difficulty: float) -> Question | None:
    # both drawn before the cells: cells drawn first fit a move along the direction half as often as one across it, and
    # the way named in the question would give the direction away
    step, way = rng.choice(list(DIRECTIONS.values())), rng.choice(list(MOVES))
    back = (-MOVES[way][0], -MOVES[way][1])
    paths = [(_shifted(after, back), after, other) for after, other in _aligned_cells(step)]
    fitting = [path for path in paths if path[0] in cells() and path[0] != path[2]]
    before, after, other = rng.choice(fitting)
    count = _thing_count(rng, difficulty, at_least=2)
    scene = _scene(rng, difficulty, count, places=[before, other], free=after)
    return about_move(rng, scene, scene.things[0], scene.things[1], way=way)


def _make_distance(rng: random.Random, difficulty: float) -> Question | None:
    wanted = rng.choice(list(EXTREMES))
    count = _thing_count(rng, difficulty, at_least=3)
    others = [level for level in DISTANCES if level != EXTREMES[wanted]]
    distances = [EXTREMES[wanted], *(rng.choice(others) for _ in range(count - 1))]
    return about_distance(rng, _scene(rng, difficulty, count, distances=distances), wanted=wanted)


def _make_count(rng: random.Random, difficulty: float) -> Question | None:
    gold, shape = int(rng.choice(COUNTS)), rng.choice(SHAPES)
    count = _thing_count(rng, difficulty, at_least=gold)
    others = [other for other in SHAPES if other != shape]
    shapes = [shape] * gold + [rng.choice(others) for _ in range(count - gold)]
    return about_count(rng, _scene(rng, difficulty, count, shapes=shapes), shape=shape)


def _make_compare(rng: random.Random, difficulty: float) -> Question | None:
    gold = rng.choice(COMPARISONS)
    count = _thing_count(rng, difficulty, at_least=2)
    first, second, third = rng.sample(SHAPES, 3)
    numbers = [(a, b) for a in range(count + 1) for b in range(count + 1 - a) if a + b > 0]
    fitting = {
        "more": [(a, b) for a, b in numbers if a > b],
        "fewer": [(a, b) for a, b in numbers if a < b],
        "equal": [(a, b) for a, b in numbers if a == b],
    }
    a, b = rng.choice(fitting[gold])
    shapes = [first] * a + [second] * b + [third] * (count - a - b)
    return about_compare(rng, _scene(rng, difficulty, count, shapes=shapes), first=first, second=second)


KINDS: dict[str, Callable[[random.Random, float], Question | None]] = {
    "relation": _make_relation,
    "distance": _make_distance,
    "count": _make_count,
    "compare": _make_compare,
    "move": _make_move,
}
"""Question types, in the order in which examples go through them."""


def ask(rng: random.Random, kind: str, *, split: str, difficulty: float) -> Question:
    """A question of one type about a scene of one split; draws again until both fit."""
    while True:
        question = KINDS[kind](rng, difficulty)
        if question is not None and question.scene.split == split:
            return question


def questions_about(rng: random.Random, scene: Scene) -> list[Question]:
    """Every question that can be asked of a scene, in no balanced mix; for dense supervision, never for scoring."""
    return [question for question in _all_about(rng, scene) if question is not None]


def _all_about(rng: random.Random, scene: Scene) -> Iterator[Question | None]:
    for a, b in permutations(scene.things, 2):
        yield about_relation(rng, scene, a, b)
        yield about_move(rng, scene, a, b, way=rng.choice(list(MOVES)))
    for wanted in EXTREMES:
        yield about_distance(rng, scene, wanted=wanted)
    for shape in SHAPES:
        yield about_count(rng, scene, shape=shape)
    for first, second in permutations(SHAPES, 2):
        yield about_compare(rng, scene, first=first, second=second)
