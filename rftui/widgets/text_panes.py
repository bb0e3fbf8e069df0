"""The tabs that are text: the settings of a run, and everything else about it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.events import DescendantBlur
from textual.widget import Widget
from textual.widgets import Input, Static

from rftui.actions import bindings
from rftui.charts.curve_reads import read_alert_lines
from rftui.cli.details import detail_lines, gain_fields, run_fields
from rftui.formats import counted
from rftui.runs.texts import config_lines
from rftui.terminal.clean import one_line
from rftui.widgets.pane import Pane
from rftui.widgets.text_lines import TextLines
from store.layout import Home
from store.runs import find_run, open_catalogue
from store.states import State, is_live

PAGE_WIDTH = 76
"""Of a forecast's page, whose lines are made before a width is known."""


class TextPane(Pane):
    """Lines, a line of status, and a search."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("found")
    DEFAULT_CSS = """
    TextPane Input { display: none; height: 1; border: none; padding: 0 1; }
    TextPane Input.there { display: block; }
    TextPane #where { height: 1; color: $text-muted; padding: 0 1; }
    """
    EMPTY = ""
    FOLLOWS = False

    def __init__(self, home: Home, name: str) -> None:
        super().__init__(home, name)
        self.lines = TextLines(follows=self.FOLLOWS)
        self._input = Input(placeholder="text to find", compact=True)
        self._where = Static("", id="where", markup=False)

    def content(self) -> Iterable[Widget]:
        """The lines, the search, where one is."""
        yield self.lines
        yield self._input
        yield self._where

    def focus(self, scroll_visible: bool = True) -> TextPane:
        """The keys are those of the lines."""
        self.lines.focus(scroll_visible)
        return self

    def draw(self, found: Any) -> None:
        """Shows the lines that were read."""
        self.lines.show(found or [self.EMPTY])
        self.say_where()

    def say_where(self) -> None:
        """Tells how much there is, and what is searched for."""
        lines = self.lines
        parts = [self.count_text(), "follows" if lines.follows else ""]
        if lines.pattern:
            parts.append(f"{len(lines.matches)} with {one_line(lines.pattern)}  n N next, before")
        text = "  ".join(filter(None, parts))
        if str(self._where.content) != text:
            self._where.update(Text(text), layout=False)

    def count_text(self) -> str:
        """How much there is."""
        return counted(len(self.lines.lines), "line")

    def on_text_lines_moved(self) -> None:
        """Another part is in sight."""
        self.say_where()

    def on_text_lines_search_asked(self) -> None:
        """Opens the search."""
        self._input.add_class("there")
        # at once: what is typed ahead belongs into the line
        self.screen.set_focus(self._input)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Searches."""
        event.stop()
        self.lines.search(event.value)
        self._close_search()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """A search that is left for elsewhere is closed."""
        if event.widget is self._input:
            self._input.remove_class("there")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a search, escape means what it means outside."""
        return self._input.has_class("there") or bool(self.lines.pattern) if action == "leave_search" else True

    def action_leave_search(self) -> None:
        """Marks nothing any more."""
        self.lines.search("")
        self._close_search()

    def _close_search(self) -> None:
        self._input.remove_class("there")
        self.lines.focus()
        self.say_where()


class ConfigPane(TextPane):
    """Settings with their origins, versions, command, commit."""

    def read(self) -> list[str]:
        """Every line."""
        return list(config_lines(run_fields(self.home, self.run_name)))


class ForecastPane(TextPane):
    """What a sampling before training says, once it has ended: `rftui suit RUN`."""

    def read(self) -> list[str]:
        """Every line."""
        # only these runs need the rules of forecasts and, where one ended early, scipy
        from rftui.suitability.forecasts import forecast_of
        from rftui.suitability.page import page_lines

        run_dir = self.home.run(self.run_name)
        with closing(open_catalogue(self.home)) as connection:
            is_sampling = is_live(State(find_run(connection, self.run_name).state))
        if is_sampling and not run_dir.forecast.exists():
            return ["the forecast comes when everything is sampled; Curves show where it is going"]
        found = forecast_of(run_dir)
        return list(page_lines(found.document, width=PAGE_WIDTH, is_written=found.is_written))


class OverviewPane(TextPane):
    """What `rftui show` prints, and what is wrong with the course of the run."""

    def __init__(self, home: Home, name: str) -> None:
        super().__init__(home, name)
        self._gains: dict[str, Any] = {}
        self._gains_of: list[dict[str, Any]] = []
        """Evaluations that the gains were made from: a live run writes often, and is evaluated seldom."""

    def read(self) -> list[str]:
        """Every line."""
        fields = run_fields(self.home, self.run_name)
        if fields["evals"] != self._gains_of:
            self._gains, self._gains_of = gain_fields(self.home, self.run_name), fields["evals"]
        lines = detail_lines(fields | self._gains, hint="; the others are in Config")
        return [*lines, "", *read_alert_lines(self.home, self.run_name)]
