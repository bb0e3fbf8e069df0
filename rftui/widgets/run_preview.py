"""The run under the cursor beside the list: small charts and words, read once the cursor rests."""

from __future__ import annotations

import logging
import time

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.worker import get_current_worker

from rftui.charts.chart_plots import Lines, Look, plot_of
from rftui.runs.preview import CHARTS, MAX_POINTS, Preview, head_lines, read_preview, text_lines
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.chart import Chart
from rftui.widgets.span_view import SpanLines
from store.layout import Home
from store.metrics import CurveMemory
from store.runs import RunSummary

logger = logging.getLogger(__name__)

REST_S = 0.05
"""So long the cursor rests before a run is read: scrolling by a held key reads none."""
LEAST_CHART_HEIGHT = 6


class RunPreview(Vertical):
    """Reads and shows one run at a time."""

    DEFAULT_CSS = """
    RunPreview { height: 1fr; padding: 0 1; }
    RunPreview #preview-head { height: 2; }
    RunPreview Chart { height: 1fr; max-height: 14; }
    RunPreview #preview-text { height: 1; }
    """

    class Loaded(Message):
        """A run was read."""

        bubble = False

        def __init__(self, found: Preview | str) -> None:
            super().__init__()
            self.found = found

    def __init__(self, home: Home, *, id: str) -> None:
        super().__init__(id=id)
        self.home = home
        self.found: Preview | None = None
        self._asked: tuple[int, RunSummary, bool] | None = None
        self._read: tuple[int, RunSummary, bool] | None = None
        self._is_waiting = False
        self._is_reading = False
        self._memory = CurveMemory("", max_points=MAX_POINTS)
        self._lines = Lines()
        """Both of the run that was read last: of one that goes on only what is new is read and drawn."""
        self._head = SpanLines(id="preview-head")
        self._charts = [Chart() for _ in range(CHARTS)]
        self._text = SpanLines(id="preview-text")

    def compose(self) -> ComposeResult:
        """Name and state, charts, words."""
        yield self._head
        yield from self._charts
        yield self._text

    def show(
        self, uid: int | None, run: RunSummary | None, *, is_starred: bool = False, is_again: bool = False
    ) -> None:
        """Shows a run, or nothing; its charts when the cursor rests. `is_again` where only what was said changed."""
        if uid is None or run is None:
            self._asked = self._read = self.found = None
            self._draw()
            return
        self._asked = (uid, run, is_starred)
        if is_again:
            self._read = None
        if self._asked != self._read and not self._is_waiting:
            self._is_waiting = True
            self.set_timer(REST_S, self._rested)

    def _rested(self) -> None:
        self._is_waiting = False
        if self._asked is None or self._is_reading or self._asked == self._read:
            return
        self._is_reading, self._read = True, self._asked
        uid, run, _ = self._asked
        if run.name != self._memory.run:
            self._memory, self._lines = CurveMemory(run.name, max_points=MAX_POINTS), Lines()
        self.run_worker(lambda: self._read_in_thread(uid, run), thread=True, group="preview", exit_on_error=False)

    def _read_in_thread(self, uid: int, run: RunSummary) -> None:
        found: Preview | str
        try:
            found = read_preview(self.home, uid, run, memory=self._memory)
        except Exception as error:
            # a pane's boundary: a run that cannot be read leaves the list as it is
            logger.warning("%s could not be read for the preview", run.name, exc_info=True)
            found = f"{one_line(run.name)} cannot be read: {one_line(error)}"
        if not get_current_worker().is_cancelled:
            self.post_message(self.Loaded(found))

    def on_run_preview_loaded(self, event: Loaded) -> None:
        """Draws, and reads on where the cursor went on meanwhile."""
        self._is_reading = False
        if isinstance(event.found, str):
            self.found = None
            self._show_lines([], [(Span(event.found, Role.WRONG),)])
        elif self._asked is not None:
            self.found = event.found
            self._draw()
        if self._asked != self._read and not self._is_waiting:
            self._rested()

    def on_resize(self) -> None:
        """Everything fits the new width."""
        self._draw()

    @property
    def _width(self) -> int:
        return max(20, self.size.width - 2)

    def _draw(self) -> None:
        found = self.found
        if found is None:
            self._show_lines([], [])
            return
        is_ascii = self._text.is_ascii
        is_starred = self._read is not None and self._read[2]
        head = head_lines(found.run, width=self._width, is_ascii=is_ascii)
        text = text_lines(found, now=time.time(), is_starred=is_starred, width=self._width, is_ascii=is_ascii)
        self._show_lines(head, text)
        for number, chart in enumerate(self._charts):
            panel = found.panels[number] if number < len(found.panels) else None
            chart.display = panel is not None and self._room(len(text)) >= LEAST_CHART_HEIGHT * (number + 1)
            if chart.display and panel is not None:
                chart.show(plot_of(panel, found.curves, Look(is_ascii=is_ascii), self._lines))

    def _room(self, lines: int) -> int:
        return self.size.height - 2 - lines

    def _show_lines(self, head: list[Line], text: list[Line]) -> None:
        self._head.show(head)
        if self._text.styles.height is None or self._text.styles.height.value != len(text):
            self._text.styles.height = len(text)
        self._text.show(text)
        if not head:
            for chart in self._charts:
                chart.display = False
