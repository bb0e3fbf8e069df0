"""Nothing foreign may steer a terminal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.terminal.clean import clean, log_line, one_line

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
fragments = st.sampled_from(
    ["\x1b[", "\x1b]0;", "\x07", "\x1b\\", "\x9b", "\x9d", "31m", "\u202e", "\ud800", "[/b]", "a", "\n"]
)
hostile = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=())), st.lists(fragments, max_size=20).map("".join)
)


@given(hostile)
def test_cleaned_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    assert not FORBIDDEN.search(clean(text))


@given(hostile)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(hostile, st.integers(1, 40))
def test_one_line_is_one_line_of_at_most_the_width(text: str, width: int) -> None:
    line = one_line(text, width=width)

    assert "\n" not in line and "\t" not in line
    assert len(line) <= width


@given(st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Cf"))))
def test_harmless_text_is_kept_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[31mred\x1b[0m", "red"),  # colour
        ("\x1b]0;title\x07text", "text"),  # window title, ended by BEL
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),  # hyperlink, ended by ST
        ("\x9b2Jgone", "gone"),  # 8-bit CSI
        ("\x1b]0;never ended", "0;never ended"),  # a log cut in the middle keeps its text
        ("\x1bPq#0\x1b\\sixel", "sixel"),  # a picture
        ("a\u202egnp.exe", "agnp.exe"),  # right-to-left override
        ("tab\tand\nline", "tab\tand\nline"),
        ("[/b][@click=app.quit()]x", "[/b][@click=app.quit()]x"),  # markup is text
    ],
)
def test_known_tricks_are_taken_out(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_a_progress_bar_leaves_its_last_state() -> None:
    assert log_line(" 10%|#   \r 50%|##  \r100%|####\n") == "100%|####"
