"""Examples, chance, and tasks by name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evals.errors import TaskError
from evals.task import Example, chance_level
from evals.tasks import TASK_MODULES, load_task, task_names

EXAMPLE = Example("uid", "train", 0, "count", "How many?", ("1", "2"), "2", "scene")


@pytest.mark.parametrize(("sizes", "level"), [([4], 0.25), ([2, 4], 0.375), ([3, 3, 3], 1 / 3), ([1], 1.0)])
def test_chance_is_the_mean_of_one_in_so_many_options(sizes: list[int], level: float) -> None:
    examples = [replace(EXAMPLE, options=tuple(map(str, range(size)))) for size in sizes]

    assert chance_level(examples) == pytest.approx(level)


@pytest.mark.parametrize("examples", [[], [EXAMPLE, replace(EXAMPLE, options=())]])
def test_chance_is_undefined_without_options(examples: list[Example]) -> None:
    with pytest.raises(ValueError, match="options"):
        chance_level(examples)


def test_images_are_made_anew_at_each_look_and_none_are_needed() -> None:
    looks: list[int] = []

    def draw() -> tuple[()]:
        looks.append(1)
        return ()

    example = replace(EXAMPLE, draw=draw)

    assert (EXAMPLE.images, example.images, example.images) == ((), (), ())
    assert len(looks) == 2


@pytest.mark.parametrize("name", task_names())
def test_every_task_has_what_trainer_and_command_line_use(name: str) -> None:
    task = load_task(name)

    assert (task.name, TASK_MODULES[name]) == (name, f"evals.tasks.{name}")
    assert task.summary
    assert "accuracy" in task.default_rewards


@pytest.mark.parametrize(("name", "hint"), [("sta", "did you mean sat?"), ("zzz", "unknown task zzz")])
def test_an_unknown_task_names_the_nearest_and_all_there_are(name: str, hint: str) -> None:
    with pytest.raises(TaskError) as caught:
        load_task(name)

    assert hint in caught.value.found
    assert all(known in caught.value.expected for known in task_names())
