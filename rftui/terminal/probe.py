"""Asks the terminal what it can show, with a limit on the wait. Nobody else may read from it meanwhile."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time
import tty

from rftui.terminal.graphics import END_OF_ANSWER, QUERY, Support, support_from

PATIENCE_S = 0.6
"""An answer takes a round trip; a terminal that knows none of the questions never answers."""


def ask_terminal(*, patience_s: float = PATIENCE_S) -> Support:
    """What the controlling terminal answers. Raises OSError or termios.error where there is none."""
    terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    try:
        before = termios.tcgetattr(terminal)
        try:
            tty.setraw(terminal, termios.TCSANOW)
            os.write(terminal, QUERY.encode())
            return support_from(_answer(terminal, patience_s))
        finally:
            termios.tcsetattr(terminal, termios.TCSANOW, before)
    finally:
        os.close(terminal)


def cell_pixels() -> tuple[int, int] | None:
    """Width and height of a cell in pixels, as the kernel knows them; None where it does not."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return None
    finally:
        os.close(terminal)
    return (width // columns, height // rows) if columns and rows and width >= columns and height >= rows else None


def _answer(terminal: int, patience_s: float) -> bytes:
    answer = b""
    until = time.monotonic() + patience_s
    while not END_OF_ANSWER.search(answer) and (left_s := until - time.monotonic()) > 0:
        if select.select([terminal], [], [], left_s)[0]:
            answer += os.read(terminal, 4096)
    return answer
