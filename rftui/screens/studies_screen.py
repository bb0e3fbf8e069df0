"""The studies of a home and those that ship, how far each is, and how to make one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.worker import get_current_worker

from rftui.actions import bindings
from rftui.cli.output import is_ascii
from rftui.runs.list_text import problem_text
from rftui.screens.still_screen import StillScreen
from rftui.studies.listing import ListedStudy, listed_studies
from rftui.studies.study_text import how_lines, listed_heading, study_line
from rftui.terminal.keys_in_turn import KeysInTurn
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.key_line import KeyLine
from rftui.widgets.line_list import LineList
from rftui.widgets.span_view import SpanLines
from store.layout import Home

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0


class StudyList(LineList, inherit_bindings=False):
    """Enter is the screen's, so that the last line names it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings("rows") if not isinstance(binding, Binding) or binding.id != "rows.choose"
    ]


class StudiesScreen(StillScreen):
    """All studies, one line each."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("studies", "app")
    DEFAULT_CSS = """
    StudiesScreen {
        #head { height: 1; padding: 0 1; }
        #studies { height: 1fr; padding: 0 1; }
        #how { height: 4; padding: 0 1; border-top: solid $surface-lighten-1; }
    }
    """

    class Left(Message):
        """The user wants the list of runs back."""

    class Opened(Message):
        """The user wants to see a study."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Wanted(Message):
        """The user wants to make one that ships."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    class Read(Message):
        """The studies as they are, or why they cannot be read."""

        bubble = False

        def __init__(self, found: Sequence[ListedStudy] | str) -> None:
            super().__init__()
            self.found = found

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self.listed: Sequence[ListedStudy] | None = None
        self._is_looking = False
        self._has_to_come = True
        """Whether keys wait for the first read."""
        self._head = SpanLines(id="head")
        self.list = StudyList(self._row, empty="reading the studies", id="studies")
        self._how = SpanLines(id="how")

    def compose(self) -> ComposeResult:
        """How many there are, a line each, how to make one, keys."""
        yield self._head
        yield self.list
        yield self._how
        yield KeyLine(id="keys", is_read_only=self.home.is_read_only)

    def on_mount(self) -> None:
        """Starts to look."""
        self.list.focus()
        self._show_head()
        # what is typed ahead is meant for what is being read
        if isinstance(self.app, KeysInTurn):
            self.app.hold_keys()
        self.set_interval(LOOK_EVERY_S, self.look)
        self.look()

    def on_resize(self) -> None:
        """What stands below fits the width."""
        self._how.show(how_lines(max(1, self.size.width - 2)))

    def _row(self, y: int, width: int) -> Line:
        return study_line(self.listed[y], width=width, is_ascii=is_ascii()) if self.listed else ()

    def look(self) -> None:
        """Reads the studies, where nobody reads them already."""
        if not self._is_looking and self.is_current:
            self._is_looking = True
            self.run_worker(self._look_in_thread, thread=True, group="look", exit_on_error=False)

    def _look_in_thread(self) -> None:
        found: Sequence[ListedStudy] | str
        try:
            found = listed_studies(self.home)
        except Exception as error:
            # a pane's boundary: what was read before stays in sight
            logger.warning("the studies could not be read", exc_info=True)
            found = problem_text(error)
        self._is_looking = False
        if not get_current_worker().is_cancelled:
            self.post_message(self.Read(found))

    @on(Read)
    async def _take(self, event: Read) -> None:
        """Shows them, and lets the keys go that waited for it."""
        self._show(event)
        if self._has_to_come and isinstance(self.app, KeysInTurn):
            self._has_to_come = False
            await self.app.let_keys_go()

    def _show(self, event: Read) -> None:
        """Shows them where they are not as they were."""
        if isinstance(event.found, str):
            self._head.show([(Span(f"the studies cannot be read: {event.found}", Role.WRONG),)])
            return
        if event.found != self.listed:
            at = self.listed[self.list.cursor].name if self.listed else ""
            self.listed = event.found
            names = [item.name for item in event.found]
            self.list.show(len(names), cursor=names.index(at) if at in names else 0)
        self._show_head()

    def _show_head(self) -> None:
        self._head.show([listed_heading(self.listed, is_read_only=self.home.is_read_only)])

    def action_open_study(self) -> None:
        """Shows the study under the cursor; one that ships is made first, which is asked."""
        if not self.listed:
            return
        item = self.listed[self.list.cursor]
        self.post_message(self.Wanted(item.name) if item.is_shipped else self.Opened(item.name))

    def action_refresh(self) -> None:
        """Reads them again."""
        self.look()

    def action_back(self) -> None:
        """To the list of runs."""
        self.post_message(self.Left())
