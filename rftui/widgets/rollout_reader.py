"""Reads rollouts in threads for the view that shows them; each read ends in a message and in nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from textual import work
from textual.message import Message
from textual.widget import Widget

from rftui.rollouts.bookmarks import Marked, marked_rollouts, set_bookmark
from rftui.rollouts.query import RolloutQuery
from rftui.rollouts.reads import Extent, GroupPage, RolloutSource, StepPage
from rftui.runs.reads import see_to
from rftui.terminal.half_blocks import Picture
from rftui.widgets.image import Shown
from rftui.widgets.telling import PictureRead, tell, tell_each
from store.bookmarks import CompletionPlace
from store.layout import Home

POLL_S = 0.3
TELL_EVERY_S = 0.15
"""How often a count that takes long says what it has."""
EXTENT = "rollouts-extent"
DOING = "the rollouts cannot be read"
Stamp = tuple[tuple[int, int], ...]


class RolloutReader(Widget):
    """A widget that reads one run's rollouts and looks for new ones while it is on the screen."""

    class ExtentRead(Message, bubble=False):
        """It was seen which steps there are."""

        def __init__(self, extent: Extent, stamp: Stamp) -> None:
            super().__init__()
            self.extent = extent
            self.stamp = stamp

    class PageRead(Message, bubble=False):
        """A step was read."""

        def __init__(self, page: StepPage, query: RolloutQuery) -> None:
            super().__init__()
            self.page = page
            self.query = query

    class HitsRead(Message, bubble=False):
        """It was counted what a query finds at which step, or at some of the steps so far."""

        def __init__(self, hits: dict[int, int], query: RolloutQuery, *, is_counted: bool) -> None:
            super().__init__()
            self.hits = hits
            self.query = query
            self.is_counted = is_counted

    class GroupRead(Message, bubble=False):
        """A group was read."""

        def __init__(self, page: GroupPage, query: RolloutQuery) -> None:
            super().__init__()
            self.page = page
            self.query = query

    class BookmarksRead(Message, bubble=False):
        """It was read which completions are marked."""

        def __init__(self, marks: list[Marked]) -> None:
            super().__init__()
            self.marks = marks

    def __init__(self, home: Home, run_name: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.home = home
        self.run_name = run_name
        self.source = RolloutSource(home, run_name)
        self._stamp: Stamp | None = None
        self._pictures: dict[Shown, Picture] = {}

    @property
    def is_looking(self) -> bool:
        """Whether a look for new steps is under way; another one would take its place, and on a slow disk none ends."""
        return any(worker.node is self and worker.group == EXTENT and worker.is_running for worker in self.workers)

    @property
    def is_looked_at(self) -> bool:
        """Whether anybody can see the widget."""
        return self.screen.is_current and self.is_on_screen

    @work(thread=True, exclusive=True, group=EXTENT, exit_on_error=False)
    def read_extent(self, shown_step: int | None, *, takes_in: bool = False) -> None:
        """Looks which steps there are, where anything was written since the last look."""

        def read() -> Message | None:
            if takes_in:
                # a run whose supervisor is gone has nobody else who takes in what it wrote last
                see_to(self.home, self.run_name)
            stamp = self.source.stamp()
            if stamp == self._stamp:
                return None
            return self.ExtentRead(self.source.extent(shown_step), stamp)

        self._tell(read)

    @work(thread=True, exclusive=True, group="rollouts-page", exit_on_error=False)
    def read_page(self, step: int, query: RolloutQuery) -> None:
        """Reads one step."""
        self._tell(lambda: self.PageRead(self.source.page(step, query.tests), query))

    @work(thread=True, exclusive=True, group="rollouts-hits", exit_on_error=False)
    def read_hits(self, query: RolloutQuery, *, around: int) -> None:
        """Counts what a query finds, from a step outwards, and tells while it counts."""
        tell_each(self, lambda: self._count(query, around), doing=DOING)

    def _count(self, query: RolloutQuery, around: int) -> Iterator[Message | None]:
        found: dict[int, int] = {}
        told_s = time.monotonic()
        for step, count in self.source.hits(query.tests, around=around):
            if count:
                found[step] = count
            is_due = time.monotonic() - told_s >= TELL_EVERY_S
            if is_due:
                told_s = time.monotonic()
            yield self.HitsRead(dict(found), query, is_counted=False) if is_due else None
        yield self.HitsRead(found, query, is_counted=True)

    @work(thread=True, exclusive=True, group="rollouts-group", exit_on_error=False)
    def read_group(self, group_id: int, query: RolloutQuery) -> None:
        """Reads one group in full."""
        self._tell(lambda: self.GroupRead(self.source.group(group_id, query.tests), query))

    @work(thread=True, exclusive=True, group="rollouts-picture", exit_on_error=False)
    def read_picture(self, shown: Shown, *, is_ascii: bool, depth: str) -> None:
        """Reads one image, sized to cells."""
        self._tell(lambda: PictureRead(shown, self.source.picture(*shown, is_ascii=is_ascii, depth=depth)))

    @work(thread=True, exclusive=True, group="rollouts-bookmarks", exit_on_error=False)
    def read_bookmarks(self) -> None:
        """Reads which completions are marked."""
        self._tell(lambda: self.BookmarksRead(marked_rollouts(self.home, self.run_name)))

    @work(thread=True, group="rollouts-mark", exit_on_error=False)
    def write_bookmark(self, place: CompletionPlace, *, is_set: bool) -> None:
        """Marks a completion or takes the mark away, and reads what is marked then."""

        def write() -> Message:
            set_bookmark(self.home, self.run_name, place, is_set=is_set)
            return self.BookmarksRead(marked_rollouts(self.home, self.run_name))

        self._tell(write, doing="the bookmark cannot be written")

    def _tell(self, read: Callable[[], Message | None], *, doing: str = DOING) -> None:
        tell(self, read, doing=doing)
