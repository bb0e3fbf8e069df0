"""`?`: every key and what it does, made from the table of keys and the user's own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from rftui.actions import bindings
from rftui.key_names import help_rows

KEYS_WIDTH = 18
WIDTH = 69
"""Of the text in a dialog that fits 80 columns."""


class ScrolledText(VerticalScroll, can_focus=True, inherit_bindings=False):
    """The text, scrolled by the keys of the help alone."""

    BINDINGS: ClassVar[list[BindingType]] = []


class HelpScreen(ModalScreen[None]):
    """All keys over what was there."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("help")
    DEFAULT_CSS = """
    HelpScreen { align: center middle; }
    HelpScreen ScrolledText {
        width: 76; max-width: 100%; height: 90%; background: $surface; border: round $primary; padding: 0 1;
        scrollbar-size-vertical: 1; scrollbar-background: $surface;
    }
    """

    def __init__(self, here: Collection[str] = (), keymap: Mapping[str, str] | None = None) -> None:
        super().__init__()
        self.here = here
        """Places whose keys worked where the help was asked for; they come first."""
        self.keymap = keymap or {}
        """Keys that the user bound otherwise, by id."""

    def compose(self) -> ComposeResult:
        """One scrolled text."""
        with ScrolledText() as scroll:
            scroll.border_title = "keys"
            scroll.border_subtitle = "esc closes"
            yield Static(help_text(self.here, self.keymap), markup=False)

    def action_scroll(self, lines: int) -> None:
        """Scrolls by lines."""
        self.query_one(ScrolledText).scroll_relative(y=lines, animate=False)

    def action_page(self, pages: int) -> None:
        """Scrolls by pages."""
        keys = self.query_one(ScrolledText)
        keys.scroll_relative(y=pages * max(1, keys.size.height - 1), animate=False)


def help_text(here: Collection[str], keymap: Mapping[str, str]) -> Text:
    """Every place with its keys."""
    text = Text()
    for title, rows in help_rows(here, keymap):
        text.append(f"{title}\n", style="bold")
        for keys, tooltip in rows:
            lines = wrap(tooltip, WIDTH - KEYS_WIDTH - 3)
            for number, line in enumerate(lines):
                text.append(f"  {'' if number else keys:<{KEYS_WIDTH}} {line}\n")
        text.append("\n")
    return text
