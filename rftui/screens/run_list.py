"""The list of runs by its keys: filter, sort, group, mark, pin, star, tag and note."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.timer import Timer

from rftui.actions import bindings
from rftui.errors import QueryError, UsageProblem
from rftui.runs.annotations import check_tags, put_pin, put_star, replace_note, set_tags
from rftui.runs.filter import EXAMPLE, parse_filter
from rftui.runs.list_text import problem_text
from rftui.runs.view import SORTS, RunView, next_group, next_sort
from rftui.screens.run_list_reader import RunListReader
from rftui.screens.run_list_view import REMEMBERED, RunListView
from rftui.terminal.clean import one_line
from rftui.terminal.keys_in_turn import KeysInTurn
from rftui.view_memory import remember
from rftui.widgets.line_list import LineList
from store.layout import Home
from store.runs import RunSummary

if TYPE_CHECKING:
    from rftui.widgets.ask_line import AskLine
    from rftui.widgets.metric_search import MetricSearch

REMEMBER_S = 0.5
TYPING_S = 0.12
"""So long after a letter the filter is tried."""
ABOUT_RUNS = frozenset(
    {"open", "mark", "mark_all", "compare", "ask", "sort", "reverse", "metric", "group", "fold", "fold_all", "pin"}
    | {"star"}
)
"""What keys do that means nothing while there is no run."""
FILTER, TAGS, NOTE = "filter", "tags", "note"


class Asked(NamedTuple):
    """What the line asks for."""

    kind: str
    label: str
    example: str
    """Shown while nothing is written."""


class RunListScreen(RunListView):
    """All runs, live while they are looked at."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list", "control", "app")

    class Opened(Message):
        """The user wants to see a run."""

        def __init__(self, summary: RunSummary) -> None:
            super().__init__()
            self.summary = summary

    class Compare(Message):
        """The user wants to see runs side by side."""

        def __init__(self, names: Sequence[str], pinned: str | None) -> None:
            super().__init__()
            self.names = names
            self.pinned = pinned

    def __init__(self, home: Home) -> None:
        super().__init__(home)
        self._before: RunView | None = None
        self._typing: Timer | None = None
        self._remembering: Timer | None = None
        self._typed = ""
        self._is_empty = self._has_runs = False
        self._question = Asked("", "", "")
        self._unsaved = ""
        self._noted = ""
        self._note_seq: int | None = None
        self._search: MetricSearch | None = None

    # what works

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without runs nothing works that is about one."""
        return not (self._is_empty and action in ABOUT_RUNS)

    def _show(self) -> None:
        super()._show()
        has_runs = bool(self.browser.runs)
        is_empty = self._has_read and not has_runs
        if (is_empty, has_runs) != (self._is_empty, self._has_runs):
            self._is_empty, self._has_runs = is_empty, has_runs
            self.refresh_bindings()

    # the cursor

    def action_move(self, rows: int) -> None:
        """Moves the cursor."""
        self.table.action_move(rows)
        self.take_cursor()

    def action_page(self, pages: int) -> None:
        """Moves the cursor by what is in sight."""
        self.table.action_page(pages)
        self.take_cursor()

    def take_cursor(self) -> None:
        """Remembers where the cursor went, too."""
        super().take_cursor()
        self._remember_soon()

    @on(LineList.Chosen, "#runs")
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Shows everything about the run under the cursor; folds or unfolds the group under it."""
        run = self.browser.run
        if run is not None:
            self.post_message(self.Opened(run))
        elif self.browser.fold():
            self._show_other()

    def action_compare(self) -> None:
        """Shows the marked runs side by side; a single one beside the baseline."""
        names, base = self.browser.selected, self.browser.baseline
        pinned = None if base is None else base.name
        if len(names) == 1 and pinned is not None and pinned != names[0]:
            names = [pinned, names[0]]
        if len(names) < 2:
            self.app.notify("mark two runs or more with space, or pin a baseline with p", markup=False)
        else:
            self.post_message(self.Compare(names, pinned))

    def action_refresh(self) -> None:
        """Reads the store again, whatever seems to be unchanged."""
        self.problem = ""
        self.look(is_thorough=True)

    # the view

    def _ask_view(self, view: RunView) -> None:
        """Shows another view, at once or when what it needs is read."""
        if self.browser.ask(view):
            self._show_other()
        else:
            self.look()

    def _show_other(self) -> None:
        self._show()
        self._remember_soon()

    def action_sort(self) -> None:
        """Sorts by the next column."""
        self._ask_view(next_sort(self.browser.view))

    def action_reverse(self) -> None:
        """Turns the order round."""
        view = self.browser.view
        self._ask_view(view._replace(is_reversed=not view.is_reversed))

    def action_metric(self) -> None:
        """Asks for a metric or a setting to sort by; keys wait until all of them are offered."""
        # a list to choose from is asked for seldom, and the first frame should not wait for it
        from rftui.widgets.metric_search import MetricSearch

        def sort(name: str | None) -> None:
            if name is not None:
                self._ask_view(self.browser.view._replace(sort=name, is_reversed=False))

        self._search = MetricSearch(SORTS)
        self.app.push_screen(self._search, sort)
        if isinstance(self.app, KeysInTurn):
            self.app.hold_keys()
        self.read_metrics()

    @on(RunListReader.MetricsRead)
    async def _offer_metrics(self, event: RunListReader.MetricsRead) -> None:
        if self._search is not None and self._search.is_attached:
            self._search.offer([*SORTS, *event.names])
        if isinstance(self.app, KeysInTurn):
            await self.app.let_keys_go()

    def action_group(self) -> None:
        """Groups by the next thing."""
        self._ask_view(next_group(self.browser.view))

    def action_fold(self) -> None:
        """Folds or unfolds the group of this row."""
        if self.browser.fold():
            self._show_other()

    def action_fold_all(self) -> None:
        """Folds or unfolds all groups."""
        if self.browser.fold_all():
            self._show_other()

    def action_back(self) -> None:
        """Leaves the line, then the filter, then the marks."""
        browser = self.browser
        if self.asked:
            before, is_filter = self._before, self.asked == FILTER
            self._close_line()
            if is_filter and before is not None:
                self._ask_view(browser.view._replace(filter=before.filter))
        elif browser.view.filter.text:
            self._ask_view(browser.view._replace(filter=parse_filter("")))
        elif browser.marked:
            browser.marked = {}
            self._show()
        self._say("")

    # what is marked and said

    def action_mark(self) -> None:
        """Marks the run under the cursor, and goes to the next."""
        self.browser.mark()
        self.action_move(1)
        self._show()

    def action_mark_all(self) -> None:
        """Marks every run that is shown, or none."""
        self.browser.mark_all()
        self._show()

    def action_star(self) -> None:
        """Puts a star on the selected runs, or takes it away where all have one."""
        browser = self.browser
        uids = {run.name: uid for uid, run in browser.runs.items()}
        names = browser.selected
        is_starred = not all(uids[name] in browser.news.marks.starred for name in names)
        self._write(put_star, names, f"{'starred' if is_starred else 'no star on'}", is_starred=is_starred)

    def action_pin(self) -> None:
        """Makes the run under the cursor the baseline, or no run where it is."""
        run, base = self.browser.run, self.browser.baseline
        if run is not None:
            is_pinned = base is None or base.name != run.name
            self._write(put_pin, [run.name], "baseline is" if is_pinned else "no baseline, not", is_pinned=is_pinned)

    def _write(self, act: Callable[..., object], names: Sequence[str], words: str, **how: bool) -> None:
        def write() -> None:
            for name in names:
                act(self.home, name, **how)

        self._unsaved = ""
        if names:
            self.write(f"{words} {one_line(', '.join(names), width=80)}", write)

    @on(RunListReader.Said)
    def _said(self, event: RunListReader.Said) -> None:
        self.problem = self._unsaved = ""
        self._show_preview(is_again=True)
        self.look()

    # the line to write in

    @property
    def asked(self) -> str:
        """What is asked for in the line; empty while it is hidden."""
        return "" if self.ask is None else self.ask.kind

    def action_ask(self, kind: str) -> None:
        """Asks for a filter, tags or a note."""
        browser = self.browser
        if self.ask is None:
            # the line comes right after the first frame
            return
        self._say("")
        if kind == FILTER:
            self._before = browser.view
            self._ask_line(self.ask, FILTER, "filter", text=browser.view.filter.text, example=EXAMPLE)
        elif kind == TAGS and browser.marked:
            self._ask_line(
                self.ask, TAGS, f"tags of {len(browser.marked)} runs", example="best -draft: gives best, takes draft"
            )
        elif kind == TAGS and browser.run is not None:
            tags = " ".join(browser.run.tags)
            self._ask_line(
                self.ask,
                TAGS,
                f"tags of {one_line(browser.run.name)}",
                text=tags,
                example="words with spaces or commas between",
            )
        elif isinstance(browser.entry, int) and browser.run is not None:
            self._noted, self._note_seq = browser.run.name, None
            self._ask_line(self.ask, NOTE, f"note on {one_line(self._noted)}", example="what to remember of this run")
            self.read_note(browser.entry, browser.run.name)

    @on(RunListReader.NoteRead)
    def _fill_note(self, event: RunListReader.NoteRead) -> None:
        if (
            self.ask is not None
            and self.asked == NOTE
            and event.name == self._noted
            and event.note is not None
            and not self.ask.text
        ):
            self._note_seq = event.note.seq
            self.ask.fill(one_line(event.note.text))

    def _ask_line(self, line: AskLine, kind: str, label: str, *, text: str = "", example: str = "") -> None:
        self.make_room_to_write(True)
        self._question = Asked(kind, label, example)
        line.ask(kind, label, text=text, example=example)

    def on_ask_line_typed(self, event: AskLine.Typed) -> None:
        """Tries a filter once no letter comes for a moment."""
        event.stop()
        if event.kind == FILTER:
            if self._typing is not None:
                self._typing.stop()
            self._typing = self.set_timer(TYPING_S, lambda: self._try_filter(event.text))

    def _try_filter(self, text: str) -> bool:
        """Shows what fits, or what is wrong with the filter; False where it is wrong."""
        if not self.asked:
            return False
        self._typed = text
        try:
            self.problem = ""
            self._ask_view(self.browser.view._replace(filter=parse_filter(text)))
        except QueryError as error:
            self._say(problem_text(error))
            return False
        self._show_status()
        return True

    def refuse(self, error: QueryError) -> None:
        """Says what is wrong with a filter once that is known, and asks again."""
        super().refuse(error)
        if self._typed and self.ask is not None and not self.asked:
            self._ask_line(self.ask, FILTER, "filter", text=self._typed, example=EXAMPLE)

    def on_ask_line_answered(self, event: AskLine.Answered) -> None:
        """Takes the answer; a filter that is wrong stays in the line."""
        event.stop()
        if event.kind == FILTER:
            is_shown = self.browser.view.filter.text == event.text.strip() and not self.problem
            if is_shown or self._try_filter(event.text):
                self._close_line()
            return
        if event.kind == NOTE:
            self._answer_note(event.text)
        else:
            words = event.text.replace(",", " ").split()
            try:
                check_tags([word.removeprefix("-") if self.browser.marked else word for word in words])
            except UsageProblem as error:
                self._say(problem_text(error))
                return
            self._answer_tags(words)
        self._unsaved = event.text
        self._close_line()

    @on(RunListReader.Failed)
    def _ask_again(self, event: RunListReader.Failed) -> None:
        """What could not be written down stands in the line again."""
        if event.kind == "write" and self._unsaved and self.ask is not None and not self.asked:
            self._ask_line(self.ask, *self._question[:2], text=self._unsaved, example=self._question.example)

    def _answer_note(self, text: str) -> None:
        name, seq = self._noted, self._note_seq
        if text.startswith("+"):
            text, seq = text[1:].strip(), None
        if text.strip() or seq is not None:
            self.write(f"noted on {name}", partial(replace_note, self.home, name, text, seq=seq))

    def _answer_tags(self, words: Sequence[str]) -> None:
        browser = self.browser
        if not browser.marked and browser.run is not None:
            self.write("tagged", partial(set_tags, self.home, browser.run.name, words))
            return
        added = [word for word in words if not word.startswith("-")]
        taken = {word[1:] for word in words if word.startswith("-")}
        held = [browser.runs[uid] for uid in browser.marked]

        def write() -> None:
            for run in held:
                set_tags(self.home, run.name, [*[tag for tag in run.tags if tag not in taken], *added])

        self.write("tagged", write)

    def _close_line(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        if self.ask is not None:
            self.ask.close()
            self.make_room_to_write(False)
        self.table.focus()

    # the view is remembered

    def _remember_soon(self) -> None:
        if self._remembering is None and self._has_read:
            self._remembering = self.set_timer(REMEMBER_S, self._remember)

    def _remember(self) -> None:
        self._remembering = None
        fields = self.browser.fields()
        self.run_worker(
            partial(remember, self.home, REMEMBERED, fields), thread=True, group="remember", exit_on_error=False
        )

    def on_unmount(self) -> None:
        """What was not remembered yet."""
        if self._remembering is not None:
            remember(self.home, REMEMBERED, self.browser.fields())
