"""Generated aircraft as pictures: every variant can be told from every other one, by parts and never by colours."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from evals.class_names import collapsed
from evals.errors import TaskError
from evals.generated.aircraft_drawing import draw
from evals.generated.aircraft_fleet import LEVELS, MOST_VARIANTS, Build, Variant, fleet, labels
from evals.generated.aircraft_questions import descriptions, traces
from evals.generated.aircraft_scenes import VIEWS, AircraftScene, Jitter, Livery, make_scene
from evals.generated.aircraft_shapes import WINDOWS, parts

LIVERY = Livery("white", "red", "plain", "silver")
BUILD = Build("swept", "low", "2 jets", "plain", "slim", "short", has_tip_tanks=False)


def scene(build: Build = BUILD, *, view: str = "top", jitter: Jitter | None = None) -> AircraftScene:
    return AircraftScene(Variant("Kalo 10", "Kalo", "Hald Air", build), view, False, LIVERY, False, jitter or Jitter())


def pixels(of: AircraftScene, side: int = 48) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(draw(of, side)).astype(int)


def differing_pixels(one: AircraftScene, other: AircraftScene) -> int:
    """Pixels that differ in a channel by more than noise could."""
    return int((abs(pixels(one) - pixels(other)).max(axis=2) > 40).sum())


# the fleet


@pytest.mark.parametrize("count", [2, 12, 33, 100, MOST_VARIANTS])
def test_there_are_as_many_variants_as_asked_and_each_is_built_differently(count: int) -> None:
    made = fleet(count)

    assert len(made) == len({variant.build for variant in made}) == len({variant.name for variant in made}) == count


@pytest.mark.parametrize("level", LEVELS)
def test_no_label_is_part_of_another_however_it_is_spelled(level: str) -> None:
    spellings = [collapsed(label) for label in labels(fleet(MOST_VARIANTS), level)]

    assert len(set(spellings)) == len(spellings) > 50
    assert not [(a, b) for a in spellings for b in spellings if a != b and a in b]


def test_names_have_the_official_traps() -> None:
    names = " ".join(labels(fleet(), "variant"))

    assert {"/", " ", "-"} <= set(names)
    assert {"/", " ", "-"} <= set("|".join(labels(fleet(24), "manufacturer")))


def test_a_family_is_of_one_manufacturer_and_differs_within_in_length_and_tanks_alone() -> None:
    for family in labels(fleet(100), "family"):
        members = [variant for variant in fleet(100) if variant.family == family]

        assert len({variant.manufacturer for variant in members}) == 1
        assert len({variant.build[:5] for variant in members}) == 1


@pytest.mark.parametrize("count", [0, 1, MOST_VARIANTS + 1])
def test_a_fleet_of_another_size_is_refused(count: int) -> None:
    with pytest.raises(TaskError, match=f"variants is {count}"):
        fleet(count)


# pictures


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("count", "likeness", "fewest"), [(12, 0.0, 200), (12, 0.5, 150), (60, 0.5, 30)])
def test_every_two_variants_differ_in_many_pixels_in_either_view(
    view: str, count: int, likeness: float, fewest: int
) -> None:
    drawn = [pixels(AircraftScene(v, view, False, LIVERY, False, Jitter(likeness=likeness))) for v in fleet(count)]

    closest = min(int((abs(a - b).max(axis=2) > 40).sum()) for a, b in combinations(drawn, 2))

    assert closest > fewest


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "change",
    [
        *({"wings": wings} for wings in ("straight", "delta")),
        {"position": "high"},
        *({"engines": engines} for engines in ("1 prop", "4 jets", "2 rear jets", "2 props")),
        *({"tail": tail} for tail in ("T", "twin", "V")),
        {"width": "wide"},
        {"length": "long"},
        {"has_tip_tanks": True},
    ],
    ids=lambda change: "-".join(str(value) for value in change.values()),
)
def test_each_part_of_a_build_can_be_seen_in_either_view(view: str, change: dict[str, Any]) -> None:
    changed = differing_pixels(scene(view=view), scene(BUILD._replace(**change), view=view))

    assert changed > 15


@pytest.mark.parametrize("view", VIEWS)
def test_colours_change_pixels_and_no_part(view: str) -> None:
    painted = scene(view=view)._replace(livery=Livery("navy", "yellow", "plain", "sand"))

    assert differing_pixels(scene(view=view), painted) > 100
    assert parts(painted) == parts(scene(view=view))


@pytest.mark.parametrize("length", ["short", "long"])
def test_windows_are_seen_from_the_side_and_tell_the_length(length: str) -> None:
    build = BUILD._replace(length=length)

    windows = [part for part in parts(scene(build, view="side")) if part.paint == "glass"]

    # one more is the cockpit's
    assert len(windows) == WINDOWS[length] + 1


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(("engines", "seen"), [("1 prop", (0, 0)), ("2 jets", (2, 1)), ("4 jets", (4, 2))])
def test_as_many_engines_are_drawn_as_there_are(view: str, engines: str, seen: tuple[int, int]) -> None:
    drawn = parts(scene(BUILD._replace(engines=engines), view=view))

    assert sum(part.paint == "engine" for part in drawn) == seen[VIEWS.index(view)]


@pytest.mark.parametrize("side", [32, 48, 224])
def test_a_picture_is_drawn_at_any_side_and_alike_every_time(side: int) -> None:
    of = make_scene(random.Random(1), fleet()[0], split="train", difficulty=0.5)

    assert draw(of, side).size == (side, side)
    assert draw(of, side).tobytes() == draw(of, side).tobytes()


def test_the_background_tells_the_place_in_both_directions() -> None:
    drawn = pixels(scene())

    corners = {tuple(drawn[y, x]) for y in (0, -1) for x in (0, -1)}
    assert len(corners) == 4
    assert drawn[0, 0, 0] < drawn[-1, 0, 0] and drawn[0, 0, 2] < drawn[0, -1, 2]


def test_higher_difficulty_turns_covers_and_blurs_more_and_brings_lengths_together() -> None:
    def mean(difficulty: float) -> list[float]:
        drawn = [
            make_scene(random.Random(seed), fleet()[0], split="train", difficulty=difficulty).jitter
            for seed in range(200)
        ]
        rows = [(abs(j.turn), abs(j.shift[0]), abs(j.scale - 1), len(j.clouds), j.noise, j.likeness) for j in drawn]
        return [float(value) for value in np.mean(rows, axis=0)]

    easy, middle, hard = mean(0.0), mean(0.5), mean(1.0)

    assert all(a < b < c for a, b, c in zip(easy, middle, hard, strict=True))
    assert easy[3:] == [0.0, 0.0, 0.0]


def test_the_hash_is_of_what_is_drawn_and_not_of_jitter() -> None:
    of = scene()

    assert of._replace(jitter=Jitter(turn=0.1, noise=0.2, noise_seed=4)).hash == of.hash
    changes = [
        of._replace(view="side"),
        of._replace(is_flipped=True),
        of._replace(is_gear_down=True),
        of._replace(livery=LIVERY._replace(wings="slate")),
        of._replace(variant=fleet()[1]),
        of._replace(variant=of.variant._replace(build=BUILD._replace(length="long"))),
    ]
    assert len({of.hash, *(changed.hash for changed in changes)}) == len(changes) + 1


# questions


def test_reasoning_names_what_is_seen_and_comes_in_three_lengths() -> None:
    of = scene(Build("delta", "high", "2 rear jets", "V", "wide", "long", has_tip_tanks=True), view="side")

    glance, evidence, twice = traces(of)

    assert glance == "high delta wings, wide long body"
    assert evidence == "side view, high delta wings, 2 rear jets, V tail, wide long body, tip tanks"
    assert twice == f"{evidence}; again {evidence}"


def test_the_whole_evidence_names_one_variant() -> None:
    seen = {traces(scene(variant.build))[1] for variant in fleet(MOST_VARIANTS)}

    assert len(seen) == MOST_VARIANTS


def test_descriptions_say_what_is_there() -> None:
    said = descriptions(scene(BUILD._replace(tail="T"), view="side"))

    assert said["wings"] == ("Name the wings.", "low swept wings")
    assert said["count"] == ("How many engines?", "2")
    assert said["tail"].target == "T tail"
    # the nose is left, the tail right, in the middle row of three
    assert said["ends"].target == "nose 0 1, tail 2 1"
    assert len({each.asked for each in said.values()}) == len(said)


@pytest.mark.parametrize(("view", "ends"), [("top", "nose 1 2, tail 1 0"), ("side", "nose 2 1, tail 0 1")])
def test_a_flipped_aircraft_has_its_nose_on_the_other_side(view: str, ends: str) -> None:
    of = scene(BUILD._replace(length="long"), view=view)._replace(is_flipped=True)

    assert descriptions(of)["ends"].target == ends
