"""Examples, chance, and tasks by name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from evals.errors import ExampleError, TaskError
from evals.task import Example, TaskOptions, chance_level, chosen_trace, read_options
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


class Levels(TaskOptions):
    level: Literal["variant", "family"] = "variant"
    side: int = 48


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"levle": "family"}, "task air has no option levle; did you mean level?"),
        # numbers as text are no numbers
        ({"side": "big"}, "task_options.side is 'big'"),
        ({"level": "colour"}, "task_options.level is 'colour'; input should be 'variant' or 'family'"),
    ],
)
def test_a_wrong_option_is_named_with_the_nearest(given: dict[str, Any], found: str) -> None:
    with pytest.raises(TaskError) as caught:
        read_options(Levels, given, task="air")

    assert found in caught.value.found
    assert "level, side" in caught.value.expected


def test_a_task_without_options_says_so() -> None:
    with pytest.raises(TaskError) as caught:
        load_task("sat", {"sidee": 3})

    assert "no option sidee" in caught.value.found


def test_which_trace_is_imitated_depends_on_the_example_alone() -> None:
    examples = [replace(EXAMPLE, uid=f"u{number}", traces=("a", "b", "c")) for number in range(400)]

    first = [chosen_trace(example) for example in examples]

    assert first == [chosen_trace(example) for example in examples]
    assert first.count("b") == pytest.approx(200, abs=50)


TASK_FILE = """
from evals.task import Example, Source, Task

class Colours(Task):
    name = "colours"
    summary = "which colour"

    def source(self, option):
        return Source("real", option, "a list in this file")

    def examples(self, split, *, seed, difficulty, source):
        return [Example("a", split, 0, "colour", "Which?", ("red", "blue"), "red", "s")]

TASK = Colours
"""


def test_a_task_of_the_users_own_needs_a_name_a_source_and_examples(tmp_path: Path) -> None:
    file = tmp_path / "colours.py"
    file.write_text(TASK_FILE)

    task = load_task(str(file))
    example = task.examples("train", seed=0, difficulty=0.5, source=task.source("x"))[0]

    assert "red or blue" in task.user_text(example, "think")
    assert (task.grade("Red.", example), task.grade("blue", example)) == (True, False)
    assert task.reference_completion(example, "direct", target="answer") == "<answer>red</answer>"


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "is not there"),
        ("x = 1", "defines no TASK"),
        ("TASK = 3", "has a TASK that is 3"),
        ("import nothing_of_that_name", "does not import: ModuleNotFoundError"),
        ("def broken(:", "does not import: SyntaxError"),
    ],
)
def test_a_task_file_that_cannot_be_used_says_why(tmp_path: Path, content: str | None, found: str) -> None:
    file = tmp_path / f"task_{abs(hash(content))}.py"
    if content is not None:
        file.write_text(content)

    with pytest.raises(TaskError) as caught:
        load_task(str(file))

    assert found in caught.value.found
    assert caught.value.fix


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("gold", 3, "example 'u' has 3 in its field gold, of type int"),
        ("uid", 7, "example 7 has 7 in its field uid, of type int"),
        ("scene", b"x", "has b'x' in its field scene, of type bytes"),
        ("options", ["a", "b"], "has ['a', 'b'] in its field options, of type list"),
        ("options", ("a", 2), "has 2 in its field options, of type int"),
        ("traces", "because", "has 'because' in its field traces, of type str"),
        ("draw", None, "has None in its field draw, of type NoneType"),
    ],
)
def test_an_example_with_a_field_of_another_type_is_refused_by_name(field: str, value: object, said: str) -> None:
    sound = Example("u", "train", 0, "kind", "Which?", ("a", "b"), "a", "scene")

    with pytest.raises(ExampleError) as caught:
        replace(sound, **{field: value})  # type: ignore[arg-type]

    assert said in caught.value.found
    assert field in caught.value.fix
