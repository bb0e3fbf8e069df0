"""The same prompt's rollouts of several runs side by side, or their answers to the same held-out example."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from textual import on, work
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget

from rftui.actions import bindings
from rftui.comparing.answers import SharedAnswer, answer_row
from rftui.comparing.browser import PairsBrowser
from rftui.comparing.comparison import Contrast
from rftui.comparing.prompts import SharedPrompt, prompt_row
from rftui.comparing.rollout_header import (
    answer_head,
    column_letters,
    head_line,
    image_difference,
    nothing_text,
    prompt_lines,
    training_head,
)
from rftui.comparing.rollout_reads import PairsPage, PairsReader
from rftui.comparing.runs import CompareRuns
from rftui.rollouts.reads import GroupPage
from rftui.terminal.spans import Line, Role, Span
from rftui.terminal.wrapping import wrap
from rftui.widgets.compare_columns import CompareColumn
from rftui.widgets.compare_pane import ComparePane
from rftui.widgets.image import ImagePane, Shown
from rftui.widgets.line_list import LineList
from rftui.widgets.span_view import SpanLines
from rftui.widgets.telling import PictureRead, ReadFailed, tell
from store.layout import Home

NARROW = 120
"""Below so many columns the list is small."""
MOST_COLUMNS = 3
COLUMN_WIDTH = 44
LEFT_WIDTH = 44


class CompareRolloutsPane(ComparePane):
    """A list of prompts, the image once, and a column for each run."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("pairs")
    DEFAULT_CSS = """
    CompareRolloutsPane {
        #what { height: 1; padding: 0 1; }
        #pairs { height: 1fr; }
        #side { width: 44; height: 1fr; }
        #prompts { height: 1fr; padding: 0 0 0 1; }
        #picture { height: 45%; padding: 0 1; }
        #question { height: 3; padding: 0 1; }
        #columns { layout: grid; grid-size: 2 1; grid-gutter: 0 1; height: 1fr; }
        &.narrow #side { width: 27; }
        &.narrow #question { height: 2; }
        &.large #side { width: 1fr; }
        &.large #prompts, &.large #right { display: none; }
        &.large #picture { height: 1fr; }
    }
    """

    class GroupsRead(Message, bubble=False):
        """Completions of the shown prompt were read."""

        def __init__(self, uid: str, pages: Mapping[str, GroupPage]) -> None:
            super().__init__()
            self.uid = uid
            self.pages = pages
            """By run."""

    def __init__(self, home: Home, runs: CompareRuns) -> None:
        super().__init__(home, runs)
        self.browser = PairsBrowser()
        self.list = LineList(self._row_line, empty="reading", id="prompts")
        self.image = ImagePane(id="picture")
        self.columns = [CompareColumn(number) for number in range(MOST_COLUMNS)]
        self._reader = PairsReader(home)
        self._what = SpanLines(id="what")
        self._question = SpanLines(id="question")
        self._grid = Container(*self.columns, id="columns")
        self._beside = 2
        """Columns that fit beside each other."""
        self._pages: dict[str, GroupPage] = {}

    def content(self) -> Iterable[Widget]:
        """What is listed, the list with the image, and the columns under their prompt."""
        yield self._what
        yield Horizontal(
            Vertical(self.list, self.image, id="side"),
            Vertical(self._question, self._grid, id="right"),
            id="pairs",
        )

    def focus(self, scroll_visible: bool = True) -> CompareRolloutsPane:
        """The keys are those of the list."""
        self.list.focus(scroll_visible)
        return self

    def on_resize(self, event: Resize) -> None:
        """As many columns as fit, above each other where they do not fit beside each other."""
        self.set_class(event.size.width < NARROW, "narrow")
        self._beside = min(MOST_COLUMNS, (event.size.width - LEFT_WIDTH) // COLUMN_WIDTH)
        self.browser.slots = max(2, self._beside)
        self._place_columns()
        self.call_after_refresh(self.draw_safely, self._show)
        self._read_where_needed()

    def _place_columns(self) -> None:
        """Gives the columns their places; how many there are is known once the runs were looked at."""
        count = max(1, min(self.browser.slots, len(self.runs.there)))
        across, down = (1, count) if self._beside < 2 else (count, 1)
        styles = self._grid.styles
        if (styles.grid_size_columns, styles.grid_size_rows) != (across, down):
            styles.grid_size_columns, styles.grid_size_rows = across, down

    # what is read

    def read(self) -> PairsPage:
        """What the runs in the columns have in common."""
        return self._reader.page(self.browser.wanted, self.runs.summaries)

    def draw(self, found: PairsPage) -> None:
        """Shows the list, with the cursor on the same prompt."""
        selected = self.browser.uid(self.list.cursor)
        row = self.browser.take_page(found, selected=selected)
        if row is not None:
            self._show_list(row)

    def watch_version(self) -> None:
        """Runs may have come or gone."""
        self.browser.names = self.runs.there
        self.browser.writers = [name for name, run in self.runs.summaries.items() if run.method == "grpo"]
        self._place_columns()
        super().watch_version()

    def _read_where_needed(self) -> None:
        if not self.browser.is_read:
            self.read_again()

    def _show_list(self, row: int) -> None:
        self.list.empty = "nothing to list"
        self.list.show(self.browser.count, cursor=row)
        self._show()

    @work(thread=True, exclusive=True, group="groups", exit_on_error=False)
    def _read_groups(self, uid: str, wanted: Mapping[str, int]) -> None:
        def read() -> Message:
            return self.GroupsRead(uid, {run: self._reader.group(run, group) for run, group in wanted.items()})

        tell(self, read, doing="the rollouts cannot be read")

    @work(thread=True, exclusive=True, group="picture", exit_on_error=False)
    def _read_picture(self, shown: Shown, runs: Sequence[str]) -> None:
        def read() -> Message:
            digest, space = shown[:2]
            return PictureRead(shown, self._reader.picture(runs, digest, space, is_ascii=self.image.is_ascii))

        tell(self, read, doing="the image cannot be read")

    @on(GroupsRead)
    def _take_groups(self, event: GroupsRead) -> None:
        if event.uid == self.browser.uid(self.list.cursor):
            self._pages.update(event.pages)
            self.draw_safely(self._show_columns)

    @on(PictureRead)
    def _take_picture(self, event: PictureRead) -> None:
        self.image.show_picture(event.shown, event.picture)

    @on(ReadFailed)
    def _say_failed(self, event: ReadFailed) -> None:
        self.say_problem(event.problem)

    @on(ImagePane.Wanted)
    def _want_picture(self, event: ImagePane.Wanted) -> None:
        event.stop()
        runs = self.browser.page.runs
        if runs:
            self._read_picture(event.wanted, runs)

    # what is shown

    @property
    def _item(self) -> SharedPrompt | SharedAnswer | None:
        rows = self.browser.rows
        return rows[self.list.cursor] if self.list.cursor < len(rows) else None

    def _row_line(self, number: int, width: int) -> Line:
        page, letters = self.browser.page, self.runs.letters
        item = self.browser.rows[number]
        if isinstance(item, SharedPrompt):
            return prompt_row(item, [letters[run] for run in page.runs], width)
        return answer_row(item, column_letters(page.sources, letters), width)

    def _show(self) -> None:
        """Shows the selected row; reads its completions where they are not here yet."""
        width = self._what.size.width
        if not width:
            return
        self._what.show([head_line(self.browser, self.runs.letters, self.list.cursor, width)])
        item = self._item
        if isinstance(item, SharedPrompt):
            self._want_groups(item)
        self._show_columns()

    def _want_groups(self, shared: SharedPrompt) -> None:
        missing = {}
        for run, met in zip(self.browser.page.runs, shared.met, strict=True):
            shown = self.browser.occurrence(run, met)
            page = self._pages.get(run)
            # a group of a live run may still grow
            if page is None or page.id != shown.group_id or len(page.rollouts) != shown.size:
                missing[run] = shown.group_id
        if missing:
            self._read_groups(shared.prompt.uid, missing)

    def _show_columns(self) -> None:
        item = self._item
        count = len(self.browser.page.runs)
        for number, column in enumerate(self.columns):
            column.display = number < max(1, count)
        if isinstance(item, SharedAnswer):
            self._show_answers(item)
        elif isinstance(item, SharedPrompt):
            self._show_groups(item)
        else:
            self._question.show(self._nothing())
            self.image.show_images(None)
            for column in self.columns:
                column.show_nothing()

    def _nothing(self) -> list[Line]:
        """Why nothing is listed, where the prompt would stand."""
        methods = {name: summary.method for name, summary in self.runs.summaries.items()}
        text, width = nothing_text(self.browser, self.runs.letters, methods), self._question.size.width
        return [(Span(text[start:end], Role.WARNING),) for start, end in wrap(text, max(1, width))]

    def _show_groups(self, shared: SharedPrompt) -> None:
        browser, letters = self.browser, self.runs.letters
        first = None
        for column, run, met in zip(self.columns, browser.page.runs, shared.met, strict=False):
            shown = browser.occurrence(run, met)
            page = self._pages.get(run)
            rollouts = page.rollouts if page is not None and page.id == shown.group_id else ()
            if rollouts:
                first = first or rollouts[0]
                column.show_group(page or GroupPage(0))
            difference = image_difference(first, rollouts[0]) if first and rollouts else ""
            width = column.head.size.width
            column.show_head(training_head(letters[run], run, met, shown, difference, width))
        if first is not None:
            self._question.show(prompt_lines(first, self._question.size.width, self._question.size.height))
            self.image.show_images(first.images)

    def _show_answers(self, shared: SharedAnswer) -> None:
        browser = self.browser
        titles = column_letters(browser.page.sources, self.runs.letters)
        first = shared.samples[0]
        for column, source, sample, title in zip(
            self.columns, browser.page.sources, shared.samples, titles, strict=False
        ):
            width = column.head.size.width
            column.show_sample(sample)
            column.show_head(answer_head(title, source, sample, image_difference(first, sample), width))
        self._question.show(prompt_lines(first, self._question.size.width, self._question.size.height))
        self.image.show_images(first.images)

    # what the user does

    @on(LineList.Moved, "#prompts")
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self.draw_safely(self._show)

    @on(LineList.Chosen, "#prompts")
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        self.columns[0].take_keyboard()

    def show_steps(self, steps: Mapping[str, int]) -> None:
        """Shows the rollouts at some steps of the runs."""
        self.browser.show_steps(steps)
        self.read_again()

    def show_flips(self, contrast: Contrast) -> None:
        """Shows the examples of a test."""
        self.browser.show_flips(contrast)
        self.read_again()

    def action_prompt(self, by: int) -> None:
        """The next prompt, also while a column has the keyboard."""
        self.list.put_cursor(self.list.cursor + by)

    def action_step(self, by: int) -> None:
        """An earlier or later step, in the column that has the keyboard or in all."""
        item = self._item
        if isinstance(item, SharedPrompt):
            self.browser.move_step(self._meant_runs(), item, by)
            self.draw_safely(self._show)

    def _meant_runs(self) -> list[str]:
        runs = list(self.browser.page.runs)
        return [run for run, column in zip(runs, self.columns, strict=False) if column.has_keyboard] or runs

    def action_mode(self) -> None:
        """Training rollouts, or held-out answers."""
        self.browser.is_training = not self.browser.is_training
        self.read_again()

    def action_run(self) -> None:
        """Another run in the column that has the keyboard, or in the last one."""
        places = [number for number, column in enumerate(self.columns) if column.has_keyboard]
        if self.browser.next_run(places[0] if places else len(self.browser.columns) - 1):
            self.read_again()
        else:
            self.app.notify("every run that is there has its column", markup=False)

    def action_way(self) -> None:
        """Another way of asking held-out examples."""
        if self.browser.is_training:
            self.app.notify("held-out answers were asked in several ways: v shows them", markup=False)
        elif self.browser.next_way():
            self.read_again()
        else:
            self.app.notify("these runs share no other way of asking", markup=False)

    def action_filter(self) -> None:
        """Other held-out examples."""
        if self.browser.is_training:
            self.app.notify("f filters held-out answers: v shows them, s sorts rollouts", markup=False)
            return
        selected = self.browser.uid(self.list.cursor)
        self.browser.next_filter()
        self._show_list(self.browser.arrange(selected))

    def action_sort(self) -> None:
        """Another order of prompts."""
        if self.browser.is_training:
            # who is at the top wants the top of another order too
            selected = self.browser.uid(self.list.cursor) if self.list.cursor else None
            self.browser.next_order()
            self._show_list(self.browser.arrange(selected))

    def action_open_all(self, is_open: bool) -> None:
        """Unfolds or folds all reasoning."""
        for column in self.columns:
            column.open_all(is_open)

    def action_image(self) -> None:
        """Gives the image the whole width, and back."""
        is_large = not self.has_class("large")
        self.set_class(is_large, "large")
        # what is hidden cannot hold the keyboard, and without it no key would come back here
        self.image.can_focus = is_large
        (self.image if is_large else self.list).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to the screen where there is nothing to close here."""
        if action == "back":
            return self.has_class("large") or any(column.has_keyboard for column in self.columns)
        return True

    def action_back(self) -> None:
        """Closes the image, or goes back to the list."""
        if self.has_class("large"):
            self.action_image()
        else:
            self.list.focus()
