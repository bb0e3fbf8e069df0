"""A tab of a run: reads in a thread while it is shown, and keeps its errors to itself."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static
from textual.worker import get_current_worker

from rftui.terminal.clean import one_line
from store.layout import Home

logger = logging.getLogger(__name__)


class Pane(Vertical):
    """Subclasses say what to read and how to show it; a failure of either is shown in the pane's own place."""

    FOLLOWS_OUTPUT = False
    """Whether it shows output.log rather than the journals."""
    DEFAULT_CSS = """
    Pane { height: 1fr; }
    Pane > .problem { height: auto; color: $error; padding: 0 1; display: none; }
    Pane > .problem.there { display: block; }
    """
    # repaint=False: a container that is drawn again draws everything in it again
    version: reactive[int] = reactive(-1, init=False, repaint=False)
    """Grows when there is more to read."""
    is_shown: reactive[bool] = reactive(False, init=False, repaint=False)
    """What is hidden reads nothing."""

    class Loaded(Message):
        """Something was read."""

        bubble = False

        def __init__(self, found: Any) -> None:
            super().__init__()
            self.found = found

    class Broke(Message):
        """Reading failed."""

        bubble = False

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, home: Home, name: str) -> None:
        super().__init__()
        self.home = home
        self.run_name = name
        self._is_reading = False
        self._read_version = -1
        self._problem = Static("", classes="problem", markup=False)

    def compose(self) -> ComposeResult:
        """What the pane shows, and a place for what went wrong."""
        yield self._problem
        yield from self.content()

    def content(self) -> Iterable[Widget]:
        """The pane's own widgets."""
        raise NotImplementedError

    def read(self) -> Any:
        """What there is to show; runs in a thread and touches no widget. None where nothing changed."""
        raise NotImplementedError

    def draw(self, found: Any) -> None:
        """Shows what was read."""
        raise NotImplementedError

    def watch_version(self) -> None:
        """There is more to read."""
        self.read_soon()

    def watch_is_shown(self) -> None:
        """What was missed while hidden is read now."""
        self.read_soon()

    def read_again(self) -> None:
        """Reads although the run did not change: the user wants to see something else of it."""
        self._read_version = -1
        self.read_soon()

    @property
    def is_behind(self) -> bool:
        """Whether it is shown and does not yet show what there is."""
        return self.is_shown and (self.version < 0 or self._is_reading or self._read_version != self.version)

    def read_soon(self) -> None:
        """Starts to read where it is shown, is behind, and is not reading."""
        if self.is_shown and self.version >= 0 and self._read_version != self.version and not self._is_reading:
            self._is_reading = True
            self._read_version = self.version
            self.run_worker(self._read_in_thread, thread=True, group="read", exit_on_error=False)

    def _read_in_thread(self) -> None:
        try:
            found = self.read()
        except Exception as error:
            # a pane's boundary: whatever is wrong with what it reads, the other panes go on
            logger.warning("a pane could not read %s", self.run_name, exc_info=True)
            self.post_message(self.Broke(f"{self.run_name} cannot be read: {error}"))
            return
        if not get_current_worker().is_cancelled:
            self.post_message(self.Loaded(found))

    def on_pane_loaded(self, event: Loaded) -> None:
        """Draws, and reads on where the run did."""
        self._is_reading = False
        self.say_problem("")
        if event.found is not None:
            try:
                self.draw(event.found)
            except Exception as error:
                # a pane's boundary: a value that cannot be drawn must not take the dashboard down
                logger.warning("a pane could not draw %s", self.run_name, exc_info=True)
                self.say_problem(f"this cannot be drawn: {error}")
        self.read_soon()

    def on_pane_broke(self, event: Broke) -> None:
        """Says why nothing new is shown; what was shown stays."""
        self._is_reading = False
        self.say_problem(event.reason)

    def say_problem(self, reason: str) -> None:
        """Shows what went wrong, or nothing."""
        if str(self._problem.content) != reason:
            self._problem.update(Text(one_line(reason)))
            self._problem.set_class(bool(reason), "there")
