"""Finds a metric by parts of its name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from rftui.actions import bindings
from rftui.charts.panels import matching
from rftui.terminal.clean import one_line

MOST_SHOWN = 200
"""An option list pays for every option at once; more letters narrow it down."""


class MetricSearch(ModalScreen[str | None]):
    """Answers with the name of a metric, or None."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("search")
    DEFAULT_CSS = """
    MetricSearch { align: center middle; }
    MetricSearch Vertical {
        width: 64; max-width: 100%; height: 20; max-height: 90%; background: $surface; border: round $primary;
    }
    MetricSearch OptionList { height: 1fr; border: none; }
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = names
        self._found: list[str] = []
        self._options = OptionList(markup=False)

    def compose(self) -> ComposeResult:
        """A line to write in, and what it finds."""
        with Vertical() as box:
            box.border_title = "any metric"
            yield Input(placeholder="words of its name")
            yield self._options

    def on_mount(self) -> None:
        """Everything is found at first."""
        self._find("")
        self.query_one(Input).focus()

    def offer(self, names: Sequence[str]) -> None:
        """Finds among other names, which were read only now."""
        self._names = names
        self._find(self.query_one(Input).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another letter."""
        self._find(event.value)

    def _find(self, text: str) -> None:
        self._found = matching(text, self._names)[:MOST_SHOWN]
        self._options.clear_options()
        self._options.add_options([Option(Text(one_line(name))) for name in self._found])
        self._options.highlighted = 0 if self._found else None

    def on_input_submitted(self) -> None:
        """Enter takes the chosen name."""
        place = self._options.highlighted
        self.dismiss(self._found[place] if place is not None else None)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """So does a click."""
        self.dismiss(self._found[event.option_index])

    def action_move(self, by: int) -> None:
        """Chooses another name while the cursor stays in the line."""
        if self._found:
            self._options.highlighted = ((self._options.highlighted or 0) + by) % len(self._found)

    def action_leave(self) -> None:
        """Nothing was chosen."""
        self.dismiss(None)
