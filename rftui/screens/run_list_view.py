"""What the list of runs shows: rows, counts, GPUs, and a run beside them. The keys are in run_list.py."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.geometry import Size

from rftui.errors import QueryError
from rftui.runs.browser import RunBrowser
from rftui.runs.list_text import (
    NOTHING_FITS,
    gpu_line,
    header_line,
    no_runs,
    problem_line,
    problem_text,
    status_line,
)
from rftui.runs.rows import LONGEST_SPARK
from rftui.screens.run_list_reader import RunListReader
from rftui.terminal.spans import Line, Span
from rftui.view_memory import recall
from rftui.widgets.key_line import KeyLine
from rftui.widgets.line_list import LineList
from rftui.widgets.run_table import RunTable
from rftui.widgets.span_view import SpanLines
from store.layout import Home, default_home
from store.runs import RunSummary

if TYPE_CHECKING:
    from rftui.widgets.ask_line import AskLine
    from rftui.widgets.run_preview import RunPreview

LOOK_EVERY_S = 0.25
AGES_EVERY_S = 20.0
GPUS_EVERY_S = 2.0
TRACE_REST_S = 0.03
"""So long the rows stay before their small curves are read."""
MOST_DIFFERENCES = 8
"""Differences that are read before they are shown."""
REMEMBERED = "runs"
"""Under which the view is remembered."""
WIDE = 124
"""From so many columns on the run under the cursor stands beside the list."""
TALL = 34
"""From so many lines on it stands below, where it is not beside."""


class RunListView(RunListReader):
    """All runs, live while they are looked at."""

    DEFAULT_CSS = """
    RunListView {
        #head { height: 2; padding: 0 1 0 0; }
        #body { height: 1fr; layout: vertical; }
        #runs { height: 1fr; width: 1fr; }
        #beside { width: 1fr; height: 15; border-top: solid $surface-lighten-1; }
        #beside.wide { width: 40%; height: 1fr; border-top: none; border-left: solid $surface-lighten-1; }
        #status { height: 1; padding: 0 1; }
    }
    """

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self.browser = RunBrowser(time.time)
        self.ask: AskLine | None = None
        self.table = RunTable(self._row, id="runs")
        self.preview: RunPreview | None = None
        self.problem = ""
        self.has_preview = False
        """Whether there is room for the run under the cursor."""
        self._is_wide: bool | None = None
        self._has_read = False
        self._is_complete = False
        self._is_resting = False
        self._missing = None if home.path.is_dir() or home.path == default_home().path else home.path
        """The home, where it was named and was not there at the start: a typo should not look like an empty home."""
        self._gpu_samples: Sequence[Mapping[str, Any]] = ()
        self._gpu_holders: Mapping[int, Sequence[str]] = {}
        self._head = SpanLines(id="head")
        self._status = SpanLines(id="status")
        self._keys = KeyLine(id="keys", is_read_only=self.home.is_read_only)
        self._body = Container(id="body")
        self._beside = Container(id="beside")

    def compose(self) -> ComposeResult:
        """Counts, GPUs and titles; the rows, and room for a run beside them; a status, and keys.

        Every widget costs 10 ms before the first frame: what a first look does not need comes after it.
        """
        # before there is anything to arrange again
        self._arrange(self.app.size)
        yield self._head
        with self._body:
            yield self.table
            yield self._beside
        yield self._status
        yield self._keys

    def on_mount(self) -> None:
        """Starts to read, and keeps reading."""
        self.browser.is_ascii = self.table.is_ascii
        self.table.focus()
        self.look()
        self.set_interval(LOOK_EVERY_S, self._look_in_sight)
        self.set_interval(AGES_EVERY_S, self.table.refresh_changed)

    def on_resize(self, event: Resize) -> None:
        """Arranges the panes for the size."""
        self._arrange(event.size)
        self.call_after_refresh(self._show)

    def _arrange(self, size: Size) -> None:
        """Puts the run under the cursor beside the list, below it, or away.

        Without a class of the screen, which would have the styles of every widget made again.
        """
        is_wide, is_tall = size.width >= WIDE, size.height >= TALL
        self.has_preview = is_wide or is_tall
        if is_wide != self._is_wide:
            self._is_wide = is_wide
            self._body.styles.layout = "horizontal" if is_wide else "vertical"
            self._beside.set_class(is_wide, "wide")
        self._show_beside()

    def _show_beside(self) -> None:
        is_shown = self.has_preview and (bool(self.browser.runs) or not self._has_read)
        if self._beside.display != is_shown:
            self._beside.display = is_shown

    def on_screen_resume(self) -> None:
        """What was missed meanwhile."""
        self.look()

    def _look_in_sight(self) -> None:
        if self.is_current:
            self.look()

    def look(self, *, is_thorough: bool = False) -> None:
        """Reads what is new."""
        self.read_news(self.browser.wanted, is_thorough=is_thorough)

    def make_room_to_write(self, is_asked: bool) -> None:
        """Gives the line to write in the place of the keys, so that nothing else moves and is sent again."""
        self._keys.display = not is_asked

    # what was read

    @on(RunListReader.NewsRead)
    def _take_news(self, event: RunListReader.NewsRead) -> None:
        if event.news is None:
            return
        is_first, self._is_complete = not self._is_complete, True
        self._has_read = True
        try:
            self.browser.take(event.news)
        except QueryError as error:
            self.refuse(error)
        if is_first:
            self.browser.restore(recall(self.home, REMEMBERED))
            self.call_after_refresh(self._complete)
        self._show()

    def _complete(self) -> None:
        """What the first frame did not wait for: the line to write in, the run beside, GPUs, and a closer look."""
        from rftui.widgets.ask_line import AskLine

        self.ask = AskLine(id="ask")
        self.mount(self.ask, before=self._status)
        self.read_ahead()
        self.look()
        self.read_gpus()
        self.set_interval(GPUS_EVERY_S, self._look_at_gpus)

    @on(RunListReader.AheadRead)
    def _take_ahead(self) -> None:
        # charts cost 50 ms to import, and the first frame should not wait for them
        from rftui.widgets.run_preview import RunPreview

        self.preview = RunPreview(self.home, id="preview")
        self._beside.mount(self.preview)
        self._show_preview()

    @on(RunListReader.TracesRead)
    def _take_traces(self, event: RunListReader.TracesRead) -> None:
        self.browser.take_traces(event.runs, event.traces)
        self.table.refresh_changed()
        self._trace_soon()
        rows = self.table.in_sight
        if event.traces.keys() & self.browser.entries[rows.start : rows.stop]:
            # the pages before and after, so that going there waits for nothing
            self._trace_between(max(0, rows.start - len(rows)), rows.stop + len(rows))

    @on(RunListReader.DifferencesRead)
    def _take_differences(self, event: RunListReader.DifferencesRead) -> None:
        self.browser.differences.take(event.pinned, event.runs, event.found)
        self.table.refresh_changed()
        self._differ()

    @on(RunListReader.GpusRead)
    def _take_gpus(self, event: RunListReader.GpusRead) -> None:
        if len(event.samples) != len(self._gpu_samples):
            self._head.styles.height = 3 if event.samples else 2
        self._gpu_samples, self._gpu_holders = event.samples, event.holders
        self._show_head()

    @on(RunListReader.Failed)
    def _say_failure(self, event: RunListReader.Failed) -> None:
        if event.kind == "news":
            self._has_read = True
        self._say(event.problem)

    def _look_at_gpus(self) -> None:
        if self.is_current and self._gpu_samples:
            self.read_gpus()

    # what is shown

    def _row(self, place: int, width: int) -> Line:
        return self.browser.line(place, width, is_chosen=self.table.is_marked(place))

    def _show(self) -> None:
        """Shows everything as it is now; each part sends what changed of it."""
        browser, width = self.browser, self.table.size.width
        if not width:
            return
        self._show_beside()
        self._show_head()
        if not self._has_read:
            return
        self.table.empty = NOTHING_FITS if browser.runs else no_runs(self._missing)
        self.table.update(len(browser.entries), cursor=browser.cursor)
        self._show_status()
        self._show_preview()
        self._trace_soon()

    def _show_head(self) -> None:
        """Counts, GPUs where there are any, and the titles of the columns."""
        browser, width = self.browser, self._head.size.width
        counts = browser.counts if self._has_read else None
        lines = [(Span(" "), *header_line(self.home, counts, width=width - 1))]
        if self._gpu_samples:
            lines.append((Span(" "), *self._gpu_line(width - 1)))
        if browser.runs:
            lines.append(browser.head(self.table.size.width))
        self._head.show(lines)

    def _gpu_line(self, width: int) -> Line:
        return gpu_line(self._gpu_samples, self._gpu_holders, width=width, is_ascii=self.browser.is_ascii)

    def _show_status(self) -> None:
        browser, width = self.browser, self._status.size.width
        if not width or not self._has_read:
            return
        if self.problem:
            self._status.show([problem_line(self.problem, width=width, is_ascii=browser.is_ascii)])
            return
        base = browser.baseline
        self._status.show(
            [
                status_line(
                    browser.counts,
                    browser.view,
                    browser.run,
                    pinned=None if base is None else base.name,
                    width=width,
                    is_ascii=browser.is_ascii,
                )
            ]
        )

    def refuse(self, error: QueryError) -> None:
        """Says what is wrong with a view that was asked for."""
        self._say(problem_text(error))

    def _say(self, problem: str) -> None:
        """Says what is wrong, or nothing."""
        self.problem = problem
        self._show_status()

    def _show_preview(self, *, is_again: bool = False) -> None:
        if self.preview is None or not self.has_preview or not self.browser.runs:
            return
        browser, entry = self.browser, self.browser.entry
        uid = entry if isinstance(entry, int) else None
        is_starred = uid in browser.news.marks.starred
        self.preview.show(uid, browser.run, is_starred=is_starred, is_again=is_again)

    def _trace_soon(self) -> None:
        if not self._is_resting and (self._untraced() or self._undiffered()):
            self._is_resting = True
            self.set_timer(TRACE_REST_S, self._trace)

    def _untraced(self) -> dict[int, RunSummary]:
        rows = self.table.in_sight
        return self.browser.untraced(rows.start, rows.stop)

    def _undiffered(self) -> dict[int, RunSummary]:
        rows = self.table.in_sight
        return self.browser.undiffered(rows.start, rows.stop)

    def _differ(self) -> None:
        """Reads differences of rows in sight, few at a time: each takes as long as reading 1,000 answers."""
        pinned = self.browser.differences.pinned
        if pinned is not None and not self.is_busy("differences") and (runs := self._undiffered()):
            self.read_differences(pinned, dict(list(runs.items())[:MOST_DIFFERENCES]))

    def _trace(self) -> None:
        self._is_resting = False
        self._differ()
        rows = self.table.in_sight
        self._trace_between(rows.start, rows.stop)

    def _trace_between(self, first: int, last: int) -> None:
        if not self.is_busy("traces") and (runs := self.browser.untraced(first, last)):
            self.read_traces(runs, columns=LONGEST_SPARK)

    # where the cursor is

    @property
    def selected_runs(self) -> list[str]:
        """Names of the marked runs, else of the one under the cursor."""
        return self.browser.selected

    @on(LineList.Moved, "#runs")
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self.take_cursor()

    def take_cursor(self) -> None:
        """Shows what belongs to the row that the cursor went to."""
        if self.browser.cursor != self.table.cursor:
            self.browser.cursor = self.table.cursor
            self.problem = ""
            self._show_status()
            self._show_preview()

    @on(RunTable.Scrolled)
    def _scrolled(self, event: RunTable.Scrolled) -> None:
        event.stop()
        self._trace_soon()
