"""The fields of the launch form as a list in parts, with one line of input that lies over the field in hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.events import DescendantBlur, Resize
from textual.message import Message
from textual.suggester import SuggestFromList
from textual.widgets import Input

from rftui.actions import bindings
from rftui.form_text import VALUE_AT, heading_line, row_line, value_width
from rftui.launch_form import Row
from rftui.spans import Line
from rftui.widgets.line_list import LineList

NOTHING_FOUND = "no field holds these words; esc ends the filter"


class FieldInput(Input):
    """The value being written. Its keys move between fields; letters never leave it."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("typing")

    def __init__(self, leave: Callable[[bool, int], None]) -> None:
        super().__init__(compact=True, id="value")
        # a message would be late: what is typed ahead must find the next field open
        self._leave_field = leave
        # a cursor that blinks sends bytes while nothing happens
        self.cursor_blink = False

    def action_accept(self, rows: int) -> None:
        """Keeps the value and moves on."""
        self._leave_field(True, rows)

    def action_discard(self) -> None:
        """Leaves the field as it was."""
        self._leave_field(False, 0)


class FieldList(LineList):
    """Rows of fields under the headings of their parts; the cursor passes over the headings."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("field")

    class Turned(Message):
        """The next choice is wanted, or the one before."""

        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

    class Cleared(Message):
        """What was written into the field is taken back."""

    def __init__(self, write: Callable[[], None]) -> None:
        super().__init__(self._draw_item, empty=NOTHING_FOUND, id="fields")
        # see FieldInput
        self._write = write
        self._items: list[str | Row] = []
        """Headings and rows."""

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
        if len(before) == len(items) and [_key(item) for item in before] == [_key(item) for item in items]:
            for y, (old, new) in enumerate(zip(before, items, strict=True)):
                if old != new:
                    self.refresh_rows(y, y + 1)
            return
        kept = next((y for y, item in enumerate(items) if held and _key(item) == held.field.key), 1)
        self.show(len(items), cursor=kept)

    def _draw_item(self, y: int, width: int) -> Line:
        item = self._items[y]
        return row_line(item, width) if isinstance(item, Row) else heading_line(item, width)

    def put_cursor(self, index: int) -> None:
        """Puts the cursor on a field; a heading gives way to the field on the side that the cursor goes to."""
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

    def action_choose(self) -> None:
        """Opens the field under the cursor."""
        self._write()

    def action_turn(self, by: int) -> None:
        """Another choice."""
        self.post_message(self.Turned(by))

    def action_clear(self) -> None:
        """Back to what stood there."""
        self.post_message(self.Cleared())

    def action_group(self, by: int) -> None:
        """The first field of the next part, or of the one before."""
        starts = [y for y, item in enumerate(self._items) if isinstance(item, str)]
        place = sum(start <= self.cursor for start in starts) - 1 + by
        if 0 <= place < len(starts):
            self.put_cursor(starts[place])


class FormRows(Container):
    """The list, and the line of input over it."""

    DEFAULT_CSS = """
    FormRows { layers: below above; height: 1fr; width: 1fr; }
    FormRows > FieldList { layer: below; width: 1fr; height: 1fr; }
    FormRows > FieldInput { layer: above; display: none; width: 24; background: $surface-lighten-1; }
    FormRows.writing > FieldInput { display: block; }
    """

    class Written(Message):
        """The text of the field in hand as it is being written, or what stood there before where that is kept."""

        def __init__(self, key: str, text: str, *, is_done: bool) -> None:
            super().__init__()
            self.key = key
            self.text = text
            self.is_done = is_done
            """Whether the field was left."""

    def __init__(self) -> None:
        super().__init__(id="form")
        self.list = FieldList(self.start_writing)
        self.input = FieldInput(self._leave_field)
        self._key = ""
        """The field being written; empty where none is."""
        self._before = ""

    def compose(self) -> ComposeResult:
        """The list and the input."""
        yield self.list
        yield self.input

    @property
    def is_writing(self) -> bool:
        """Whether a field is being written."""
        return bool(self._key)

    def start_writing(self) -> None:
        """Opens the input over the field in hand, with its text selected; a field that is shown only stays closed."""
        row = self.list.row
        if row is None or row.field.is_fixed:
            return
        self._key, self._before = row.field.key, row.text
        self.input.suggester = SuggestFromList(row.field.choices) if row.field.choices else None
        with self.input.prevent(Input.Changed):
            self.input.value = row.text
        self.add_class("writing")
        self._place_input()
        self.screen.set_focus(self.input)
        self.input.select_all()

    def show_rows(self, rows: Sequence[Row]) -> None:
        """Shows rows; what is being written stays over its field, or ends where that field is gone."""
        self.list.show_rows(rows)
        if self.is_writing and self.list.row is not None and self.list.row.field.key == self._key:
            self._place_input()

    def _place_input(self) -> None:
        width = value_width(self.list.size.width)
        self.input.styles.width = min(width, max(8, self.list.size.width - VALUE_AT))
        self.input.styles.offset = (VALUE_AT, max(0, self.list.cursor - self.list.scroll_offset.y))

    def on_resize(self, event: Resize) -> None:
        """The input stays over its field."""
        if self.is_writing:
            self.call_after_refresh(self._place_input)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another letter."""
        event.stop()
        if self.is_writing:
            self.post_message(self.Written(self._key, event.value, is_done=False))

    def _leave_field(self, is_kept: bool, rows: int) -> None:
        """Keeps or discards, and goes on where that was asked."""
        self._leave(is_kept=is_kept)
        if rows:
            self.list.action_move(rows)
            self.start_writing()

    def on_descendant_blur(self, event: DescendantBlur) -> None:
        """A field that is left for elsewhere keeps what is written."""
        # the news is old where the next field was opened meanwhile
        if event.widget is self.input and self.is_writing and not self.input.has_focus:
            self._leave(is_kept=True)

    def _leave(self, *, is_kept: bool) -> None:
        key, self._key = self._key, ""
        if not key:
            return
        self.remove_class("writing")
        self.post_message(self.Written(key, self.input.value if is_kept else self._before, is_done=True))
        if self.input.has_focus:
            self.screen.set_focus(self.list)


def _key(item: str | Row) -> str:
    return item if isinstance(item, str) else item.field.key
