"""What keys do to the current completion: copy, mark, read as Markdown, compare with another."""

from __future__ import annotations

from textual import on

from rftui.rollouts.bookmarks import Marked, place_of
from rftui.rollouts.header import bookmark_row
from rftui.terminal.clean import clean
from rftui.terminal.spans import Line
from rftui.widgets.group_view import GroupView
from rftui.widgets.line_list import LineList
from rftui.widgets.rollout_reader import RolloutReader
from store.layout import Home

NO_BOOKMARK = "no bookmarks yet: b marks the current completion"


class CompletionKeys(RolloutReader):
    """The completions of one group, and the bookmarks of the run."""

    def __init__(self, home: Home, run_name: str, *, id: str | None = None) -> None:
        super().__init__(home, run_name, id=id)
        self.completions = GroupView(id="completions")
        self.bookmarks = LineList(self._bookmark_line, empty=NO_BOOKMARK, id="bookmarks")
        self._marks: list[Marked] = []

    def action_copy(self) -> None:
        """Copies the current completion as it came, without what steers a terminal."""
        rollout = self.completions.rollout
        if rollout is None:
            self.app.notify("there is no completion to copy", markup=False)
            return
        text = clean(rollout.completion)
        self.app.copy_to_clipboard(text)
        self.app.notify(f"copied #{rollout.sample}: {len(text):,} characters", markup=False)

    def action_bookmark(self) -> None:
        """Marks the current completion, or takes the mark away."""
        rollout = self.completions.rollout
        if rollout is None:
            return
        if self.home.is_read_only:
            self.app.notify("this is read-only: nothing can be marked", severity="warning", markup=False)
            return
        place = place_of(rollout)
        is_set = all(mark.bookmark.place != place for mark in self._marks)
        self.write_bookmark(place, is_set=is_set)

    def action_markdown(self) -> None:
        """Reads the current completion as Markdown, or shows it as it came."""
        self.completions.switch_markdown()

    def action_compare(self) -> None:
        """Compares other completions of the prompt with the current one, or ends that."""
        had_base = self.completions.base is not None
        base = self.completions.switch_base()
        if base is not None:
            told = f"go to another completion, or with t to another step: it is shown against #{base.sample}; d ends"
            self.app.notify(told, markup=False)
        elif had_base:
            self.app.notify("no comparison any more", markup=False)

    @on(RolloutReader.BookmarksRead)
    def _take_bookmarks(self, event: RolloutReader.BookmarksRead) -> None:
        self._marks = event.marks
        self.bookmarks.show(len(self._marks), cursor=self.bookmarks.cursor)
        self.show_marks()

    def show_marks(self) -> None:
        """Marks those of the shown group."""
        rollouts = self.completions.page.rollouts
        places = {mark.bookmark.place for mark in self._marks}
        self.completions.mark(frozenset(each.sample for each in rollouts if place_of(each) in places))

    def _bookmark_line(self, row: int, width: int) -> Line:
        mark = self._marks[row]
        return bookmark_row(mark.bookmark.place, mark.rollout, width=width)
