"""What Textual sends to the terminal, in as few bytes as show the same: cells that changed, colours that differ.

Textual 8.2.8 sends a line that changed in part from the left edge of its widget on (`render_segments` of ChopsUpdate),
and names foreground, background and reset for every piece of text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NamedTuple

from rich.cells import cell_len
from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.strip import SGR_STYLES, Strip

_NARROW = re.compile(r"[ -~\u2190-\u21ff\u2500-\u25ff\u2800-\u28ff]*")
"""Characters of which each takes one cell: letters, arrows, boxes, braille."""
_SEEN_ON_BLANKS = frozenset({"4", "5", "6", "7", "9", "21", "51", "52", "53"})
"""Attributes that show where nothing is written: underlined, blinking, reversed, struck through, framed."""


def tightened(update: Any) -> Any:
    """The same update in fewer bytes; anything else as it is."""
    if type(update) is LayoutUpdate:
        return TightLayout(update)
    return TightChops(update) if type(update) is ChopsUpdate else update


class TightLayout(CompositorUpdate):
    """Whole lines."""

    def __init__(self, update: LayoutUpdate) -> None:
        self._update = update

    def render_segments(self, console: Console) -> str:
        """What is sent."""
        ink = Ink(console)
        for y, line in enumerate(self._update.strips, self._update.region.y):
            ink.move_to(self._update.region.x, y)
            for strip in line:
                ink.write(strip)
        return ink.sent()


class TightChops(CompositorUpdate):
    """Parts of lines."""

    def __init__(self, update: ChopsUpdate) -> None:
        self._update = update

    def render_segments(self, console: Console) -> str:
        """What is sent."""
        ink = Ink(console)
        update = self._update
        whole: set[tuple[int, int]] = set()
        for y, first, end in update.spans:
            for right, (left, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is None or left >= end or right <= first:
                    continue
                if _is_narrow(strip):
                    start = max(left, first)
                    ink.move_to(start, y)
                    ink.write(strip.crop(start - left, min(right, end) - left))
                elif (y, left) not in whole:
                    # half of a wide character would take the other half with it
                    whole.add((y, left))
                    ink.move_to(left, y)
                    ink.write(strip)
        return ink.sent()


def _is_narrow(strip: Strip) -> bool:
    """Whether each character takes one cell."""
    return all(not control and (_NARROW.fullmatch(text) or _is_each_one(text)) for text, _, control in strip)


@lru_cache(1024)
def _is_each_one(text: str) -> bool:
    return all(cell_len(character) == 1 for character in text)


class _Look(NamedTuple):
    """A style in the numbers of a terminal's `CSI m`; empty for what a terminal starts with."""

    attributes: str = ""
    foreground: str = ""
    background: str = ""
    is_seen_on_blanks: bool = False


PLAIN = _Look()


@lru_cache(4096)
def _look_of(style: Style, color_system: ColorSystem) -> _Look:
    bits = style._attributes & style._set_attributes
    attributes = [sgr for number, sgr in enumerate(SGR_STYLES) if bits & (1 << number)]
    foreground, background = (
        ";".join(color.downgrade(color_system).get_ansi_codes(is_foreground)) if color is not None else ""
        for color, is_foreground in ((style.color, True), (style.bgcolor, False))
    )
    return _Look(";".join(attributes), foreground, background, not _SEEN_ON_BLANKS.isdisjoint(attributes))


class Ink:
    """Writes text with styles, and names only what differs from the text before."""

    def __init__(self, console: Console) -> None:
        self._color_system = console._color_system or ColorSystem.TRUECOLOR
        self._parts: list[str] = []
        self._look = PLAIN

    def move_to(self, x: int, y: int) -> None:
        """Goes to a cell, from 0."""
        self._parts.append(f"\x1b[{y + 1};{x + 1}H")

    def write(self, strip: Strip) -> None:
        """Writes text where it stands."""
        parts, color_system = self._parts, self._color_system
        for text, style, _ in strip:
            if style is not None and style._link:
                self._change(PLAIN)
                parts.append(Strip.render_style(style, text, color_system))
                continue
            look = PLAIN if style is None else _look_of(style, color_system)
            if look is not self._look:
                before = self._look
                if not (look.is_seen_on_blanks or before.is_seen_on_blanks) and not text.strip(" "):
                    # of a blank only the background is seen
                    look = before._replace(background=look.background)
                self._change(look)
            parts.append(text)

    def _change(self, look: _Look) -> None:
        before, self._look = self._look, look
        if before == look:
            return
        codes = []
        if before.attributes != look.attributes:
            if before.attributes:
                codes.append("0")
                before = PLAIN
            codes.append(look.attributes)
        if before.foreground != look.foreground:
            codes.append(look.foreground or "39")
        if before.background != look.background:
            codes.append(look.background or "49")
        self._parts.append(f"\x1b[{';'.join(filter(None, codes))}m")

    def sent(self) -> str:
        """All that was written, with nothing left switched on."""
        if self._look != PLAIN:
            self._look = PLAIN
            self._parts.append("\x1b[0m")
        return "".join(self._parts)
