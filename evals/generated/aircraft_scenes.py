"""Generated pictures of aircraft as plain values: which variant, seen how, in which colours, and what spoils the view.

Splits are disjoint by scene: the hash of what is drawn (variant, view, heading, livery, gear, but neither jitter nor
clouds nor noise) decides whether a picture may be trained on, tuned on (validation) or held out. Every variant occurs
in all three.
"""

from __future__ import annotations

import hashlib
import math
import random
from typing import NamedTuple

from evals.generated.aircraft_fleet import Variant

VIEWS = ("top", "side")
COLOURS = {
    "white": (250, 250, 250),
    "red": (214, 40, 40),
    "blue": (45, 95, 225),
    "yellow": (245, 200, 30),
    "orange": (240, 120, 20),
    "violet": (140, 70, 200),
    "pink": (240, 130, 190),
    "navy": (30, 45, 110),
}
WINGS = {"silver": (205, 212, 220), "sand": (222, 205, 165), "slate": (135, 145, 160)}
PATTERNS = ("plain", "stripe", "nose", "rear")
"""Which part of the body has the second colour; fin and wing tips always have it."""
SPLIT_OF_BUCKET = {0: "heldout", 1: "validation"}
"""All other buckets are the training split."""
BUCKETS = 10
MOST_CLOUDS = 4
"""In front of the aircraft at difficulty 1."""
STRONGEST_NOISE = 0.59
"""Share of random pixels blended in at difficulty 1; it grows with the fourth root: little noise hides nothing."""
GREATEST_LIKENESS = 0.5
"""How far lengths come together at difficulty 1, as a share of their distance at difficulty 0."""


class Livery(NamedTuple):
    """Colours, which say nothing about the variant."""

    body: str
    second: str
    pattern: str
    wings: str


class Cloud(NamedTuple):
    """A cloud before the aircraft, in shares of the picture's side."""

    x: float
    y: float
    width: float
    height: float


class Jitter(NamedTuple):
    """What changes pixels and not what is drawn."""

    shift: tuple[float, float] = (0.0, 0.0)
    """Shares of the picture's side, right and down."""
    scale: float = 1.0
    turn: float = 0.0
    """Tangent of half the angle, clockwise."""
    clouds: tuple[Cloud, ...] = ()
    noise_seed: int = 0
    noise: float = 0.0
    """Share of random pixels blended in, 0 to 1."""
    likeness: float = 0.0
    """How far lengths that differ come together, 0 to 1."""


class AircraftScene(NamedTuple):
    """One picture."""

    variant: Variant
    view: str
    is_flipped: bool
    """Nose down from above, nose right from the side; else nose up and nose left."""
    livery: Livery
    is_gear_down: bool
    """Seen from the side alone."""
    jitter: Jitter = Jitter()

    @property
    def hash(self) -> str:
        """Hash of what is drawn, without jitter."""
        content = (self.variant.name, *self.variant.build, *self[1:3], *self.livery, self.is_gear_down)
        return hashlib.sha256(repr(content).encode()).hexdigest()[:16]

    @property
    def split(self) -> str:
        """The only split this picture may occur in: train, validation or heldout."""
        return SPLIT_OF_BUCKET.get(int(self.hash, 16) % BUCKETS, "train")


def make_scene(rng: random.Random, variant: Variant, *, split: str, difficulty: float) -> AircraftScene:
    """A picture of the variant that belongs to the split; more turned, clouded and noisy at higher difficulty."""
    while True:
        body, second = rng.sample(list(COLOURS), 2)
        view = rng.choice(VIEWS)
        scene = AircraftScene(
            variant,
            view,
            is_flipped=rng.random() < difficulty / 2,
            livery=Livery(body, second, rng.choice(PATTERNS), rng.choice(list(WINGS))),
            is_gear_down=view == "side" and rng.random() < 0.5,
            jitter=_jitter(rng, difficulty),
        )
        if scene.split == split:
            return scene


def _jitter(rng: random.Random, difficulty: float) -> Jitter:
    reach = 0.01 + 0.04 * difficulty
    clouds = tuple(
        Cloud(rng.random(), rng.random(), 0.08 + 0.12 * rng.random(), 0.05 + 0.07 * rng.random())
        for _ in range(rng.randint(0, round(MOST_CLOUDS * difficulty)))
    )
    return Jitter(
        shift=(rng.uniform(-reach, reach), rng.uniform(-reach, reach)),
        scale=1 + rng.uniform(-1, 1) * (0.02 + 0.08 * difficulty),
        turn=rng.uniform(-1, 1) * (0.02 + 0.14 * difficulty),
        clouds=clouds,
        noise_seed=rng.getrandbits(32),
        noise=STRONGEST_NOISE * math.sqrt(math.sqrt(difficulty)),
        likeness=GREATEST_LIKENESS * difficulty,
    )
