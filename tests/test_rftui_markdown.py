"""Markdown as lines: its signs are read, links are text, and nothing in it steers a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.terminal.clean import clean
from rftui.terminal.markdown_text import LONGEST, markdown_lines
from rftui.terminal.spans import Role, line_width
from tests.rollout_rows import HOSTILE


def said(text: str, width: int = 40) -> list[str]:
    return ["".join(span.text for span in line) for line in markdown_lines(text, width)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# Title\ntext", ["# Title", "", "text"]),
        ("- one\n- two\n  - three", ["· one", "· two", "  · three"]),
        ("3. one\n4. two", ["3. one", "4. two"]),
        ("> said\n> so", ["│ said so"]),
        ("```py\nx = 1\n```", ["  py", "  x = 1"]),
        ("|a|b|\n|-|-|\n|1|2|", ["a │ b", "1 │ 2"]),
        ("a `b` *c* **d**", ["a `b` _c_ d"]),
        ("[here](http://x) ![cat](y.png)", ["here (http://x) [image cat: y.png]"]),
        ("<b>html</b> <think>stays</think>", ["<b>html</b> <think>stays</think>"]),
        ("one\\\ntwo", ["one", "two"]),
        ("a\n\n---\n\nb", ["a", "", "─" * 40, "", "b"]),
        ("", []),
    ],
)
def test_markdown_is_read(text: str, lines: list[str]) -> None:
    assert said(text) == lines


def test_strong_text_is_strong() -> None:
    (line,) = markdown_lines("so **it** is", 40)

    assert [span.text for span in line if span.role is Role.STRONG] == ["it"]


@pytest.mark.parametrize(
    "text",
    [
        *HOSTILE,
        "&#27;[31mred",
        "&#x202e;evil",
        "[x](<\x1b]8;;y>)",
        "`&#155;`",
        "```\x1b[2J\n\x1b]0;t\x07\n```",
        "> " * 500,
    ],
)
def test_nothing_steers_a_terminal_and_all_fits(text: str) -> None:
    for line in markdown_lines(text, 30):
        assert all(clean(span.text) == span.text and "\n" not in span.text for span in line)


@given(st.text(alphabet="ab*_`#->|[]()!\n &;\\~1.", max_size=200))
def test_no_text_breaks_it(text: str) -> None:
    for line in markdown_lines(text, 60):
        assert line_width(line) <= 60 + 40


def test_a_long_text_goes_on_as_it_came() -> None:
    text = "word " * (LONGEST // 5) + "**end**"

    assert said(text)[-1].endswith("**end**")
