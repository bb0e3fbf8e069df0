"""Textual's terminal driver, made to survive a terminal that is gone, and the way out when nothing else works.

Read in Textual 8.2.8: its writing thread dies of the first EIO, and thirty writes later the event loop waits for it for
ever; its reading thread spins on the end of the file. A process of which the connection was lost would stay.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import IO, Any

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

PATIENCE_S = 3.0
"""So long may the end take that a signal asks for; a terminal that takes no bytes, or a hung disk, gets no more."""
QUIT_PATIENCE_S = 30.0
"""So long may the end take that a person asks for: a launch or a note that is being written should be whole."""
RESTORE = (
    "\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"  # mouse
    "\x1b[?2004l\x1b[?1004l\x1b[?2048l\x1b[<u"  # paste, focus, resize reports, kitty keys
    "\x1b[?7h\x1b[?1049l\x1b[?25h\x1b[0m"  # wrapping, screen, cursor, colours
)
"""What takes back everything that the driver asks of a terminal."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class TerminalDriver(LinuxDriver):
    """Textual's driver on a file that may go away."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file: Any = _FileThatMayGo(self._file)
        if self.input_tty:
            threading.Thread(target=self._wait_for_hang_up, name="hang-up", daemon=True).start()

    def _wait_for_hang_up(self) -> None:
        """Ends the app once the other side of the terminal is closed, which no signal need tell.

        Textual would read the end of file again and again, with a whole core.
        """
        watch = select.poll()
        # no events: the kernel reports a hang-up all the same, and nothing wakes this thread before
        watch.register(self.fileno, 0)
        watch.poll()
        # too late for the app where it ended already
        with contextlib.suppress(RuntimeError):
            self._app.call_later(self._app.exit, return_code=128 + signal.SIGHUP)

    def stop_application_mode(self) -> None:
        """Gives the terminal back; Textual leaves the mouse's pixels switched on."""
        if self._mouse_pixels:
            self.write("\x1b[?1016l")
        super().stop_application_mode()


class _FileThatMayGo:
    """A file that takes everything and keeps nothing once the terminal behind it is gone."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._is_gone = False

    def write(self, text: str) -> None:
        self._try(lambda: self._file.write(text))

    def flush(self) -> None:
        self._try(self._file.flush)

    def fileno(self) -> int:
        return self._file.fileno()

    def _try(self, act: Callable[[], object]) -> None:
        if self._is_gone:
            return
        try:
            act()
        except (OSError, ValueError):
            # EIO of a closed pty, or a file that is closed: who reads the keys learns the same and ends the program
            self._is_gone = True


class WayOut:
    """Ends the process although its event loop may hang, with the terminal given back as it was."""

    def __init__(self) -> None:
        self._settings = None
        with contextlib.suppress(termios.error, ValueError, OSError):
            self._settings = termios.tcgetattr(sys.__stdin__.fileno()) if sys.__stdin__ else None

    def open(self, code: int) -> None:
        """From now on an orderly end has so long; may be called again, and the shortest wait counts."""
        timer = threading.Timer(PATIENCE_S if code else QUIT_PATIENCE_S, self._end, [code])
        timer.daemon = True
        timer.start()

    def _end(self, code: int) -> None:
        if sys.__stdin__ is not None and self._settings is not None:
            with contextlib.suppress(termios.error, ValueError, OSError):
                descriptor = sys.__stdin__.fileno()
                # what waits to be written would make the reset wait as well
                termios.tcflush(descriptor, termios.TCOFLUSH)
                termios.tcsetattr(descriptor, termios.TCSANOW, self._settings)
                os.set_blocking(descriptor, False)
                os.write(descriptor, RESTORE.encode())
                os.set_blocking(descriptor, True)
        os._exit(code)


@contextmanager
def ending_signals(leave: Callable[[int], None]) -> Iterator[None]:
    """Calls `leave` with the number of a signal that ends programs, and makes signals mean what they did afterwards.

    Python runs a handler of its own kind even while the event loop waits for a lock; asyncio's would wait with it.
    """

    def handle(number: int, frame: FrameType | None) -> None:
        leave(number)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
