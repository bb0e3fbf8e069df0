"""Reads in threads that end in a message and in nothing else, and the messages that several views share."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator

from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from rftui.terminal.clean import one_line
from rftui.terminal.half_blocks import Picture
from rftui.widgets.image import Shown
from store.errors import StoreError

logger = logging.getLogger(__name__)

PROBLEM_WIDTH = 300


class PictureRead(Message, bubble=False):
    """A picture was read."""

    def __init__(self, shown: Shown, picture: Picture) -> None:
        super().__init__()
        self.shown = shown
        self.picture = picture


class ReadFailed(Message, bubble=False):
    """The store could not be read or written."""

    def __init__(self, problem: str) -> None:
        super().__init__()
        self.problem = problem


def tell(widget: Widget, read: Callable[[], Message | None], *, doing: str) -> None:
    """Posts to a widget what was read, or why nothing was; called in a worker of the widget."""
    tell_each(widget, lambda: iter([read()]), doing=doing)


def tell_each(widget: Widget, read: Callable[[], Iterator[Message | None]], *, doing: str) -> None:
    """Posts to a widget each thing as it is read, until something else is wanted and the worker is cancelled."""
    worker = get_current_worker()
    try:
        for message in read():
            if worker.is_cancelled:
                return
            if message is not None:
                widget.post_message(message)
    except (OSError, StoreError, sqlite3.Error, ValueError) as error:
        # the boundary of what is read: the view stays as it was and says why
        logger.warning("%s", doing, exc_info=True)
        if not worker.is_cancelled:
            widget.post_message(ReadFailed(f"{doing}: {one_line(error, width=PROBLEM_WIDTH)}"))
