"""A prompt and its completions in one column: scrolled by keys, folded one by one or all at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Click, Resize
from textual.geometry import Size
from textual.message import Message

from rftui.actions import bindings
from rftui.rollouts.group_layout import GroupLayout
from rftui.rollouts.group_text import Comparison, View
from rftui.rollouts.reads import GroupPage
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.span_view import SpanView
from store.rollouts import Rollout

MARGIN = 2
SCROLL_LINES = 3
NOTHING = GroupPage(0)


class GroupView(SpanView, can_focus=True):
    """The completions of one group; one of them is current."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("group")
    HAS_PROMPT = True
    """Whether the prompt stands above its completions."""

    class Read(Message):
        """The user moved in the completions."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.page = NOTHING
        self.phrases: tuple[str, ...] = ()
        self.current = 0
        self.layout_lines = GroupLayout((), (), View(1))
        self.base: Rollout | None = None
        """The completion that others of its prompt are compared with."""
        self._is_all_open = False
        self._marked: frozenset[int] = frozenset()
        self._as_markdown: frozenset[int] = frozenset()
        self._wanted_sample: int | None = None

    @property
    def rollout(self) -> Rollout | None:
        """The current completion."""
        return self.page.rollouts[self.current] if self.page.rollouts else None

    def show(self, page: GroupPage, phrases: Sequence[str]) -> None:
        """Shows a group from its top; the same one with more completions or other marks stays where it is."""
        is_same = page.id == self.page.id
        opened = self.layout_lines.open_samples if is_same else None
        self.page, self.phrases = page, tuple(phrases)
        if not is_same:
            found = [index for index, rollout in enumerate(page.rollouts) if rollout.sample in page.found]
            self.current = found[0] if found else 0
            self._as_markdown = frozenset()
        if self._wanted_sample is not None and page.rollouts:
            samples = [rollout.sample for rollout in page.rollouts]
            self.current = samples.index(self._wanted_sample) if self._wanted_sample in samples else self.current
            self._wanted_sample = None
        self._lay_out(opened)
        if not is_same:
            self.scroll_rows(0)
            if self.current:
                self._bring_in_sight()

    def want(self, sample: int) -> None:
        """Makes a completion of the group that is shown next the current one."""
        self._wanted_sample = sample

    def mark(self, samples: frozenset[int]) -> None:
        """Shows which completions of this group somebody marked."""
        changed, self._marked = self._marked ^ samples, samples
        self._look(changed)

    def switch_markdown(self) -> None:
        """Reads the current completion as Markdown, or shows it as it came."""
        if self.rollout is not None:
            self._as_markdown ^= {self.rollout.sample}
            self._look({self.rollout.sample})
            self._bring_in_sight()

    def switch_base(self) -> Rollout | None:
        """Compares others with the current completion from here on, or ends the comparison that is shown."""
        is_compared = self._view().comparison is not None
        self.base = None if is_compared else self.rollout
        self._look({each.sample for each in self.page.rollouts})
        self._bring_in_sight()
        return self.base

    def open_all(self, is_open: bool) -> None:
        """Unfolds or folds all completions, of this group and of those shown later."""
        self._is_all_open = is_open
        self._lay_out(None)
        self._bring_in_sight()

    def line_at(self, y: int) -> Line:
        """A line with the mark of the current completion before it."""
        if not self.page.rollouts:
            return ()
        line = self.layout_lines.line(y)
        is_current = bool(line) and self._block_at(y) == self.current
        mark = Span("▌ ", Role.BAR if self.has_focus else Role.MUTED) if is_current else Span(" " * MARGIN)
        return (mark, *line)

    def action_move(self, direction: int) -> None:
        """Goes on in the current completion while it is longer than what is in sight, then to the next one."""
        if not self.page.rollouts:
            return
        top, height = self.scroll_offset.y, self.size.height
        place = self.layout_lines.place(self.current)
        is_more_below, is_more_above = place.bottom - 1 > top + height, place.top < top
        self.post_message(self.Read())
        if (direction > 0 and is_more_below) or (direction < 0 and is_more_above):
            self.scroll_rows(top + direction * SCROLL_LINES)
        elif direction < 0 and self.current == 0:
            self.scroll_rows(0)
        else:
            self._make_current(self.current + direction)

    def action_page(self, pages: int) -> None:
        """Scrolls by what is in sight; the first completion there becomes the current one."""
        self.scroll_rows(self.scroll_offset.y + pages * max(1, self.size.height - 1))
        top = self.scroll_offset.y
        is_at_end = pages > 0 and top >= self.layout_lines.height - self.size.height
        self._make_current(len(self.page.rollouts) - 1 if is_at_end else self._block_at(top) or 0, scrolls=False)
        self.post_message(self.Read())

    def action_edge(self, index: int) -> None:
        """Goes to the first or last completion."""
        self._make_current(index % max(1, len(self.page.rollouts)))
        if index == 0:
            self.scroll_rows(0)
        self.post_message(self.Read())

    def action_fold(self) -> None:
        """Folds or unfolds the current completion."""
        if self.page.rollouts:
            self.layout_lines.toggle(self.current)
            self._measure()
            self._bring_in_sight()
            self.post_message(self.Read())

    def on_click(self, event: Click) -> None:
        """Makes the completion under the pointer the current one."""
        index = self._block_at(event.y + self.scroll_offset.y)
        if index is not None:
            self._make_current(index, scrolls=False)

    def on_resize(self, event: Resize) -> None:
        """Wraps for the new width."""
        if self.layout_lines.view.width != self._text_width():
            self._lay_out(self.layout_lines.open_samples)

    def on_focus(self) -> None:
        """Marks the current completion brightly."""
        self.refresh()

    def on_blur(self) -> None:
        """Marks the current completion faintly."""
        self.refresh()

    def _block_at(self, y: int) -> int | None:
        return self.layout_lines.block_at(y)

    def _text_width(self) -> int:
        return max(1, self.size.width - MARGIN)

    def _lay_out(self, opened: set[int] | None) -> None:
        """Lays the page out; `opened` are the unfolded completions, None for what was last said of all."""
        self.current = max(0, min(self.current, len(self.page.rollouts) - 1))
        self.layout_lines = GroupLayout(self.page.rollouts, self.page.history, self._view())
        if opened is None:
            opened = {rollout.sample for rollout in self.page.rollouts} if self._is_all_open else set()
        if opened:
            self.layout_lines.open_all(opened)
        self._measure()

    def _view(self) -> View:
        base, rollout = self.base, self.rollout
        is_compared = base is not None and rollout is not None and base.uid == rollout.uid
        return View(
            self._text_width(),
            self.phrases,
            self.page.found,
            marked=self._marked,
            as_markdown=self._as_markdown,
            comparison=Comparison(base, rollout.sample) if base and rollout and is_compared else None,
            has_prompt=self.HAS_PROMPT,
        )

    def _look(self, samples: Collection[int]) -> None:
        """Shows some completions in another way."""
        if samples:
            self.layout_lines.look(self._view(), samples)
            self._measure()

    def _measure(self) -> None:
        self.virtual_size = Size(1, self.layout_lines.height)
        self.refresh()

    def _make_current(self, index: int, *, scrolls: bool = True) -> None:
        before, self.current = self.current, max(0, min(len(self.page.rollouts) - 1, index))
        if not self.page.rollouts or before == self.current:
            return
        if self.base is not None:
            # only the current one is shown against another
            self._look({self.page.rollouts[each].sample for each in (before, self.current)})
        for each in (before, self.current):
            self.refresh_rows(*self.layout_lines.place(each))
        if scrolls:
            self._bring_in_sight()

    def _bring_in_sight(self) -> None:
        """Scrolls as little as shows the current completion, its first line before its last."""
        if not self.page.rollouts:
            return
        place = self.layout_lines.place(self.current)
        top = min(place.top, max(self.scroll_offset.y, place.bottom - 1 - self.size.height))
        if top != self.scroll_offset.y:
            self.scroll_rows(top)
