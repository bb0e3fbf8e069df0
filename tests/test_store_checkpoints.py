"""Only a checkpoint that is whole is ever resumed from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from store.checkpoints import MARKER, complete_checkpoints, mark_complete, newest_complete
from store.layout import RunDir


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    return RunDir(tmp_path / "run")


def save(run_dir: RunDir, step: int, *, is_marked: bool = True) -> Path:
    """A checkpoint folder with weights and a file deeper down."""
    folder = run_dir.checkpoints / f"checkpoint-{step}"
    (folder / "global_step").mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"w" * 1000)
    (folder / "global_step" / "optimizer.pt").write_bytes(b"o" * 500)
    if is_marked:
        mark_complete(folder, step)
    return folder


def steps(run_dir: RunDir) -> list[int]:
    return [checkpoint.step for checkpoint in complete_checkpoints(run_dir)]


def test_a_run_without_checkpoints_has_none(run_dir: RunDir) -> None:
    assert complete_checkpoints(run_dir) == [] and newest_complete(run_dir) is None


def test_the_newest_by_step_is_resumed_from(run_dir: RunDir) -> None:
    for step in (900, 1000, 50):
        save(run_dir, step)

    assert steps(run_dir) == [50, 900, 1000]
    newest = newest_complete(run_dir)
    assert newest is not None and newest.path.name == "checkpoint-1000"


def test_a_folder_that_a_kill_left_half_written_does_not_count(run_dir: RunDir) -> None:
    save(run_dir, 10)
    save(run_dir, 20, is_marked=False)

    assert steps(run_dir) == [10]


@pytest.mark.parametrize("name", ["model.safetensors", "global_step/optimizer.pt"])
@pytest.mark.parametrize("damage", ["truncated", "grown", "gone"])
def test_a_file_of_another_size_spoils_its_checkpoint(run_dir: RunDir, name: str, damage: str) -> None:
    folder = save(run_dir, 10)

    if damage == "gone":
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(b"x" * (499 if damage == "truncated" else 5000))

    assert steps(run_dir) == []


@pytest.mark.parametrize(
    "marker",
    [
        "",
        "[]",
        "{}",
        '{"step": 10}',
        '{"step": "ten", "files": {"model.safetensors": 1000}}',
        '{"step": 10, "files": {}}',  # nothing was saved
        '{"step": 10, "files": ["model.safetensors"]}',
        '{"step": 10, "files": {"../../else": 3}}',
        "\udcff",
    ],
)
def test_a_marker_that_says_nothing_useful_marks_nothing(run_dir: RunDir, marker: str) -> None:
    folder = save(run_dir, 10)
    (folder / MARKER).write_bytes(marker.encode("utf-8", "surrogateescape"))

    assert steps(run_dir) == []


def test_the_marker_names_every_file_with_its_size(run_dir: RunDir) -> None:
    folder = save(run_dir, 10)

    marker: dict[str, Any] = json.loads((folder / MARKER).read_text())

    assert marker == {"step": 10, "files": {"global_step/optimizer.pt": 500, "model.safetensors": 1000}}


def test_marking_again_after_a_kill_while_marking_makes_it_complete(run_dir: RunDir) -> None:
    folder = save(run_dir, 10, is_marked=False)
    (folder / f".{MARKER}").write_text('{"step": 10, "fi')

    mark_complete(folder, 10)

    assert steps(run_dir) == [10]
    assert not (folder / f".{MARKER}").exists()


def test_files_beside_checkpoints_are_ignored(run_dir: RunDir) -> None:
    save(run_dir, 10)
    (run_dir.checkpoints / "notes.txt").write_text("x")

    assert steps(run_dir) == [10]
