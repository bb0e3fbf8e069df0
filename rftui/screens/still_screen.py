"""The base of full screens: drawn only while nothing lies over it."""

from __future__ import annotations

from textual.screen import Screen


class StillScreen(Screen[None]):
    """A screen that stays as it was while a dialog lies over it, and catches up when the dialog is gone.

    Textual 8.2.8 marks a changed screen below a dialog as changed once more each time it drew it: over a live run a
    question or the help sent the whole screen eight times a second, 250 kB/s, until it was closed.
    """

    def _compositor_refresh(self) -> None:
        if self is self.app.screen:
            super()._compositor_refresh()
