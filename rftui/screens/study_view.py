"""What the screen of a study shows: its grid, live while it is looked at. The keys are in study_screen.py."""

from __future__ import annotations

import logging
import time

from textual import on
from textual.app import ComposeResult
from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from rftui.cli.output import is_ascii
from rftui.runs.list_text import problem_text
from rftui.screens.still_screen import StillScreen
from rftui.studies.grid import GridBrowser, Key, grid_of
from rftui.studies.grid_text import BLOCK, detail_lines, room_of, title_line
from rftui.studies.study_text import Seen, counts_line, hint_text, note_lines, title_text, warning_line
from rftui.studies.watch import StudyNews, StudyWatch
from rftui.terminal.keys_in_turn import KeysInTurn
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.ask_line import AskLine
from rftui.widgets.key_line import KeyLine
from rftui.widgets.span_view import SpanLines
from rftui.widgets.study_grid import Shape, StudyGrid
from store.layout import Home

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
REST = 20
"""So many times what a look cost passes before the next: a study of 2,000 cells takes 130 ms."""
MANY_ROWS = 8
"""Above so many rows a row is one line at first."""
LOW = 30
"""Below so many lines blocks have no rule between them."""


class LiveStudy(StillScreen):
    """The live grid of one study, and the runs of the cell under the cursor."""

    DEFAULT_CSS = """
    LiveStudy {
        #title, #counts, #heads { height: 1; padding: 0 1; }
        #warning { height: 1; padding: 0 1; display: none; }
        #grid { height: 1fr; padding: 0 0 0 1; }
        #detail { height: 3; padding: 0 1; }
    }
    """

    class News(Message):
        """The study went on."""

        bubble = False

        def __init__(self, news: StudyNews) -> None:
            super().__init__()
            self.news = news

    class Broke(Message):
        """The study cannot be read."""

        bubble = False

        def __init__(self, reason: str) -> None:
            super().__init__()
            self.reason = reason

    def __init__(self, home: Home, name: str, *, at: Key | None = None) -> None:
        super().__init__()
        self.home = home
        self.study_name = name
        self.browser = GridBrowser()
        self.news: StudyNews | None = None
        self.decoding = ""
        self.is_compact: bool | None = None
        """None until somebody says: then many rows are a line each."""
        self._problem = ""
        self._at = at
        self._watch = StudyWatch(home, name)
        self._is_looking = False
        self._rests_until = 0.0
        self._has_to_come = True
        """Whether keys wait for the first read."""
        self._title = SpanLines(id="title")
        self._counts = SpanLines(id="counts")
        self._warning = SpanLines(id="warning")
        self._heads = SpanLines(id="heads")
        self.grid = StudyGrid(id="grid")
        self._detail = SpanLines(id="detail")
        self.ask = AskLine(id="ask")

    def compose(self) -> ComposeResult:
        """The study, how far it is, what limits its numbers; the grid; the cell under the cursor; keys."""
        yield self._title
        yield self._counts
        yield self._warning
        yield self._heads
        yield self.grid
        yield self._detail
        yield self.ask
        yield KeyLine(id="keys", is_read_only=self.home.is_read_only)

    def on_mount(self) -> None:
        """Starts to look."""
        self.grid.focus()
        self._show()
        # what is typed ahead is meant for what is being read
        if isinstance(self.app, KeysInTurn):
            self.app.hold_keys()
        self.set_interval(LOOK_EVERY_S, self.look)
        self.look()

    def on_unmount(self) -> None:
        """Lets go of the databases in a thread: the last one to close them writes back what was logged."""
        self.app.run_worker(self._watch.close, thread=True, exit_on_error=False)

    def on_resize(self) -> None:
        """Everything fits the size."""
        self._show()

    # reading

    def look(self) -> None:
        """Looks whether the study went on, where nobody looks already."""
        # what nobody sees need not be read; a dialog is left soon
        if not self._is_looking and self.is_current and time.monotonic() >= self._rests_until:
            self._is_looking = True
            self.run_worker(self._look_in_thread, thread=True, group="look", exit_on_error=False)

    def _look_in_thread(self) -> None:
        message: Message | None
        began = time.thread_time()
        try:
            news = self._watch.look()
            message = None if news is None else self.News(news)
        except Exception as error:
            # the boundary of the watcher: what was shown stays, and the title says why it is old
            logger.warning("the study %s could not be looked at", self.study_name, exc_info=True)
            message = self.Broke(problem_text(error))
        self._rests_until = time.monotonic() + REST * (time.thread_time() - began)
        self._is_looking = False
        if message is not None and not get_current_worker().is_cancelled:
            self.post_message(message)

    @on(Broke)
    async def _say_problem(self, event: Broke) -> None:
        self._problem = event.reason
        self._watch.forget()
        self._show()
        await self._let_keys_go()

    async def _let_keys_go(self) -> None:
        if self._has_to_come and isinstance(self.app, KeysInTurn):
            self._has_to_come = False
            await self.app.let_keys_go()

    @on(News)
    async def _take_news(self, event: News) -> None:
        self.news, self._problem = event.news, ""
        self._take_grid()
        if self._at is not None:
            self.browser.put(self._at)
            self._at = None
        self._show()
        await self._let_keys_go()

    def _take_grid(self) -> None:
        if self.news is None:
            return
        decodings = self._decodings
        if self.decoding not in decodings:
            self.decoding = decodings[0]
        self.browser.take(grid_of(self.news.table, decoding=self.decoding, positions=self.news.positions))

    @property
    def _decodings(self) -> tuple[str, ...]:
        return tuple(self.news.table.grids) if self.news else ()

    # showing

    def _show(self) -> None:
        width = self.size.width - 2
        if width <= 0:
            return
        view = self.news.table.view if self.news else None
        title = title_text(view, self.study_name, width=width, is_read_only=self.home.is_read_only)
        if self._problem:
            title = (Span(f"{self.study_name} cannot be read: {self._problem}", Role.WRONG),)
        self._title.show([title])
        if self.news is None:
            return
        browser, made = self.browser, self.news.table
        look = (browser.look, self.decoding, self._decodings, len(browser.rows), len(browser.grid.rows))
        self._counts.show([counts_line(made.view, Seen(*look), width=width, is_ascii=is_ascii())])
        warning = warning_line(made, width=width)
        if self._warning.display != bool(warning):
            self._warning.display = bool(warning)
        self._warning.show([warning])
        self._show_grid(width, above=3 + bool(warning))

    def _show_grid(self, width: int, *, above: int) -> None:
        browser = self.browser
        is_compact = len(browser.grid.rows) > MANY_ROWS if self.is_compact is None else self.is_compact
        lines = 1 if is_compact else BLOCK if self.size.height < LOW else BLOCK + 1
        total = len(browser.grid.regimes)
        # all rows, so that a filter moves no column
        room = room_of(browser.grid.rows, total=total, column=browser.column, width=width, is_compact=is_compact)
        self._heads.show([title_line(browser.grid.labels, room, column=browser.column, is_compact=is_compact)])
        detail = self._detail_lines(width)
        notes = note_lines(self.news.table, width) if self.news else []
        # title, counts, warning, heads; keys and the line to write in
        room_below = max(2, self.size.height - above - 1 - 1 - bool(self.ask.kind))
        height = min(len(browser.rows) * lines, room_below - min(len(detail) + 1, max(3, room_below // 3)))
        for widget, rows in ((self.grid, max(1, height)), (self._detail, max(0, room_below - max(1, height)))):
            _fit(widget, rows)
        empty = f"no row holds {browser.look.words}: esc shows all again" if browser.look.words else "no cells"
        shape, cursor = Shape(room, lines), (browser.row, browser.column)
        self.grid.show(browser.rows, cursor=cursor, shape=shape, empty=empty)
        self._detail.show([*detail, *notes])

    def _detail_lines(self, width: int) -> list[Line]:
        entry = self.browser.entry
        hint = hint_text(entry)
        lines = list(detail_lines(entry, decoding=self.decoding, width=width, is_ascii=is_ascii()))
        return [*lines, *([(Span(hint, Role.MUTED),)] if hint else [])]


def _fit(widget: Widget, height: int) -> None:
    """Gives a widget its lines; another height moves everything below, so only where it is another one."""
    if widget.styles.height is None or widget.styles.height.value != height or widget.styles.height.is_fraction:
        widget.styles.height = height
