"""Stars and the pin are what user.jsonl says, also after a rebuild; tags and notes are as the commands leave them."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from rftui.errors import UsageProblem
from rftui.runs.annotations import add_note, add_tags, put_pin, put_star, replace_note, set_tags
from rftui.runs.marks import MarkReader, Marks
from store.layout import Home
from store.rebuild import rebuild
from store.run_list import person_notes
from store.runs import find_run, open_catalogue
from tests.listed_runs import small_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    small_home(home)
    return home


def texts(home: Home, uid: int = 11) -> list[tuple[int, str]]:
    with closing(open_catalogue(home)) as connection:
        return [(note.seq, note.text) for note in person_notes(connection, uid)]


def tags(home: Home, name: str = "sat-grpo-1") -> tuple[str, ...]:
    with closing(open_catalogue(home)) as connection:
        return find_run(connection, name).tags


def test_stars_and_the_pin_are_read_as_they_are_written(home: Home) -> None:
    reader = MarkReader(home)
    assert reader.read() == Marks()

    put_star(home, "sat-grpo-1", is_starred=True)
    put_star(home, "sat-sft-2", is_starred=True)
    put_pin(home, "sat-sft-2", is_pinned=True)
    first = reader.read()
    put_star(home, "sat-grpo-1", is_starred=False)
    put_pin(home, "banner-grpo-3", is_pinned=True)

    assert first == Marks(frozenset({11, 12}), 12)
    assert reader.read() == Marks(frozenset({12}), 13)
    assert reader.read() is reader.marks
    put_pin(home, "sat-sft-2", is_pinned=False)  # it is not pinned any more
    assert reader.read().pinned == 13
    put_pin(home, "banner-grpo-3", is_pinned=False)
    assert reader.read().pinned is None


def test_marks_survive_a_rebuild(home: Home) -> None:
    put_star(home, "sat-grpo-1", is_starred=True)
    put_pin(home, "sat-sft-2", is_pinned=True)
    set_tags(home, "sat-grpo-1", ["best"])
    replace_note(home, "sat-grpo-1", "first", seq=None)
    replace_note(home, "sat-grpo-1", "mended", seq=texts(home)[0][0])
    before = texts(home)

    rebuild(home)

    assert MarkReader(home).read() == Marks(frozenset({11}), 12)
    assert tags(home) == ("best",)
    assert texts(home) == before and [said for _, said in before] == ["mended"]


def test_foreign_and_torn_lines_of_user_jsonl_change_nothing(home: Home) -> None:
    put_star(home, "sat-grpo-1", is_starred=True)
    with home.user_journal.open("a") as file:
        file.write(json.dumps({"v": 1, "seq": 9, "time": 1.0, "type": "star", "uid": "odd"}) + "\n")
        file.write('no json\n{"v": 1, "seq": 10, "time": 1.0, "type": "star", "uid": 12')
    reader = MarkReader(home)

    assert reader.read().starred == {11}
    home.user_journal.write_text("")
    assert reader.read() == Marks()


def test_tags_become_those_given(home: Home) -> None:
    add_tags(home, "sat-grpo-1", ["old", "kept"])

    assert set_tags(home, "sat-grpo-1", ["kept", "new"]) == ("kept", "new")
    assert set_tags(home, "sat-grpo-1", []) == ()


def test_a_wrong_tag_changes_nothing(home: Home) -> None:
    add_tags(home, "sat-grpo-1", ["old"])

    with pytest.raises(UsageProblem):
        set_tags(home, "sat-grpo-1", ["new", "#no"])
    assert tags(home) == ("old",)


def test_a_note_is_edited_in_place_and_without_words_goes(home: Home) -> None:
    add_note(home, "sat-grpo-1", "by the command")
    replace_note(home, "sat-grpo-1", "edited", seq=texts(home)[0][0])
    assert [said for _, said in texts(home)] == ["edited"]

    replace_note(home, "sat-grpo-1", " ", seq=texts(home)[0][0])
    assert texts(home) == []
