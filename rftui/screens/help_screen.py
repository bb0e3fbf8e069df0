"""`?`: every key and what it does, made from the table of keys."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rftui.actions import help_rows

KEYS_WIDTH = 18


class HelpScreen(ModalScreen[None]):
    """All keys over what was there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "close", id="help.close", tooltip="Close the help"),
        Binding("j", "down", show=False, id="help.down", tooltip="One line down"),
        Binding("k", "up", show=False, id="help.up", tooltip="One line up"),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen VerticalScroll {
        width: 76; max-width: 100%; height: 90%; background: $surface; border: round $primary; padding: 0 1;
    }
    """

    def __init__(self, here: Collection[str] = ()) -> None:
        super().__init__()
        self.here = here
        """Places whose keys worked where the help was asked for; they come first."""

    def compose(self) -> ComposeResult:
        """One scrolled text."""
        with VerticalScroll() as scroll:
            scroll.border_title = "keys"
            yield Static(_help_text(self.here), markup=False)

    def action_down(self) -> None:
        """Scrolls down."""
        self.query_one(VerticalScroll).scroll_down(animate=False)

    def action_up(self) -> None:
        """Scrolls up."""
        self.query_one(VerticalScroll).scroll_up(animate=False)


def _help_text(here: Collection[str]) -> Text:
    text = Text()
    for title, rows in help_rows(here):
        text.append(f"{title}\n", style="bold")
        for keys, tooltip in rows:
            text.append(f"  {keys:<{KEYS_WIDTH}} {tooltip}\n")
        text.append("\n")
    return text
