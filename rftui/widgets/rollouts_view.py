"""The rollouts of a run: a step's groups, the image, and the completions of one group; live while it is looked at.

Keys move it; `show_step` opens a step from elsewhere. Everything foreign comes as spans of clean text.
"""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal
from textual.events import Resize
from textual.widgets import Input

from rftui.actions import ROLLOUT_QUERY, bindings
from rftui.errors import QueryError
from rftui.rollouts.browser import RolloutBrowser
from rftui.rollouts.groups import GroupSummary
from rftui.rollouts.header import group_row, head_lines, history_row
from rftui.rollouts.query import NOTHING, parse_query
from rftui.rollouts.reads import GroupPage
from rftui.runs.list_text import problem_text
from rftui.terminal.clean import clean
from rftui.terminal.spans import Line, Role, Span, fitted
from rftui.widgets.completion_keys import CompletionKeys
from rftui.widgets.group_view import GroupView
from rftui.widgets.image import HALF_BLOCKS, ImagePane
from rftui.widgets.line_list import LineList
from rftui.widgets.pixels import support_of_app
from rftui.widgets.rollout_reader import POLL_S, RolloutReader
from rftui.widgets.span_view import SpanLines
from rftui.widgets.telling import PictureRead, ReadFailed
from store.layout import Home

NARROW = 120
"""Below so many columns the image stands under the list."""
MOST_PICTURES = 64
"""Drawn images that are kept, so that going back and forth reads no file."""
ASK_STEP = "number of a step"
TITLES = {
    "history": "every step at which this prompt came",
    "bookmarks": "every marked completion of the run",
}
"""What the lists say above them that stand in the place of the groups, by their ids."""


class RolloutsView(CompletionKeys, can_focus=True):
    """Every completion of a run, by step and group."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("rollouts")
    DEFAULT_CSS = """
    RolloutsView {
        layout: vertical; height: 1fr; width: 1fr; layers: below above;
        #head { height: 2; padding: 0 1; }
        /* over the head's second line: a line of its own would move the picture, which is then sent again */
        #ask { display: none; layer: above; dock: top; margin-top: 1; border: none; height: 1; padding: 0 1; }
        #body { height: 1fr; }
        #left { layout: horizontal; width: 76; height: 1fr; }
        #lists { width: 39; height: 1fr; padding: 0 0 0 1; }
        #lists > * { width: 1fr; height: 1fr; }
        #history, #bookmarks { display: none; }
        #image { width: 1fr; height: 1fr; padding: 0 1; }
        #completions { width: 1fr; height: 1fr; }
        &.narrow #left { layout: vertical; width: 27; }
        &.narrow #lists { width: 1fr; }
        &.narrow #image { height: 45%; }
        &.large #left { width: 1fr; }
        &.large #completions, &.large #lists { display: none; }
        &.large #image { height: 1fr; }
    }
    """

    def __init__(self, home: Home, run_name: str, *, id: str | None = None) -> None:
        super().__init__(home, run_name, id=id)
        self.browser = RolloutBrowser()
        self.head = SpanLines(id="head")
        self.ask = Input(id="ask")
        self.groups = LineList(self._group_line, empty="", id="groups")
        self.history = LineList(self._history_line, empty="this prompt came once", id="history")
        self.image = ImagePane(id="image")
        self.shown_list = self.groups
        """The list that is shown: the groups, or one in their place."""
        self._asked = ""

    def compose(self) -> ComposeResult:
        """The head, the question line, the lists with the image, and the completions."""
        self.ask.cursor_blink = False
        yield self.head
        yield self.ask
        with Horizontal(id="body"):
            with Container(id="left"):
                with Container(id="lists"):
                    yield self.groups
                    yield self.history
                    yield self.bookmarks
                yield self.image
            yield self.completions

    def on_mount(self) -> None:
        """Looks for new steps while it is looked at."""
        self.set_interval(POLL_S, self._poll)
        self.read_bookmarks()

    def on_show(self) -> None:
        """Looks at once, not at the next turn."""
        self._look()

    def on_resize(self, event: Resize) -> None:
        """Arranges the panes for the width."""
        self.set_class(event.size.width < NARROW, "narrow")
        self._show_head()

    def show_step(self, step: int) -> None:
        """Opens a step, or the nearest one that has rollouts, and stops following new ones."""
        self._read(self.browser.show_step(step))
        self._show_head()

    def on_focus(self) -> None:
        """Puts the keyboard on the list of groups, unless another tab was asked for meanwhile."""
        if self.screen.focused is self:
            # at once: focus() waits its turn, and would take the keyboard from a tab that was asked for in between
            self.screen.set_focus(self.groups)

    # what was read

    def _poll(self) -> None:
        if self.is_looked_at:
            self._look()

    def _look(self) -> None:
        if not self.is_looking:
            self.read_extent(self.browser.step, takes_in=self._stamp is None)

    @on(RolloutReader.ExtentRead)
    def _take_extent(self, event: RolloutReader.ExtentRead) -> None:
        self._stamp = event.stamp
        self._read(self.browser.take_extent(event.extent))
        self._show_head()

    @on(RolloutReader.PageRead)
    def _take_page(self, event: RolloutReader.PageRead) -> None:
        row = self.browser.take_page(event.page, event.query, selected=self._selected_id())
        if row is not None:
            self._show_groups(row)
            self._show_head()

    @on(RolloutReader.HitsRead)
    def _take_hits(self, event: RolloutReader.HitsRead) -> None:
        self._read(self.browser.take_hits(event.hits, event.query, is_counted=event.is_counted))
        self._show_head()

    @on(RolloutReader.GroupRead)
    def _take_group(self, event: RolloutReader.GroupRead) -> None:
        if event.page.id != self._selected_id() or event.query != self.browser.query:
            return
        self._show_group(event.page)

    @on(PictureRead)
    def _take_picture(self, event: PictureRead) -> None:
        if not event.picture.payload:
            # pixels are megabytes; they are read again
            while len(self._pictures) >= MOST_PICTURES:
                self._pictures.pop(next(iter(self._pictures)))
            self._pictures[event.shown] = event.picture
        self.image.show_picture(event.shown, event.picture)

    @on(ReadFailed)
    def _say_problem(self, event: ReadFailed) -> None:
        self.browser.problem = event.problem
        self._show_head()

    @on(ImagePane.Wanted)
    def _want_picture(self, event: ImagePane.Wanted) -> None:
        event.stop()
        known = self._pictures.get(event.wanted)
        if known is not None and not known.problem:
            self.image.show_picture(event.wanted, known)
        else:
            depth = self.app.console.color_system or ""
            self.read_picture(event.wanted, is_ascii=self.image.is_ascii, depth=depth)

    # what is shown

    def _read(self, step: int | None) -> None:
        if step is not None:
            self.read_page(step, self.browser.query)

    def _show_head(self) -> None:
        # before the first layout there is no width; the resize that ends it shows the head
        if width := self.head.size.width:
            lines = head_lines(self.browser.head(), width)
            title = TITLES.get(self.shown_list.id or "", "")
            if title:
                said = (Span(title, Role.STRONG), Span("  enter goes there, esc back", Role.MUTED))
                lines = [lines[0], fitted(said, width)]
            self.head.show(lines)

    def _show_groups(self, row: int) -> None:
        self.groups.empty = "nothing found at this step"
        self.groups.show(len(self.browser.groups), cursor=row)
        self._open_group()

    def _open_group(self) -> None:
        """Reads the group under the cursor; an empty list has none."""
        group = self._selected()
        if group is None:
            self._show_group(GroupPage(0))
        else:
            self.read_group(group.id, self.browser.query)

    def _show_group(self, page: GroupPage) -> None:
        self.completions.show(page, self.browser.query.phrases)
        self.show_marks()
        self.image.show_images(page.rollouts[0].images if page.rollouts else None)
        steps = [occurrence.step for occurrence in page.history]
        shown = self.browser.step
        self.history.show(len(steps), cursor=steps.index(shown) if shown in steps else 0)

    def _selected(self) -> GroupSummary | None:
        groups = self.browser.groups
        return groups[self.groups.cursor] if self.groups.cursor < len(groups) else None

    def _selected_id(self) -> int | None:
        group = self._selected()
        return None if group is None else group.id

    def _chosen_id(self) -> int | None:
        """The selected group where somebody moved to it; who is at the top wants the top of another order too."""
        return self._selected_id() if self.groups.cursor else None

    def _group_line(self, row: int, width: int) -> Line:
        browser = self.browser
        return group_row(browser.groups[row], order=browser.order, is_searched=browser.is_searched, width=width)

    def _history_line(self, row: int, width: int) -> Line:
        return history_row(self.completions.page.history[row], shown_step=self.browser.step, width=width)

    def _stop_following(self) -> None:
        if self.browser.follows:
            self.browser.follows = False
            self._show_head()

    # what the user does

    @on(LineList.Moved, "#groups")
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self._stop_following()
        self._open_group()

    @on(LineList.Chosen, "#groups")
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        self._stop_following()
        self.completions.focus()

    @on(LineList.Chosen, "#history")
    def _jump(self, event: LineList.Chosen) -> None:
        event.stop()
        history = self.completions.page.history
        if event.index < len(history):
            uid = self.completions.page.rollouts[0].uid
            self._read(self.browser.show_step(history[event.index].step, uid=uid))
            self._show_head()

    @on(LineList.Chosen, "#bookmarks")
    def _jump_to_bookmark(self, event: LineList.Chosen) -> None:
        event.stop()
        if event.index >= len(self._marks) or (rollout := self._marks[event.index].rollout) is None:
            return
        self.completions.want(rollout.sample)
        self._read(self.browser.show_step(rollout.step, uid=rollout.uid))
        self.action_bookmarks()
        self._show_head()

    @on(GroupView.Read)
    def _is_reading(self, event: GroupView.Read) -> None:
        event.stop()
        self._stop_following()

    def action_step(self, count: int) -> None:
        """Goes so many steps on."""
        self._read(self.browser.by_steps(count))
        self._show_head()

    def action_first_step(self) -> None:
        """Goes to the first step."""
        self.action_step(-len(self.browser.steps))

    def action_newest_step(self) -> None:
        """Goes to the newest step and follows it."""
        self._read(self.browser.newest())
        self._show_head()

    def action_group(self, direction: int) -> None:
        """Goes to the next group; with a query beyond the last one to the next step where it finds any."""
        row = self.groups.cursor + direction
        if self.browser.is_searched and not 0 <= row < self.groups.count:
            self._read(self.browser.next_found_step(direction))
            self._show_head()
        else:
            self.groups.put_cursor(row)

    def action_sort(self) -> None:
        """Sorts by the next value."""
        self._show_groups(self.browser.next_order(selected=self._chosen_id()))
        self._show_head()

    def action_reverse(self) -> None:
        """Turns the order round."""
        self._show_groups(self.browser.reverse(selected=self._chosen_id()))
        self._show_head()

    def action_open_all(self, is_open: bool) -> None:
        """Unfolds or folds all reasoning."""
        self.completions.open_all(is_open)

    def action_history(self) -> None:
        """Shows the steps that the prompt came at in place of the groups, and back."""
        self._show_list(self.history)

    def action_bookmarks(self) -> None:
        """Shows the marked completions in place of the groups, and back."""
        self._show_list(self.bookmarks)

    def _show_list(self, rows: LineList) -> None:
        """Shows a list in the place of the groups, or these again where it is shown."""
        self._put_list(self.groups if self.shown_list is rows else rows)
        self.shown_list.focus()
        self._show_head()

    def _put_list(self, rows: LineList) -> None:
        # by each list's own style: a class here would look up the styles of everything in the view
        if rows is not self.shown_list:
            self.shown_list.display, self.shown_list = False, rows
            rows.display = True

    def action_image(self) -> None:
        """Gives the image the whole width, in pixels where the terminal has them, and back."""
        is_large = not self.has_class("large")
        self.set_class(is_large, "large")
        self.image.show_as(support_of_app(self.app) if is_large and not self.image.is_ascii else HALF_BLOCKS)
        # what is hidden cannot hold the keyboard, and without it no key would come back here
        self.image.can_focus = is_large
        (self.image if is_large else self.shown_list).focus()

    def action_next_image(self) -> None:
        """Shows the next of several images."""
        self.image.show_next()

    def action_ask(self, what: str) -> None:
        """Asks for a query or the number of a step."""
        self._asked = what
        self.ask.placeholder = ROLLOUT_QUERY if what == "query" else ASK_STEP
        self.ask.value = self.browser.query.text if what == "query" else ""
        self.ask.display = True
        # at once: what is typed ahead belongs into the line
        self.screen.set_focus(self.ask)

    @on(Input.Submitted, "#ask")
    def _answered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._asked == "query":
            self._search(event.value)
        elif event.value.strip().isdecimal():
            self.show_step(int(event.value))
            self._stop_asking()
        else:
            self._say(f"{clean(event.value)[:20] or 'nothing'} is no number of a step")

    def _search(self, text: str) -> None:
        try:
            query = parse_query(text)
        except QueryError as error:
            self._say(problem_text(error))
            return
        self._put_list(self.groups)
        self._show_head()
        self._read(self.browser.search(query))
        if query.tests:
            self.read_hits(query, around=self.browser.step or 0)
        self._stop_asking()
        self._show_head()

    def _say(self, problem: str) -> None:
        self.browser.problem = problem
        self._show_head()

    def _stop_asking(self) -> None:
        self.ask.display = False
        self.browser.problem = ""
        self.groups.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape belongs to whoever holds this view where it has nothing to close."""
        if action != "back":
            return True
        is_open = self.ask.display or self.has_class("large") or self.shown_list is not self.groups
        return is_open or self.browser.is_searched or self.completions.has_focus

    def action_back(self) -> None:
        """Closes what is open, innermost first; then leaves the completions, then ends the search."""
        if self.ask.display:
            self._stop_asking()
            self._show_head()
        elif self.has_class("large"):
            self.action_image()
        elif self.shown_list is not self.groups:
            self._show_list(self.groups)
        elif self.completions.has_focus:
            self.groups.focus()
        else:
            self._read(self.browser.search(NOTHING))
            self._show_head()
