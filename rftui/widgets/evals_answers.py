"""The answers of one held-out evaluation: a list, the image, and the chosen example with every completion in full."""

from __future__ import annotations

from collections.abc import Callable

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Container
from textual.events import Resize
from textual.message import Message
from textual.widget import Widget

from rftui.evaluations.browser import AnswerBrowser
from rftui.evaluations.reads import EvalDetail, EvalsSource, SamplePage
from rftui.evaluations.sample_text import answer_row, browser_lines, sample_lines
from rftui.terminal.clean import clean
from rftui.terminal.half_blocks import Picture
from rftui.terminal.spans import Line, Role, Span
from rftui.widgets.image import ImagePane, Shown
from rftui.widgets.line_list import LineList
from rftui.widgets.span_scroll import SpanScroll
from rftui.widgets.span_view import SpanLines
from rftui.widgets.telling import PictureRead, ReadFailed, tell
from store.evaluations import EvalAnswer, EvalKey

NARROW = 110
"""Below so many columns the image stands under the list."""
MOST_PICTURES = 64


class EvalAnswers(Widget):
    """One answer after another; its keys belong to the pane that holds it."""

    DEFAULT_CSS = """
    EvalAnswers {
        layout: horizontal; height: 1fr; width: 1fr;
        #answers-left { width: 64; height: 1fr; }
        #answers-head { height: 2; padding: 0 1; }
        #answers { height: 1fr; padding: 0 0 0 1; }
        #answers-image { height: 45%; padding: 0 1; }
        #answer { width: 1fr; height: 1fr; padding: 0 1; }
        &.narrow #answers-left { width: 32; }
        &.narrow #answers-head { height: 5; }
        &.large #answers-left { width: 1fr; }
        &.large #answer, &.large #answers, &.large #answers-head { display: none; }
        &.large #answers-image { height: 1fr; }
    }
    """

    class SampleRead(Message, bubble=False):
        """An example was read."""

        def __init__(self, page: SamplePage) -> None:
            super().__init__()
            self.page = page

    def __init__(self, source: EvalsSource, *, id: str) -> None:
        super().__init__(id=id)
        self.source = source
        self.browser = AnswerBrowser()
        self.page: SamplePage | None = None
        self.head = SpanLines(id="answers-head")
        self.list = LineList(self._row, empty="no such answer", id="answers")
        self.image = ImagePane(id="answers-image")
        self.text = SpanScroll(id="answer")
        self._pictures: dict[Shown, Picture] = {}

    def compose(self) -> ComposeResult:
        """The list over the image, and beside them the example."""
        with Container(id="answers-left"):
            yield self.head
            yield self.list
            yield self.image
        yield self.text

    def take(self, detail: EvalDetail | None) -> None:
        """Looks through another evaluation; through the same one, it stays where it was."""
        known = self.browser.detail
        before = self.answer
        is_same = known is not None and detail is not None and known.totals == detail.totals
        self.browser.take(detail)
        self._show_list(before.number if is_same and before is not None else None)

    @property
    def answer(self) -> EvalAnswer | None:
        """The answer under the cursor."""
        answers = self.browser.answers
        return answers[self.list.cursor] if self.list.cursor < len(answers) else None

    def next_filter(self) -> None:
        """Lists by the next filter."""
        self.browser.next_filter()
        self._show_list(None)

    def next_flips(self) -> None:
        """Lists what thinking broke, or what it mended, beginning where there is something."""
        self.browser.next_flips()
        self._show_list(None)

    def next_kind(self) -> None:
        """Lists the next question type."""
        self.browser.next_kind()
        self._show_list(None)

    def move(self, by: int) -> None:
        """Goes to another answer."""
        self.list.put_cursor(self.list.cursor + by)

    def page_text(self, pages: int) -> None:
        """Scrolls the example."""
        self.text.action_page(pages)

    @property
    def is_image_large(self) -> bool:
        """Whether the image has the whole width."""
        return self.has_class("large")

    def enlarge_image(self) -> None:
        """Gives the image the whole width, and back."""
        is_large = not self.is_image_large
        self.set_class(is_large, "large")
        # what is hidden cannot hold the keyboard, and without it no key would come back here
        self.image.can_focus = is_large
        (self.image if is_large else self.list).focus()

    def copy(self) -> None:
        """Copies the shown completion as it came, without what steers a terminal."""
        sample = self.page.sample if self.page is not None else None
        if sample is None:
            self.app.notify("there is no completion to copy", markup=False)
            return
        text = clean(sample.completion)
        self.app.copy_to_clipboard(text)
        self.app.notify(f"copied the completion of example {sample.number}: {len(text):,} characters", markup=False)

    def focus(self, scroll_visible: bool = True) -> EvalAnswers:
        """The keys are those of the list."""
        self.list.focus(scroll_visible)
        return self

    def on_resize(self, event: Resize) -> None:
        """Arranges for the width."""
        self.set_class(event.size.width < NARROW, "narrow")

    @on(SpanScroll.WidthChanged, "#answer")
    def _wrap(self, event: SpanScroll.WidthChanged) -> None:
        event.stop()
        self._show()

    # what is shown

    def _show_list(self, number: int | None) -> None:
        answers = self.browser.answers
        places = {answer.number: place for place, answer in enumerate(answers)}
        self.list.empty = f"no {self.browser.filter.value} answer here"
        self.list.show(len(answers), cursor=places.get(number, 0) if number is not None else 0)
        self._open()

    def _open(self) -> None:
        """Reads the answer under the cursor."""
        detail, answer = self.browser.detail, self.answer
        if detail is None or answer is None:
            self.page = None
            self.image.show_images(None)
            self._show(from_top=True)
        else:
            self._show_head()
            self.read_sample(detail.totals.key, answer.number)

    def _show(self, *, from_top: bool = False) -> None:
        self._show_head()
        width = max(1, self.text.size.width)
        lines: list[Line] = []
        if self.page is not None:
            answer = self.answer
            lines = sample_lines(self.page, self.browser.flip(answer) if answer is not None else None, width)
        self.text.show(lines, from_top=from_top)

    def _show_head(self) -> None:
        if width := self.head.size.width:
            place, height = self.list.cursor, self.head.size.height
            self.head.show(browser_lines(self.browser, place=place, width=width, height=height))

    def _row(self, row: int, width: int) -> Line:
        answer = self.browser.answers[row]
        return answer_row(answer, self.browser.flip(answer), width)

    @on(LineList.Moved, "#answers")
    def _moved(self, event: LineList.Moved) -> None:
        event.stop()
        self._open()

    @on(LineList.Chosen, "#answers")
    def _chosen(self, event: LineList.Chosen) -> None:
        event.stop()
        self.text.focus()

    # what is read

    @work(thread=True, exclusive=True, group="eval-sample", exit_on_error=False)
    def read_sample(self, key: EvalKey, number: int) -> None:
        """Reads one example."""
        self._tell(lambda: self.SampleRead(self.source.sample(key, number)))

    @work(thread=True, exclusive=True, group="eval-picture", exit_on_error=False)
    def read_picture(self, wanted: Shown, *, is_ascii: bool) -> None:
        """Reads one image, sized to cells, in half blocks."""
        digest, space, _ = wanted
        self._tell(lambda: PictureRead(wanted, self.source.picture(digest, space, is_ascii=is_ascii)))

    def _tell(self, read: Callable[[], Message]) -> None:
        tell(self, read, doing=f"an answer of {self.source.run} cannot be read")

    @on(SampleRead)
    def _take_sample(self, event: SampleRead) -> None:
        detail, answer = self.browser.detail, self.answer
        wanted = (detail.totals.key, answer.number) if detail is not None and answer is not None else None
        if (event.page.key, event.page.number) == wanted:
            self.page = event.page
            self.image.show_images(event.page.sample.images if event.page.sample is not None else None)
            self._show(from_top=True)

    @on(ReadFailed)
    def _say_problem(self, event: ReadFailed) -> None:
        self.page = None
        self.text.show([(Span(event.problem, Role.WARNING),)], from_top=True)

    @on(ImagePane.Wanted)
    def _want_picture(self, event: ImagePane.Wanted) -> None:
        event.stop()
        known = self._pictures.get(event.wanted)
        if known is not None and not known.problem:
            self.image.show_picture(event.wanted, known)
        else:
            self.read_picture(event.wanted, is_ascii=self.image.is_ascii)

    @on(PictureRead)
    def _take_picture(self, event: PictureRead) -> None:
        while len(self._pictures) >= MOST_PICTURES:
            self._pictures.pop(next(iter(self._pictures)))
        self._pictures[event.shown] = event.picture
        self.image.show_picture(event.shown, event.picture)
