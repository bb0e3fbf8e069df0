"""One line of text being written."""

from __future__ import annotations

import pytest

from rftui.forms.line_editor import LineEditor
from rftui.terminal.spans import Role, line_width
from tests.dashboard import HOSTILE


def written(text: str, *acts: str, choices: tuple[str, ...] = ()) -> LineEditor:
    """An editor after acts: `<to` moves, `-to` erases, anything else is written."""
    editor = LineEditor(text, choices=choices)
    for act in acts:
        if act.startswith("<"):
            editor.move(act[1:])
        elif act.startswith("-"):
            editor.erase(act[1:])
        else:
            editor.insert(act)
    return editor


@pytest.mark.parametrize(
    ("acts", "text"),
    [
        (("7",), "7"),
        (("<left", "7"), "10 2070"),
        (("<start", "7"), "710 200"),
        (("<end", "7"), "10 2007"),
        (("<word_left", "7"), "10 7200"),
        (("<start", "<word_right", "7"), "107 200"),
        (("-left",), ""),
        (("<end", "-left"), "10 20"),
        (("<start", "-right"), "0 200"),
        (("<end", "-word_left"), "10 "),
        (("<word_left", "-start"), "200"),
        (("<word_left", "-end"), "10 "),
        (("<start", "-left", "<left"), "10 200"),
        (("a\nb",), "a"),
        (("",), ""),
    ],
)
def test_letters_go_where_the_caret_is(acts: tuple[str, ...], text: str) -> None:
    assert written("10 200", *acts).text == text


def test_control_characters_are_not_taken_in() -> None:
    editor = written("", HOSTILE, "\x1b", "\u202e", "\t")

    assert editor.text.isprintable()
    assert "[@click=app.quit()]x[/]" in editor.text


def test_the_first_choice_that_begins_so_is_proposed_and_taken_at_the_end() -> None:
    editor = written("grpo", "s", choices=("grpo", "sft"))

    assert editor.completion == "ft"
    editor.move("right")
    assert (editor.text, editor.completion) == ("sft", "")
    assert written("grpo", choices=("grpo",)).completion == ""


@pytest.mark.parametrize("width", [1, 5, 24])
@pytest.mark.parametrize("text", ["", "short", "a text that is longer than its place", "日本語の文字列です"])
@pytest.mark.parametrize("act", ["<start", "<end", "<word_left"])
def test_the_line_fills_its_place_and_the_caret_is_in_sight(text: str, act: str, width: int) -> None:
    line = written(text, act, choices=("shorter",)).spans(width)

    assert line_width(line) == width
    # a wide character does not fit into one cell
    assert any(span.text for span in line if span.role is Role.MATCH) or width == 1


def test_all_of_a_value_is_marked_until_something_is_done() -> None:
    assert [span.text for span in LineEditor("10").spans(6) if span.role is Role.MATCH] == ["10"]
    assert [span.text for span in written("10", "<end").spans(6) if span.role is Role.MATCH] == [" "]
