"""`rftui tasks`: which there are, what can be set, and what is in one, as a user asks for it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.root import run
from rftui.planning.plan import next_name
from store.config import parse_config
from store.layout import Home
from tests.picture_files import class_folder, make_folder, numbered
from tests.test_evals_task_check import page_example


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return class_folder(tmp_path / "pets", {"train/cat": 6, "train/dog": 6, "test/cat": 3, "test/dog": 3})


class Said:
    """What a command printed, and its exit code."""

    def __init__(self, capsys: pytest.CaptureFixture[str], *words: str) -> None:
        self.code = run(list(words))
        self.out, self.err = capsys.readouterr()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def test_tasks_are_listed_with_their_options(capsys: pytest.CaptureFixture[str]) -> None:
    listed = Said(capsys, "tasks", "--json").json
    shown = Said(capsys, "tasks", "folder", "--json").json

    assert {"sat", "aircraft", "banner", "folder", "jsonl"} <= {task["name"] for task in listed}
    assert shown in listed
    options = {option["name"]: option for option in shown["options"]}
    assert options["options_shown"]["default"] == -1
    assert options["class_from"]["choices"] == ["auto", "folder", "path", "top"]
    assert all(option["meaning"].endswith(".") for task in listed for option in task["options"])


def test_a_task_is_shown_with_what_can_be_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert "min_per_class = 1\n      Classes with fewer images" in Said(capsys, "tasks", "show", "folder").out


@pytest.mark.parametrize("task", ["sat", "aircraft", "banner", "folder", "jsonl"])
def test_the_meaning_of_an_option_is_one_paragraph(capsys: pytest.CaptureFixture[str], task: str) -> None:
    lines = Said(capsys, "tasks", task).out.splitlines()

    options = lines[lines.index("options, each as --set task_options.NAME=VALUE") + 1 :]
    assert [line for line in options[::2] if not line.startswith("  ") or " = " not in line] == []
    assert [line for line in options[1::2] if not line.startswith("      ")] == []


@pytest.mark.parametrize("words", [("tasks", "fodler"), ("tasks", "check", "fodler")])
def test_an_unknown_task_is_exit_code_3(capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    said = Said(capsys, *words)

    assert said.code == 3
    assert "folder" in said.err


def test_data_in_the_place_of_a_task_is_sent_to_the_task_that_reads_it(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (pets / "rows.csv").write_text("image\n")

    assert f"--task folder --data {pets}" in Said(capsys, "tasks", "check", str(pets)).err
    assert f"--task jsonl --data {pets}/rows.csv" in Said(capsys, "tasks", "check", str(pets / "rows.csv")).err


def test_a_check_shows_examples_balance_and_images(
    pets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pets.parent)

    said = Said(capsys, "tasks", "check", "folder", "--data", "pets", "--set", "task_options.question=Which pet?")

    assert said.code == 0
    assert "task folder, real data: 18 images of 2 classes in pets" in said.out
    assert said.out.count("Which pet? Choose between the following options: ") == 10, "5 of train and 5 of heldout"
    assert "dog 6 (50.0%)" in said.out
    assert "12 examples looked at, 12 images read; 6x4 pixels; " in said.out
    assert "warning: 6 held-out examples" in said.out
    assert said.out.rstrip().endswith("no errors, 1 warning: a launch can go on")


def test_generated_data_is_called_so_once(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "tasks", "check", "sat", "--images", "1", "--examples", "0")

    assert said.out.startswith("task sat: GENERATED DATA: ")
    assert said.out.lower().count("generated data") == 1


def test_without_data_a_check_looks_where_a_launch_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RFTUI_DATA", str(tmp_path))
    (tmp_path / "sat").mkdir()

    found = Said(capsys, "tasks", "check", "sat")
    generated = Said(capsys, "tasks", "check", "sat", "--data", "generated", "--images", "1", "--examples", "0")

    assert (found.code, generated.code) == (1, 0)
    assert f"error: source {tmp_path / 'sat'} holds nothing" in found.out


def test_a_check_tells_scripts_the_same(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "tasks", "check", "folder", "--data", str(pets), "--json").json

    assert said["ok"] is True
    assert [(split["split"], split["length"]) for split in said["splits"]] == [
        ("train", 12),
        ("validation", 0),
        ("heldout", 6),
    ]
    assert set(said["splits"][0]["shown"][0]["prompts"]) == {"think", "direct"}
    assert said["splits"][0]["labels"]["majority_share"] == 0.5


def test_what_would_stop_a_launch_is_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_folder(tmp_path, {"a/1.heic": b""})

    said = Said(capsys, "tasks", "check", "folder", "--data", str(tmp_path))

    assert said.code == 1
    assert "error: no images in" in said.out
    assert "1 error: a launch would fail" in said.out


def test_hostile_names_and_texts_reach_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;owned\x07\x1b[31mred\u202e"
    rows = [
        {"image": f"{n}.png", "question": f"{evil} {n}?", "answer": ["yes", f"no{evil}"][n % 2], "id": f"{evil}{n}"}
        for n in range(30)
    ]
    rows.append({"image": f"{evil}.png", "question": "?", "answer": "yes", "id": "x"})
    make_folder(tmp_path, {f"{n}.png": numbered(n) for n in range(30)})
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))

    said = Said(capsys, "tasks", "check", "jsonl", "--data", str(tmp_path / "rows.jsonl"))

    assert re.search(r"red \d+\? Choose between the following options: no\S*red or yes", said.out)
    assert not set("\x1b\x07\u202e") & set(said.out + said.err)


def test_a_task_file_runs_in_another_interpreter_and_in_a_folder_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trace = "import os\nprint('printed')\nopen(os.environ['TRACE'], 'w').write(f'{os.getpid()} {os.getcwd()}')\n"
    monkeypatch.setenv("TRACE", str(tmp_path / "trace"))
    (tmp_path / "my_task.py").write_text(page_example() + trace)

    said = Said(capsys, "tasks", "check", "my_task.py", "--json", "--images", "3")

    pid, folder = (tmp_path / "trace").read_text().split()
    assert said.json["task"] == "dots"
    assert (int(pid) == os.getpid(), folder == str(tmp_path)) == (False, False)


def test_a_task_file_that_ends_the_interpreter_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "my_task.py").write_text("import os\nos._exit(7)\n")

    said = Said(capsys, "tasks", "check", str(tmp_path / "my_task.py"))

    assert said.code == 1
    assert "exit code 7" in said.err


def test_settings_that_say_nothing_about_a_task_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "tasks", "check", "sat", "--set", "learning_rate=1")

    assert said.code == 2
    assert "--set learning_rate changes nothing about a task" in said.err


@pytest.mark.parametrize(
    ("task", "source", "name"),
    [
        ("sat", "auto", "sat-grpo-1"),
        ("folder", "{here}/my photos", "my-photos-grpo-1"),
        ("folder", "{here}/v1.2", "v1.2-grpo-1"),
        ("folder", "{here}/birds.zip", "birds-grpo-1"),
        ("jsonl", "{here}/questions.v2.jsonl", "questions.v2-grpo-1"),
        ("jsonl", "{here}/...", "run-grpo-1"),
        ("{here}/my_task.py", "auto", "my_task-grpo-1"),
        ("folder", "{here}/" + "x" * 200, "x" * 50 + "-grpo-1"),
    ],
)
def test_runs_are_named_by_what_they_are_about(tmp_path: Path, task: str, source: str, name: str) -> None:
    (tmp_path / "v1.2").mkdir()
    settings = {"name": "x", "task": task.format(here=tmp_path), "source": source.format(here=tmp_path)}

    named = next_name(Home(tmp_path / "home"), parse_config(settings))

    assert named == name
    assert parse_config({**settings, "name": named}).name == named
