"""The wheel holds the four packages with the files they need, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"rftui", "trainer", "evals", "store"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Every file in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "-q"]
    command = [sys.executable, "-m", "pip", "wheel", str(ROOT), *options, "-w", str(folder)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (wheel,) = folder.glob("rftui-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_top_level_is_the_four_packages(names: list[str]) -> None:
    top = {name.split("/")[0] for name in names}

    assert {name for name in top if not name.endswith(".dist-info")} == PACKAGES
    assert len(top) == len(PACKAGES) + 1


def test_every_source_file_is_inside(names: list[str]) -> None:
    sources = {path.relative_to(ROOT).as_posix() for package in PACKAGES for path in (ROOT / package).rglob("*.py")}

    assert sources - set(names) == set()


def test_recipes_and_the_embedded_model_are_inside(names: list[str]) -> None:
    recipes = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rftui" / "recipes").glob("*.toml")}
    weights = {path.relative_to(ROOT).as_posix() for path in (ROOT / "trainer" / "tiny" / "weights").iterdir()}

    assert "rftui/recipes/tiny.toml" in recipes and "trainer/tiny/weights/model.safetensors" in weights
    assert "trainer/tiny/weights/chat_template.jinja" in weights
    assert (recipes | weights | {"trainer/tiny/chat_template.jinja"}) - set(names) == set()


def test_nothing_that_only_developers_need_is_inside(names: list[str]) -> None:
    assert [name for name in names if "test" in name.lower() or name.endswith((".pyc", ".db"))] == []


def test_every_dependency_says_what_it_is_for_and_has_a_tested_version() -> None:
    lines = (ROOT / "pyproject.toml").read_text(encoding="utf-8").splitlines()
    project = tomllib.loads("\n".join(lines))["project"]
    optional = [wanted for extra in project["optional-dependencies"].values() for wanted in extra]
    tested = {
        line.split("==")[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
        if "==" in line
    }

    for wanted in [*project["dependencies"], *optional]:
        (line,) = [line for line in lines if line.strip().startswith(f'"{wanted}"')]
        assert "# " in line, wanted
        assert wanted.split(">")[0].split("=")[0] in tested, wanted
