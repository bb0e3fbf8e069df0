"""A command in a real terminal: a pty whose bytes are kept as they came, and read through pyte as a person sees them.

For tests and benchmarks. Nothing here sleeps: everything waits for bytes, for what the screen shows, or for an end.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pyte

PATIENCE_S = 30.0
QUIET_S = 0.3
"""So long without a byte counts as the end of an answer: longer than the dashboard's looks at its files are apart."""
APP = (sys.executable, "-m", "rftui")
KEYS = {
    "enter": "\r",
    "escape": "\x1b",
    "tab": "\t",
    "backspace": "\x7f",
    "up": "\x1b[A",
    "down": "\x1b[B",
    "right": "\x1b[C",
    "left": "\x1b[D",
    "home": "\x1b[H",
    "end": "\x1b[F",
    "pageup": "\x1b[5~",
    "pagedown": "\x1b[6~",
    "space": " ",
    "ctrl+c": "\x03",
    "ctrl+p": "\x10",
    "ctrl+s": "\x13",
}
"""What a terminal sends for keys that have a name; any other key is its own character."""
_MODE = re.compile(rb"\x1b\[\?([\d;]+)([hl])")
_ON_BY_ITSELF = frozenset({7, 25})
"""Private modes that a terminal starts with: wrapping, and a cursor that can be seen."""
# pyte ends the kitty protocol's `CSI < u` at the `<` and would draw the `u`
_UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[<\d*u")


class Chunk(NamedTuple):
    """Bytes that came at once."""

    time: float
    """Of time.monotonic."""
    data: bytes


class Terminal:
    """A command as the session leader on a pty of its own, as sshd would start it."""

    def __init__(
        self,
        command: Sequence[str] = APP,
        *,
        size: tuple[int, int] = (140, 40),
        environment: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.chunks: list[Chunk] = []
        self._screen = pyte.Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._fed = 0
        self._master, slave = pty.openpty()
        self._set_size(*size)
        self.settings_before = termios.tcgetattr(slave)
        self.process = subprocess.Popen(
            list(command),
            env=terminal_environment(os.environ if environment is None else environment),
            cwd=cwd,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(slave)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # what came

    @property
    def output(self) -> bytes:
        """Every byte so far."""
        return b"".join(chunk.data for chunk in self.chunks)

    @property
    def screen(self) -> Any:
        """The pyte screen, up to date with what was read."""
        fresh = self.chunks[self._fed :]
        self._fed = len(self.chunks)
        if fresh:
            self._stream.feed(_UNKNOWN_TO_PYTE.sub(b"", b"".join(chunk.data for chunk in fresh)))
        return self._screen

    @property
    def lines(self) -> list[str]:
        """The screen line by line, without spaces at the ends."""
        screen = self.screen
        # pyte's own display breaks where half of a wide character was drawn over
        rows = (screen.buffer[y] for y in range(screen.lines))
        return ["".join(row[x].data for x in range(screen.columns)).rstrip() for row in rows]

    @property
    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines)

    def read(self, timeout_s: float) -> bool:
        """Reads what there is, waiting at most so long for the first byte; False where nothing came."""
        if self._master < 0 or not select.select([self._master], [], [], timeout_s)[0]:
            return False
        try:
            data = os.read(self._master, 1 << 20)
        except OSError:
            # Linux says EIO where the other side is closed
            return False
        if data:
            self.chunks.append(Chunk(time.monotonic(), data))
        return bool(data)

    def read_for(self, seconds: float) -> int:
        """Reads for so long and returns how many bytes came."""
        first, deadline = len(self.chunks), time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not self.read(left) and self.process.poll() is not None:
                break
        return sum(len(chunk.data) for chunk in self.chunks[first:])

    def settle(self, quiet_s: float = QUIET_S, *, timeout_s: float = PATIENCE_S) -> None:
        """Returns when nothing came for `quiet_s`, or after the timeout."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and self.read(quiet_s):
            continue

    def wait_for(self, wanted: str | Callable[[str], object], *, timeout_s: float = PATIENCE_S) -> str:
        """The screen's text once it holds words or fulfils a condition. Raises AssertionError with what it shows."""
        deadline = time.monotonic() + timeout_s
        while True:
            text = self.text
            if wanted in text if isinstance(wanted, str) else wanted(text):
                return text
            if time.monotonic() > deadline or (not self.read(0.1) and self.process.poll() is not None):
                name = wanted if isinstance(wanted, str) else getattr(wanted, "__name__", "the condition")
                raise AssertionError(f"waited {timeout_s:.0f} s for {name!r}; the screen shows\n{text}")

    # what is done

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, by name or as characters."""
        for key in keys:
            os.write(self._master, KEYS.get(key, key).encode())

    def stop(self, *keys: str, first_byte_s: float = 1.0, quiet_s: float = QUIET_S) -> str:
        """What the screen shows when the answer to these keys has come, or none came."""
        self.press(*keys)
        if self.read(first_byte_s):
            self.settle(quiet_s)
        return self.text

    def answer_s(self, *keys: str, first_byte_s: float = 2.0, quiet_s: float = QUIET_S) -> float | None:
        """Seconds from pressing to the last byte of what it changed; None where nothing came."""
        pressed = time.monotonic()
        self.press(*keys)
        if not self.read(first_byte_s):
            return None
        self.settle(quiet_s)
        return self.chunks[-1].time - pressed

    def resize(self, columns: int, rows: int) -> None:
        """Gives the terminal another size, of which the kernel tells the command."""
        _ = self.screen
        self._screen.resize(rows, columns)
        self._set_size(columns, rows)

    def hang_up(self) -> None:
        """Closes the terminal, as a lost connection does."""
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def wait(self, *, timeout_s: float = PATIENCE_S) -> int:
        """The exit code, once the command has ended; what it still writes is read."""
        deadline = time.monotonic() + timeout_s
        while self.process.poll() is None and time.monotonic() < deadline:
            if self._master < 0:
                self.process.wait(max(0.1, deadline - time.monotonic()))
            else:
                self.read(0.1)
        while self.read(0):
            continue
        if self.process.poll() is None:
            raise AssertionError(f"waited {timeout_s:.0f} s for the end; the screen shows\n{self.text}")
        return self.process.returncode

    def settings(self) -> list[Any]:
        """The terminal's settings, as `stty` shows them."""
        return termios.tcgetattr(self._master)

    def session(self) -> list[psutil.Process]:
        """Processes that still belong to the terminal's session."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(OSError):
                if os.getsid(process.pid) == self.process.pid and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def close(self) -> None:
        """Ends whatever is left."""
        self.hang_up()
        if self.process.poll() is None:
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def terminal_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment as a login to a modern terminal has it; the size comes from the terminal alone."""
    left_out = {"COLUMNS", "LINES", "NO_COLOR", "RFTUI_ASCII", "TEXTUAL", "FORCE_COLOR", "RFTUI_READ_ONLY"}
    kept = {key: value for key, value in environment.items() if key not in left_out}
    return {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}


def modes_left_changed(output: bytes) -> set[int]:
    """Private modes that a stream of bytes leaves otherwise than a terminal starts with them."""
    last: dict[int, bool] = {}
    for match in _MODE.finditer(output):
        for mode in match[1].split(b";"):
            last[int(mode)] = match[2] == b"h"
    return {mode for mode, is_on in last.items() if is_on != (mode in _ON_BY_ITSELF)}


def take_terminal() -> None:
    """Makes the pty this session's controlling terminal, so that its end hangs the session up."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    # tests that were started in the background hand on that they ignore it
    signal.signal(signal.SIGINT, signal.SIG_DFL)
