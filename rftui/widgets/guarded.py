"""Keeps an error while a widget draws a line in that widget: Textual would end the whole dashboard on it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from rftui.terminal.clean import one_line

logger = logging.getLogger(__name__)


def guarded_line(widget: Widget, draw: Callable[[int], Strip], y: int) -> Strip:
    """The row that `draw` makes, or one plain line in its place that says why it cannot be drawn."""
    try:
        return draw(y)
    except Exception as error:
        # a widget's boundary: whatever cannot be drawn, the other widgets go on
        said = undrawable_text(widget, error)
        # styles are left out: they may be what failed
        return Strip([Segment(said)]).adjust_cell_length(widget.size.width)


def undrawable_text(widget: Widget, error: Exception) -> str:
    """What stands in the place of a line that cannot be drawn; the traceback goes to the log."""
    logger.warning("a line of %s could not be drawn", type(widget).__name__, exc_info=error)
    return one_line(f"this cannot be drawn: {type(error).__name__}: {error}", width=160)
