"""One line of text being written: the text, the caret, and how it looks in a few cells. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.cells import cell_len

from rftui.terminal.clean import clean
from rftui.terminal.spans import Line, Role, Span

_WORD = re.compile(r"\w+|[^\w\s]+")


class LineEditor:
    """Text with a caret. What stood there at first is replaced whole by the first letter, unless the caret moves."""

    def __init__(self, text: str, *, choices: Sequence[str] = ()) -> None:
        self.text = text
        self.place = len(text)
        """Characters before the caret."""
        self.is_whole = bool(text)
        """Whether all of it is selected."""
        self._choices = choices

    @property
    def completion(self) -> str:
        """What is missing to the first choice that begins like this."""
        if self.is_whole or not self.text or self.place < len(self.text):
            return ""
        return next((choice[len(self.text) :] for choice in self._choices if choice.startswith(self.text)), "")

    def insert(self, text: str) -> None:
        """Puts clean text where the caret is; of several lines the first one."""
        first = next(iter(text.splitlines()), "")
        fit = "".join(letter for letter in clean(first).replace("\t", " ") if letter.isprintable())
        if self.is_whole:
            self.text, self.place, self.is_whole = "", 0, False
        self.text = self.text[: self.place] + fit + self.text[self.place :]
        self.place += len(fit)

    def move(self, to: str) -> None:
        """Moves the caret: left, right, word_left, word_right, start or end; right at the end takes the completion."""
        if to == "right" and (missing := self.completion):
            self.text += missing
            self.place = len(self.text)
            return
        self.is_whole = False
        self.place = self._target(to)

    def erase(self, to: str) -> None:
        """Takes out what stands between the caret and where `move` would put it; all of it while it is selected."""
        if self.is_whole:
            self.text, self.place, self.is_whole = "", 0, False
            return
        first, last = sorted((self.place, self._target(to)))
        self.text = self.text[:first] + self.text[last:]
        self.place = first

    def _target(self, to: str) -> int:
        words = [match.span() for match in _WORD.finditer(self.text)]
        match to:
            case "left":
                return max(0, self.place - 1)
            case "right":
                return min(len(self.text), self.place + 1)
            case "word_left":
                return max((start for start, _ in words if start < self.place), default=0)
            case "word_right":
                return min((end for _, end in words if end > self.place), default=len(self.text))
            case "start":
                return 0
        return len(self.text)

    def spans(self, width: int) -> Line:
        """The part around the caret in exactly `width` cells; the caret, or all that is selected, is marked."""
        text = f"{self.text} "
        start = 0
        while start < self.place and cell_len(text[start : self.place + 1]) > width:
            start += 1
        end = start
        while end < len(text) and cell_len(text[start : end + 1]) <= width:
            end += 1
        caret = (0, len(self.text)) if self.is_whole else (self.place, self.place + 1)
        first, last = max(start, caret[0]), min(end, caret[1])
        before, marked, after = text[start:first], text[first:last], text[last:end]
        missing = self.completion
        room = width - cell_len(before + marked + after)
        while missing and cell_len(missing) > room:
            missing = missing[:-1]
        return (
            Span(before, Role.STRONG),
            Span(marked, Role.MATCH),
            Span(after, Role.STRONG),
            Span(missing, Role.MUTED),
            Span(" " * (room - cell_len(missing))),
        )
