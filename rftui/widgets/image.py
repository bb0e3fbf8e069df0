"""The image of a prompt: drawn when it changes, never because something beside it scrolled.

In half blocks everywhere; in pixels on demand, sent once and taken away when it is left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from textual.events import Hide, Resize, Show
from textual.message import Message
from textual.strip import Strip

from rftui.rollouts.header import image_title
from rftui.terminal.graphics import Protocol, Support
from rftui.terminal.half_blocks import Picture, Size
from rftui.terminal.spans import Line, Role, Span
from rftui.terminal.wrapping import wrap
from rftui.widgets.pixels import send
from rftui.widgets.span_view import SpanView

NO_IMAGE = "this prompt has no image"
HALF_BLOCKS = Support(Protocol.NONE, "")
Shown = tuple[str, Size, Support]
"""Hash of an image, the cells it is for, and how it is shown."""


class ImagePane(SpanView):
    """A title with size and tokens, and under it the picture, or what is wrong with it."""

    class Wanted(Message):
        """A picture is to be read at a size; `show_picture` takes it."""

        def __init__(self, wanted: Shown) -> None:
            super().__init__()
            self.wanted = wanted

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.images: Sequence[Mapping[str, object]] = ()
        self.index = 0
        self.picture = Picture()
        self.support = HALF_BLOCKS
        self._asked: Shown | None = None
        self.has_prompt = False
        """Whether the pane belongs to a prompt, which may have no image."""

    def show_images(self, images: Sequence[Mapping[str, object]] | None) -> None:
        """Shows the first of a prompt's images, None where no prompt is shown; the same ones are not drawn again."""
        had_prompt, self.has_prompt = self.has_prompt, images is not None
        shown = images or ()
        if shown != self.images or had_prompt != self.has_prompt:
            self.images = shown
            self.index = 0
            self._ask()

    def show_next(self) -> None:
        """Shows the next of several images."""
        if len(self.images) > 1:
            self.index = (self.index + 1) % len(self.images)
            self._ask()

    def show_as(self, support: Support) -> None:
        """Shows pixels where the terminal has them, or half blocks again."""
        if support != self.support:
            self.support = support
            self._ask()

    def show_picture(self, shown: Shown, picture: Picture) -> None:
        """Takes a picture that was read, unless another one is wanted by then."""
        if shown == self._asked:
            self._put(picture)

    def on_mount(self) -> None:
        """Learns of dialogs that are drawn over the picture."""
        self.app.screen_change_signal.subscribe(self, self._screen_changed)

    def on_resize(self, event: Resize) -> None:
        """Wants the picture in the new size."""
        self._ask()

    def on_show(self, event: Show) -> None:
        """Wants again what was taken away."""
        self._ask()

    def on_hide(self, event: Hide) -> None:
        """Takes pixels away: what comes in their place may leave cells blank."""
        self._take_away()

    def on_unmount(self) -> None:
        """Leaves nothing in the terminal's memory."""
        self._take_away()

    def _put(self, picture: Picture) -> None:
        if self.picture.payload and self.picture.payload != picture.payload:
            self._remove()
        self.picture = picture
        self.refresh()
        if picture.is_painted:
            self.call_after_refresh(self._paint)
        elif picture.payload:
            send(self.app, picture.payload)

    def _take_away(self) -> None:
        if self.picture.payload:
            self._remove()
            self.picture = Picture()
            self._asked = None

    def _remove(self) -> None:
        if self.picture.removal:
            send(self.app, self.picture.removal)

    def _screen_changed(self, screen: object) -> None:
        """A dialog that closed was drawn over painted pixels."""
        if self.picture.is_painted and screen is self.screen:
            self.refresh()
            self.call_after_refresh(self._paint)

    def _paint(self) -> None:
        picture = self.picture
        if picture.is_painted and self.is_on_screen and self.screen.is_current:
            left, top = self.content_region.offset
            row, column = top + len(self._title()) + 1, left + self._margin + 1
            # the cursor is Textual's and goes back to where it was
            send(self.app, f"\x1b7\x1b[{row};{column}H{picture.payload}\x1b8")

    @property
    def _margin(self) -> int:
        """Blank cells on the left of a picture in the middle."""
        return max(0, (self.size.width - self.picture.columns) // 2)

    def _ask(self) -> None:
        """Asks for the picture in the size of the pane, where that is another one than was asked for."""
        if not self.images:
            self._asked = None
            self._put(Picture(problem=NO_IMAGE if self.has_prompt else ""))
            return
        space = Size(self.size.width, self.size.height - len(self._title()))
        wanted = (str(self.images[self.index].get("hash", "")), space, self.support)
        if min(space) > 0 and wanted != self._asked:
            # until it is read the picture before stays, for an empty pane between two would flicker; words about it go
            self._asked = wanted
            if self.picture.problem or self.picture.payload:
                self._put(Picture())
            self.post_message(self.Wanted(wanted))
            self.refresh()

    def _title(self) -> list[Line]:
        return image_title(self.images, self.index, self.size.width, how=self._how) if self.images else []

    @property
    def _how(self) -> str:
        """How pixels are shown that were asked for, or why they are not."""
        support = self.support
        if support.protocol is Protocol.NONE:
            return f"half blocks: {support.reason}" if support.reason else ""
        return f"pixels by {support.protocol.value}"

    def line_at(self, y: int) -> Line:
        """The title, or what is wrong with the picture."""
        title = self._title()
        if y < len(title):
            return title[y]
        problem = self.picture.problem
        lines = [problem[start:end] for start, end in wrap(problem, self.size.width)] if problem else []
        at = y - len(title)
        return (Span(lines[at], Role.WARNING if self.images else Role.MUTED),) if at < len(lines) else ()

    def draw_row(self, y: int) -> Strip:
        """A line of words, or a row of the picture in the middle."""
        at = y - len(self._title())
        if self.picture.problem or not 0 <= at < len(self.picture.rows):
            return super().draw_row(y)
        base = self.get_component_rich_style("span--plain")
        margin = Segment(" " * self._margin, base)
        row = [Segment(text, base + style if style else base) for text, style, _ in self.picture.rows[at]]
        return Strip([margin, *row]).adjust_cell_length(self.size.width, base)
