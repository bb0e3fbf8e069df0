"""One column of the rollouts of several runs: a head, and completions or a held-out answer below it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical

from rftui.comparing.answers import sample_lines
from rftui.rollouts.reads import GroupPage
from rftui.terminal.spans import Line
from rftui.widgets.group_view import NOTHING, GroupView
from rftui.widgets.span_scroll import SpanScroll
from rftui.widgets.span_view import SpanLines
from store.rollouts import EvalSample


class ColumnCompletions(GroupView):
    """Completions of a prompt that stands above all columns."""

    HAS_PROMPT = False


class CompareColumn(Vertical):
    """What one run wrote to the prompt that is shown."""

    DEFAULT_CSS = """
    CompareColumn {
        width: 1fr; height: 1fr;
        .column-head { height: 2; padding: 0 1; }
        .column-completions, .column-answer { height: 1fr; }
        .column-answer { display: none; padding: 0 1; }
        &.answers .column-completions { display: none; }
        &.answers .column-answer { display: block; }
        .column-head.on { background: $boost; }
    }
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.head = SpanLines(id=f"head{number}")
        self.head.add_class("column-head")
        self.completions = ColumnCompletions(id=f"completions{number}")
        self.completions.add_class("column-completions")
        self.answer = SpanScroll(id=f"answer{number}")
        self.answer.add_class("column-answer")
        self.sample: EvalSample | None = None
        self.is_open = True

    def compose(self) -> ComposeResult:
        """The head and both bodies, one of which is shown."""
        yield self.head
        yield self.completions
        yield self.answer

    def on_descendant_focus(self) -> None:
        """Shows that keys that mean one column mean this one."""
        self.head.add_class("on")

    def on_descendant_blur(self) -> None:
        """They mean another one."""
        self.head.remove_class("on")

    @property
    def has_keyboard(self) -> bool:
        """Whether keys that mean one column mean this one."""
        return self.completions.has_focus or self.answer.has_focus

    def take_keyboard(self) -> None:
        """Puts the keyboard on what is shown."""
        (self.answer if self.has_class("answers") else self.completions).focus()

    def show_head(self, lines: Sequence[Line]) -> None:
        """Shows another head."""
        self.head.show(lines)

    def show_group(self, page: GroupPage) -> None:
        """Shows the completions of a group; the same group stays where it is."""
        self.set_class(False, "answers")
        self.completions.show(page, ())

    def show_sample(self, sample: EvalSample | None) -> None:
        """Shows a held-out answer."""
        self.set_class(True, "answers")
        is_other = sample is None or self.sample is None or sample.uid != self.sample.uid
        self.sample = sample
        if self.answer.size.width:
            self._show_answer(from_top=is_other)
        else:
            # shown for the first time, it has no width yet
            self.call_after_refresh(self._show_answer, from_top=is_other)

    def show_nothing(self) -> None:
        """Shows neither."""
        self.sample = None
        self.completions.show(NOTHING, ())
        self.answer.show([])
        self.head.show([])

    def open_all(self, is_open: bool) -> None:
        """Unfolds or folds all reasoning."""
        self.is_open = is_open
        self.completions.open_all(is_open)
        self._show_answer(from_top=False)

    def on_resize(self) -> None:
        """Wraps the answer for the new width."""
        self.call_after_refresh(self._show_answer, from_top=False)

    def _show_answer(self, *, from_top: bool) -> None:
        width = self.answer.size.width
        if self.sample is not None and width:
            self.answer.show(sample_lines(self.sample, width, is_open=self.is_open), from_top=from_top)
