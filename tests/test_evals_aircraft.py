"""Generated aircraft: every variant can be told from every other one, alike in every process, and in one split only."""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evals.class_names import collapsed
from evals.errors import TaskError
from evals.generated.aircraft_drawing import draw
from evals.generated.aircraft_fleet import LEVELS, MOST_VARIANTS, Build, Variant, fleet, labels
from evals.generated.aircraft_questions import descriptions, lesson_question, traces
from evals.generated.aircraft_scenes import VIEWS, AircraftScene, Jitter, Livery, make_scene
from evals.generated.aircraft_shapes import WINDOWS, parts
from evals.parsing import parse
from evals.prompts import DIRECT, THINK
from evals.task import Example, Examples
from evals.tasks import load_task
from evals.tasks.aircraft import Aircraft

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "validation", "heldout")
LIVERY = Livery("white", "red", "plain", "silver")
BUILD = Build("swept", "low", "2 jets", "plain", "slim", "short", has_tip_tanks=False)


def examples(split: str = "train", *, seed: int = 0, difficulty: float = 0.5, **options: Any) -> Examples:
    task = Aircraft.configured(options)
    return task.examples(split, seed=seed, difficulty=difficulty, source=task.source("generated"))


def scene(build: Build = BUILD, *, view: str = "top", jitter: Jitter | None = None) -> AircraftScene:
    return AircraftScene(Variant("Kalo 10", "Kalo", "Hald Air", build), view, False, LIVERY, False, jitter or Jitter())


def pixels(of: AircraftScene, side: int = 48) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.asarray(draw(of, side)).astype(int)


def differing_pixels(one: AircraftScene, other: AircraftScene) -> int:
    """Pixels that differ in a channel by more than noise could."""
    return int((abs(pixels(one) - pixels(other)).max(axis=2) > 40).sum())


def content(example: Example) -> tuple[object, ...]:
    """Everything of an example but its spellings, its pixels as a hash."""
    drawn = hashlib.sha256(b"".join(image.tobytes() for image in example.images)).hexdigest()
    return (example.uid, example.gold, example.kind, example.options, example.traces, example.scene, drawn)


def fingerprint() -> str:
    """A hash over examples of every split and difficulty, their traces and pixels."""
    drawn = [
        content(examples(split, difficulty=d)[index]) for split in SPLITS for d in (0, 0.5, 1) for index in range(8)
    ]
    return hashlib.sha256(repr(drawn).encode()).hexdigest()


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


def test_a_lesson_asks_about_a_picture_of_the_split_asked_for() -> None:
    for split in SPLITS:
        assert lesson_question(random.Random(2), variants=12, split=split, difficulty=0.5).scene.split == split


# the task


def test_an_example_depends_on_seed_and_index_alone() -> None:
    in_order = [content(examples()[index]) for index in range(20)]
    others = examples()

    in_reverse = [content(others[index]) for index in reversed(range(20))]

    assert in_order == in_reverse[::-1]


def test_examples_and_pixels_are_the_same_in_every_process() -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from tests.test_evals_aircraft import fingerprint; print(fingerprint())"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "4242", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == fingerprint()


def test_no_picture_occurs_in_two_splits_and_every_variant_in_all() -> None:
    drawn = {
        split: [
            examples(split, seed=seed, difficulty=difficulty)[index]
            for seed, difficulty in ((0, 0.0), (0, 0.5), (1, 0.5), (2, 1.0))
            for index in range(240)
        ]
        for split in SPLITS
    }
    scenes = {split: {example.scene for example in found} for split, found in drawn.items()}

    assert all(len(found) > 500 for found in scenes.values())
    assert not scenes["train"] & scenes["heldout"]
    assert not scenes["train"] & scenes["validation"]
    assert not scenes["validation"] & scenes["heldout"]
    assert all({e.gold for e in found} == set(labels(fleet(), "variant")) for found in drawn.values())


def test_variants_are_balanced_in_every_stretch_and_in_no_fixed_order() -> None:
    golds = [examples()[index].gold for index in range(48)]

    assert set(Counter(golds).values()) == {4}
    assert len({tuple(golds[start : start + 12]) for start in range(0, 48, 12)}) == 4


def test_no_two_examples_share_a_uid_whatever_the_options() -> None:
    made = [
        examples(split, seed=seed, difficulty=difficulty, **options)[index].uid
        for split in SPLITS
        for seed in (0, 1)
        for difficulty in (0.25, 0.5)
        for options in ({}, {"side": 64}, {"variants": 20}, {"level": "family"}, {"options_shown": 3})
        for index in range(5)
    ]

    assert len(set(made)) == len(made)


def test_the_question_is_that_of_the_papers_code_family_and_shows_no_classes() -> None:
    task = load_task("aircraft")
    example = examples()[0]

    text = task.user_text(example, DIRECT)

    assert example.question == (
        "This is an image containing an aircraft. Please identify the model of the aircraft based on the image."
    )
    assert not [label for label in labels(fleet(), "variant") if label in text]


@pytest.mark.parametrize(("level", "kinds"), [("variant", "family"), ("family", "manufacturer")])
def test_levels_ask_for_their_own_labels_and_break_down_by_the_next(level: str, kinds: str) -> None:
    task = load_task("aircraft", {"level": level})
    source = task.source("generated")
    drawn = [task.examples("train", seed=0, difficulty=0.5, source=source)[index] for index in range(12)]

    assert task.answer_space(source) == labels(fleet(), level)
    assert {example.gold for example in drawn} == set(labels(fleet(), level))
    assert {example.kind for example in drawn} == set(labels(fleet(), kinds))


@pytest.mark.parametrize("count", [2, 4, 12])
def test_options_are_shown_where_asked_for_with_the_gold_at_every_place(count: int) -> None:
    drawn = [examples(options_shown=count)[index] for index in range(60)]

    assert all(len(set(example.options)) == count and example.gold in example.options for example in drawn)
    assert {example.options.index(example.gold) for example in drawn} == set(range(count))


def test_more_options_than_labels_are_all_labels() -> None:
    assert set(examples(options_shown=99)[0].options) == set(labels(fleet(), "variant"))


def test_wrong_options_are_the_most_alike_ones_at_the_highest_difficulty() -> None:
    def from_the_family(difficulty: float) -> int:
        drawn = [examples(difficulty=difficulty, options_shown=2)[index] for index in range(60)]
        family = {variant.name: variant.family for variant in fleet()}
        return sum(len({family[option] for option in example.options}) == 1 for example in drawn)

    assert from_the_family(0.0) < 20
    assert from_the_family(1.0) == 60


@pytest.mark.parametrize(("mode", "target"), [(THINK, "trace"), (DIRECT, "answer")])
def test_what_sft_imitates_is_well_formed_and_right(mode: str, target: str) -> None:
    task = load_task("aircraft")
    for index in range(24):
        example = examples()[index]

        parsed = parse(task.reference_completion(example, mode, target=target), mode)

        assert parsed.malformed is None
        assert task.grade(parsed.answer, example) is True
        assert (parsed.think in example.traces) if target == "trace" else (parsed.think is None)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("variants", [12, MOST_VARIANTS])
def test_each_label_is_right_for_itself_alone(level: str, variants: int) -> None:
    task = Aircraft.configured({"level": level, "variants": variants})
    answers = task.answer_space(task.source("generated"))
    example = task.examples("train", seed=0, difficulty=0, source=task.source("generated"))[0]

    right = [
        (gold, answer) for gold in answers[:40] for answer in answers if task.grade(answer, replace(example, gold=gold))
    ]

    assert right == [(gold, gold) for gold in answers[:40]]


def test_an_answer_may_have_the_manufacturer_in_front_and_other_separators() -> None:
    task, example = load_task("aircraft"), replace(examples()[0], gold="Ru/Te-20")

    graded = {answer: task.grade(answer, example) for answer in ("ru te 20", "Orvi-Werk Ru/Te-20", "Hald Air Ru/Te-20")}

    assert graded == {"ru te 20": True, "Orvi-Werk Ru/Te-20": True, "Hald Air Ru/Te-20": False}


@pytest.mark.parametrize("answer", [None, "", " ", "Ru/Te-20 or Ru/Te-10", "Ru/Te-20, Ru/Te-10", "Ru/Te", "all"])
def test_an_answer_that_names_none_or_several_is_wrong(answer: str | None) -> None:
    assert load_task("aircraft").grade(answer, replace(examples()[0], gold="Ru/Te-20")) is False


@pytest.mark.parametrize("option", ["auto", "generated"])
def test_generated_data_says_loudly_what_it_is(option: str) -> None:
    source = load_task("aircraft").source(option)

    assert (source.kind, source.name) == ("generated", "aircraft-generated")
    assert "GENERATED" in source.detail


@pytest.mark.parametrize(
    "options",
    [{"variants": 1}, {"variants": 481}, {"side": 31}, {"side": 2000}, {"level": "class"}, {"options_shown": -1}],
)
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(TaskError, match=next(iter(options))):
        load_task("aircraft", options)


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(TaskError, match="split test"):
        examples("test")
