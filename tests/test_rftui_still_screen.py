"""Full screens tell each widget its size, also one that asked for its place before the first layout."""

from __future__ import annotations

import asyncio

from textual.app import App
from textual.events import Resize
from textual.geometry import Size
from textual.widget import Widget

from rftui.screens.still_screen import StillScreen


class Told(Widget):
    """Notes what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[Size] = []

    def on_resize(self, event: Resize) -> None:
        """Another size."""
        self.sizes.append(event.size)


def test_a_widget_that_asked_for_its_place_too_early_is_told_its_size() -> None:
    widget = Told()

    async def scenario() -> Size:
        app: App[None] = App()
        async with app.run_test(size=(80, 24)) as pilot:
            screen = StillScreen()
            await app.push_screen(screen)
            await pilot.pause()
            with app.batch_update():
                await screen.mount(widget)
            # as a widget does that is drawn again before the layout, on a busy machine
            screen._compositor.update_widgets({widget})
            early = widget.region.size
            assert not widget.sizes
            for _ in range(100):
                if widget.sizes:
                    break
                await pilot.pause()
        return early

    # with its early place it is on a map that no layout made, and Textual alone would not tell it
    assert asyncio.run(scenario()) == Size(80, 24)
    assert widget.sizes == [Size(80, 24)]
