"""The trainer's own check of tasks that users bring: a Python file, a folder of images, a table."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from evals.files.image_folder import LabelledImages, read_image_folder
from tests.picture_files import class_folder
from tests.test_evals_task_check import page_example
from tests.training_runs import make_run, of_type, records, train

pytestmark = [pytest.mark.train]


def checked(tmp_path: Path, **settings: Any) -> dict[str, Any]:
    """What `--check` reports about a run with these settings."""
    # torch and TRL cost ten seconds, which collecting tests should not pay
    from store.config import read_config
    from trainer.check import report

    run_dir = make_run(tmp_path, **settings)
    return report(read_config(run_dir.config), run_dir)


def test_the_example_of_the_page_can_be_trained_on(tmp_path: Path) -> None:
    (tmp_path / "my_task.py").write_text(page_example())

    said = checked(tmp_path, task=str(tmp_path / "my_task.py"), source="auto", task_options={"most": 3})

    assert (said["ok"], said["warnings"]) == (True, [])
    assert "1, 2 or 3" in said["sample"]["prompt"]
    assert said["available_examples"] == 2000
    assert said["data"] == ["GENERATED DATA: cards drawn by my_task.py"]


def test_what_raises_in_the_users_file_is_told_with_its_line(tmp_path: Path) -> None:
    content = page_example().replace("rng = random", "rng = rundom")
    line = next(number for number, text in enumerate(content.splitlines(), 1) if "rundom" in text)
    (tmp_path / "bad_task.py").write_text(content)

    said = checked(tmp_path, task=str(tmp_path / "bad_task.py"), source="auto")

    (error,) = said["errors"]
    assert "NameError: name 'rundom' is not defined" in error["found"]
    assert f"bad_task.py, line {line}, in __getitem__" in error["found"]


def test_a_field_that_is_no_text_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad_task.py").write_text(page_example().replace("gold=str(len(cells))", "gold=len(cells)"))

    (error,) = checked(tmp_path, task=str(tmp_path / "bad_task.py"), source="auto")["errors"]

    assert "in its field gold, of type int" in error["found"]
    assert "bad_task.py, line" in error["found"]
    assert error["fix"] == "write gold=str(...) where the task makes its examples"


def test_a_drawing_that_raises_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bad_task.py").write_text(page_example().replace("cell % 3 * 16", "cell / 0 * 16"))

    (error,) = checked(tmp_path, task=str(tmp_path / "bad_task.py"), source="auto")["errors"]

    assert "ZeroDivisionError: division by zero" in error["found"]
    assert "bad_task.py, line" in error["found"] and "in draw" in error["found"]
    assert error["fix"] == "mend the task at that line"


def test_a_folder_of_images_can_be_trained_on_and_says_how_it_is_split(tmp_path: Path) -> None:
    class_folder(tmp_path / "pets", {"train/cat": 9, "train/dog": 9, "val/cat": 2, "val/dog": 2})

    said = checked(tmp_path, task="folder", source=str(tmp_path / "pets"))

    assert said["ok"], said["errors"]
    assert said["available_examples"] == 18
    assert said["data"] == [
        "22 images of 2 classes in pets",
        "there is no test split: the validation split is held out",
    ]


def test_a_check_lists_a_folder_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class_folder(tmp_path / "pets", {"cat": 20, "dog": 20})
    listed: list[Path] = []

    def listing(path: Path, *, class_from: str) -> LabelledImages:
        listed.append(path)
        return read_image_folder(path, class_from=class_from)

    monkeypatch.setattr("evals.tasks.folder.read_image_folder", listing)

    said = checked(tmp_path, task="folder", source=str(tmp_path / "pets"))

    assert said["ok"], said["errors"]
    assert listed == [tmp_path / "pets"]


def test_a_task_that_holds_nothing_out_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "my_task.py").write_text(
        page_example().replace(
            "self.split, self.key", 'self.length = 2000 * (split != "heldout")\n        self.split, self.key'
        )
    )

    said = checked(
        tmp_path, task=str(tmp_path / "my_task.py"), source="auto", evaluation={"examples": 8, "batch_size": 8}
    )

    assert said["ok"]
    assert "there are no held-out examples" in said["warnings"][0]


def test_examples_that_cannot_be_graded_and_images_trained_on_are_warned_of(tmp_path: Path) -> None:
    task = page_example().replace("gold=str(len(cells))", "gold=str(len(cells) - 1)").replace("/{seed}/{split}", "")
    (tmp_path / "my_task.py").write_text(task)

    said = checked(tmp_path, task=str(tmp_path / "my_task.py"), source="auto")

    warnings = "\n".join(said["warnings"])
    assert said["ok"], said["errors"]
    assert "of 300 train examples looked at (25%) cannot be graded and count nowhere" in warnings
    assert "'0' is not among its options" in warnings
    assert "300 of 300 held-out examples looked at (100%) have images that are trained on too" in warnings


def test_a_task_of_which_most_examples_cannot_be_graded_is_refused(tmp_path: Path) -> None:
    (tmp_path / "my_task.py").write_text(page_example().replace("gold=str(len(cells))", 'gold="many"'))

    said = checked(tmp_path, task=str(tmp_path / "my_task.py"), source="auto")

    (error,) = said["errors"]
    assert "300 of 300 train examples looked at (100%) cannot be graded" in error["found"]


def test_what_a_launch_warns_of_stands_in_the_run_too(tmp_path: Path) -> None:
    pets = class_folder(tmp_path / "pets", {"train/cat": 9, "train/dog": 9})
    shutil.copytree(pets / "train", pets / "test")
    settings = {"task": "folder", "source": str(pets), "task_options": {}}
    run_dir = make_run(
        tmp_path, **settings, method="eval", evaluation={"examples": 4, "batch_size": 4, "prompts": ["direct"]}
    )

    assert train(run_dir) == 0, run_dir.output.read_text()

    (note,) = of_type(records(run_dir), "note")
    assert note["level"] == "warning"
    assert "18 of 18 held-out examples looked at (100%) have images that are trained on too" in note["text"]
