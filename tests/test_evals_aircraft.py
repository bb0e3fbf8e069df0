"""The task `aircraft` on generated aircraft: pure functions of seed and index, splits without a common picture."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.errors import TaskError
from evals.generated.aircraft_fleet import LEVELS, MOST_VARIANTS, fleet, labels
from evals.parsing import parse
from evals.prompts import DIRECT, THINK
from evals.task import Example, Examples
from evals.tasks import load_task
from evals.tasks.aircraft import Aircraft

ROOT = Path(__file__).parents[1]
SPLITS = ("train", "validation", "heldout")


def examples(split: str = "train", *, seed: int = 0, difficulty: float = 0.5, **options: Any) -> Examples:
    task = Aircraft.configured(options)
    return task.examples(split, seed=seed, difficulty=difficulty, source=task.source("generated"))


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
