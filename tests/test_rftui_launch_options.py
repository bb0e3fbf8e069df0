"""Options of tasks in the launch form: those of the task that is chosen, and of no other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.tasks import task_class, task_names
from rftui.forms.fields import MORE, TASK_OPTIONS, Group, form_fields
from rftui.forms.launch_form import LaunchForm
from rftui.forms.text import row_line
from rftui.planning.cloning import clone_request, read_original
from rftui.planning.plan import LaunchRequest, plan_launch
from rftui.planning.task_options import TASK_ORIGIN
from tests.fake_runs import Bench
from tests.launch_forms import asked, form, row, side, texts

TASKS = tuple(task_names())


def options(made: LaunchForm) -> list[str]:
    """Names of the options that the form has fields for."""
    keys = [item.field.key for item in made.view().rows]
    return [key.removeprefix(TASK_OPTIONS) for key in keys if key.startswith(TASK_OPTIONS)]


def known(task: str) -> set[str]:
    """What the task itself says."""
    return set(task_class(task).options_type.model_fields)


@pytest.mark.parametrize(
    ("task", "some"),
    [
        ("sat", {"subset", "heldout"}),
        ("aircraft", {"level", "variants", "side"}),
        ("banner", {"positive", "aspect", "sentences"}),
        ("folder", {"question", "class_from", "heldout_share"}),
        ("jsonl", {"image_root", "shuffle_options", "answer_as"}),
    ],
)
def test_the_options_of_the_chosen_task_have_fields_and_no_others_do(tmp_path: Path, task: str, some: set[str]) -> None:
    made = form(tmp_path, tasks=TASKS)

    made.write("task", task)

    assert some <= set(options(made)) == known(task)
    other = "banner" if task != "banner" else "sat"
    made.write("task", other)
    assert set(options(made)) == known(other)


def test_options_have_a_part_of_their_own_behind_the_task(tmp_path: Path) -> None:
    parts = [item.field.group for item in form(tmp_path, tasks=TASKS, task="sat").view().rows]

    assert [*dict.fromkeys(parts)][:2] == [Group.WHAT, Group.TASK]
    assert Group.TASK not in {item.field.group for item in form(tmp_path, tasks=TASKS, task="a.py").view().rows}


def test_a_file_of_the_users_own_is_taken_and_not_run(tmp_path: Path) -> None:
    code = tmp_path / "mine.py"
    code.write_text("raise SystemExit(3)\n")
    made = form(tmp_path, tasks=TASKS, task=str(code))

    assert made.add("task_options.shade=dark") is None
    assert made.view().problems == ()
    assert options(made) == ["shade"]
    assert "task_options.side=96" in row(made, MORE).field.expected
    assert "task_options.shade=dark" in made.view().command


def test_what_a_field_of_an_option_takes_is_said() -> None:
    made = {
        field.key.removeprefix(TASK_OPTIONS): field
        for task in TASKS
        for field in form_fields(method="grpo", task=task, tasks=TASKS, recipes=[], rewards=[], is_clone=False)
        if field.key.startswith(TASK_OPTIONS)
    }

    assert (made["shuffle_options"].choices, made["shuffle_options"].is_closed) == (("true", "false"), True)
    assert (made["level"].choices, made["level"].is_closed) == (("variant", "family", "manufacturer"), True)
    assert made["level"].is_text
    assert made["variants"].expected == "a whole number, at least 2, at most 480"
    assert made["heldout_share"].expected == "a number, above 0, below 0.9"
    assert (made["image_root"].expected, made["image_root"].is_text) == ("text", True)
    assert not made["variants"].is_closed and not made["variants"].is_text
    assert "how many variants there are" in made["variants"].help
    assert all(field.help.endswith(".") for field in made.values())


def test_an_option_that_nobody_set_shows_what_the_task_takes(tmp_path: Path) -> None:
    made = form(tmp_path, tasks=TASKS, task="jsonl")

    assert (row(made, "task_options.heldout_share").text, row(made, "task_options.heldout_share").origin) == (
        "0.2", TASK_ORIGIN,
    )  # fmt: skip
    assert row(made, "task_options.shuffle_options").text == "false"
    made.write("task_options.heldout_share", "0.3")
    assert row(made, "task_options.heldout_share").is_yours
    made.write("task_options.heldout_share", "0.2")
    assert "task_options.heldout_share" not in made.entries


@pytest.mark.parametrize(
    ("task", "key", "text", "words"),
    [
        ("aircraft", "variants", "1", "at least 2"),
        ("aircraft", "variants", "many", "a whole number"),
        ("aircraft", "level", "varient", "one of variant, family, manufacturer"),
        ("banner", "side", "9", "a whole number, at least 0"),
        # which the configuration refuses, too
        ("banner", "aspect", "nan", "a number, at least 0"),
        ("jsonl", "shuffle_options", "perhaps", "one of true, false"),
        ("folder", "heldout_share", "0", "above 0"),
    ],
)
def test_a_wrong_option_is_told_at_its_field(tmp_path: Path, task: str, key: str, text: str, words: str) -> None:
    made = form(tmp_path, tasks=TASKS, task=task)

    made.write(f"{TASK_OPTIONS}{key}", text)

    problem = row(made, f"{TASK_OPTIONS}{key}").problem
    assert problem is not None
    assert words in problem.expected
    assert f"{TASK_OPTIONS}{key} is" in problem.message
    assert [item.field.key for item in made.view().rows if item.problem] == [f"{TASK_OPTIONS}{key}"]


def test_two_wrong_options_are_each_told_at_their_own(tmp_path: Path) -> None:
    made = form(tmp_path, tasks=TASKS, task="aircraft", task_options__side="8", task_options__variants="8000")

    told = {item.field.key: item.problem.message for item in made.view().rows if item.problem}

    assert set(told) == {"task_options.side", "task_options.variants"}
    assert "8000" not in told["task_options.side"]


def test_an_option_that_the_task_lacks_is_refused_with_the_nearest(tmp_path: Path) -> None:
    made = form(tmp_path, tasks=TASKS, task="aircraft")

    problem = made.add("task_options.varients=4")

    assert problem is not None
    assert (problem.key, made.entries) == (MORE, {"task": "aircraft"})
    assert "did you mean variants" in problem.message


def test_what_was_written_for_another_task_is_not_asked_for_and_comes_back_with_it(tmp_path: Path) -> None:
    made = form(tmp_path, tasks=TASKS, task="aircraft", task_options__side="96", task_options__level="family")

    # letter by letter, as the form writes it
    for text in ("b", "ba", "banner"):
        made.write("task", text)
    made.write("task_options.side", "200")

    assert row(made, "task_options.side").text == "200"
    assert "level" not in made.view().command
    assert made.view().problems == ()
    assert len(made.entries) == 2
    made.write("task", "aircraft")
    assert row(made, "task_options.side").text == "96"
    assert made.entries["task_options.level"] == "family"
    made.write("task", "")
    assert made.entries == {}


WRITTEN = [
    ("aircraft", {"level": "family", "variants": "24"}, {"level": "family", "variants": 24}),
    # text that looks like a number stays text
    ("banner", {"positive": "1", "negative": "0", "aspect": "2.5"}, {"positive": "1", "negative": "0", "aspect": 2.5}),
    ("jsonl", {"shuffle_options": "true", "question": "it's {a}"}, {"shuffle_options": True, "question": "it's {a}"}),
    # and what looks like a list, too
    ("folder", {"classes": "[1, 2]"}, {"classes": "[1, 2]"}),
]


@pytest.mark.parametrize(("task", "written", "wanted"), WRITTEN)
def test_the_command_sets_the_options_that_the_form_launches_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, task: str, written: dict[str, str], wanted: dict[str, object]
) -> None:
    made = form(tmp_path / "home", tasks=TASKS, task=task)
    for key, text in written.items():
        made.write(f"{TASK_OPTIONS}{key}", text)

    view = made.view()
    home, request = asked(monkeypatch, view.command)

    assert view.problems == ()
    assert "--set" in view.command
    by_command, by_form = plan_launch(home, request), plan_launch(made.surroundings.home, view.request)
    assert by_command.config.task_options == by_form.config.task_options == wanted


def test_a_clone_shows_the_options_of_its_run_and_marks_what_is_changed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_run("aircraft-grpo-1", task="aircraft", task_options={"level": "family", "side": 96}, recipe="tiny")
    made = form(bench.home.path, clone_of="aircraft-grpo-1", tasks=TASKS, task_options__variants="24")
    made.write("task_options.side", "64")

    level, side_row = row(made, "task_options.level"), row(made, "task_options.side")

    assert (level.text, level.origin, level.was) == ("family", "run aircraft-grpo-1", None)
    assert "was 96" in texts([row_line(side_row, 100)])
    assert row(made, "task_options.variants").was == "12"
    assert [change.key for change in made.changes()] == ["task_options.variants", "task_options.side"]
    assert "--set task_options.variants=24 --set task_options.side=64" in made.view().command
    assert plan_launch(bench.home, made.view().request).config.task_options == {
        "level": "family", "variants": 24, "side": 64,
    }  # fmt: skip


def test_a_clone_for_another_task_leaves_the_options_of_the_first(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_run("aircraft-grpo-1", task="aircraft", task_options={"level": "family"}, recipe="tiny")
    made = form(bench.home.path, clone_of="aircraft-grpo-1", tasks=TASKS, task="banner")

    assert "level" not in options(made)
    assert made.view().problems == ()
    assert plan_launch(bench.home, made.view().request).config.task_options == {}
    typed = LaunchRequest("grpo", {}, assignments=("task=aircraft",))
    original = read_original(bench.home.run("aircraft-grpo-1"))
    assert plan_launch(bench.home, clone_request(original, typed)).config.task_options == {"level": "family"}


def test_an_option_of_a_run_that_this_version_lacks_is_shown_and_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.make_run("sat-grpo-1", task="sat", task_options={"from_the_future": 1}, recipe="tiny")
    made = form(bench.home.path, clone_of="sat-grpo-1", tasks=TASKS)

    shown = row(made, "task_options.from_the_future")

    assert shown.text == "1"
    assert shown.problem is not None
    assert "task sat has no option from_the_future" in side(made, "task_options.from_the_future", width=120)


def test_a_dry_run_lists_every_option_of_the_task_with_its_origin(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    words = ("launch", "grpo", "--task", "aircraft", "--recipe", "tiny", "--dry-run", "--set", "task_options.side=96")

    printed = bench.rftui(*words)
    lines = {line.split("=")[0].strip(): line for line in printed.stdout.splitlines() if "task_options." in line}

    assert printed.returncode == 0, printed.stderr
    assert lines["task_options.side"].split() == ["task_options.side", "=", "96", "#", "--set"]
    assert lines["task_options.variants"].endswith(f"# {TASK_ORIGIN}")
    assert "task_options.variants = 12 " in lines["task_options.variants"]
    answer = json.loads(bench.rftui(*words, "--json").stdout)
    assert answer["config"]["task_options"] == {"side": 96}
    assert answer["task_options"] == {
        "level": "variant", "options_shown": 0, "aliases": "", "train": "train", "variants": 12, "side": 96,
    }  # fmt: skip
