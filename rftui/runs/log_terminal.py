"""What a terminal would show of a log: progress bars overwrite themselves, finished lines stay. Pure.

Follows what programs print to draw progress: carriage return, backspace, erase in line, cursor up, down and along.
Everything else that steers a terminal is dropped. Only the newest lines can still be changed, as on a real screen.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence

from rftui.terminal.clean import clean

SCREEN_LINES = 64
"""Newest lines that the cursor can go back to."""
WIDEST = 4096
"""Characters of a line that are kept."""
_CONTROL = re.compile(
    r"(?P<cursor>\x1b\[(?P<count>[0-9]{0,4})(?P<verb>[ABCDGK]))"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b\x9c]{0,4096}(?:\x07|\x1b\\|\x9c)|\x1b[ -/]*[0-~])"
    r"|(?P<back>\x08)"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*|[ -/]*)\Z")
LONGEST_SEQUENCE = 4200
"""Characters after which a control sequence that does not end is none."""


class LogTerminal:
    """Takes text as it was printed, and gives it as lines."""

    def __init__(self, *, lines: int) -> None:
        self._done: deque[str] = deque(maxlen=lines)
        self._screen: list[str] = [""]
        self._row = 0
        self._column = 0
        self._rest = ""
        self.dropped = 0
        """Lines that were taken and are kept no more."""

    @property
    def lines(self) -> list[str]:
        """Every line that is kept, clean; a last one without any text is left out."""
        screen = self._screen if self._screen[-1] else self._screen[:-1]
        return [*self._done, *map(_shown, screen)]

    def feed(self, text: str) -> None:
        """Takes what was printed next; a control sequence may be cut anywhere."""
        text = self._rest + text
        end = text.rfind("\x1b", max(0, len(text) - LONGEST_SEQUENCE))
        is_cut = end >= 0 and _UNFINISHED.match(text, end) is not None
        text, self._rest = (text[:end], text[end:]) if is_cut else (text, "")
        if "\x1b" not in text and "\x08" not in text:
            # most logs; looking for sequences at every character costs ten times as much
            self._print(text)
            return
        at = 0
        for match in _CONTROL.finditer(text):
            self._print(text[at : match.start()])
            at = match.end()
            if match["back"]:
                self._column = max(0, self._column - 1)
            elif match["cursor"]:
                self._move(match["verb"], match["count"])
        self._print(text[at:])

    def _print(self, text: str) -> None:
        """Text with line ends and carriage returns, and no other control that is obeyed."""
        for number, line in enumerate(text.split("\n")):
            if number:
                self._column = 0
                self._down()
            first, *others = line.split("\r")
            self._write(first)
            if others:
                self._column = 0
                self._write(overlaid(others))
                self._column = min(WIDEST, len(others[-1]))

    def _write(self, text: str) -> None:
        if not text:
            return
        line = self._screen[self._row]
        if self._column > len(line):
            line += " " * (self._column - len(line))
        end = self._column + len(text)
        self._screen[self._row] = (line[: self._column] + text + line[end:])[:WIDEST]
        self._column = min(end, WIDEST)

    def _down(self) -> None:
        self._row += 1
        if self._row < len(self._screen):
            return
        self._screen.append("")
        while len(self._screen) > SCREEN_LINES:
            self.dropped += len(self._done) == self._done.maxlen
            self._done.append(_shown(self._screen.pop(0)))
            self._row -= 1

    def _move(self, verb: str, count: str) -> None:
        if verb == "K":
            # without a count, or with 0, from the cursor to the end
            line = self._screen[self._row]
            self._screen[self._row] = {"": line[: self._column], "0": line[: self._column]}.get(count, "")
            return
        steps = max(1, int(count or 1))
        if verb == "A":
            self._row = max(0, self._row - steps)
        elif verb == "B":
            self._row = min(len(self._screen) - 1, self._row + steps)
        elif verb == "C":
            self._column = min(WIDEST, self._column + steps)
        elif verb == "D":
            self._column = max(0, self._column - steps)
        else:
            self._column = min(WIDEST, steps - 1)


def overlaid(texts: Sequence[str]) -> str:
    """Texts written over each other from one place: of each, what reaches beyond all later ones stays."""
    shown = ""
    # a bar of hours is a hundred thousand texts in one line, and but a few of them stay
    for text in reversed(texts):
        if len(text) > len(shown):
            shown += text[len(shown) :]
    return shown


def _shown(line: str) -> str:
    return clean(line).rstrip()
