"""Generated scenes: what is drawn is what is there, alike in every process, and in one split only."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from evals.generated.scenes import (
    CELL_PIXELS,
    COLOURS,
    DISTANCES,
    RADIUS,
    SCENE_PIXELS,
    SHAPES,
    SPLIT_OF_BUCKET,
    STRONGEST_NOISE,
    Scene,
    Thing,
    cells,
    draw,
    make_scene,
)

if TYPE_CHECKING:
    from PIL.Image import Image

CENTRE = (1, 1)


def lone(shape: str = "square", *, distance: str = "middle", colour: str = "red", noise: float = 0.0) -> Scene:
    return Scene((Thing(colour, shape, CENTRE, distance),), noise_seed=1, noise=noise)


def pixels(image: Image) -> list[tuple[int, int, int]]:
    content = image.tobytes()
    return [(content[at], content[at + 1], content[at + 2]) for at in range(0, len(content), 3)]


def places_of(colour: str, image: Image) -> set[tuple[int, int]]:
    """Pixels of exactly that colour, as (x, y)."""
    found = enumerate(pixels(image))
    return {(at % SCENE_PIXELS, at // SCENE_PIXELS) for at, pixel in found if pixel == COLOURS[colour]}


def random_scene(seed: int, *, difficulty: float = 0.5) -> Scene:
    rng = random.Random(seed)
    return make_scene(
        rng,
        colours=rng.sample(list(COLOURS), 4),
        shapes=[rng.choice(SHAPES) for _ in range(4)],
        places=rng.sample(cells(), 4),
        distances=[rng.choice(DISTANCES) for _ in range(4)],
        difficulty=difficulty,
    )


def test_a_scene_is_a_small_rgb_picture() -> None:
    image = draw(random_scene(0))

    assert (image.mode, image.size) == ("RGB", (SCENE_PIXELS, SCENE_PIXELS))


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_a_scene_is_drawn_alike_every_time(difficulty: float) -> None:
    scene = random_scene(3, difficulty=difficulty)

    assert draw(scene).tobytes() == draw(scene).tobytes()


@pytest.mark.parametrize("cell", cells())
@pytest.mark.parametrize("shape", SHAPES)
def test_a_thing_is_drawn_in_its_colour_around_the_middle_of_its_cell(cell: tuple[int, int], shape: str) -> None:
    scene = Scene((Thing("red", shape, cell, "near"),), noise_seed=0, noise=0.0)

    drawn = places_of("red", draw(scene))

    middle = tuple(CELL_PIXELS * part + CELL_PIXELS // 2 for part in cell)
    assert middle in drawn
    assert {(x // CELL_PIXELS, y // CELL_PIXELS) for x, y in drawn} == {cell}


@pytest.mark.parametrize("shape", SHAPES)
def test_nearer_things_are_drawn_larger(shape: str) -> None:
    areas = [len(places_of("red", draw(lone(shape, distance=distance)))) for distance in DISTANCES]

    assert areas == sorted(areas, reverse=True)
    assert len(set(areas)) == len(DISTANCES)


@pytest.mark.parametrize("distance", DISTANCES)
def test_no_two_shapes_or_sizes_look_alike(distance: str) -> None:
    drawn = {frozenset(places_of("red", draw(lone(shape, distance=distance)))) for shape in SHAPES}

    assert len(drawn) == len(SHAPES)
    side = 2 * RADIUS[distance] + 1
    assert len(places_of("red", draw(lone("square", distance=distance)))) == side * side


def test_no_thing_takes_its_colour_from_another_or_from_the_background() -> None:
    empty = draw(Scene((), noise_seed=0, noise=0.0))

    assert len(set(COLOURS.values())) == len(COLOURS)
    assert not set(pixels(empty)) & set(COLOURS.values())


def test_every_thing_of_a_full_scene_can_be_seen() -> None:
    for seed in range(50):
        scene = random_scene(seed, difficulty=0.0)
        image = draw(scene)

        assert all(len(places_of(thing.colour, image)) > 20 for thing in scene.things)


def test_noise_changes_pixels_and_more_noise_changes_them_more() -> None:
    clean = draw(lone())

    def deviation(noise: float) -> int:
        noisy = draw(lone(noise=noise))
        return sum(abs(a - b) for a, b in zip(clean.tobytes(), noisy.tobytes(), strict=True))

    assert 0 == deviation(0.0) < deviation(0.1) < deviation(0.4)


def test_difficulty_sets_the_noise() -> None:
    noises = [random_scene(1, difficulty=d).noise for d in (0.0, 0.25, 1.0)]

    assert noises == [0.0, STRONGEST_NOISE / 2, STRONGEST_NOISE]


def test_the_hash_is_of_what_stands_where_and_of_nothing_else() -> None:
    scene = random_scene(5)
    shifted = tuple(thing._replace(shift=(1, -1)) for thing in reversed(scene.things))

    assert Scene(shifted, noise_seed=99, noise=0.0).hash == scene.hash


@pytest.mark.parametrize("change", [{"colour": "blue"}, {"shape": "circle"}, {"cell": (0, 0)}, {"distance": "far"}])
def test_the_hash_changes_with_each_thing_that_makes_a_scene(change: dict[str, object]) -> None:
    scene = lone()

    changed = scene._replace(things=(scene.things[0]._replace(**change),))  # type: ignore[arg-type]

    assert changed.hash != scene.hash


def test_a_tenth_of_scenes_is_held_out_and_a_tenth_for_validation() -> None:
    splits = Counter(random_scene(seed).split for seed in range(3000))

    assert set(splits) == {"train", *SPLIT_OF_BUCKET.values()}
    for split in SPLIT_OF_BUCKET.values():
        assert 0.08 < splits[split] / 3000 < 0.12


def test_things_are_listed_by_colour_whatever_their_order() -> None:
    scene = random_scene(2)

    listed = [thing.colour for thing in scene.by_colour()]

    assert listed == [colour for colour in COLOURS if colour in listed]
    assert scene._replace(things=scene.things[::-1]).by_colour() == scene.by_colour()
