"""Drawing only what is touched sends what Textual would send, and leaves the rest of the screen alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from textual._compositor import ChopsUpdate, Compositor, LayoutUpdate
from textual.geometry import Region
from textual.widget import Widget

from rftui.screens.run_screen import RunScreen
from rftui.terminal.sparing_compositor import SparingCompositor
from rftui.terminal.tight_updates import tightened
from store.layout import Home
from tests.form_pilot import driven, run
from tests.listed_runs import small_home

CHANGES = [
    [Region(0, 0, 1, 1)],
    [Region(2, 1, 3, 1), Region(100, 30, 4, 2)],  # far from each other
    [Region(0, 0, 120, 36)],
    [Region(70, 5, 20, 20), Region(5, 5, 90, 2), Region(119, 35, 1, 1)],  # over the edges of widgets, and each other
    [Region(x, y, 2, 1) for x in range(0, 118, 17) for y in range(0, 36, 5)],
]


def sent(update: ChopsUpdate | LayoutUpdate | None) -> str:
    console = Console(color_system="truecolor", width=120, legacy_windows=False)
    return str(tightened(update).render_segments(console))


def by_textual(compositor: Compositor, regions: list[Region]) -> ChopsUpdate:
    """What Textual itself makes of changes."""
    spans = list(compositor._regions_to_spans(regions))
    lines = {y for y, _, _ in spans}
    chops = Compositor._render_chops(compositor, Region.from_union(regions), lines.__contains__)
    return ChopsUpdate(chops, spans, [cuts[1:] for cuts in compositor.cuts])


@pytest.mark.parametrize("key", ["", "enter"])
def test_the_same_is_sent_as_by_textual(tmp_path: Path, key: str) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home) as of:
            if key:
                await of.press(key)
                await of.until(lambda: isinstance(of.app.screen, RunScreen), "the run")
            compositor = of.app.screen._compositor
            assert isinstance(compositor, SparingCompositor)

            for regions in CHANGES:
                compositor._dirty_regions = set(regions)
                assert sent(compositor.render_partial_update()) == sent(by_textual(compositor, regions))
            whole = compositor.size.region
            chops = Compositor._render_chops(compositor, whole, lambda y: True)
            assert sent(compositor.render_full_update()) == sent(LayoutUpdate([chop.values() for chop in chops], whole))

    run(play())


def test_only_what_is_touched_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    small_home(home)
    drawn: list[tuple[Widget, int]] = []
    render_lines = Widget.render_lines

    def spy(widget: Widget, crop: Region) -> object:
        drawn.append((widget, crop.height))
        return render_lines(widget, crop)

    async def play() -> None:
        async with driven(home) as of:
            screen = of.app.screen
            compositor = screen._compositor
            top, bottom = screen.query_one("#head"), screen.query_one("#keys")
            monkeypatch.setattr(Widget, "render_lines", spy)
            drawn.clear()

            compositor._dirty_regions = {Region(*widget.region.offset, 3, 1) for widget in (top, bottom)}
            compositor.render_partial_update()

            assert dict(drawn) == {top: 1, bottom: 1}

    run(play())


def test_nothing_changed_gives_no_update() -> None:
    assert SparingCompositor().render_partial_update() is None
