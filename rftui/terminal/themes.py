"""How the dashboard looks: two themes of ours whose hues stay apart for colour-blind eyes, Textual's own beside them.

Hues: Okabe and Ito, "Color universal design", https://jfly.uni-koeln.de/color/ (2008); those that would be too faint
on their background, or too near to another, are darker or lighter here, as the tests of the looks measure it. Nothing
is told by hue alone: series differ by their line as well, states by sign and word, a cursor by reverse.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from rich.terminal_theme import TerminalTheme
from textual.color import Color
from textual.theme import Theme

DARK = "rftui-dark"
LIGHT = "rftui-light"
OURS = (DARK, LIGHT, "ansi-dark", "ansi-light")
"""Themes offered first. The ansi ones use the sixteen colours of the terminal's own scheme."""


class Hues(NamedTuple):
    """Hues by name, in the order in which series take them."""

    blue: str
    orange: str
    green: str
    red: str
    purple: str
    yellow: str
    deep: str
    neutral: str


ON_DARK = Hues("#56B4E9", "#E69F00", "#2DB88F", "#E8743B", "#CC79A7", "#F0E442", "#5B9BD5", "#B8B8B8")
ON_LIGHT = Hues("#0B62BA", "#7F6002", "#0F6B50", "#7A1E05", "#B52080", "#5E5600", "#004C78", "#555555")
ON_ANSI = Hues(
    "ansi_blue", "ansi_yellow", "ansi_green", "ansi_red", "ansi_magenta", "ansi_cyan", "ansi_bright_blue", "ansi_white"
)
SERIES = len(Hues._fields)
"""Hues that series may take, `$series-0` to `$series-7`; the ninth series takes the first again, with another line."""


def themes() -> tuple[Theme, Theme]:
    """The two themes of ours."""
    return (
        Theme(
            name=DARK,
            primary=ON_DARK.blue,
            secondary=ON_DARK.purple,
            accent=ON_DARK.yellow,
            warning=ON_DARK.orange,
            error=ON_DARK.red,
            success=ON_DARK.green,
            foreground="#E4E4E4",
            background="#121212",
            surface="#1C1C1C",
            panel="#262626",
            dark=True,
            variables={"footer-key-foreground": ON_DARK.blue},
        ),
        Theme(
            name=LIGHT,
            primary=ON_LIGHT.blue,
            secondary=ON_LIGHT.purple,
            accent=ON_LIGHT.yellow,
            warning=ON_LIGHT.orange,
            error=ON_LIGHT.red,
            success=ON_LIGHT.green,
            foreground="#1A1A1A",
            background="#FAFAFA",
            surface="#F0F0F0",
            panel="#E4E4E4",
            dark=False,
            variables={"footer-key-foreground": ON_LIGHT.blue},
        ),
    )


def named_colours(*, is_dark: bool) -> TerminalTheme:
    """Our hues for the colours that texts name as a terminal does: red, green, cyan."""
    hues = ON_DARK if is_dark else ON_LIGHT
    ground, ink = ("#121212", "#E4E4E4") if is_dark else ("#FAFAFA", "#1A1A1A")
    named = (ground, hues.red, hues.green, hues.orange, hues.deep, hues.purple, hues.blue, ink)
    colours = [Color.parse(colour).rgb for colour in named]
    return TerminalTheme(Color.parse(ground).rgb, Color.parse(ink).rgb, colours, colours)


def theme_variables(theme: Theme) -> dict[str, str]:
    """Variables of our own for any theme: hues of series and of states."""
    hues = ON_ANSI if theme.ansi else ON_DARK if theme.dark else ON_LIGHT
    series = {f"series-{number}": hue for number, hue in enumerate(hues)}
    states = {
        "state-waiting": hues.neutral,
        "state-running": hues.blue,
        "state-stalled": hues.orange,
        "state-finished": hues.green,
        "state-failed": hues.red,
        "state-lost": hues.purple,
    }
    return series | states


def first_theme(environment: Mapping[str, str] = os.environ) -> str:
    """The theme of somebody who chose none: light where the terminal says that its background is."""
    # rxvt, konsole and others set `foreground;background`, or with a word between, in the numbers of the 16 colours
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in ("7", "15") else DARK
