"""What differs between two texts word by word, marked by signs and not by colour alone: [-gone-] {+new+}. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rftui.terminal.painted import Painted
from rftui.terminal.spans import Line, Role
from rftui.terminal.wrapping import drawable

MOST_WORDS = 2000
"""Words of a text that are compared; the search for what is alike is quadratic at worst."""
_WORD = re.compile(r"(\w+|[^\w\s])([^\S\n]*\n?\s*)")


class Difference(NamedTuple):
    """A text beside the one it is compared with."""

    paragraphs: tuple[Painted, ...]
    gone: int
    """Words that only the other text has."""
    new: int
    """Words that only this text has."""
    left_out: int
    """Words of either text beyond those that were compared."""

    def lines(self, width: int) -> Iterator[Line]:
        """The paragraphs, wrapped."""
        for paragraph in self.paragraphs:
            yield from paragraph.wrapped(width)


def word_diff(before: str, after: str) -> Difference:
    """`after` with what it lost and gained against `before`; spacing is that of the text a word is in."""
    old, new = _words(before), _words(after)
    left_out = max(0, len(old) - MOST_WORDS) + max(0, len(new) - MOST_WORDS)
    old, new = old[:MOST_WORDS], new[:MOST_WORDS]
    matcher = difflib.SequenceMatcher(None, [word for word, _ in old], [word for word, _ in new])
    page = _Page()
    gone = came = 0
    for change, first, last, start, end in matcher.get_opcodes():
        if change == "equal":
            page.add(_joined(new[start:end]), Role.PLAIN)
            continue
        gone += last - first
        came += end - start
        if first < last:
            page.add_marked("[-", _joined(old[first:last]), "-]", Role.WRONG)
        if start < end:
            page.add_marked("{+", _joined(new[start:end]), "+}", Role.RIGHT)
    return Difference(tuple(page.paragraphs), gone, came, left_out)


def _words(text: str) -> list[tuple[str, str]]:
    """Words and signs with the space behind each, of the text as it can be drawn."""
    return [(match[1], match[2]) for match in _WORD.finditer("\n".join(drawable(text).paragraphs))]


def _joined(words: Sequence[tuple[str, str]]) -> str:
    return "".join(word + space for word, space in words)


class _Page:
    """Paragraphs being filled."""

    def __init__(self) -> None:
        self.paragraphs = [Painted()]

    def add(self, text: str, role: Role) -> None:
        first, *others = text.split("\n")
        self.paragraphs[-1].add(first, role)
        for other in others:
            self.paragraphs.append(Painted(other, role))

    def add_marked(self, opening: str, text: str, closing: str, role: Role) -> None:
        """Marks stand on the words, not on the space behind the last one."""
        words = text.rstrip()
        self.add(f"{opening}{words}{closing}", role)
        self.add(text[len(words) :] or " ", Role.PLAIN)
