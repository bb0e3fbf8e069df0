"""`rftui tasks write`: generated aircraft on disk, for whoever wants to try the reader of real data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.generated.aircraft_layout import Layout, write_official_layout
from evals.tasks import load_task
from rftui.cli.root import run


@pytest.mark.parametrize("name", ["aircraft", "aircraft.tar.gz"])
def test_what_is_written_can_be_trained_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    to = tmp_path / name

    code = run(
        ["tasks", "write", "aircraft", "--to", str(to), "--variants", "3", "--images", "2", "--side", "40", "--json"]
    )

    assert code == 0
    assert json.loads(capsys.readouterr().out) == {"path": str(to), "images": 18, "variants": 3}
    task = load_task("aircraft")
    examples = task.examples("train", seed=0, difficulty=0, source=task.source(str(to)))
    assert (examples.length, examples[0].images[0].size) == (6, (40, 40))


@pytest.mark.parametrize("name", ["aircraft", "aircraft.tar.gz"])
def test_what_is_written_never_passes_for_the_benchmark(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    to = tmp_path / name
    write_official_layout(to, Layout(variants=3, images_a_split=1, side=40, seed=5))
    task = load_task("aircraft")

    source = task.source(str(to))

    assert source.kind == "generated"
    assert source.name == f"aircraft-generated in {to}"
    assert source.detail.startswith(f"GENERATED DATA: invented aircraft in {name}, written by `rftui tasks write`")
    assert "version 1, variants 3, images_a_split 1, side 40, seed 5, difficulty 0.5" in source.detail
    assert len(task.answer_space(source)) == 3
    assert task.examples("heldout", seed=0, difficulty=0, source=source).length == 3


def test_a_marker_that_was_cut_off_makes_no_data_real(tmp_path: Path) -> None:
    write_official_layout(tmp_path / "air", Layout(variants=3, images_a_split=1, side=40))
    (marker,) = tmp_path.rglob("GENERATED.json")
    marker.write_text("{")

    assert load_task("aircraft").source(str(tmp_path / "air")).kind == "generated"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["sat"], "task sat cannot be written"),
        (["aircraft", "--variants", "1"], "variants is 1"),
        (["aircraft", "--images", "0"], "0 images of each of 12 variants"),
    ],
)
def test_what_cannot_be_written_says_why(
    arguments: list[str], found: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["tasks", "write", *arguments, "--to", str(tmp_path / "new"), "--json"])

    said = json.loads(capsys.readouterr().err)
    assert code == 2
    assert found in said["error"] and said["expected"] and said["fix"]
    assert not (tmp_path / "new").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.txt").write_text("mine")

    code = run(["tasks", "write", "aircraft", "--to", str(tmp_path)])

    assert code == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
