"""The task `sat` on generated scenes: pure functions of seed and index, splits without a common scene, right grades."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from evals.errors import TaskError
from evals.generated.spatial_questions import KINDS
from evals.parsing import parse
from evals.prompts import DIRECT, THINK
from evals.task import Example, chance_level
from evals.tasks.sat import GeneratedScenes, SpatialAptitude

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "validation", "heldout")
TASK = SpatialAptitude()
GENERATED = TASK.source("generated")


def examples(split: str = "train", *, seed: int = 0, difficulty: float = 0.5) -> GeneratedScenes:
    made = TASK.examples(split, seed=seed, difficulty=difficulty, source=GENERATED)
    assert isinstance(made, GeneratedScenes)
    return made


def content(example: Example) -> tuple[object, ...]:
    """Everything of an example, its pixels as a hash."""
    pixels = hashlib.sha256(b"".join(image.tobytes() for image in example.images)).hexdigest()
    return (example, pixels)


def fingerprint() -> str:
    """A hash over examples of every split, their traces and pixels."""
    drawn = [content(examples(split, difficulty=d)[index]) for split in SPLITS for d in (0, 0.5) for index in range(15)]
    return hashlib.sha256(repr(drawn).encode()).hexdigest()


def test_an_example_depends_on_seed_and_index_alone() -> None:
    in_order = [content(examples()[index]) for index in range(30)]
    others = examples()

    in_reverse = [content(others[index]) for index in reversed(range(30))]

    assert in_order == in_reverse[::-1]


@pytest.mark.parametrize("hash_seed", ["0", "1", "4242"])
def test_examples_and_pixels_are_the_same_in_every_process(hash_seed: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", "from tests.test_evals_sat import fingerprint; print(fingerprint())"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == fingerprint()


def test_no_scene_occurs_in_two_splits_whatever_the_seed_and_difficulty() -> None:
    scenes = {
        split: {
            examples(split, seed=seed, difficulty=difficulty)[index].scene
            for seed, difficulty in ((0, 0.0), (0, 0.5), (1, 0.5), (2, 1.0))
            for index in range(750)
        }
        for split in SPLITS
    }

    assert all(len(found) > 1000 for found in scenes.values())
    assert not scenes["train"] & scenes["heldout"]
    assert not scenes["train"] & scenes["validation"]
    assert not scenes["validation"] & scenes["heldout"]


def test_no_two_examples_share_a_uid() -> None:
    uids = [
        examples(split, seed=seed, difficulty=difficulty)[index].uid
        for split in SPLITS
        for seed in (0, 1)
        for difficulty in (0.25, 0.5)
        for index in range(20)
    ]

    assert len(set(uids)) == len(uids)


def test_another_seed_asks_other_questions() -> None:
    first, second = ([examples(seed=seed)[index].scene for index in range(50)] for seed in (0, 1))

    assert len(set(first) & set(second)) < 5


def test_question_types_take_turns_so_that_every_stretch_is_balanced() -> None:
    kinds = [examples()[index].kind for index in range(3, 13)]

    assert sorted(kinds) == sorted([*KINDS, *KINDS])


def test_examples_go_on_without_end() -> None:
    drawn = examples()

    assert drawn.length is None
    assert drawn[10**9].index == 10**9


def test_chance_is_that_of_three_and_four_options() -> None:
    asked = [examples("heldout")[index] for index in range(100)]

    # relation, count and move show four options; distance and compare three
    assert chance_level(asked) == pytest.approx((3 / 4 + 2 / 3) / 5)


@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_a_prompt_shows_the_question_and_every_option_and_does_not_know_the_gold(mode: str) -> None:
    for index in range(20):
        example = examples()[index]
        text = TASK.user_text(example, mode)

        assert example.question in text
        assert all(option in text for option in example.options)
        assert TASK.user_text(replace(example, gold="another"), mode) == text


@pytest.mark.parametrize(("mode", "target"), [(THINK, "trace"), (DIRECT, "answer")])
def test_what_sft_imitates_is_well_formed_and_right(mode: str, target: str) -> None:
    for index in range(50):
        example = examples()[index]

        parsed = parse(TASK.reference_completion(example, mode, target=target), mode)

        assert parsed.malformed is None
        assert TASK.grade(parsed.answer, example) is True
        assert (parsed.think in example.traces) if target == "trace" else (parsed.think is None)


def test_the_imitated_trace_depends_on_the_example_and_all_three_occur() -> None:
    drawn = [examples()[index] for index in range(100)]

    lengths = [example.traces.index(trace_of(example)) for example in drawn]

    assert lengths == [example.traces.index(trace_of(example)) for example in drawn]
    assert set(lengths) == {0, 1, 2}
    assert lengths.count(1) > max(lengths.count(0), lengths.count(2))


def trace_of(example: Example) -> str:
    parsed = parse(TASK.reference_completion(example, THINK, target="trace"), THINK)
    assert parsed.think is not None
    return parsed.think


def test_a_trace_is_refused_where_there_is_none() -> None:
    example = Example("uid", "train", 0, "count", "How many?", ("1", "2"), "2", "scene")

    with pytest.raises(TaskError, match="no reasoning trace"):
        TASK.reference_completion(example, THINK, target="trace")


def test_only_the_gold_option_is_graded_right() -> None:
    for index in range(50):
        example = examples()[index]

        right = [option for option in example.options if TASK.grade(option, example)]

        assert right == [example.gold]
        assert TASK.grade(None, example) is False


@pytest.mark.parametrize("option", ["auto", "generated"])
def test_generated_data_says_loudly_what_it_is(option: str) -> None:
    source = TASK.source(option)

    assert (source.kind, source.name) == ("generated", "sat-generated")
    assert "GENERATED" in source.detail


@pytest.mark.parametrize("option", ["", "real", "/data/sat", "Auto"])
def test_a_source_that_is_not_there_is_refused(option: str) -> None:
    with pytest.raises(TaskError) as caught:
        TASK.source(option)

    assert caught.value.found == f"source {option} is not there"


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(TaskError, match="split test"):
        examples("test")
