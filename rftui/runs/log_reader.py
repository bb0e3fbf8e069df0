"""Reads the log of a run as it grows, each byte once, however long a line without an end becomes. Draws nothing."""

from __future__ import annotations

import codecs
from pathlib import Path

from rftui.runs.log_terminal import LogTerminal
from rftui.supervision.follower import start_of_last_lines

MOST_BYTES = 4 << 20
"""Of a log that was there before; `rftui logs` prints all of it."""
CHUNK_BYTES = 1 << 20


class LogReader:
    """The last lines of a file that others append to."""

    def __init__(self, path: Path, *, lines: int) -> None:
        self.path = path
        self._most_lines = lines
        self._start()

    @property
    def is_cut(self) -> bool:
        """Whether there are older lines than those that are kept."""
        return self._has_skipped or self._terminal.dropped > 0

    def _start(self) -> None:
        self._has_skipped = False
        self._terminal = LogTerminal(lines=self._most_lines)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._offset = 0

    def read(self) -> list[str]:
        """Every line that is kept, with what was printed since the last look. Raises OSError."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            size = file.seek(0, 2)
            if size < self._offset:
                # somebody emptied the file, or put another in its place
                self._start()
            if self._offset == 0 and size:
                begin = start_of_last_lines(self.path, self._most_lines)
                self._offset = max(begin, size - MOST_BYTES)
                self._has_skipped = self._offset > 0
            file.seek(self._offset)
            while chunk := file.read(CHUNK_BYTES):
                self._offset += len(chunk)
                self._terminal.feed(self._decoder.decode(chunk))
        return self._terminal.lines
