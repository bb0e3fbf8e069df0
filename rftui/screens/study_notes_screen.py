"""What must be known to read the grid of a study, over it: sentences on its numbers, and what papers print."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from rftui.screens.help_screen import WIDTH, HelpScreen, ScrolledText
from rftui.terminal.clean import one_line


class StudyNotesScreen(HelpScreen):
    """Scrolled and closed as the help is."""

    def __init__(self, name: str, sentences: Sequence[str]) -> None:
        super().__init__()
        self._name = name
        self._sentences = sentences

    def compose(self) -> ComposeResult:
        """One scrolled text."""
        with ScrolledText() as scroll:
            scroll.border_title = Text(f"about {one_line(self._name, width=50)}")
            scroll.border_subtitle = "esc closes"
            yield Static(notes_text(self._sentences), markup=False)


def notes_text(sentences: Sequence[str]) -> Text:
    """A paragraph a sentence, wrapped for a dialog that fits 80 columns."""
    paragraphs = []
    for sentence in sentences:
        lines = wrap(one_line(sentence), WIDTH - 3)
        paragraphs.append("\n".join(f"{'  ' if number else '- '}{line}" for number, line in enumerate(lines)))
    return Text("\n".join(paragraphs))
