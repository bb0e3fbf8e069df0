"""The base of full screens: drawn only while nothing lies over it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Size
from textual.screen import Screen

from rftui.terminal.sparing_compositor import SparingCompositor

if TYPE_CHECKING:
    from textual._compositor import CompositorMap


class StillScreen(Screen[None]):
    """A screen that stays as it was while a dialog lies over it, and catches up when the dialog is gone.

    Textual 8.2.8 marks a changed screen below a dialog as changed once more each time it drew it: over a live run a
    question or the help sent the whole screen eight times a second, 250 kB/s, until it was closed.

    Each widget is told its size. Textual tells those that are not on the map of the last layout; a widget that asks
    for its place before its first layout, as one that is drawn again on a busy machine does, has the map made anew
    with itself on it, and neither it nor any other new widget heard of its size until the terminal had another one.
    """

    _laid_out: CompositorMap | None = None
    """The map of the last layout, whatever was asked for since."""

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparingCompositor()

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        is_whole = not scroll or bool(self._layout_widgets)
        if is_whole and self._laid_out is not None:
            self._compositor._full_map = self._laid_out
        super()._refresh_layout(size, scroll)
        if is_whole:
            self._laid_out = self._compositor._full_map

    def _compositor_refresh(self) -> None:
        if self is self.app.screen:
            super()._compositor_refresh()
