"""Text whose every character has a role, wrapped into lines of spans. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rftui.terminal.spans import Line, Role, Span
from rftui.terminal.wrapping import wrap

_ROLES = tuple(Role)
_CODES = {role: code for code, role in enumerate(_ROLES)}


class Painted:
    """One paragraph: clean text without line breaks, painted piece by piece or where something stands in it."""

    def __init__(self, text: str = "", role: Role = Role.PLAIN) -> None:
        self._parts: list[str] = []
        self._codes = bytearray()
        self.add(text, role)

    @property
    def text(self) -> str:
        """The whole paragraph."""
        if len(self._parts) > 1:
            self._parts = ["".join(self._parts)]
        return self._parts[0] if self._parts else ""

    def add(self, text: str, role: Role = Role.PLAIN) -> None:
        """Puts more text behind."""
        self._parts.append(text)
        self._codes += bytes([_CODES[role]]) * len(text)

    def paint(self, places: Iterable[tuple[int, int]], role: Role) -> None:
        """Gives places another role."""
        for start, end in places:
            self._codes[start:end] = bytes([_CODES[role]]) * (end - start)

    def line(self, start: int, end: int) -> Line:
        """A part as one line."""
        text, at, codes = self.text, start, self._codes[start:end]
        if codes.count(codes[:1]) == len(codes):
            # nearly every line is in one role
            return (Span(text[start:end], _ROLES[codes[0]] if codes else Role.PLAIN),)
        spans: list[Span] = []
        for code, same in groupby(codes):
            after = at + len(list(same))
            spans.append(Span(text[at:after], _ROLES[code]))
            at = after
        return tuple(spans)

    def wrapped(self, width: int) -> Iterator[Line]:
        """Lines no wider than `width` cells; at least one, maybe empty."""
        for start, end in wrap(self.text, width):
            yield self.line(start, end)
