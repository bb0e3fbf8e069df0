"""Generated scenes: coloured shapes of three sizes on a 3 × 3 grid, drawn small enough for the embedded model.

Size stands for distance: near objects are large, far ones small. Splits are disjoint by scene: the hash of what stands
where decides whether a scene may be trained on, tuned on (validation) or held out.
"""

from __future__ import annotations

import hashlib
import math
import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

GRID = 3
"""Cells a side."""
CELL_PIXELS = 16
SCENE_PIXELS = GRID * CELL_PIXELS
COLOURS = {
    "red": (220, 40, 40),
    "blue": (50, 80, 230),
    "green": (30, 140, 60),
    "yellow": (240, 200, 20),
    "black": (20, 20, 20),
}
SHAPES = ("circle", "square", "triangle")
DISTANCES = ("near", "middle", "far")
RADIUS = {"near": 7, "middle": 5, "far": 4}
"""Half the side of an object in pixels."""
BUCKETS = 10
SPLIT_OF_BUCKET = {0: "heldout", 1: "validation"}
"""All other buckets are the training split."""
STRONGEST_NOISE = 0.62
"""Share of random pixels blended in at difficulty 1; it grows with the root, since little noise hides nothing."""

Cell = tuple[int, int]
"""Column from the left and row from the top."""


class Thing(NamedTuple):
    """One object."""

    colour: str
    """Unique in its scene."""
    shape: str
    cell: Cell
    distance: str
    shift: tuple[int, int] = (0, 0)
    """Pixels off the cell's middle; does not change what the scene is."""

    @property
    def name(self) -> str:
        """`red circle`"""
        return f"{self.colour} {self.shape}"


class Scene(NamedTuple):
    """What stands where."""

    things: tuple[Thing, ...]
    noise_seed: int
    noise: float
    """Share of random pixels blended in, 0 to 1."""

    @property
    def hash(self) -> str:
        """Hash of colours, shapes, cells and distances, whatever the order, shift or noise."""
        content = sorted(thing[:4] for thing in self.things)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:16]

    @property
    def split(self) -> str:
        """The only split this scene may occur in: train, validation or heldout."""
        return SPLIT_OF_BUCKET.get(int(self.hash, 16) % BUCKETS, "train")

    def by_colour(self) -> tuple[Thing, ...]:
        """The things in the fixed order of colours."""
        order = list(COLOURS)
        return tuple(sorted(self.things, key=lambda thing: order.index(thing.colour)))


def cells() -> list[Cell]:
    """All cells, row by row."""
    return [(column, row) for row in range(GRID) for column in range(GRID)]


def make_scene(
    rng: random.Random,
    *,
    colours: list[str],
    shapes: list[str],
    places: list[Cell],
    distances: list[str],
    difficulty: float,
) -> Scene:
    """A scene of the given things, with shifts and noise from `rng`."""
    things = tuple(
        Thing(colour, shape, cell, distance, (rng.randint(-1, 1), rng.randint(-1, 1)))
        for colour, shape, cell, distance in zip(colours, shapes, places, distances, strict=True)
    )
    return Scene(things, rng.getrandbits(32), STRONGEST_NOISE * math.sqrt(difficulty))


def draw(scene: Scene) -> Image:
    """The scene as a 48 × 48 RGB picture; the same scene always gives the same pixels."""
    # PIL costs 50 ms, which commands that draw nothing should not pay
    from PIL import Image, ImageDraw

    picture = _background()
    pen = ImageDraw.Draw(picture)
    for thing in scene.things:
        middle = [
            cell * CELL_PIXELS + CELL_PIXELS // 2 + shift for cell, shift in zip(thing.cell, thing.shift, strict=True)
        ]
        _draw_shape(pen, thing.shape, middle, radius=RADIUS[thing.distance], colour=COLOURS[thing.colour])
    if scene.noise > 0:
        pixels = random.Random(scene.noise_seed).randbytes(SCENE_PIXELS * SCENE_PIXELS * 3)
        speckle = Image.frombytes("RGB", (SCENE_PIXELS, SCENE_PIXELS), pixels)
        picture = Image.blend(picture, speckle, scene.noise)
    return picture


def _background() -> Image:
    """A soft gradient in two directions: it puts position into every patch, which a tiny vision encoder needs."""
    from PIL import Image

    last = SCENE_PIXELS - 1
    rows = bytes(
        value
        for y in range(SCENE_PIXELS)
        for x in range(SCENE_PIXELS)
        for value in (130 + 120 * y // last, 235, 130 + 120 * x // last)
    )
    return Image.frombytes("RGB", (SCENE_PIXELS, SCENE_PIXELS), rows)


def _draw_shape(pen: object, shape: str, middle: list[int], *, radius: int, colour: tuple[int, int, int]) -> None:
    from PIL.ImageDraw import ImageDraw

    assert isinstance(pen, ImageDraw)
    x, y = middle
    box = (x - radius, y - radius, x + radius, y + radius)
    if shape == "circle":
        pen.ellipse(box, fill=colour)
    elif shape == "square":
        pen.rectangle(box, fill=colour)
    else:
        pen.polygon([(x, y - radius), (x - radius, y + radius), (x + radius, y + radius)], fill=colour)
