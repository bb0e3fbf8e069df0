"""Everything about one run as text, refreshed while it is looked at."""

from __future__ import annotations

import sqlite3
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Footer, Static

from rftui.clean import clean
from rftui.cli.details import detail_lines, run_fields
from store.errors import StoreError
from store.layout import Home

REFRESH_S = 2.0


class RunPage(Screen[None]):
    """The details of one run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "back", id="page.back", tooltip="Back to the list"),
        Binding("q", "app.quit", "quit (runs go on)", id="app.quit", tooltip="Leave; no run is touched"),
    ]
    DEFAULT_CSS = "RunPage VerticalScroll { padding: 0 1; }"

    def __init__(self, home: Home, name: str) -> None:
        super().__init__()
        self.home = home
        self.run_name = name
        self._text = ""

    def compose(self) -> ComposeResult:
        """The text, and the keys."""
        with VerticalScroll():
            yield Static("", id="details", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Starts to read, and keeps reading."""
        self.set_interval(REFRESH_S, self.read)
        self.read()

    @work(thread=True, exclusive=True, group="read")
    def read(self) -> None:
        """Reads the run in a thread."""
        try:
            text = "\n".join(detail_lines(run_fields(self.home, self.run_name)))
        except (OSError, StoreError, sqlite3.Error) as error:
            # a pane's boundary: what cannot be read is said in its place
            text = f"{self.run_name} cannot be read: {error}"
        self.app.call_from_thread(self._show, text)

    def _show(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.query_one("#details", Static).update(Text(clean(text)))
