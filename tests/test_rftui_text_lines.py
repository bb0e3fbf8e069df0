"""Lines that are longer than the terminal is wide: marked at the edge, and shown part by part."""

from __future__ import annotations

import asyncio

from textual.app import App, ComposeResult

from rftui.widgets.text_lines import TextLines

LINE = "".join(chr(ord("a") + number % 26) for number in range(100))


class Lines(App[None]):
    def compose(self) -> ComposeResult:
        yield TextLines()


def test_long_lines_are_marked_and_read_sideways() -> None:
    async def play() -> None:
        app = Lines()
        async with app.run_test(size=(42, 10)) as pilot:
            lines = app.query_one(TextLines)
            lines.show([LINE, "short"])
            lines.focus()
            await pilot.pause()
            width = lines.size.width
            assert lines.render_line(0).text == LINE[: width - 1] + ">"
            assert lines.render_line(1).text.rstrip() == "short"

            await pilot.press("right")
            half = width // 2
            assert lines.render_line(0).text == "<" + LINE[half + 1 : half + width - 1] + ">"

            await pilot.press(*["right"] * 9)
            assert lines.render_line(0).text.rstrip().endswith(LINE[-5:])

            await pilot.press(*["left"] * 9)
            assert lines.render_line(0).text == LINE[: width - 1] + ">"

    asyncio.run(play())
