"""The settings of several runs: those that differ, or all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.events import Resize
from textual.widget import Widget

from rftui.actions import bindings
from rftui.comparing.runs import CompareRuns
from rftui.comparing.settings import (
    Columns,
    SettingRow,
    columns_for,
    detail_lines,
    head_line,
    row_line,
    setting_rows,
)
from rftui.formats import counted
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.compare_pane import ComparePane
from rftui.widgets.line_list import LineList
from rftui.widgets.span_view import SpanLines
from store.layout import Home

Settings = dict[str, Mapping[str, Any]]
"""By run."""


class CompareSettingsPane(ComparePane):
    """A table with letters as heads, and the setting under the cursor in full."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("differences")
    DEFAULT_CSS = """
    CompareSettingsPane {
        #said, #head { height: 1; padding: 0 1; }
        #rows { height: 1fr; padding: 0 1; }
        #detail { height: 6; padding: 0 1; border-top: solid $panel; }
    }
    """

    def __init__(self, home: Home, runs: CompareRuns) -> None:
        super().__init__(home, runs)
        self.shows_all = False
        self.first = 0
        """Number of the run in the first column."""
        self.found: Settings = {}
        self.rows: list[SettingRow] = []
        self._said = SpanLines(id="said")
        self._head = SpanLines(id="head")
        self.list = LineList(self._row_line, empty="reading the settings", id="rows")
        self._detail = SpanLines(id="detail")

    def content(self) -> Iterable[Widget]:
        """How many settings differ, the table, and one setting in full."""
        yield self._said
        yield self._head
        yield self.list
        yield self._detail

    def focus(self, scroll_visible: bool = True) -> CompareSettingsPane:
        """The keys are those of the table."""
        self.list.focus(scroll_visible)
        return self

    def read(self) -> Settings | None:
        """The settings of every run; they never change while a run exists."""
        # pydantic costs 0.1 s; the list of runs does without
        from rftui.comparing.compared_runs import run_settings

        there = self.runs.there
        if list(self.found) == there:
            return None
        return {name: self.found.get(name) or run_settings(self.home.run(name)) for name in there}

    def draw(self, found: Settings) -> None:
        """Shows the rows, with the cursor on the same setting."""
        self.found = found
        self._arrange()

    def on_resize(self, event: Resize) -> None:
        """Other columns fit."""
        self.call_after_refresh(self.draw_safely, self._show)

    def _arrange(self) -> None:
        before = self.rows[self.list.cursor].key if self.list.cursor < len(self.rows) else None
        self.rows = setting_rows(list(self.found.values()), shows_all=self.shows_all)
        keys = [row.key for row in self.rows]
        self.list.empty = self._empty()
        self.list.show(len(keys), cursor=keys.index(before) if before in keys else 0)
        self._show()

    def _empty(self) -> str:
        if len(self.found) < 2:
            return "one run has nothing to differ from; a shows its settings" if self.found else "no run has settings"
        return "all settings are the same; a shows them"

    @property
    def letters(self) -> list[str]:
        """Those of the columns."""
        return [self.runs.letters[name] for name in self.found]

    @property
    def columns(self) -> Columns:
        """How the table stands in its width."""
        return columns_for(self.rows, len(self.found), width=self.list.size.width, first=self.first)

    def _row_line(self, number: int, width: int) -> Line:
        return row_line(self.rows[number], self.columns, width)

    def _show(self) -> None:
        width = self._head.size.width
        if not width or not self.found:
            return
        differing = sum(row.differs for row in self.rows)
        of = f"{differing} of {counted(len(self.rows), 'setting')}" if self.shows_all else counted(differing, "setting")
        of += " differs" if differing == 1 else " differ"
        unread = [self.runs.letters[name] for name, values in self.found.items() if not values]
        said = [Span(of, Role.STRONG), Span("   · not the value of the first run", Role.MUTED)]
        if unread:
            said.append(Span(f"   config.toml of {' '.join(unread)} cannot be read", Role.WARNING))
        self._said.show([tuple(said)])
        self._head.show([head_line(self.letters, self.columns, width)] if self.rows else [])
        self._show_detail()
        self.list.refresh()

    def _show_detail(self) -> None:
        size = self._detail.size
        row = self.rows[self.list.cursor] if self.list.cursor < len(self.rows) else None
        self._detail.show(detail_lines(row, self.letters, width=size.width, height=max(1, size.height)))

    @on(LineList.Moved, "#rows")
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self._show_detail()

    def action_all(self) -> None:
        """All settings, or those that differ."""
        self.shows_all = not self.shows_all
        self._arrange()

    def action_columns(self, by: int) -> None:
        """Shows runs further to the left or right."""
        self.first = max(0, min(len(self.found) - self.columns.shown, self.columns.first + by))
        self._show()
