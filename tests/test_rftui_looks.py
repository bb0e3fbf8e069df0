"""What reaches the terminal: hues that stay apart, no colour where none is wanted, ASCII where it has to be."""

from __future__ import annotations

import itertools
import math
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from rftui.cli.output import is_ascii
from rftui.terminal.screen_filters import InAscii, WithoutColour, ascii_cells
from rftui.terminal.themes import DARK, LIGHT, ON_ANSI, ON_DARK, ON_LIGHT, Hues, first_theme, themes
from store.layout import Home
from tests.dashboard import curved_run
from tests.terminal import APP, Terminal

BLACK = Color.parse("black")
SGR = re.compile(rb"\x1b\[([\d;:]*)m")
COLOUR = re.compile(rb"(?:^|;)(?:3[0-9]|4[0-9]|9[0-7]|10[0-7])(?:;|$)")
# how eyes without one kind of cone see linear RGB: Machado, Oliveira and Fernandes (2009), table of severity 1.0
EYES = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}
JUST_SEEN = 10.0
"""CIE76 distance; a difference of 2.3 is just noticed side by side, and thin lines need several times that."""
STATES = ("blue", "orange", "green", "red", "purple")


def linear(colour: str) -> list[float]:
    return [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in Color.parse(colour).normalized]


def luminance(colour: str) -> float:
    red, green, blue = linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """As WCAG 2 defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(colour: str, eyes: str) -> tuple[float, float, float]:
    """CIELAB of a colour as those eyes see it."""
    rgb = linear(colour)
    seen = [min(1.0, max(0.0, sum(a * b for a, b in zip(row, rgb, strict=True)))) for row in EYES[eyes]]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.95047, 1.0, 1.08883)
    xyz = [sum(a * b for a, b in zip(row, seen, strict=True)) / w for row, w in zip(to_xyz, white, strict=True)]
    x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(one: str, other: str, eyes: str) -> float:
    return math.dist(lab(one, eyes), lab(other, eyes))


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("hues", [ON_DARK, ON_LIGHT], ids=["dark", "light"])
def test_states_and_the_first_series_are_told_apart_by_any_eyes(hues: Hues, eyes: str) -> None:
    for one, other in itertools.combinations(STATES, 2):
        apart = distance(getattr(hues, one), getattr(hues, other), eyes)
        assert apart > JUST_SEEN, f"{one} and {other} are {apart:.1f} apart"


@pytest.mark.parametrize("theme", themes(), ids=lambda theme: theme.name)
def test_every_hue_can_be_read_on_every_ground(theme: object) -> None:
    hues = ON_DARK if theme.dark else ON_LIGHT  # type: ignore[attr-defined]
    for ground in (theme.background, theme.surface, theme.panel):  # type: ignore[attr-defined]
        for name, hue in zip(Hues._fields, hues, strict=True):
            assert contrast(hue, ground) >= 4.5, f"{name} on {ground}: {contrast(hue, ground):.2f}"


def test_ansi_series_are_colours_of_the_terminal() -> None:
    assert all(hue.startswith("ansi_") for hue in ON_ANSI)
    assert len(set(ON_ANSI)) == len(ON_ANSI)


@pytest.mark.parametrize(
    ("said", "theme"), [("0;15", LIGHT), ("0;default;15", LIGHT), ("15;0", DARK), ("", DARK), ("7", LIGHT), ("x", DARK)]
)
def test_a_light_terminal_that_says_so_gets_the_light_theme(said: str, theme: str) -> None:
    assert first_theme({"COLORFGBG": said}) == theme
    assert first_theme({}) == DARK


@given(st.text())
def test_ascii_takes_the_cells_of_the_original(text: str) -> None:
    drawn = ascii_cells(text)

    assert drawn.isascii()
    if not any(char in text for char in "\t\n\r\x0b\x0c\x1b") and all(map(str.isprintable, text)):
        assert len(drawn) == cell_len(text) or any(cell_len(char) == 0 for char in text)


@pytest.mark.parametrize(
    ("sign", "drawn"),
    [
        ("╭─╮", "+-+"),
        ("│┃║", "|||"),
        ("▊▎", "||"),
        ("█▁▔", "#_-"),
        ("⠀⠁⣿", " .#"),
        ("▸◀↓…", "><v~"),
        ("é漢", "???"),
        ("\u2571", "X"),
    ],
)
def test_our_signs_have_ascii_forms_and_other_characters_a_question_mark(sign: str, drawn: str) -> None:
    assert ascii_cells(sign) == drawn


def test_filters_keep_what_is_no_colour_and_no_sign() -> None:
    style = Style.parse("bold reverse red on blue") + Style.from_meta({"@click": "x"})
    segments = [Segment("plain", style), Segment("─", style), Segment("none", None)]

    plain = WithoutColour().apply(segments, BLACK)
    drawn = InAscii().apply(segments, BLACK)

    assert [segment.text for segment in drawn] == ["plain", "-", "none"]
    assert drawn[1].style is style
    first = plain[0].style
    assert first is not None
    assert (first.color, first.bgcolor, first.bold, first.reverse, first.meta) == (
        None,
        None,
        True,
        True,
        {"@click": "x"},
    )
    assert plain[2].style is None


@pytest.mark.parametrize(
    ("environment", "is_so"),
    [({"RFTUI_ASCII": "1"}, True), ({"TERM": "linux"}, True), ({"TERM": "dumb"}, True), ({"TERM": "xterm"}, False)],
)
def test_ascii_is_asked_for_or_follows_from_the_terminal(
    environment: dict[str, str], is_so: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rftui.cli.output.is_terminal", lambda: True)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert is_ascii() is is_so


def test_a_file_is_written_in_full_whatever_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rftui.cli.output.is_terminal", lambda: False)
    monkeypatch.setenv("TERM", "dumb")

    assert not is_ascii()


def test_a_poor_terminal_gets_neither_colour_nor_signs_on_any_screen(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = curved_run(home)
    # terminal_environment leaves both out, so that other tests do not depend on who runs them
    command = ["env", "RFTUI_ASCII=1", "NO_COLOR=1", *APP]
    environment = {**os.environ, "RFTUI_HOME": str(home.path)}
    with Terminal(command, size=(100, 30), environment=environment) as terminal:
        terminal.wait_for(lambda text: f"\n>   {run_dir.name}" in text and "enter open" in text)
        row = next(y for y, line in enumerate(terminal.lines) if line.startswith(">"))
        assert terminal.screen.buffer[row][4].reverse  # the cursor is seen without colour
        for key, shown in (
            (":", "a metric, a theme"),
            ("escape", "enter open"),
            ("?", "esc closes"),
            ("escape", "enter"),
        ):
            terminal.press(key)
            terminal.wait_for(shown)
            terminal.settle()
        terminal.press("enter")
        text = terminal.wait_for("1 Curves")
        for number in re.findall(r"(\d) [A-Z][a-z]+", text):
            terminal.press(number)
            terminal.settle()
        terminal.press("q")
        assert terminal.wait() == 0

    assert terminal.output.isascii()
    styles = set(SGR.findall(terminal.output))
    assert {style for style in styles if COLOUR.search(style)} == set()
    assert any(b"7" in style.split(b";") for style in styles)
