"""Lines of text in roles, which a widget gives the theme's colours. Pure: knows no widget and no colour."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

_ASCII = str.maketrans("█░▇▁▂▃▄▅▆━─│┼●▲◀▶▸▾▌✓✗·…—↑↓", "#-#___===--|+*^<>>v|+x|~-^v")


class Role(StrEnum):
    """What a piece of text is to the reader."""

    PLAIN = "plain"
    """Running text."""
    MUTED = "muted"
    """Labels and what can be passed over."""
    STRONG = "strong"
    """What the eye looks for first."""
    RIGHT = "right"
    """Right, or better than the rest of its group."""
    WRONG = "wrong"
    """Wrong, or worse than the rest of its group."""
    WARNING = "warning"
    """Something that asks for a look."""
    BAR = "bar"
    """A bar that shows an amount."""
    MATCH = "match"
    """What a search found."""
    LINE0 = "line0"
    """The first of the colours that lines of charts have."""
    LINE1 = "line1"
    """The second."""
    LINE2 = "line2"
    """The third."""
    LINE3 = "line3"
    """The fourth."""


LINE_ROLES = (Role.LINE0, Role.LINE1, Role.LINE2, Role.LINE3)
"""The colours of the lines of charts, by their number."""


class Span(NamedTuple):
    """Text in one role, clean and without line breaks."""

    text: str
    role: Role = Role.PLAIN


Line = tuple[Span, ...]


def line_width(line: Iterable[Span]) -> int:
    """Cells that a line takes."""
    return sum(cell_len(span.text) for span in line)


def fitted(line: Line, width: int) -> Line:
    """The line cut to `width` cells with an ellipsis; as it is where it fits."""
    if line_width(line) <= width:
        return line
    kept: list[Span] = []
    left = max(0, width - 1)
    for span in line:
        length = cell_len(span.text)
        if length > left:
            kept.append(Span(set_cell_size(span.text, left), span.role))
            break
        kept.append(span)
        left -= length
    return (*kept, Span("…" if width > 0 else "", Role.MUTED))


def flowed(pieces: Iterable[Line], width: int, *, hang: str = "", gap: str = "  ") -> list[Line]:
    """Pieces side by side, on as many lines as that takes, all but the first behind `hang`; too wide a piece is cut."""
    lines: list[Line] = []
    line: Line = ()
    for piece in pieces:
        joined = (*line, Span(gap), *piece) if line else piece
        if line and line_width(joined) > width:
            lines.append(line)
            joined = (Span(hang), *piece)
        line = fitted(joined, width)
    return [*lines, line] if line else lines


def in_ascii(text: str) -> str:
    """Our own signs as ASCII, and a question mark for every other character that is none."""
    return text.translate(_ASCII).encode("ascii", "replace").decode("ascii")


def phrase_places(text: str, phrases: Sequence[str]) -> list[tuple[int, int]]:
    """Where any phrase stands, upper and lower case alike; places never overlap."""
    if not phrases:
        return []
    # longest first, so that `left of` wins over `left`
    pattern = "|".join(re.escape(phrase) for phrase in sorted(phrases, key=len, reverse=True))
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE)]


def marked(text: str, start: int, end: int, places: Sequence[tuple[int, int]], role: Role) -> Line:
    """text[start:end] with the places in it marked as found."""
    spans: list[Span] = []
    at = start
    for first, last in places:
        first, last = max(first, at), min(last, end)
        if first >= last:
            continue
        if first > at:
            spans.append(Span(text[at:first], role))
        spans.append(Span(text[first:last], Role.MATCH))
        at = last
    if at < end or not spans:
        spans.append(Span(text[at:end], role))
    return tuple(spans)
