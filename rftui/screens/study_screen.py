"""One study live: its grid of tasks and ways to train, and the runs of the cell under the cursor."""

from __future__ import annotations

import logging
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from rftui.actions import bindings
from rftui.cli.output import is_ascii
from rftui.runs.list_text import problem_text
from rftui.screens.choice_screen import ChoiceScreen
from rftui.screens.still_screen import StillScreen
from rftui.screens.study_notes_screen import StudyNotesScreen
from rftui.studies.acts import Kind, StudyAct
from rftui.studies.grid import GridBrowser, GridEntry, Key, Sort, Use, grid_of, startable, use_of
from rftui.studies.grid_text import BLOCK, detail_lines, name_of, room_of, seed_line, title_line
from rftui.studies.progress import CellView
from rftui.studies.study_text import Seen, about_lines, counts_line, hint_text, note_lines, title_text, warning_line
from rftui.studies.tables import markdown
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
MANY_ROWS = 8
"""From so many rows on a row is one line at first."""
LOW = 30
"""Below so many lines blocks have no rule between them."""
FILTER, SEEDS = "filter", "seeds"


class StudyScreen(StillScreen):
    """The live grid of one study."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("study", "app")
    DEFAULT_CSS = """
    StudyScreen {
        #title, #counts, #heads { height: 1; padding: 0 1; }
        #warning { height: 1; padding: 0 1; display: none; }
        #grid { height: 1fr; padding: 0 0 0 1; }
        #detail { height: 3; padding: 0 1; }
    }
    """

    class Left(Message):
        """The user wants the list of studies back."""

    class Opened(Message):
        """The user wants to see a run of a cell."""

        def __init__(self, study: str, key: Key, run: str) -> None:
            super().__init__()
            self.study = study
            self.key = key
            self.run = run

    class Wanted(Message):
        """The user wants something done to the study, and is asked first."""

        def __init__(self, act: StudyAct) -> None:
            super().__init__()
            self.act = act

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
        if not self._is_looking and self.is_current:
            self._is_looking = True
            self.run_worker(self._look_in_thread, thread=True, group="look", exit_on_error=False)

    def _look_in_thread(self) -> None:
        message: Message | None
        try:
            news = self._watch.look()
            message = None if news is None else self.News(news)
        except Exception as error:
            # the boundary of the watcher: what was shown stays, and the title says why it is old
            logger.warning("the study %s could not be looked at", self.study_name, exc_info=True)
            message = self.Broke(problem_text(error))
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

    # the cursor

    def action_move(self, rows: int, columns: int) -> None:
        """Moves the cursor."""
        self.browser.move(rows, columns)
        self._show()

    def action_page(self, pages: int) -> None:
        """Moves the cursor by the rows in sight."""
        self.action_move(pages * max(1, self.grid.size.height // self.grid.shape.lines - 1), 0)

    @on(StudyGrid.Pointed)
    def _point(self, event: StudyGrid.Pointed) -> None:
        self.browser.row, self.browser.column = event.row, event.column
        self._show()

    # the view

    def action_sort(self) -> None:
        """Sorts by the next thing, in the column of the cursor."""
        orders = list(Sort)
        look = self.browser.look
        self.browser.look_otherwise(look._replace(sort=orders[(orders.index(look.sort) + 1) % len(orders)]))
        self._show()

    def action_reverse(self) -> None:
        """Turns the order round."""
        look = self.browser.look
        self.browser.look_otherwise(look._replace(is_reversed=not look.is_reversed))
        self._show()

    def action_decoding(self) -> None:
        """Shows the numbers under the next decoding, where runs were asked with several."""
        decodings = self._decodings
        if len(decodings) < 2:
            self.app.notify("every number of this study is of one decoding", markup=False)
            return
        self.decoding = decodings[(decodings.index(self.decoding) + 1) % len(decodings)]
        self._take_grid()
        self._show()

    def action_compact(self) -> None:
        """A line a row, or a block."""
        self.is_compact = not self.grid.shape.is_compact
        self._show()

    def action_about(self) -> None:
        """What must be known to read the numbers."""
        if self.news is not None:
            self.app.push_screen(StudyNotesScreen(self.study_name, list(about_lines(self.news.table))))

    def action_copy(self) -> None:
        """Copies the table as Markdown."""
        if self.news is not None:
            self.app.copy_to_clipboard("\n".join(markdown(self.news.table)))
            self.app.notify("the table is copied as Markdown", markup=False)

    def action_refresh(self) -> None:
        """Reads everything again."""
        self._watch.forget()
        self.look()

    # the line to write in

    def action_ask(self, kind: str) -> None:
        """Asks for words that rows must hold."""
        example = "rows that hold these words: sat failed target=24"
        self.ask.ask(kind, "filter", text=self.browser.look.words, example=example)
        self._show()

    def action_extend_study(self) -> None:
        """Asks for how many seeds more."""
        if self.news is not None:
            self.ask.ask(SEEDS, "how many seeds more", text="1", example="a number")
            self._show()

    def on_ask_line_typed(self, event: AskLine.Typed) -> None:
        """Shows the rows that fit so far."""
        event.stop()
        if event.kind == FILTER:
            self.browser.look_otherwise(self.browser.look._replace(words=event.text))
            self._show()

    def on_ask_line_answered(self, event: AskLine.Answered) -> None:
        """Takes the answer."""
        event.stop()
        self._close_line()
        if event.kind == SEEDS:
            text = event.text.strip()
            if text.isdecimal():
                self._want(Kind.EXTEND, more=int(text[:6]))
            else:
                self.app.notify("that is no number: E asks again", severity="warning", markup=False)

    def _close_line(self) -> None:
        self.ask.close()
        self.grid.focus()
        self._show()

    def action_back(self) -> None:
        """Leaves the line, then the filter, then the study."""
        if self.ask.kind:
            self._close_line()
        elif self.browser.look.words:
            self.browser.look_otherwise(self.browser.look._replace(words=""))
            self._show()
        else:
            self.post_message(self.Left())

    # what a cell is for

    def action_choose(self) -> None:
        """Opens a run of the cell, or starts what is missing, failed or ended early; asks which where they differ."""
        entry = self.browser.entry
        if entry is None:
            return
        uses = {use_of(view) for view in entry.views}
        if Use.OPEN not in uses:
            self._start(startable(entry.views))
        elif len(entry.views) == 1:
            self._open(entry, entry.views[0])
        else:
            self._choose(entry, list(entry.views))

    def action_open_run(self) -> None:
        """Opens a run of the cell whatever became of it, as to read why it failed."""
        entry = self.browser.entry
        there = [view for view in entry.views if view.uid is not None] if entry else []
        if entry is None or not there:
            self.app.notify("no run of this cell is there yet: enter launches it", markup=False)
        elif len(there) == 1:
            self._open(entry, there[0])
        else:
            self._choose(entry, there, is_to_open=True)

    def _choose(self, entry: GridEntry, views: list[CellView], *, is_to_open: bool = False) -> None:
        lines = [self._choice(entry, view, is_to_open=is_to_open) for view in views]
        self.app.push_screen(ChoiceScreen(name_of(entry), lines), partial(self._chosen, entry, views, is_to_open))

    def _choice(self, entry: GridEntry, view: CellView, *, is_to_open: bool) -> Line:
        place = entry.places[entry.views.index(view)]
        use = Use.OPEN if is_to_open else use_of(view)
        line = seed_line(view, place, decoding=self.decoding, is_ascii=is_ascii())
        return (Span(f"{use:<11} ", Role.STRONG), *line)

    def _chosen(self, entry: GridEntry, views: list[CellView], is_to_open: bool, number: int | None) -> None:
        if number is None:
            return
        view = views[number]
        if is_to_open or use_of(view) is Use.OPEN:
            self._open(entry, view)
        else:
            self._start([view])

    def _open(self, entry: GridEntry, view: CellView) -> None:
        self.post_message(self.Opened(self.study_name, entry.key, view.run))

    def _start(self, views: list[CellView]) -> None:
        self._want(Kind.START, cells=tuple(view.cell.key for view in views))

    # what changes the study

    def _want(self, kind: Kind, *, cells: tuple[str, ...] = (), more: int = 0) -> None:
        self.post_message(self.Wanted(StudyAct(kind, self.study_name, cells, more)))

    def action_run_study(self) -> None:
        """Starts what is missing, and goes on with what ended early."""
        self._want(Kind.RUN)

    def action_retry_study(self) -> None:
        """Tries again what failed."""
        self._want(Kind.RETRY)

    def action_stop_study(self) -> None:
        """Ends what runs or waits."""
        self._want(Kind.STOP)


def _fit(widget: Widget, height: int) -> None:
    """Gives a widget its lines; another height moves everything below, so only where it is another one."""
    if widget.styles.height is None or widget.styles.height.value != height or widget.styles.height.is_fraction:
        widget.styles.height = height
