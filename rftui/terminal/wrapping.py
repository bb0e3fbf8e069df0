"""Foreign text made fit to be drawn in cells: clean, without what takes no cell, of bounded length, wrapped."""

from __future__ import annotations

import re
from typing import NamedTuple

from rich.cells import get_character_cell_size

from rftui.terminal.clean import clean

LONGEST = 65_536
"""Characters of a text that are laid out; the rest is counted, and can be copied."""
MOST_MARKS = 3
"""Accents that one character may carry; a pile of a thousand takes no cell and stalls a terminal."""
# Unicode's default ignorable characters: they take no cell, join others into clusters that terminals measure
# differently, and hide words in an answer that looks empty.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# ranges in which every character takes a cell: words, signs, boxes, blocks and braille, so most of what is ever drawn
_HARMLESS = re.compile(
    "[ -~\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0482\u048a-\u058f\u2010-\u2027\u2030-\u205e\u2190-\u2bff]*"
)
_BREAK = re.compile("[\n\u2028\u2029]")
_NO_BREAKS = dict.fromkeys(map(ord, "\t\n\u2028\u2029"))


class Drawable(NamedTuple):
    """Text as it can be drawn."""

    paragraphs: tuple[str, ...]
    """Without line breaks and tabs; at least one."""
    hidden: int
    """Characters that were taken out because nobody would see them, or a terminal would obey them."""
    left_out: int
    """Characters beyond the longest text that is laid out."""


def drawable(text: str) -> Drawable:
    """`text` as paragraphs that take the cells they seem to take."""
    part = text[:LONGEST]
    kept = _without_piles(_INVISIBLE.sub("", clean(part)))
    paragraphs = tuple(paragraph.replace("\t", "    ") for paragraph in _BREAK.split(kept))
    return Drawable(paragraphs, len(part) - len(kept) - part.count("\r\n"), len(text) - len(part))


def visible(text: str) -> str:
    """`text` without characters that nobody sees or that a terminal obeys, line breaks and tabs included."""
    if _HARMLESS.fullmatch(text):
        return text
    return _without_piles(_INVISIBLE.sub("", clean(text))).translate(_NO_BREAKS)


def drawable_line(text: str) -> str:
    """`text` as one line."""
    return " ".join(filter(None, (paragraph.strip() for paragraph in drawable(text).paragraphs)))


def wrap(paragraph: str, width: int) -> list[tuple[int, int]]:
    """Where the lines of a paragraph start and end, none wider than `width` cells; at least one, maybe empty.

    Breaks at spaces, which are left out there, and within a word that is wider than a line. Linear in its length.
    """
    width = max(1, width)
    sizes = None if paragraph.isascii() else [get_character_cell_size(character) for character in paragraph]
    lines: list[tuple[int, int]] = []
    start = 0
    while (end := _reach(paragraph, sizes, start, width)) < len(paragraph):
        space = paragraph.rfind(" ", start + 1, end + 1)
        if space > start:
            lines.append((start, space))
            start = space + 1
        else:
            lines.append((start, end))
            start = end
    return [*lines, (start, len(paragraph))]


def _reach(paragraph: str, sizes: list[int] | None, start: int, width: int) -> int:
    """The end of what fits into `width` cells from `start`, at least one character further."""
    if sizes is None:
        return min(len(paragraph), start + width)
    used, place = 0, start
    while place < len(paragraph) and (used + sizes[place] <= width or place == start):
        used += sizes[place]
        place += 1
    return place


def _without_piles(text: str) -> str:
    """The text without marks beyond the third on one character."""
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        takes_no_cell = get_character_cell_size(character) == 0 and character not in "\n\t\u2028\u2029"
        marks = marks + 1 if takes_no_cell else 0
        if marks <= MOST_MARKS:
            kept.append(character)
    return "".join(kept)
