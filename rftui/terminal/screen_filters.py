"""The last thing that happens to a line before it goes to the terminal: colours or signs that it cannot have are taken
out. One place for every widget, ours and Textual's, so that no screen can forget it.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter

from rftui.terminal.wrapping import visible

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("▁▂▃", "_"),
        **dict.fromkeys("▄▅▆", "="),
        **dict.fromkeys("▇█▙▛▜▟■◆●◐⬤", "#"),
        **dict.fromkeys("▀▔", "-"),
        **dict.fromkeys("▉▊▋▌▍▎▏▐▕", "|"),
        **dict.fromkeys("░▒▓", ":"),
        **dict.fromkeys("←◀◂\u2039«", "<"),
        **dict.fromkeys("→▶▸\u203a»", ">"),
        **dict.fromkeys("↑▲△", "^"),
        **dict.fromkeys("↓▼▽▾", "v"),
        **dict.fromkeys("·•∙◌○", "."),
        **dict.fromkeys("\u2013—\u2212", "-"),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u00d7✗✘", "x"),
        "✓": "+",
        "✔": "+",
        "★": "*",
        "☆": "*",
        "…": "~",
        "±": "~",
        "⏎": "<",
        "\u00a0": " ",
    }
)
_BOX = range(0x2500, 0x2580)
_BRAILLE = range(0x2800, 0x2900)


class OnlyVisible(LineFilter):
    """Takes out what no cell shows: control and direction characters, joiners, piles of accents.

    Views clean what they show. This holds also where one forgets it, and for what Textual draws by itself; and without
    joiners a terminal measures text as Textual does, so that nothing to the right of it is shifted.
    """

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same cells with characters that can be seen."""
        return [_visible(segment) for segment in segments]


def _visible(segment: Segment) -> Segment:
    text = visible(segment.text)
    if text is segment.text or segment.control:
        return segment
    return Segment(set_cell_size(text, cell_len(segment.text)), segment.style)


class InAscii(LineFilter):
    """Draws our own signs, borders and bars as ASCII, and `?` for every other character that is none."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same cells in ASCII."""
        return [
            segment if segment.text.isascii() else Segment(ascii_cells(segment.text), segment.style, segment.control)
            for segment in segments
        ]


class WithoutColour(LineFilter):
    """Leaves bold, reverse, underline and the like, and no colour: what Textual itself sends for NO_COLOR is greys."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same cells without colours."""
        return [Segment(text, _colourless(style) if style else style, control) for text, style, control in segments]


@lru_cache(1024)
def _colourless(style: Style) -> Style:
    plain = style.without_color
    # meta says what a click means, and is lost with the colours
    return plain + Style.from_meta(style.meta) if style.meta else plain


@lru_cache(4096)
def ascii_cells(text: str) -> str:
    """Text in ASCII that takes as many cells as before."""
    return "".join(char if char.isascii() else _ascii_cell(char) for char in text.translate(_SIGNS))


def _ascii_cell(char: str) -> str:
    code = ord(char)
    if code in _BOX:
        name = unicodedata.name(char)
        if "DIAGONAL" in name:
            return "X"
        sides = {side for side in ("HORIZONTAL", "VERTICAL", "LEFT", "RIGHT", "UP", "DOWN") if side in name}
        if sides <= {"HORIZONTAL", "LEFT", "RIGHT"}:
            return "-"
        return "|" if sides <= {"VERTICAL", "UP", "DOWN"} else "+"
    if code in _BRAILLE:
        return " .:::::##"[(code - _BRAILLE.start).bit_count()]
    return "?" * cell_len(char)
