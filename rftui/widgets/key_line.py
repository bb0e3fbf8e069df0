"""The keys of a screen on its last line: one widget where Textual's footer makes one for each key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from textual.binding import Binding
from textual.events import Click, Resize
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input

from rftui.actions import CHANGES
from rftui.key_names import key_name
from rftui.runs.controls import SelectsRuns
from rftui.terminal.spans import Line, Role, Span, fitted, line_width
from rftui.widgets.span_view import SpanView

GAP = "  "
MORE = "…"
ESCAPE, QUIT, LAUNCH = "escape", "app.quit", "control.launch"
IN_A_LINE = (("enter", "enter", "take it"), (ESCAPE, "esc", "leave the line"))
"""What works while something is written into a line, of which all other keys are letters."""


class ShownKey(NamedTuple):
    """One key of the line."""

    key: str
    display: str
    description: str


class KeyLine(SpanView):
    """Shows the bindings that work at the moment and are meant to be named; a click does what the key does.

    A footer of 15 keys costs 0.3 s of CPU before the first frame, this one 3 ms.
    """

    DEFAULT_CSS = "KeyLine { height: 1; overflow: hidden; padding: 0 1; background: $panel; }"

    def __init__(self, *, id: str, is_read_only: bool) -> None:
        super().__init__(id=id)
        self._is_read_only = is_read_only
        self._keys: list[ShownKey] = []
        self._ends: list[int] = []
        self._line: Line = ()

    def on_mount(self) -> None:
        """Follows what works at the moment."""
        self.screen.bindings_updated_signal.subscribe(self, self._take_bindings)
        self._take_bindings(self.screen)

    def on_resize(self, event: Resize) -> None:
        """As many keys as fit."""
        self._lay_out()

    def _take_bindings(self, screen: Screen[object]) -> None:
        if not self.is_attached or not screen.is_active:
            return
        has_runs = not isinstance(screen, SelectsRuns) or bool(screen.selected_runs)
        if isinstance(screen.focused, Input):
            found = [ShownKey(*key) for key in IN_A_LINE]
        else:
            keys: dict[str, Binding] = {}
            for active in screen.active_bindings.values():
                binding = active.binding
                is_idle = (not has_runs and changes_a_run(binding)) or (
                    self._is_read_only and binding.action in CHANGES
                )
                if binding.show and active.enabled and not is_idle and not is_letter(binding, screen.focused):
                    keys.setdefault(binding.action, binding)
            found = [
                ShownKey(each.key, self.app.get_key_display(each), each.description) for each in by_rank(keys.values())
            ]
        if found != self._keys:
            self._keys = found
            self._lay_out()

    def _lay_out(self) -> None:
        line, self._ends = keys_line(self._keys, self.size.width)
        if line != self._line:
            self._line = line
            self.refresh()

    def line_at(self, y: int) -> Line:
        """The keys."""
        return self._line if y == 0 else ()

    async def on_click(self, event: Click) -> None:
        """Does what the key under the pointer does."""
        place = event.get_content_offset(self)
        number = next((number for number, end in enumerate(self._ends) if place and place.x < end), None)
        if number is not None:
            self.app.simulate_key(self._keys[number].key)


def by_rank(found: Iterable[Binding]) -> list[Binding]:
    """Help, the way out, keys of this place, those of everywhere, what changes a run; a narrow line drops the last."""
    held = list(found)
    ways_out = {each.action for each in held if each.key.split(",")[0] == ESCAPE} or {QUIT}

    def rank(binding: Binding) -> int:
        if (binding.id or "").endswith(".help"):
            return 0
        if binding.action in ways_out:
            return 1
        place = (binding.id or "").partition(".")[0]
        return {"app": 3, "control": 4}.get(place, 2)

    return sorted(held, key=rank)


def is_letter(binding: Binding, focused: Widget | None) -> bool:
    """Whether the key is a sign of what is being written; Textual leaves out letters, and knows no slash as one."""
    sign = key_name(binding.key)
    return focused is not None and len(sign) == 1 and focused.check_consume_key(binding.key, sign)


def changes_a_run(binding: Binding) -> bool:
    """Whether the key stops, kills, resumes, clones or deletes the run that is meant."""
    return (binding.id or "").startswith("control.") and binding.id != LAUNCH


def keys_line(keys: Sequence[ShownKey], width: int) -> tuple[Line, list[int]]:
    """Whole keys, since half a word names nothing, with a sign where some are left out; and where each ends."""
    line: Line = ()
    ends: list[int] = []
    for number, (_, display, description) in enumerate(keys, start=1):
        piece = (Span(display, Role.STRONG), Span(f" {description}", Role.MUTED), Span(GAP))
        room = width + len(GAP) if number == len(keys) else width - len(MORE)
        if line_width((*line, *piece)) > room:
            return fitted((*line, Span(MORE, Role.MUTED)), width), ends
        line += piece
        ends.append(line_width(line))
    return fitted(line[:-1], width), ends
