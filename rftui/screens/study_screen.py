"""One study by its keys: what enter does with a cell, what capitals do to the study, and how the grid is looked at."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.message import Message

from rftui.actions import bindings
from rftui.cli.output import is_ascii
from rftui.screens.choice_screen import ChoiceScreen
from rftui.screens.study_notes_screen import StudyNotesScreen
from rftui.screens.study_view import LiveStudy
from rftui.studies.acts import Kind, StudyAct
from rftui.studies.grid import GridEntry, Key, Sort, Use, startable, use_of
from rftui.studies.grid_text import name_of, seed_line
from rftui.studies.progress import CellView
from rftui.studies.study_text import about_lines
from rftui.studies.tables import markdown
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.ask_line import AskLine
from rftui.widgets.study_grid import StudyGrid

FILTER, SEEDS = "filter", "seeds"


class StudyScreen(LiveStudy):
    """The grid of one study, live while it is looked at."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("study", "app")

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
        self._rests_until = 0.0
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
