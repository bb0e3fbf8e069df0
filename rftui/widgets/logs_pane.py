"""The tab of the log: why the run ended on top, and below it what it printed, as a terminal would show it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, NamedTuple

from textual.binding import BindingType
from textual.events import Resize
from textual.widget import Widget

from rftui.actions import bindings
from rftui.runs.ending_reads import read_ending
from rftui.runs.ending_texts import Ending, ending_lines
from rftui.runs.log_reader import LogReader
from rftui.widgets.span_view import SpanLines
from rftui.widgets.text_panes import TextPane
from store.layout import Home

LOG_LINES = 5000
"""Lines of output.log that are kept; `rftui logs` prints all."""
TRACEBACK = "Traceback (most recent call last)"
MOST_WORDS = 0.5
"""Share of the height that words about the end may take from the log."""


class LogsPage(NamedTuple):
    """All that the tab shows."""

    lines: Sequence[str]
    ending: Ending | None
    """None while the run lives."""


class LogsPane(TextPane):
    """The last lines of what the run printed; a progress bar is one line."""

    FOLLOWS_OUTPUT = True
    FOLLOWS = True
    EMPTY = "nothing printed yet: output.log fills once the training process starts"
    BINDINGS: ClassVar[list[BindingType]] = bindings("logs")
    DEFAULT_CSS = """
    LogsPane #ending { display: none; height: 1; padding: 0 1; margin: 0 0 1 0; }
    LogsPane #ending.there { display: block; }
    """

    def __init__(self, home: Home, name: str) -> None:
        super().__init__(home, name)
        self.ending = SpanLines(id="ending")
        self._reader: LogReader | None = None
        self._page: LogsPage | None = None
        self._traceback = -1
        """The line of the traceback that was gone to last."""

    def content(self) -> Iterable[Widget]:
        """Why the run ended, then the lines."""
        yield self.ending
        yield from super().content()

    def read(self) -> LogsPage | None:
        """The lines so far, the unfinished one last, and how the run ended where it has; None for no change."""
        if self._reader is None:
            self._reader = LogReader(self.home.run(self.run_name).output, lines=LOG_LINES)
        page = LogsPage(self._reader.read(), read_ending(self.home, self.run_name))
        return None if page == self._page else page

    def draw(self, found: Any) -> None:
        """Shows what was read."""
        page: LogsPage = found
        self._page = page
        self._show_ending()
        super().draw(page.lines)

    def count_text(self) -> str:
        """How much of the log is here."""
        is_cut = self._reader is not None and self._reader.is_cut
        return f"the last {super().count_text()}, `rftui logs` prints all" if is_cut else super().count_text()

    def on_resize(self, event: Resize) -> None:
        """Fits the words to the width."""
        self._show_ending()

    def _show_ending(self) -> None:
        ending = self._page.ending if self._page is not None else None
        lines = ending_lines(ending, max(1, self.size.width - 2)) if ending is not None else []
        height = max(1, min(len(lines), int(self.size.height * MOST_WORDS)))
        if self.ending.styles.height is None or self.ending.styles.height.value != height:
            self.ending.styles.height = height
        self.ending.set_class(bool(lines), "there")
        self.ending.show(lines)

    def action_traceback(self, by: int) -> None:
        """Goes to the first traceback, then on to the next, round the ends."""
        found = [number for number, line in enumerate(self.lines.lines) if TRACEBACK in line]
        if not found:
            self.notify("no traceback in these lines", markup=False)
            return
        if self._traceback not in found:
            self._traceback = found[0 if by > 0 else -1]
        else:
            self._traceback = found[(found.index(self._traceback) + by) % len(found)]
        self.lines.go_to(self._traceback)
