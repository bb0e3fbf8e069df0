"""A choice of a few things: a small dialog with a line each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from rftui.actions import bindings
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, fitted
from rftui.widgets.line_list import LineList


class ChoiceScreen(ModalScreen[int | None]):
    """Answers with the place of the line that was chosen; None for none."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("choice")
    DEFAULT_CSS = """
    ChoiceScreen { align: center middle; }
    ChoiceScreen > Vertical {
        width: 110; max-width: 100%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    """

    def __init__(self, title: str, lines: Sequence[Line]) -> None:
        super().__init__()
        self._title = title
        self._lines = list(lines)
        self.list = LineList(lambda y, width: fitted(self._lines[y], width), empty="nothing to choose", id="choices")

    def compose(self) -> ComposeResult:
        """The lines."""
        with Vertical() as box:
            box.border_title = Text(one_line(self._title, width=100))
            box.border_subtitle = Text("enter chooses, esc leaves")
            self.list.styles.height = max(1, len(self._lines))
            yield self.list

    def on_mount(self) -> None:
        """Puts the cursor on the first line."""
        self.list.show(len(self._lines))
        self.list.focus()

    def on_line_list_chosen(self, event: LineList.Chosen) -> None:
        """Enter."""
        event.stop()
        self.dismiss(event.index)

    def action_leave(self) -> None:
        """Nothing is chosen."""
        self.dismiss(None)
