"""The last evaluations of several runs and the tests between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget

from rftui.actions import bindings
from rftui.comparing.comparison import Contrast, compare, compare_pairs
from rftui.comparing.evaluation_reads import ComparedCache
from rftui.comparing.evaluations import Asked, EvaluationRow, evaluation_page
from rftui.comparing.runs import CompareRuns
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line
from rftui.widgets.compare_pane import ComparePane
from rftui.widgets.line_list import LineList
from store.layout import Home


class CompareEvaluationsPane(ComparePane):
    """A page of rows; a row with a test opens the examples that it is made of."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("tests")
    DEFAULT_CSS = """
    CompareEvaluationsPane #page { height: 1fr; padding: 0 1; }
    """

    class FlipsWanted(Message):
        """The user wants to see the examples of a test."""

        def __init__(self, contrast: Contrast) -> None:
            super().__init__()
            self.contrast = contrast

    def __init__(self, home: Home, runs: CompareRuns) -> None:
        super().__init__(home, runs)
        self.baseline: str | None = None
        """Name of the run that the others are tested against; None for the first."""
        self.is_pairs = False
        self.found: Asked | None = None
        self.rows: list[EvaluationRow] = []
        self._cache = ComparedCache(home)
        self.list = LineList(self._row_line, empty="reading the evaluations", id="page")

    def content(self) -> Iterable[Widget]:
        """The rows."""
        yield self.list

    def focus(self, scroll_visible: bool = True) -> CompareEvaluationsPane:
        """The keys are those of the rows."""
        self.list.focus(scroll_visible)
        return self

    def read(self) -> Asked | None:
        """The runs compared; the bootstrap takes its time, so in the thread as well."""
        runs = self._cache.read(self.runs.summaries)
        if not runs:
            return None
        order = tuple(run.name for run in runs)
        if self.is_pairs:
            return Asked(compare_pairs(runs), order, is_pairs=True)
        first = [run for run in runs if run.name == self.baseline]
        rest = [run for run in runs if run.name != self.baseline]
        return Asked(compare([*first, *rest]), order)

    def draw(self, found: Asked) -> None:
        """Shows the rows, with the cursor where it was."""
        problems = [f"{name} cannot be read: {why}" for name, why in self._cache.problems.items()]
        self.say_problem("  ".join(problems))
        if found != self.found:
            self.found = found
            self._arrange()

    def on_resize(self, event: Resize) -> None:
        """Tables fit the width."""
        self.call_after_refresh(self.draw_safely, self._arrange)

    def _arrange(self) -> None:
        width = self.list.size.width
        if self.found is None or not width:
            return
        self.rows = evaluation_page(self.found, self.runs.letters, width)
        cursor = self.list.cursor
        if cursor == 0:
            # the first thing to choose is a test
            cursor = next((number for number, row in enumerate(self.rows) if row.contrast is not None), 0)
        top = self.list.scroll_offset.y
        self.list.show(len(self.rows), cursor=cursor)
        if cursor < self.list.size.height:
            self.list.scroll_rows(top)

    def _row_line(self, number: int, width: int) -> Line:
        return self.rows[number].line

    @on(LineList.Chosen, "#page")
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        contrast = self.rows[event.index].contrast
        if contrast is None:
            self.app.notify("enter on a line of a test shows its examples", markup=False)
        else:
            self.post_message(self.FlipsWanted(contrast))

    def action_baseline(self) -> None:
        """Tests against the next run."""
        names = self.runs.there
        if len(names) < 2:
            self.app.notify("one run has nothing to be tested against", markup=False)
            return
        before = self.baseline if self.baseline in names else names[0]
        self.is_pairs = False
        self.baseline = names[(names.index(before) + 1) % len(names)]
        letter = self.runs.letters[self.baseline]
        self.app.notify(f"against {letter}, {one_line(self.baseline)}", timeout=2, markup=False)
        self.read_again()

    def action_pairs(self) -> None:
        """Tests of every pair, or against one run."""
        self.is_pairs = not self.is_pairs
        self.read_again()
