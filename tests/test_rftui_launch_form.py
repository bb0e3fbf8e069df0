"""The launch form without its looks: it launches what the command it shows would, and says what is wrong where."""

from __future__ import annotations

import inspect
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from rftui.cli import launching
from rftui.forms.fields import FLAGS, MORE, OPTIONS, form_fields
from rftui.forms.text import Progress, counts_line, launch_question, row_line, side_lines
from rftui.planning.plan import plan_launch
from rftui.terminal.spans import line_width
from store.config import RunConfig, known_keys
from store.layout import default_home
from tests.dashboard import HOSTILE
from tests.fake_runs import Bench
from tests.launch_forms import GPUS, asked, form, row, side, texts


def test_every_setting_has_a_field_with_meaning_and_expectation() -> None:
    fields: dict[str, Any] = {}
    for method in ("grpo", "sft", "suit"):
        for field in form_fields(
            method=method, task="sat", tasks=["sat"], recipes=["tiny"], rewards=["accuracy"], is_clone=False
        ):
            fields[field.key] = field

    settings = {key for key in known_keys() if not key.startswith(("rewards.", "task_options."))}
    assert settings <= set(fields)
    assert {"rewards.accuracy.weight", "rewards.length.weight", MORE, *OPTIONS} <= set(fields)
    assert all(field.help and field.expected for field in fields.values())


def test_a_field_says_its_type_its_bounds_and_its_choices(tmp_path: Path) -> None:
    made = form(tmp_path)

    assert row(made, "lora.r").field.expected == "a whole number, at least 0, at most 1024"
    assert row(made, "lora.dropout").field.expected == "a number, at least 0, below 1"
    assert row(made, "zero").field.choices == ("0", "1", "2", "3")
    assert row(made, "shuffle_gold").field.choices == ("true", "false")
    assert row(made, "evaluation.prompts").field.expected == "any of think, direct, with commas between"


def test_values_say_where_they_come_from(tmp_path: Path) -> None:
    made = form(tmp_path, learning_rate="1e-3")

    assert (row(made, "learning_rate").text, row(made, "learning_rate").origin) == ("1e-3", "yours")
    assert (row(made, "model").text, row(made, "model").origin) == ("tiny", "recipe tiny")
    assert (row(made, "epsilon").text, row(made, "epsilon").origin) == ("0.2", "default")


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("max_steps", "many", "integer"),
        ("max_steps", "0", "greater than or equal to 1"),
        ("learning_rate", "-1", "greater than 0"),
        ("learning_rate", "nan", "finite"),
        ("seed", "2.5", "a whole number"),
        ("task", "sta", "one of sat"),
        ("recipe", "papper", "paper"),
        ("method", "dpo", "grpo or sft"),
        ("method", "eval", "grpo or sft"),
        ("name", "no name", "letters, digits"),
        ("python", "/nowhere/python", "Python executable"),
        ("gpus", "x", "indices"),
        ("scale_rewards", "groups", "'group', 'batch' or 'none'"),
        ("evaluation.prompts", "think, dirct", "'think' or 'direct'"),
        ("trust_remote_code", "perhaps", "boolean"),
        ("rewards.accuracy.weight", "much", "number"),
    ],
)
def test_a_wrong_value_is_marked_in_its_field_with_what_is_expected(
    tmp_path: Path, key: str, text: str, words: str
) -> None:
    made = form(tmp_path)

    made.write(key, text)

    problem = row(made, key).problem
    assert problem is not None
    assert words in problem.expected
    assert [item.field.key for item in made.view().rows if item.problem] == [key]


def test_a_reward_with_a_wrong_parameter_is_marked_there(tmp_path: Path) -> None:
    made = form(tmp_path, rewards__length__weight="0.5", rewards__length__params__gate="sometimes")

    problem = row(made, "rewards.length.params.gate").problem

    assert problem is not None
    assert "none" in problem.expected


def test_settings_that_do_not_go_together_are_marked_where_they_are_named(tmp_path: Path) -> None:
    made = form(tmp_path, num_generations="7")

    assert {item.field.key for item in made.view().rows if item.problem} == {
        "num_generations",
        "per_device_train_batch_size",
    }
    assert "multiple of 7" in side(made, "num_generations")


def test_a_name_that_is_taken_is_marked(tmp_path: Path) -> None:
    Bench(tmp_path).make_run("mine")

    problem = row(form(tmp_path / "home", name="mine"), "name").problem

    assert problem is not None
    assert "exists" in problem.message


def test_an_empty_value_and_the_one_that_stood_there_take_back_what_was_written(tmp_path: Path) -> None:
    made = form(tmp_path, max_steps="4", seed="3", python=sys.executable, model="tiny")

    made.write("max_steps", " ")
    made.write("seed", "0")

    assert made.entries == {}


def test_what_another_method_does_not_use_stays_written_and_is_asked_for_by_none(tmp_path: Path) -> None:
    made = form(tmp_path, num_generations="4", rewards__length__weight="1", method="sft")

    assert "num_generations" not in made.view().command
    assert "rewards" not in made.view().command
    assert all(item.field.key != "num_generations" for item in made.view().rows)
    made.write("method", "")
    assert "num_generations=4" in made.view().command


def test_any_other_setting_becomes_a_line_of_its_own(tmp_path: Path) -> None:
    made = form(tmp_path)

    assert made.add("rewards.short.function=my_rewards.py:short") is None
    assert row(made, "rewards.short.function").text == "my_rewards.py:short"
    assert row(made, "rewards.short.weight").text == "1.0"
    assert made.add("rewards.length.params.future=1") is None
    assert row(made, "rewards.length.params.future").problem is not None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("lerning_rate=1", "learning_rate"),
        ("nothing", "key=value"),
        ("name=mine", "write it at name"),
        ("method=sft", "write it at method"),
    ],
)
def test_an_unknown_setting_is_refused_with_the_nearest_name(tmp_path: Path, written: str, words: str) -> None:
    made = form(tmp_path)

    problem = made.add(written)

    assert problem is not None
    assert words in f"{problem.message} {problem.expected} {problem.fix}"
    assert made.entries == {}


WRITTEN = {
    "task": "sat",
    "seed": "7",
    "difficulty": "0.25",
    "max_steps": "4",
    "learning_rate": "1e-3",
    "evaluation.prompts": "direct",
    "lora.r": "8",
    "lora.targets": "12",
    "optim": "it's odd $HOME",
    "rewards.length.weight": "0.5",
    "rewards.length.params.gate": "correct",
    "shuffle_gold": "true",
    "name": "mine",
    "gpus": "none",
}


@pytest.mark.parametrize("method", ["grpo", "sft"])
def test_the_command_asks_for_what_the_form_launches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    made = form(tmp_path / "a home")
    for key, text in {**WRITTEN, "method": method}.items():
        made.write(key, text)
    view = made.view()
    assert view.problems == ()

    home, request = asked(monkeypatch, view.command)
    by_command, by_form = plan_launch(home, request), plan_launch(made.surroundings.home, view.request)

    assert home.path == tmp_path / "a home"
    assert by_command.config == by_form.config
    assert by_form.config.learning_rate == 1e-3
    assert by_form.config.lora.targets == "12"
    assert by_command.origins == by_form.origins
    assert (by_command.hides_gpus, by_command.python) == (True, by_form.python)


def test_the_command_of_a_clone_names_the_run_and_the_changes_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    bench.make_run("sat-grpo-1", seed=3, learning_rate=5e-5, recipe="tiny", lora={"r": 4})
    made = form(bench.home.path, clone_of="sat-grpo-1", seed="4", lora__r="8")

    view = made.view()
    home, request = asked(monkeypatch, view.command)

    assert view.command.split(" --home")[0] == "rftui clone sat-grpo-1 --seed 4"
    assert plan_launch(home, request).config == plan_launch(bench.home, view.request).config
    assert plan_launch(home, request).config.learning_rate == 5e-5


def test_a_clone_shows_what_was_changed_and_what_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_run("sat-grpo-1", seed=3, recipe="tiny")
    made = form(bench.home.path, clone_of="sat-grpo-1", seed="4", rewards__length__weight="0.5")

    changed = {item.field.key: item.was for item in made.view().rows if item.was is not None}

    assert changed == {"seed": "3", "rewards.length.weight": "nothing"}
    assert "was 3" in texts([row_line(row(made, "seed"), 80)])
    assert row(made, "max_steps").origin == "run sat-grpo-1"
    assert row(made, "method").field.is_fixed
    made.write("seed", "3")
    assert "seed" not in made.entries


def test_a_launch_asks_with_every_change_from_what_to_what(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_run("sat-grpo-1", seed=3, recipe="tiny")
    clone = form(bench.home.path, clone_of="sat-grpo-1", seed="4", rewards__length__weight="0.5")
    new = form(bench.home.path, seed="4", name="mine")

    asked_of_clone = launch_question(clone, ["slow disk"])
    asked_of_new = launch_question(new, [])

    assert [line.split() for line in asked_of_clone.lines] == [
        ["seed", "3", "→", "4"], ["rewards.length.weight", "nothing", "→", "0.5"], ["slow", "disk"],
    ]  # fmt: skip
    assert asked_of_clone.sentence.startswith("2 settings differ from sat-grpo-1.")
    assert [line.split() for line in asked_of_new.lines] == [["seed", "0", "→", "4"], ["name", "nothing", "→", "mine"]]
    assert form(bench.home.path, clone_of="sat-grpo-1").changes() == []
    assert asked_of_clone.is_default_yes


def test_the_default_home_is_not_named_in_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))

    assert form(default_home().path, seed="1").view().command == "rftui launch grpo --seed 1"
    assert "--home" in form(tmp_path / "other").view().command


def test_gpus_that_are_written_set_the_ranks(tmp_path: Path) -> None:
    made = form(tmp_path, gpus=GPUS, recipe="tiny")
    made.write("gpus", "0,1")

    assert row(made, "ranks").text == "2"
    assert made.view().problems == ()


def test_recipes_say_which_fits_this_machine(tmp_path: Path) -> None:
    without, with_gpus = side(form(tmp_path), "recipe"), side(form(tmp_path, gpus=GPUS), "recipe")

    assert "● tiny  fits this machine" in without
    assert "lora-80gb  needs 1 GPU of 80 GB" in without
    assert "● lora-80gb  fits this machine" in with_gpus
    assert "paper-literal  needs 8 GPUs of 80 GB" in with_gpus


def test_the_batch_is_told_in_words_while_nothing_is_wrong(tmp_path: Path) -> None:
    assert "16 completions a step (16 a rank x 1 rank x 1) = 2 prompts x 8" in side(
        form(tmp_path, per_device_train_batch_size="16"), "seed", width=100
    )


@pytest.mark.parametrize("width", [20, 40, 78, 200])
def test_no_line_is_wider_than_its_place_and_none_holds_control_characters(tmp_path: Path, width: int) -> None:
    made = form(tmp_path, model=HOSTILE, max_steps=HOSTILE, name=HOSTILE)
    view = made.view()

    lines = [row_line(item, width) for item in view.rows]
    for item in view.rows:
        lines += side_lines(item, view, Progress(None), gpus=(), width=width)
    lines.append(counts_line(view, Progress(None), clone_of=HOSTILE, width=width))

    assert max(line_width(line) for line in lines) <= width
    assert all(character.isprintable() for character in texts(lines).replace("\n", ""))


def test_flags_of_the_form_are_those_of_the_command() -> None:
    assert set(FLAGS) <= set(inspect.signature(launching.launch).parameters)
    assert set(FLAGS) <= set(RunConfig.model_fields)


@pytest.mark.parametrize("method", ["sft", "eval"])
def test_a_clone_keeps_its_method_and_asks_for_what_that_uses(tmp_path: Path, method: str) -> None:
    bench = Bench(tmp_path)
    bench.make_run("sat-1", method=method, recipe="tiny", num_generations=8)
    made = form(bench.home.path, clone_of="sat-1", evaluation__examples="20", num_generations="4")

    view = made.view()

    assert view.problems == ()
    assert shlex.split(view.command)[-2:] == ["--set", "evaluation.examples=20"]
    assert plan_launch(bench.home, view.request).config.method == method
