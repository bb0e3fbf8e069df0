"""The tab of held-out evaluations: all of them with their trend, the chosen one in parts, its answers one key away."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.events import Resize
from textual.widget import Widget

from rftui.actions import bindings
from rftui.cli.output import is_ascii
from rftui.evaluations.browser import Filter
from rftui.evaluations.length_text import training_length_lines
from rftui.evaluations.matrix import MatrixView, matrix_lines, moved_column
from rftui.evaluations.parts import circular_lines, length_lines, unmatched_lines
from rftui.evaluations.reads import EvalsPage, EvalsSource
from rftui.evaluations.tables import Confusion, confusion
from rftui.evaluations.text import kind_lines, list_head, list_row, paired_lines, total_lines, trend_lines
from rftui.evaluations.trend import trend_plot
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.chart import Chart
from rftui.widgets.evals_answers import EvalAnswers
from rftui.widgets.line_list import LineList
from rftui.widgets.pane import Pane
from rftui.widgets.span_scroll import SpanScroll
from rftui.widgets.span_view import SpanLines
from store.evaluations import EvalKey
from store.layout import Home

NARROW = 140
"""Below so many columns the evaluations stand above the chosen one."""
EMPTY = (
    "no held-out evaluation yet: the first comes before step 1 and then every `evaluation.every` steps; "
    "`rftui eval RUN` makes one of a run that has ended"
)
EMPTY_EVALUATION = (
    "no answers to show yet: an evaluation shows them once it has asked all its questions in one way; "
    "`rftui resume RUN` goes on with those that one gave that ended early"
)
_IN_ANSWERS = frozenset({"answer", "filter", "image", "copy", "back"})
_IN_OVERVIEW = frozenset({"answers", "columns"})


class EvalsPane(Pane):
    """Every evaluation of a run."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("evals")
    DEFAULT_CSS = """
    EvalsPane #evals-body { layout: horizontal; height: 1fr; }
    EvalsPane #evals-left { width: 42%; height: 1fr; }
    EvalsPane #evals-titles { height: 1; padding: 0 0 0 1; }
    EvalsPane #evals-list { height: 1fr; padding: 0 0 0 1; }
    EvalsPane #evals-trend { height: 40%; }
    EvalsPane #evals-detail { width: 1fr; height: 1fr; padding: 0 1; }
    EvalsPane.narrow #evals-body { layout: vertical; }
    EvalsPane.narrow #evals-left { width: 1fr; height: 7; }
    EvalsPane.narrow #evals-trend { display: none; }
    EvalsPane #evals-answers { display: none; }
    EvalsPane.answers #evals-answers { display: block; }
    EvalsPane.answers #evals-body { display: none; }
    """

    def __init__(self, home: Home, name: str, *, method: str) -> None:
        super().__init__(home, name)
        self._empty = EMPTY_EVALUATION if method == "eval" else EMPTY
        self.source = EvalsSource(home, name)
        self.page: EvalsPage | None = None
        self.wanted: EvalKey | None = None
        """The evaluation that the user chose; None for the newest, also when there is a newer one."""
        self.first_column = 0
        self.titles = SpanLines(id="evals-titles")
        self.list = LineList(self._row, empty="reading the evaluations", id="evals-list")
        self.trend = Chart()
        self.trend.id = "evals-trend"
        self.detail = SpanScroll(id="evals-detail")
        self.answers = EvalAnswers(self.source, id="evals-answers")
        self._confusion: Confusion | str = ""

    def content(self) -> Iterable[Widget]:
        """The evaluations over their trend, the chosen one beside them; or its answers in the place of all that."""
        with Container(id="evals-body"):
            with Container(id="evals-left"):
                yield self.titles
                yield self.list
                yield self.trend
            yield self.detail
        yield self.answers

    def focus(self, scroll_visible: bool = True) -> EvalsPane:
        """The keys are those of the list in sight."""
        (self.answers if self.shows_answers else self.list).focus(scroll_visible)
        return self

    @property
    def shows_answers(self) -> bool:
        """Whether single answers are looked at."""
        return self.has_class("answers")

    def read(self) -> EvalsPage | None:
        """The evaluations, and the chosen one in parts."""
        page = self.source.page(self.wanted, in_parts=self.page is not None)
        return None if page == self.page else page

    def draw(self, found: EvalsPage) -> None:
        """Shows what was read."""
        before, self.page = self.page, found
        detail = found.detail
        if detail is not None and not detail.is_whole:
            # the answers are there at once; what takes a second follows
            self.read_again()
        is_other = before is None or before.detail is None or detail is None or before.detail.totals != detail.totals
        self.answers.take(detail)
        self._confuse()
        if before is None or (before.evaluations, before.chances) != (found.evaluations, found.chances):
            # the user's own moves show themselves; other evaluations are drawn whole
            self.list.empty = self._empty
            keys = [item.key for item in found.evaluations]
            chosen = detail.totals.key if detail is not None else None
            self.list.show(len(keys), cursor=keys.index(chosen) if chosen in keys else 0)
        if is_other:
            self.first_column = 0
        self._show(from_top=is_other)

    def on_resize(self, event: Resize) -> None:
        """Arranges for the width."""
        self.set_class(event.size.width < NARROW, "narrow")

    @on(SpanScroll.WidthChanged, "#evals-detail")
    def _fit(self, event: SpanScroll.WidthChanged) -> None:
        event.stop()
        self._show()

    def _confuse(self) -> None:
        self._confusion = confusion(self.answers.browser.of_kind())

    def _show(self, *, from_top: bool = False) -> None:
        page = self.page
        if page is None:
            return
        if width := self.list.size.width:
            self.titles.show([list_head(width)] if page.evaluations else [])
        step = page.detail.totals.key.step if page.detail is not None else None
        self.trend.show(trend_plot(page.evaluations, step=step, is_ascii=is_ascii()))
        self.detail.show(self._detail_lines(page, max(1, self.detail.size.width)), from_top=from_top)

    def _detail_lines(self, page: EvalsPage, width: int) -> list[Line]:
        detail = page.detail
        if detail is None:
            return []
        kind = self.answers.browser.kind
        wrong = sum(answer.correct is False for answer in detail.answers)
        lines = list(total_lines(detail, width))
        if wrong:
            lines.append((Span(f"enter shows the {wrong} wrong answers", Role.BAR),))
        if self.has_class("narrow") and (trend := list(trend_lines(page.evaluations, width))):
            lines += [(), (Span("over the steps", Role.STRONG),), *trend]
        lines += paired_lines(detail, width)
        lines += circular_lines(detail.totals.circular, width)
        lines += kind_lines(detail, width, chosen=kind)
        if detail.answers:
            lines += matrix_lines(self._confusion, MatrixView(width, self.first_column), kind=kind)
        lines += unmatched_lines(detail.totals.unmatched, width)
        lines += length_lines(detail.lengths, width)
        lines += training_length_lines(page.training, width)
        return lines

    def _row(self, row: int, width: int) -> Line:
        if self.page is None:
            return ()
        item = self.page.evaluations[row]
        return list_row(item, self.page.chances.get((item.key.split, item.n)), width)

    # what the user does

    @on(LineList.Moved, "#evals-list")
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        if self.page is not None:
            # at the top stands the newest, and stays chosen as newer ones come
            self.wanted = self.page.evaluations[event.index].key if event.index else None
            self.read_again()

    @on(LineList.Chosen, "#evals-list")
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        self.action_answers()

    def action_answers(self) -> None:
        """Opens the wrong answers of the chosen evaluation."""
        if self.page is None or self.page.detail is None:
            return
        # a newer evaluation must not take the answers away from who reads them
        self.wanted = self.page.detail.totals.key
        while self.answers.browser.filter is not Filter.WRONG:
            self.answers.next_filter()
        self.set_class(True, "answers")
        self.answers.focus()

    def action_flips(self) -> None:
        """Opens what thinking broke, or else mended, both answers side by side; again: the other of the two."""
        detail = self.page.detail if self.page is not None else None
        if detail is None:
            return
        if not detail.flips:
            self.app.notify("this step was asked under one prompt only, so nothing flips", markup=False)
            return
        if not self.shows_answers:
            self.wanted = detail.totals.key
            self.set_class(True, "answers")
            self.answers.focus()
        self.answers.next_flips()

    def action_answer(self, by: int) -> None:
        """Goes to another answer."""
        self.answers.move(by)

    def action_filter(self) -> None:
        """Lists by the next filter."""
        self.answers.next_filter()

    def action_kind(self) -> None:
        """Takes the next question type, for the answers and for the table of gold against answer."""
        self.answers.next_kind()
        self._confuse()
        self.first_column = 0
        self._show()

    def action_columns(self, by: int) -> None:
        """Shows other answers of a table that does not fit."""
        if isinstance(self._confusion, Confusion):
            view = MatrixView(max(1, self.detail.size.width), self.first_column)
            self.first_column = moved_column(self._confusion, view, by)
            self._show()

    def action_page(self, pages: int) -> None:
        """Scrolls the text beside the list."""
        (self.answers.text if self.shows_answers else self.detail).action_page(pages)

    def action_image(self) -> None:
        """Gives the image the whole width, and back."""
        self.answers.enlarge_image()

    def action_copy(self) -> None:
        """Copies the shown completion."""
        self.answers.copy()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the answers mean nothing without them, and escape then means what it means outside."""
        if action in _IN_ANSWERS:
            return self.shows_answers
        return not self.shows_answers if action in _IN_OVERVIEW else True

    def action_back(self) -> None:
        """Closes the image, then leaves the example, then the answers."""
        if self.answers.is_image_large:
            self.answers.enlarge_image()
        elif self.answers.text.has_focus:
            self.answers.focus()
        else:
            self.set_class(False, "answers")
            self.list.focus()
