"""The image of a prompt in half blocks: drawn when it changes, never because something beside it scrolled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.segment import Segment
from textual.events import Resize
from textual.message import Message
from textual.strip import Strip

from rftui.half_blocks import Picture, Size
from rftui.rollout_header import image_title
from rftui.spans import Line, Role, Span
from rftui.widgets.span_view import SpanView
from rftui.wrapping import wrap

NO_IMAGE = "this prompt has no image"


class ImagePane(SpanView):
    """A title with size and tokens, and under it the picture, or what is wrong with it."""

    class Wanted(Message):
        """A picture is to be read at a size; `show_picture` takes it."""

        def __init__(self, digest: str, space: Size) -> None:
            super().__init__()
            self.digest = digest
            self.space = space

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.images: Sequence[Mapping[str, object]] = ()
        self.index = 0
        self.picture = Picture()
        self._asked: tuple[str, Size] | None = None
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

    def show_picture(self, digest: str, space: Size, picture: Picture) -> None:
        """Takes a picture that was read, unless another one is wanted by then."""
        if (digest, space) == self._asked:
            self.picture = picture
            self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Wants the picture in the new size."""
        self._ask()

    def _ask(self) -> None:
        """Asks for the picture in the size of the pane, where that is another one than was asked for."""
        if not self.images:
            self._asked = None
            self.picture = Picture(problem=NO_IMAGE if self.has_prompt else "")
            self.refresh()
            return
        space = Size(self.size.width, self.size.height - len(self._title()))
        wanted = (str(self.images[self.index].get("hash", "")), space)
        if min(space) > 0 and wanted != self._asked:
            # until it is read the picture before stays, for an empty pane between two would flicker; words about it go
            self._asked = wanted
            if self.picture.problem:
                self.picture = Picture()
            self.post_message(self.Wanted(*wanted))
            self.refresh()

    def _title(self) -> list[Line]:
        return image_title(self.images, self.index, self.size.width) if self.images else []

    def line_at(self, y: int) -> Line:
        """The title, or what is wrong with the picture."""
        title = self._title()
        if y < len(title):
            return title[y]
        problem = self.picture.problem
        lines = [problem[start:end] for start, end in wrap(problem, self.size.width)] if problem else []
        at = y - len(title)
        return (Span(lines[at], Role.WARNING if self.images else Role.MUTED),) if at < len(lines) else ()

    def render_line(self, y: int) -> Strip:
        """A line of words, or a row of the picture in the middle."""
        at = y - len(self._title())
        if self.picture.problem or not 0 <= at < len(self.picture.rows):
            return super().render_line(y)
        base = self.get_component_rich_style("span--plain")
        margin = Segment(" " * ((self.size.width - self.picture.columns) // 2), base)
        row = [Segment(text, base + style if style else base) for text, style, _ in self.picture.rows[at]]
        return Strip([margin, *row]).adjust_cell_length(self.size.width, base)
