"""The list of runs: name, state with reason, step, accuracy with interval, reward, age."""

from __future__ import annotations

import sqlite3
import time
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Static

from rftui.actions import bindings
from rftui.clean import one_line
from rftui.cli.listing import RUN_COLUMNS, run_row
from rftui.reads import current_runs
from store.errors import StoreError
from store.layout import Home
from store.runs import RunSummary

REFRESH_S = 2.0
EMPTY = "no runs yet: `rftui launch grpo --task sat` in another terminal starts one"


class RunListScreen(Screen[None]):
    """All runs, refreshed while they are looked at."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("list", "app")
    DEFAULT_CSS = """
    RunListScreen DataTable { height: 1fr; }
    RunListScreen #status { height: 1; color: $text-muted; padding: 0 1; }
    """

    class Opened(Message):
        """The user wants to see a run."""

        def __init__(self, summary: RunSummary) -> None:
            super().__init__()
            self.summary = summary

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self._shown: dict[str, list[Text]] = {}
        self._summaries: dict[str, RunSummary] = {}

    def compose(self) -> ComposeResult:
        """The table, a line of status, and the keys."""
        yield DataTable(cursor_type="row", zebra_stripes=False)
        yield Static("reading the store", id="status", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Starts to read, and keeps reading."""
        table = self.query_one(DataTable)
        for column in RUN_COLUMNS:
            table.add_column(Text(column.title), key=column.title)
        self.set_interval(REFRESH_S, self._refresh_in_sight)
        self.action_refresh()

    def on_screen_resume(self) -> None:
        """What was missed meanwhile."""
        self.action_refresh()

    def _refresh_in_sight(self) -> None:
        if self.is_current:
            self.action_refresh()

    @work(thread=True, exclusive=True, group="read")
    def action_refresh(self) -> None:
        """Reads the store in a thread."""
        try:
            summaries = current_runs(self.home)
        except (OSError, StoreError, sqlite3.Error) as error:
            # a pane's boundary: the list stays as it was and says why
            self.app.call_from_thread(self._say, f"the store cannot be read: {one_line(error)}")
            return
        self.app.call_from_thread(self._show, summaries)

    def _say(self, text: str) -> None:
        status = self.query_one("#status", Static)
        if str(status.content) != text:
            status.update(text)

    def _show(self, summaries: list[RunSummary]) -> None:
        """Changes only cells that differ: each update goes over the wire."""
        rows = {summary.name: _cells(summary) for summary in summaries}
        table = self.query_one(DataTable)
        if list(rows) != list(self._shown):
            self._replace_rows(table, rows)
        else:
            for name, cells in rows.items():
                for column, cell, before in zip(RUN_COLUMNS, cells, self._shown[name], strict=True):
                    if cell != before:
                        table.update_cell(name, column.title, cell)
        self._shown = rows
        self._summaries = {summary.name: summary for summary in summaries}
        states = [summary.state for summary in summaries]
        running = sum(state in ("running", "stalled", "stopping", "starting") for state in states)
        self._say(f"{len(states)} runs, {running} running    {one_line(self.home.path)}" if states else EMPTY)

    def _replace_rows(self, table: DataTable[Text], rows: dict[str, list[Text]]) -> None:
        selected = self._selected()
        table.clear()
        for name, cells in rows.items():
            table.add_row(*cells, key=name)
        if selected in rows:
            table.move_cursor(row=list(rows).index(selected))

    def _selected(self) -> str | None:
        names, row = list(self._shown), self.query_one(DataTable).cursor_row
        return names[row] if 0 <= row < len(names) else None

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Enter on a row."""
        self.action_open()

    def action_open(self) -> None:
        """Shows everything about the selected run."""
        name = self._selected()
        if name is not None:
            self.post_message(self.Opened(self._summaries[name]))

    def action_down(self) -> None:
        """Moves to the next run."""
        self.query_one(DataTable).action_cursor_down()

    def action_up(self) -> None:
        """Moves to the previous run."""
        self.query_one(DataTable).action_cursor_up()


def _cells(summary: RunSummary) -> list[Text]:
    # Text takes foreign words as they are; run_row's texts are made one clean line here
    return [Text(one_line(cell.text, width=60), style=cell.style) for cell in run_row(summary, now=_minute())]


def _minute() -> float:
    """The time, by whole minutes once the age shows no seconds, so that idle rows do not change."""
    return time.time() // 60 * 60
