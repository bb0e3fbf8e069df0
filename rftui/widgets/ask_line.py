"""One line at the bottom to write an answer in, with what is asked for before it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from rftui.terminal.spans import Role, Span, line_width
from rftui.widgets.span_view import SpanLines


class AskLine(Horizontal):
    """Hidden until something is asked; every letter and the answer are messages."""

    DEFAULT_CSS = """
    AskLine { height: 1; display: none; padding: 0 1; }
    AskLine.open { display: block; }
    AskLine #ask-label { height: 1; width: 8; }
    AskLine Input { border: none; height: 1; width: 1fr; padding: 0; }
    """

    class Typed(Message):
        """Another letter."""

        def __init__(self, kind: str, text: str) -> None:
            super().__init__()
            self.kind = kind
            self.text = text

    class Answered(Typed):
        """Enter."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.kind = ""
        """What is asked for; empty while nothing is."""
        self._label = SpanLines(id="ask-label")
        self._input = Input(id="ask-input", compact=True, select_on_focus=False)

    def compose(self) -> ComposeResult:
        """The question and the answer."""
        self._input.cursor_blink = False
        yield self._label
        yield self._input

    @property
    def text(self) -> str:
        """What is written so far."""
        return self._input.value

    def ask(self, kind: str, label: str, *, text: str = "", example: str = "") -> None:
        """Asks for something, beginning from a text."""
        line = (Span(f"{label} ", Role.STRONG),)
        self.kind = kind
        self._label.styles.width = line_width(line)
        self._label.show([line])
        # a line that is not in sight has no rows to draw again
        self._label.refresh()
        self._input.placeholder = example
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        self.add_class("open")
        # focus() waits its turn behind keys that are typed already
        self.screen.set_focus(self._input)

    def fill(self, text: str) -> None:
        """Begins from a text that was read only now, unless somebody wrote meanwhile."""
        if not self.text:
            with self._input.prevent(Input.Changed):
                self._input.value = text
            self._input.cursor_position = len(text)

    def close(self) -> None:
        """Asks for nothing any more."""
        self.kind = ""
        self.remove_class("open")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Passes it on as a question of ours."""
        event.stop()
        if self.kind:
            self.post_message(self.Typed(self.kind, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Passes it on as a question of ours."""
        event.stop()
        if self.kind:
            self.post_message(self.Answered(self.kind, event.value))
