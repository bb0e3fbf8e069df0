"""The task `folder`: a user's own images as a classification set."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.errors import TaskError
from evals.prompts import DIRECT
from evals.rewards.attacks import cases
from evals.task import Example
from evals.tasks import load_task
from evals.tasks.folder import Folder, FolderExamples
from tests.picture_files import class_folder, make_folder, numbered, picture
from tests.real_data import real_file

SPLITS = ("train", "validation", "heldout")


def examples_of(path: Path, split: str = "train", *, seed: int = 0, **options: Any) -> FolderExamples:
    task = load_task("folder", options)
    assert isinstance(task, Folder)
    return task.examples(split, seed=seed, difficulty=0.5, source=task.source(str(path)))


def all_of(path: Path, split: str = "train", **options: Any) -> list[Example]:
    found = examples_of(path, split, **options)
    return [found[index] for index in range(found.length)]


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return class_folder(tmp_path / "pets", {"cat": 20, "dog": 20, "guinea_pig": 20})


def test_every_image_is_in_one_split(pets: Path) -> None:
    examples = [example for split in SPLITS for example in all_of(pets, split)]

    assert len({example.uid for example in examples}) == 60
    assert Counter(example.gold for example in examples) == {"cat": 20, "dog": 20, "guinea pig": 20}


def test_copies_of_an_image_never_straddle_splits(tmp_path: Path) -> None:
    contents = {number: numbered(number) for number in range(40)}
    make_folder(tmp_path, {f"{name}/{number}.png": contents[number] for name in ("a", "b") for number in contents})

    scenes = [{example.scene for example in all_of(tmp_path, split)} for split in SPLITS]

    assert all(scenes), "each split has something"
    assert not (scenes[0] & scenes[1] or scenes[0] & scenes[2] or scenes[1] & scenes[2])


def test_a_set_that_grows_moves_no_image_to_another_split(pets: Path) -> None:
    before = {example.scene: split for split in SPLITS for example in all_of(pets, split)}
    class_folder(pets, {"cat": 30, "ferret": 10}, start=500)

    after = {example.scene: split for split in SPLITS for example in all_of(pets, split)}

    assert len(after) == 100
    assert {scene: after[scene] for scene in before} == before


def test_an_example_is_the_same_wherever_the_folder_lies(pets: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "other_name"
    shutil.copytree(pets, elsewhere)

    assert all_of(elsewhere) == all_of(pets)


def test_the_seed_chooses_the_order_and_nothing_else(pets: Path) -> None:
    first, second = all_of(pets, seed=1), all_of(pets, seed=2)

    assert [example.uid for example in first] != [example.uid for example in second]
    assert {example.uid for example in first} == {example.uid for example in second}


def test_other_options_make_another_example(pets: Path) -> None:
    asked = {example.uid for example in all_of(pets)}

    assert not asked & {example.uid for example in all_of(pets, question="Which animal?")}
    assert not asked & {example.uid for example in all_of(pets, options_shown=2)}


@pytest.mark.parametrize(
    ("classes", "asked", "shown"),
    [(3, -1, 3), (10, -1, 10), (11, -1, 4), (11, 0, 0), (11, 6, 6), (3, 9, 3), (5, 1, 2)],
)
def test_how_many_options_are_shown(tmp_path: Path, classes: int, asked: int, shown: int) -> None:
    class_folder(tmp_path, {f"class {number}": 3 for number in range(classes)})

    for example in all_of(tmp_path, options_shown=asked):
        assert len(set(example.options)) == len(example.options) == shown
        assert example.gold in example.options or not shown


def test_the_place_of_the_right_option_tells_nothing(tmp_path: Path) -> None:
    class_folder(tmp_path, {f"class {number}": 40 for number in range(12)})

    places = Counter(example.options.index(example.gold) for example in all_of(tmp_path))

    # about 84 at each of four places; 4 standard deviations are 32
    assert all(places[place] == pytest.approx(sum(places.values()) / 4, abs=32) for place in range(4))


def test_splits_that_the_folders_name_are_kept(tmp_path: Path) -> None:
    class_folder(tmp_path, {"train/a": 3, "train/b": 2, "val/a": 2, "val/b": 2, "test/a": 1, "test/b": 1})

    assert [len(all_of(tmp_path, split)) for split in SPLITS] == [5, 4, 2]
    assert sum(len(all_of(tmp_path, split, splits="images")) for split in SPLITS) == 11


def test_validation_is_held_out_where_there_is_no_test(tmp_path: Path) -> None:
    class_folder(tmp_path, {"train/a": 3, "train/b": 2, "val/a": 2, "val/b": 2})

    assert [len(all_of(tmp_path, split)) for split in SPLITS] == [5, 0, 4]


def test_some_classes_may_be_chosen(pets: Path) -> None:
    assert {example.gold for example in all_of(pets, classes="Guinea pig, cat")} == {"cat", "guinea pig"}

    with pytest.raises(TaskError, match=r"names cow; expected classes of the folder: cat, dog, guinea pig"):
        examples_of(pets, classes="cow,cat")


def test_classes_with_few_images_may_be_left_out(pets: Path) -> None:
    class_folder(pets, {"rare": 2}, start=900)

    assert "rare" in {example.gold for split in SPLITS for example in all_of(pets, split)}
    assert "rare" not in {example.gold for split in SPLITS for example in all_of(pets, split, min_per_class=3)}
    with pytest.raises(TaskError, match="0 classes are left"):
        examples_of(pets, min_per_class=21)


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("guinea pig", True),
        ("Guinea_Pig.", True),
        ("cavy", True),
        ("pig", False),
        ("cat", False),
        ("cat or guinea pig", False),
        ("", False),
        (None, False),
    ],
)
def test_an_answer_is_right_in_any_spelling_of_its_class_alone(pets: Path, answer: str | None, verdict: bool) -> None:
    (pets / "names.json").write_text(json.dumps({"guinea pig": ["cavy"]}))
    task = load_task("folder", {"aliases": "names.json"})
    examples = task.examples("train", seed=0, difficulty=0.5, source=task.source(str(pets)))
    example = next(one for index in range(20) if (one := examples[index]).gold == "guinea pig")

    assert task.grade(answer, example) is verdict


def test_other_names_of_a_class_that_is_not_there_are_refused(pets: Path) -> None:
    (pets / "names.json").write_text(json.dumps({"guinea pig": ["cavy"], "Guinea Pigs": ["cui"]}))

    with pytest.raises(TaskError, match=r"names\.json names Guinea Pigs; expected classes of the folder: cat, dog"):
        examples_of(pets, aliases="names.json")
    (pets / "names.json").write_text(json.dumps({"dog": ["hound"]}))
    assert {one.gold for one in all_of(pets, aliases="names.json", classes="cat, guinea pig")} == {"cat", "guinea pig"}


def test_rewards_are_attacked_with_the_other_names_of_a_class(pets: Path) -> None:
    (pets / "names.json").write_text(json.dumps({"guinea pig": ["cavy"]}))
    example = next(one for one in all_of(pets, aliases="names.json") if one.gold == "guinea pig")

    made = cases([example], ["guinea pig"], mode=DIRECT, echoes=[""], longest=100)

    assert made[0].aliases == ("cavy",)


def test_a_gold_that_an_experiment_changed_is_the_gold(pets: Path) -> None:
    task = load_task("folder")
    example = replace(task.examples("train", seed=0, difficulty=0.5, source=task.source(str(pets)))[0], gold="dog")

    assert task.grade("dog", example) is True
    assert task.grade("cat", example) is False


def test_classes_that_differ_in_signs_alone_are_told_apart(tmp_path: Path) -> None:
    class_folder(tmp_path, {"C": 5, "C-": 5})
    task = load_task("folder")
    source = task.source(str(tmp_path))
    examples = task.examples("train", seed=0, difficulty=0.5, source=source)

    verdicts = {(examples[index].gold, task.grade("C-", examples[index])) for index in range(5)}

    assert verdicts <= {("C", False), ("C-", True)}
    assert task.answer_space(source) == ("C", "C-")


def test_a_transparent_image_stands_on_white(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a/1.png": picture((9, 9, 9, 0)), "b/1.png": picture((9, 9, 9, 255))})

    colours = {
        example.gold: example.images[0].getpixel((0, 0)) for split in SPLITS for example in all_of(tmp_path, split)
    }

    assert colours == {"a": (255, 255, 255), "b": (9, 9, 9)}


def test_a_file_that_is_no_image_fails_when_it_is_drawn(tmp_path: Path) -> None:
    make_folder(tmp_path, {"train/a/1.png": b"", "train/b/1.png": b"no image", "test/a/1.png": picture()})

    for example in all_of(tmp_path):
        with pytest.raises(OSError, match="cannot identify"):
            assert example.images


def test_a_file_that_is_gone_does_not_end_the_listing(pets: Path) -> None:
    task = load_task("folder")
    examples = task.examples("train", seed=0, difficulty=0.5, source=task.source(str(pets)))
    name = examples[0].uid.removeprefix("folder/").rpartition("/")[0]
    (pets / name).unlink()

    assert examples[0].scene.startswith("unreadable-")
    with pytest.raises(FileNotFoundError):
        assert examples[0].images


@pytest.mark.parametrize("option", ["auto", "generated"])
def test_a_folder_has_to_be_named(option: str) -> None:
    with pytest.raises(TaskError, match="--data DIR"):
        load_task("folder").source(option)


def test_the_source_says_what_is_in_the_folder(pets: Path) -> None:
    source = load_task("folder").source(str(pets))

    assert (source.kind, source.detail) == ("real", "60 images of 3 classes in pets")


def test_the_kind_is_the_class_or_its_group(pets: Path, tmp_path: Path) -> None:
    class_folder(tmp_path / "nested", {"bugs/ant": 6, "bugs/bee": 6, "birds/owl": 6})

    assert {example.kind for example in all_of(pets)} == {"cat", "dog", "guinea pig"}
    assert {example.kind for example in all_of(tmp_path / "nested")} == {"bugs", "birds"}


def test_omniglot_and_emoji_are_tasks_as_they_lie_there() -> None:
    for data, count in (("omniglot/images_background_small1.zip", 2720), ("emoji_icons/labels.jsonl", 1166)):
        path = real_file(data)
        path = path if path.suffix == ".zip" else path.parent
        sizes = [examples_of(path, split).length for split in SPLITS]

        assert sum(sizes) == count
        assert sizes[2] == pytest.approx(0.2 * count, rel=0.15)
        assert examples_of(path)[0].images[0].mode == "RGB"


def test_class_folders_without_an_image_are_told(pets: Path) -> None:
    (pets / "birds").mkdir()
    make_folder(pets, {"fish/notes.txt": b"none"})
    task = load_task("folder")

    assert "without an image: birds, fish" in task.remarks(task.source(str(pets)))


def test_signs_that_nobody_sees_are_left_out_of_names_with_a_note(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "pets", {"cat\u202e": 3, "d\x07og": 3, "\u06a9\u200c\u0647": 3})
    task = load_task("folder")
    source = task.source(str(root))

    assert task.answer_space(source) == ("cat", "dog", "\u06a9\u200c\u0647"), "a joiner is part of its script"
    assert "control characters and marks of writing direction are left out of the names of: cat, dog" in task.remarks(
        source
    )
