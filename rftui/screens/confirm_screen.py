"""A question before something is changed: a small dialog with a safe answer in focus."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from rftui.actions import bindings
from rftui.runs.verbs import Question
from rftui.terminal.clean import one_line


class ConfirmScreen(ModalScreen[bool]):
    """Answers whether the user wants it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("confirm")
    DEFAULT_CSS = """
    ConfirmScreen { align: center middle; }
    ConfirmScreen > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 90%;
        background: $surface; border: round $primary; padding: 0 1;
    }
    ConfirmScreen Static { height: auto; margin-bottom: 1; }
    ConfirmScreen #command { color: $text-muted; }
    ConfirmScreen Horizontal { height: 1; }
    ConfirmScreen Button { width: auto; min-width: 8; margin-right: 2; }
    ConfirmScreen Button:focus { text-style: reverse bold; }
    """

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question

    def compose(self) -> ComposeResult:
        """What it is about, what will happen, the command, and the two answers."""
        question = self.question
        with VerticalScroll(can_focus=False) as box:
            box.border_title = Text(one_line(question.title, width=70))
            if question.lines:
                yield Static(Text("\n".join(one_line(line) for line in question.lines)), markup=False)
            yield Static(Text(one_line(question.sentence)), markup=False)
            if question.command:
                yield Static(Text(f"$ {one_line(question.command)}"), id="command", markup=False)
            with Horizontal():
                yield Button(Text(f"{question.yes} (y)"), id="yes", compact=True)
                yield Button(Text("cancel (esc)"), id="no", compact=True)

    def on_mount(self) -> None:
        """Puts the keyboard on the safe answer."""
        self.query_one("#yes" if self.question.is_default_yes else "#no", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Enter or a click on one of the two."""
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_yes(self) -> None:
        """Confirms."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Nothing is done."""
        self.dismiss(False)

    def action_other(self) -> None:
        """Goes to the other answer."""
        self.query_one("#no" if self.query_one("#yes").has_focus else "#yes", Button).focus()
