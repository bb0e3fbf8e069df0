"""Keys that a user binds: what is taken, what is refused with which words, and what keeps its default."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.binding import Binding
from textual.keys import format_key

from rftui.actions import ACTIONS, BY_ID, PLACES
from rftui.cli.root import run
from rftui.key_names import KEY_OF_SIGN, help_rows, key_name, key_names
from rftui.user_keys import keys_path, parse_user_keys, read_user_keys


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("plus,ctrl+up", "plus,ctrl+up"),
        ("+", "plus"),
        ("?", "question_mark"),
        ("ctrl++", "ctrl+plus"),
        (",", "comma"),
        (["b", "f5"], "b,f5"),
        (" b , B ", "b,B"),
        ("b,b", "b"),  # twice is once
        ("é", "é"),
    ],
)
def test_keys_are_taken_as_people_write_them(written: Any, meant: str) -> None:
    assert parse_user_keys({"help.close": written}) == ({"help.close": meant}, ())


def test_a_table_of_a_place_is_the_same_as_dotted_ids() -> None:
    assert parse_user_keys({"curves": {"zoom_in": "u"}}) == parse_user_keys({"curves.zoom_in": "u"})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"curves.zoomin": "u"}, "no action is called curves.zoomin; did you mean curves.zoom_in?"),
        ({"xyz": "u"}, "no action is called xyz; `rftui keys` lists all"),
        ({"\x1b[31mred\u202e": "u"}, "no action is called red; `rftui keys` lists all"),
        ({"curves.zoom_in": "pagedwn"}, "no key is called pagedwn; did you mean pagedown?"),
        ({"curves.zoom_in": "control+u"}, "control is none of ctrl"),
        ({"curves.zoom_in": ""}, "no key is given"),
        ({"curves.zoom_in": "u,"}, "no key is called nothing"),
        ({"curves.zoom_in": 3}, "keys are text such as plus,ctrl+up, and not 3"),
        ({"curves.zoom_in": [1]}, "and not [1]"),
        ({"curves": {"zoom_in": {"deep": "u"}}}, "and not {'deep': 'u'}"),
    ],
)
def test_what_cannot_be_had_is_named_and_keeps_its_default(content: dict[str, Any], said: str) -> None:
    keymap, problems = parse_user_keys({"app.help": "f1"} | content)

    assert keymap == {"app.help": "f1"}
    assert len(problems) == 1
    assert said in problems[0]


def test_two_actions_of_one_place_never_get_one_key() -> None:
    keymap, problems = parse_user_keys({"curves.zoom_in": "u", "curves.zoom_out": "u", "curves.log": "b"})

    assert keymap == {"curves.log": "b"}
    assert problems == (
        "u would mean curves.zoom_in and curves.zoom_out at one place (curves): "
        "curves.zoom_in and curves.zoom_out keep their default keys",
    )


def test_a_key_that_another_action_has_by_default_is_refused_unless_that_one_moves() -> None:
    taken = parse_user_keys({"curves.zoom_in": "minus"})
    swapped = parse_user_keys({"curves.zoom_in": "minus", "curves.zoom_out": "plus"})

    assert taken.keymap == {}
    assert "- would mean curves.zoom_in and curves.zoom_out" in taken.problems[0]
    assert swapped == ({"curves.zoom_in": "minus", "curves.zoom_out": "plus"}, ())


def test_dropping_one_clash_cannot_make_another() -> None:
    # zoom_in keeps minus out of zoom_out's hands only as long as its own binding holds
    content = {"curves.zoom_in": "f2", "curves.log": "f2", "curves.zoom_out": "plus"}

    keymap, problems = parse_user_keys(content)

    assert keymap == {}
    assert len(problems) == 2


def test_keys_that_come_before_every_dialog_are_free_nowhere() -> None:
    keymap, problems = parse_user_keys({"list.open": "ctrl+c"})

    assert keymap == {}
    assert "app.interrupt and list.open" in problems[0]


def test_the_same_key_at_two_places_is_no_clash() -> None:
    assert parse_user_keys({"curves.zoom_in": "u", "rollouts.sort": "u"}).problems == ()


@pytest.mark.parametrize("content", [b"x = ", b"\xff\xfe\x00", b"[" * 100_000, b"a = 1\na = 2\n"])
def test_a_bad_file_is_one_notice_and_the_defaults(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys.toml"
    path.write_bytes(content)

    keymap, problems = read_user_keys(path)

    assert keymap == {}
    assert len(problems) == 1
    assert "keys.toml cannot be read, the default keys are kept" in problems[0]


def test_no_file_is_no_problem_and_its_place_follows_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    assert keys_path() == tmp_path / "rftui" / "keys.toml"
    assert read_user_keys() == ({}, ())


def test_the_help_names_the_keys_as_they_are() -> None:
    rows = dict(dict(help_rows((), {"curves.zoom_in": "u,ctrl+up"}))["curves"])

    assert rows["u ctrl+up"] == "Show half the range around the cursor"


def test_every_key_of_the_table_is_one_that_a_user_could_write() -> None:
    for action in ACTIONS:
        assert parse_user_keys({action.id: action.keys}) == ({action.id: action.keys}, ())


def test_signs_are_called_what_textual_calls_them() -> None:
    for sign, name in KEY_OF_SIGN.items():
        assert format_key(name) == sign
        if sign != ",":
            # between keys the comma is no key
            assert [binding.key for binding in Binding.make_bindings([Binding(sign, "x")])] == [name]
    assert App().get_key_display(Binding("question_mark", "x")) == key_name("question_mark") == "?"
    assert key_names("left,shift+h,ctrl+plus") == "left shift+h ctrl++"


def test_ids_are_a_place_and_a_name() -> None:
    assert all(action.place in PLACES and action.id.count(".") == 1 for action in ACTIONS)
    assert len(BY_ID) == len(ACTIONS)


def test_the_command_lists_the_keys_as_they_are_and_says_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    keys_path().parent.mkdir(parents=True)
    keys_path().write_text('"curves.zoom_in" = "u,ctrl+up"\nnonsense = "x"\n')

    assert run(["keys", "--json"]) == 0
    said = capsys.readouterr()
    rows = {row["id"]: row for row in json.loads(said.out)}
    assert list(rows) == [action.id for action in ACTIONS]
    assert rows["curves.zoom_in"] == {
        "id": "curves.zoom_in",
        "place": "curves",
        "keys": ["u", "ctrl+up"],
        "default_keys": ["plus", "equals_sign"],
        "what": "Show half the range around the cursor",
    }
    assert "no action is called nonsense" in said.err

    assert run(["keys"]) == 0
    assert any(
        line.split()[:4] == ["curves.zoom_in", "curves", "u", "ctrl+up"] for line in capsys.readouterr().out.split("\n")
    )
