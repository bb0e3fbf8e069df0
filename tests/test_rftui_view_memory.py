"""Views are remembered by home, outside of it, and a bad file costs nothing."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from rftui.view_memory import recall, remember, state_dir
from store.layout import Home


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


@pytest.mark.parametrize("value", ["reward", 3, 0.5, True, ["a", 1], {"sort": "step", "down": False}, "é \u202e [/b]"])
def test_what_was_remembered_is_recalled(home: Home, value: Any) -> None:
    remember(home, "list.view", value)

    assert recall(home, "list.view") == value


def test_each_home_and_the_user_remember_apart(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    remember(home, "tab", "curves")
    remember(other, "tab", "logs")
    remember(None, "tab", "none")

    assert [recall(home, "tab"), recall(other, "tab"), recall(None, "tab")] == ["curves", "logs", "none"]


def test_one_key_leaves_the_others_as_they_are(home: Home) -> None:
    remember(home, "tab", "curves")
    remember(home, "run", "sat-grpo-1")
    remember(home, "tab", None)

    assert recall(home, "tab") is None
    assert recall(home, "run") == "sat-grpo-1"


def test_nothing_is_written_into_the_home_and_no_rest_is_left(home: Home) -> None:
    remember(home, "tab", "curves")

    assert list(home.path.iterdir()) == []
    assert [path.suffix for path in state_dir().rglob("*") if path.is_file()] == [".json"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b'"text"'])
def test_a_file_that_cannot_be_understood_is_ignored_with_a_word_in_the_log(
    home: Home, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    remember(home, "tab", "curves")
    (path,) = (state_dir() / "views").iterdir()
    path.write_bytes(content)

    with caplog.at_level(logging.WARNING):
        assert recall(home, "tab") is None
    assert "is ignored" in caplog.text

    remember(home, "tab", "logs")
    assert json.loads(path.read_text())["tab"] == "logs"


def test_a_place_that_cannot_be_written_is_said_in_the_log_alone(
    home: Home, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")

    with caplog.at_level(logging.WARNING):
        remember(home, "tab", "curves")

    assert "cannot be written" in caplog.text
    assert recall(home, "tab") is None


def test_a_value_that_is_no_json_is_said_in_the_log_and_keeps_the_rest(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    remember(home, "tab", "curves")

    with caplog.at_level(logging.WARNING):
        remember(home, "view", {1, 2})

    assert recall(home, "tab") == "curves"
    assert "cannot be written" in caplog.text
