"""The fields of the launch form as a list in parts; the field in hand is written in its own row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.events import Key, Paste
from textual.message import Message

from rftui.actions import bindings
from rftui.forms.launch_form import Row
from rftui.forms.line_editor import LineEditor
from rftui.forms.text import heading_line, row_line
from rftui.terminal.spans import Line
from rftui.widgets.line_list import LineList

NOTHING_FOUND = "no field holds these words; esc ends the filter"
WRITING = frozenset({"accept", "discard", "caret", "erase"})
"""What keys do while a field is written, and then only."""


class FormRows(LineList):
    """Rows of fields under the headings of their parts; the cursor passes over the headings.

    An input of its own over the row would send the whole screen each time it came and went; this sends the row.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("rows", "field", "typing")

    class Turned(Message):
        """The next choice is wanted, or the one before."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Cleared(Message):
        """What was written into the field is taken back."""

    class Written(Message):
        """The text of the field in hand as it is being written, or what stood there before where that is kept."""

        def __init__(self, key: str, text: str, *, is_done: bool) -> None:
            super().__init__()
            self.key = key
            self.text = text
            self.is_done = is_done
            """Whether the field was left."""

    class WritingChanged(Message):
        """A field was opened or left: other keys work."""

    def __init__(self) -> None:
        super().__init__(self._draw_item, empty=NOTHING_FOUND, id="fields")
        self.editor: LineEditor | None = None
        """What is being written; None where nothing is."""
        self._items: list[str | Row] = []
        """Headings and rows."""
        self._before = ""

    # what is shown

    @property
    def rows(self) -> list[Row]:
        """The rows without the headings."""
        return [item for item in self._items if isinstance(item, Row)]

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        item = self._items[self.cursor] if self.cursor < len(self._items) else None
        return item if isinstance(item, Row) else None

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows rows with the cursor on the same field where it is still there; only what differs is drawn."""
        held = self.row
        items: list[str | Row] = []
        for row in rows:
            if not any(isinstance(item, Row) and item.field.group == row.field.group for item in items[-1:]):
                items.append(row.field.group.value)
            items.append(row)
        before, self._items = self._items, items
        if [_key(item) for item in before] == [_key(item) for item in items]:
            for y, (old, new) in enumerate(zip(before, items, strict=True)):
                if old != new:
                    self.refresh_rows(y, y + 1)
            return
        kept = next((y for y, item in enumerate(items) if held and _key(item) == held.field.key), None)
        if self.editor is not None and kept is None:
            # its field is shown no more; what was written so far was told letter by letter
            self._end_writing()
        self.show(len(items), cursor=1 if kept is None else kept)

    def _draw_item(self, y: int, width: int) -> Line:
        item = self._items[y]
        # the scrollbar would lie over the last cell, and with it over the sign that something was cut
        width = min(width, self.scrollable_content_region.width)
        if isinstance(item, str):
            return heading_line(item, width)
        return row_line(item, width, self.editor if y == self.cursor else None)

    # where the cursor is

    def put_cursor(self, index: int) -> None:
        """Puts the cursor on a field; a heading gives way to the field on the side that the cursor goes to."""
        self.finish()
        last = len(self._items) - 1
        index = max(0, min(last, index))
        if 0 <= index <= last and not isinstance(self._items[index], Row):
            index = index + 1 if index >= self.cursor or index == 0 else index - 1
        super().put_cursor(index)
        if self.cursor == 1:
            # the heading above the first field
            self.scroll_rows(0)

    def seek(self, key: str) -> None:
        """Puts the cursor on the field of that key, where it is shown."""
        place = next((y for y, item in enumerate(self._items) if isinstance(item, Row) and item.field.key == key), None)
        if place is not None:
            self.put_cursor(place)

    def action_group(self, by: int) -> None:
        """The first field of the next part, or of the one before."""
        starts = [y for y, item in enumerate(self._items) if isinstance(item, str)]
        place = sum(start <= self.cursor for start in starts) - 1 + by
        if 0 <= place < len(starts):
            # not on the heading itself, which gives way to the field before it where the cursor comes from below
            self.put_cursor(starts[place] + 1)

    def action_turn(self, by: int) -> None:
        """Another choice."""
        self.post_message(self.Turned(by))

    def action_clear(self) -> None:
        """Back to what stood there."""
        self.post_message(self.Cleared())

    # writing

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a field is written its keys work; else those of the list."""
        return (action in WRITING) == (self.editor is not None)

    def check_consume_key(self, key: str, character: str | None) -> bool:
        """Letters belong to the field that is written."""
        return self.editor is not None and character is not None and character.isprintable()

    def action_choose(self) -> None:
        """Opens the field under the cursor, with its text selected; one that is shown only stays closed."""
        row = self.row
        if row is None or row.field.is_fixed:
            return
        self._before = row.text
        self.editor = LineEditor(row.text, choices=row.field.choices)
        self._draw_editor()
        self.post_message(self.WritingChanged())

    def on_key(self, event: Key) -> None:
        """A letter."""
        if self.editor is not None and event.is_printable and event.character is not None:
            event.stop()
            event.prevent_default()
            self.editor.insert(event.character)
            self._say_written()

    def on_paste(self, event: Paste) -> None:
        """The first line of what is pasted."""
        if self.editor is not None:
            event.stop()
            self.editor.insert(event.text)
            self._say_written()

    def action_caret(self, to: str) -> None:
        """Moves the caret."""
        if self.editor is not None:
            before = self.editor.text
            self.editor.move(to)
            self._draw_editor()
            if self.editor.text != before:
                self._say_written()

    def action_erase(self, to: str) -> None:
        """Erases up to there."""
        if self.editor is not None:
            self.editor.erase(to)
            self._say_written()

    def action_accept(self, rows: int) -> None:
        """Keeps what is written, and opens another field where that is asked."""
        self.finish()
        if rows:
            self.action_move(rows)
            self.action_choose()

    def action_discard(self) -> None:
        """Leaves the field as it was."""
        if self.editor is not None:
            self.editor = LineEditor(self._before)
            self.finish()

    def finish(self) -> None:
        """Keeps what is written; nothing where nothing is."""
        editor, row = self.editor, self.row
        if editor is not None:
            self._end_writing()
            if row is not None:
                self.post_message(self.Written(row.field.key, editor.text, is_done=True))

    def _end_writing(self) -> None:
        self.editor = None
        self._draw_editor()
        self.post_message(self.WritingChanged())

    def _say_written(self) -> None:
        self._draw_editor()
        if self.editor is not None and self.row is not None:
            self.post_message(self.Written(self.row.field.key, self.editor.text, is_done=False))

    def _draw_editor(self) -> None:
        self.refresh_rows(self.cursor, self.cursor + 1)


def _key(item: str | Row) -> str:
    return item if isinstance(item, str) else item.field.key
