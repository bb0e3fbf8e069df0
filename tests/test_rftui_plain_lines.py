"""Lines without a frame go to the screen as Textual would send them, also once the theme or the width is another."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual._styles_cache import StylesCache
from textual.widget import Widget

from rftui.screens.run_screen import RunScreen
from rftui.widgets.plain_lines import PlainLines
from store.layout import Home
from tests.form_pilot import driven, run
from tests.listed_runs import small_home


def differing(widgets: list[Widget]) -> list[str]:
    """Lines that differ from Textual's."""
    found = []
    for widget in widgets:
        whole = widget.region.size.region
        part = whole.shrink((0, 1, 0, 2)) if whole.width > 4 else whole
        for crop in (whole, part):
            ours = widget._styles_cache.render_widget(widget, crop)
            theirs = StylesCache().render_widget(widget, crop)
            pairs = zip(ours, theirs, strict=True)
            found += [
                f"{widget} line {y}" for y, (one, other) in enumerate(pairs) if one.simplify() != other.simplify()
            ]
    return found


def plain(screen: Widget) -> list[Widget]:
    """Widgets in sight whose lines are ours."""
    return [
        widget for widget in screen.query("*") if isinstance(widget._styles_cache, PlainLines) and widget.region.area
    ]


@pytest.mark.parametrize("keys", [[], ["enter"], ["enter", "2"]])
def test_lines_are_those_of_textual(tmp_path: Path, keys: list[str]) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home) as of:
            await of.press(*keys)
            await of.until(lambda: isinstance(of.app.screen, RunScreen) == bool(keys), "the screen")
            await of.until(lambda: plain(of.app.screen), "something of ours")

            assert differing(plain(of.app.screen)) == []
            of.app.theme = "textual-light"
            await of.pilot.pause()
            assert differing(plain(of.app.screen)) == []
            await of.pilot.resize_terminal(100, 30)
            await of.pilot.pause()
            assert differing(plain(of.app.screen)) == []

    run(play())


def test_a_frame_is_drawn_by_textual_and_gone_when_it_is_taken_away(tmp_path: Path) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home) as of:
            table = of.app.screen.query_one("#runs")
            first = table.region.size.region
            for frame in (("round", "red"), None):
                table.styles.border = frame
                await of.pilot.pause()
                ours = table._styles_cache.render_widget(table, table.region.size.region)
                theirs = StylesCache().render_widget(table, table.region.size.region)
                assert [strip.simplify() for strip in ours] == [strip.simplify() for strip in theirs]
                assert ("╭" in ours[0].text) == (frame is not None)
            assert table.region.size.region == first

    run(play())
