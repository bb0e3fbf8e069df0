"""A home that was named and is not there: told from one without runs, and made by a launch that can."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rftui.cli.root import run
from rftui.planning.findings import Level
from rftui.planning.preflight import check_home
from store.layout import Home


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where no home is; the default one is not there either."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    # set first, so that it is put back although --home sets it
    monkeypatch.setenv("RFTUI_HOME", "x")
    monkeypatch.delenv("RFTUI_HOME")
    return tmp_path / "hoem"


@pytest.mark.parametrize("words", [["runs"], ["show", "@last"], ["logs", "a"], ["compare", "a", "b"], ["stop", "a"]])
def test_a_named_home_that_is_not_there_is_not_an_empty_one(
    words: list[str], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(["--home", str(place), *words])

    said = capsys.readouterr()
    assert (code, said.out) == (3, "")
    assert f"the home {place} is not there; --home names it" in said.err
    assert not place.exists()


def test_the_variable_that_names_it_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RFTUI_HOME", str(place))

    code = run(["runs", "--json"])

    said = capsys.readouterr()
    assert (code, said.out) == (3, "")
    assert json.loads(said.err)["error"] == f"the home {place} is not there; $RFTUI_HOME names it"


def test_a_file_is_no_home(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place.write_text("")

    assert run(["runs", "--home", str(place)]) == 3
    assert f"the home {place} is not a directory; --home names it" in capsys.readouterr().err


@pytest.mark.usefixtures("place")
def test_the_default_home_need_not_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs"]) == 0
    assert "no runs yet" in capsys.readouterr().out


def test_preflight_says_that_a_home_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    findings = [*check_home(Home(tmp_path / "file" / "home")), *check_home(Home(Path("/proc/nope")))]

    assert [(finding.level, finding.check) for finding in findings] == [(Level.ERROR, "home")] * 2
    assert "/proc/nope cannot be made" in findings[1].found


def test_a_home_that_can_be_made_is_not_made_by_looking(tmp_path: Path) -> None:
    assert list(check_home(Home(tmp_path / "new" / "home"))) == []
    assert list(tmp_path.iterdir()) == []
