"""The screen of a run by its keys: curves, logs, settings; nothing foreign steers it and no pane takes it down."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, OptionList, Static

from rftui.app import RunListApp
from rftui.charts.curve_reads import RunCurves
from rftui.charts.curves import Axis
from rftui.charts.plot import Plot
from rftui.screens.help_screen import HelpScreen
from rftui.screens.run_screen import TABS, RunScreen, Tab
from rftui.widgets.chart import Chart
from rftui.widgets.charts_pane import slots_for
from rftui.widgets.curves_pane import CurvesPane
from rftui.widgets.logs_pane import LogsPage, LogsPane
from rftui.widgets.metric_search import MetricSearch
from rftui.widgets.pane import Pane
from rftui.widgets.text_lines import TextLines
from store.layout import Home, RunDir
from tests.dashboard import Dashboard, curved_run, drive
from tests.store_runs import append, metrics

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def curves_of(opened: Dashboard) -> CurvesPane:
    """The tab of curves."""
    return opened.screen.query_one(CurvesPane)


def charts_of(opened: Dashboard) -> list[Chart]:
    """Charts in sight."""
    return [chart for chart in opened.screen.query(Chart) if chart.display]


def titles(opened: Dashboard) -> list[str]:
    """First words of the charts in sight that show something."""
    return [chart.lines[0].split("  ")[0] for chart in charts_of(opened) if chart.lines]


def digit(tab_id: str) -> str:
    """The key of a tab."""
    return str([tab.id for tab in TABS].index(tab_id) + 1)


def lines_of(opened: Dashboard) -> TextLines:
    """The lines of the text tab in sight."""
    return next(lines for lines in opened.screen.query(TextLines) if lines.region.area)


def test_curves_come_first_with_the_charts_of_the_method(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        assert titles(opened) == ["reward", "reward parts", "accuracy", "entropy"]
        assert "━━ 1 ±0.2" in charts_of(opened)[0].lines[0]
        assert "held out .500 [.10, .90]" in charts_of(opened)[2].lines[0].replace("╍╍ ", "")

    drive(tmp_path, scenario, size=(160, 40))


def test_digits_show_the_tabs_in_order(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        for number, tab in enumerate(TABS, 1):
            await opened.press(str(number))
            assert opened.screen.shown == tab.id
        await opened.press("1", str(len(TABS) + 1))
        assert opened.screen.shown == TABS[0].id

    drive(tmp_path, scenario)


def test_one_cursor_runs_through_all_charts(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("g", "right", "l", "l", "h")

        step = curves_of(opened).look.cursor
        assert step is not None and 1 < step < 10
        assert all(any("┴" in line for line in chart.lines) for chart in charts_of(opened) if chart.lines)

        await opened.press("G")
        assert curves_of(opened).look.cursor == 60
        await opened.press("shift+left")
        assert (curves_of(opened).look.cursor or 60) < 55

    drive(tmp_path, scenario)


def test_enter_asks_for_the_step_under_the_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[int] = []

    def listen(screen: RunScreen, event: CurvesPane.StepChosen) -> None:
        chosen.append(event.step)

    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("enter", "g", "enter")

        assert chosen == [60, 1]

    monkeypatch.setattr(RunScreen, "on_curves_pane_step_chosen", listen)
    drive(tmp_path, scenario)


def test_zoom_pan_and_the_whole_again(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        curves = curves_of(opened)
        await opened.press("plus")
        near = curves.look.view
        assert near is not None and near.high == 60 and near.high - near.low == pytest.approx(29.5)

        await opened.press("comma")
        assert curves.look.view is not None and curves.look.view.high < 60
        await opened.press("minus")
        assert curves.look.view is None
        await opened.press("equals_sign", "0")
        assert curves.look.view is None

    drive(tmp_path, scenario)


def test_axis_smoothing_and_logarithm_by_key(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        curves = curves_of(opened)
        axes = []
        for _ in range(5):
            await opened.press("x")
            axes.append(curves.look.axis)
        assert axes == [Axis.RELATIVE, Axis.CLOCK, Axis.EPOCH, Axis.TOKENS, Axis.STEP]

        weights = []
        for key in ("s", "s", "w", "w", "w"):
            await opened.press(key)
            weights.append(curves.look.weight)
        assert weights == [0.0, 0.9, 0.97, 0.99, 0.6]

        await opened.press("o")
        assert curves.look.is_log
        assert "log y" in str(curves.query_one("#look", Static).content)

    drive(tmp_path, scenario)


def test_one_chart_alone_and_back_by_escape(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("down", "j", "z")
        assert titles(opened) == ["accuracy"]

        await opened.press("k")
        assert titles(opened) == ["reward parts"]

        await opened.press("escape")
        assert len(titles(opened)) == 4
        assert opened.app.screen is opened.screen

        await opened.press("escape")
        assert opened.app.screen is not opened.screen

    drive(tmp_path, scenario)


def test_a_small_terminal_pages_the_charts(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.pilot.resize_terminal(60, 20)
        await opened.settle()
        assert titles(opened) == ["reward"]

        await opened.press("pagedown", "right_square_bracket")
        assert titles(opened) == ["accuracy"]
        await opened.press("pageup")
        assert titles(opened) == ["reward parts"]

    drive(tmp_path, scenario, size=(80, 24))


@pytest.mark.parametrize(
    ("width", "height", "panels", "expected"),
    [(200, 46, 11, (3, 4)), (80, 20, 11, (2, 2)), (80, 20, 1, (1, 1)), (20, 3, 5, (1, 1)), (200, 46, 4, (2, 2))],
)
def test_charts_fill_the_screen(width: int, height: int, panels: int, expected: tuple[int, int]) -> None:
    assert slots_for(width, height, panels) == expected


def test_any_metric_is_found_by_words(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("slash")
        assert isinstance(opened.app.screen, MetricSearch)
        await opened.press("up", "down", *"num tok")
        assert opened.app.screen.query_one(OptionList).option_count == 1

        await opened.press("enter")
        assert titles(opened)[0] == "num_tokens"

        await opened.press("slash", "escape")
        assert titles(opened).count("num_tokens") == 1

    drive(tmp_path, scenario)


def test_a_growing_run_changes_only_what_is_in_sight(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        append(run_dir.journal(0, 1), metrics(61, reward=7.5))
        opened.screen._look()
        await opened.settle()

        assert "7.5" in charts_of(opened)[0].lines[0]

    drive(tmp_path, scenario)


def test_a_hidden_tab_reads_nothing_until_it_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press(digit("logs"))
        reads: list[str] = []
        read = CurvesPane.read

        def counted(pane: CurvesPane) -> RunCurves:
            reads.append("curves")
            return read(pane)

        monkeypatch.setattr(CurvesPane, "read", counted)
        append(run_dir.journal(0, 1), metrics(61, reward=7.5))
        opened.screen._look()
        await opened.settle()
        assert reads == []

        await opened.press("1")
        assert reads == ["curves"]

    drive(tmp_path, scenario)


def test_an_unchanged_chart_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        sent: list[Any] = []
        monkeypatch.setattr(Chart, "refresh", lambda chart, *regions, **how: sent.append(regions))
        curves_of(opened).read_again()
        await opened.settle()
        assert sent == []

        chart = charts_of(opened)[0]
        await opened.press("g")
        regions = sent[0]
        assert 0 < sum(region.area for region in regions) < chart.size.area / 2

    drive(tmp_path, scenario)


def test_logs_show_the_last_state_of_a_progress_bar_and_no_control(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press(digit("logs"))

        lines = lines_of(opened)
        assert lines.lines[:2] == ["first", "100%|##########"]
        assert lines.lines[2].startswith("needle [/b] [@click=app.quit()]x[/]")
        assert not any(CONTROL.search(line) for line in lines.lines)

    drive(tmp_path, scenario)


def test_logs_follow_until_the_user_moves_up(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        with run_dir.output.open("a") as file:
            file.writelines(f"line {number}\n" for number in range(200))
        await opened.press(digit("logs"))
        lines = lines_of(opened)
        assert lines.scroll_offset.y == lines.max_scroll_y > 100

        await opened.press("k", "up", "pageup", "pagedown", "j")
        assert not lines.follows
        await opened.press("g")
        assert lines.scroll_offset.y == 0
        await opened.press("G")
        assert lines.follows

    drive(tmp_path, scenario)


def test_a_search_marks_lines_and_goes_through_them(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        run_dir.output.write_text("".join(f"{'needle' if number % 50 == 0 else 'hay'}\n" for number in range(200)))
        await opened.press(digit("logs"), "slash", *"NEEDLE", "enter")
        lines = lines_of(opened)
        assert lines.matches == [0, 50, 100, 150]

        seen = []
        for key in ("n", "n", "N", "N", "N"):
            await opened.press(key)
            seen.append(lines.scroll_offset.y)
        assert seen[0] < seen[1] > seen[2]

        await opened.press("escape")
        assert lines.pattern == ""
        assert opened.app.screen is opened.screen

    drive(tmp_path, scenario)


def test_digits_in_a_search_are_text(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press(digit("logs"), "slash", "1", "q")

        assert opened.screen.query_one(LogsPane).query_one(Input).value == "1q"
        assert opened.screen.shown == "logs"

    drive(tmp_path, scenario)


def test_settings_and_overview_are_text(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press(digit("config"))
        assert any("max_steps" in line for line in lines_of(opened).lines)

        await opened.press(digit("overview"), "space")
        assert any("failed" in line for line in lines_of(opened).lines)

    drive(tmp_path, scenario)


def test_help_shows_every_key_and_closes(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("question_mark")
        assert isinstance(opened.app.screen, HelpScreen)
        text = str(opened.app.screen.query_one(Static).content)
        assert "Move the cursor of all charts to the left" in text

        await opened.press("j", "k", "escape")
        assert opened.screen.is_current

    drive(tmp_path, scenario)


def broken_tab(home: Any, summary: Any) -> Static:
    """A tab that cannot be made."""
    raise RuntimeError(f"[/b] {summary.name}")


class Undrawable(LogsPane):
    """A pane whose values cannot be drawn."""

    def draw(self, found: Any) -> None:
        """Fails."""
        raise ValueError("[/b] cannot")


class Unreadable(LogsPane):
    """A pane whose file is broken."""

    def read(self) -> LogsPage:
        """Fails."""
        raise OSError("[/b] disk")


@pytest.mark.parametrize("kind", [Undrawable, Unreadable])
def test_an_error_stays_in_its_pane(tmp_path: Path, kind: type[Pane]) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("2")
        assert "[/b]" in str(opened.screen.query_one(kind).query_one(".problem", Static).content)

        await opened.press("1")
        assert titles(opened)[0] == "reward"

    drive(tmp_path, scenario, tabs=(TABS[0], Tab("bad", "Bad", lambda home, run: kind(home, run.name))))


def test_a_tab_that_cannot_be_made_keeps_no_other_away(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("2")
        assert "cannot be shown" in str(opened.screen.query_one("#bad", Static).content)
        await opened.press("1")
        assert titles(opened)[0] == "reward"

    drive(tmp_path, scenario, tabs=(TABS[0], Tab("bad", "Bad", broken_tab)))


def test_a_chart_that_cannot_be_drawn_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        def fail(plot: Plot, **size: int) -> None:
            raise ZeroDivisionError("[/b]")

        monkeypatch.setattr("rftui.widgets.chart.draw_plot", fail)
        await opened.press("s")

        assert charts_of(opened)[0].lines[0].startswith("cannot be drawn: [/b]")

    drive(tmp_path, scenario)


def test_a_run_that_vanished_is_said_in_the_header(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        (tmp_path / "catalogue.db").write_bytes(b"no database at all " * 100)
        run_dir.output.write_text("more\n")
        opened.screen._look()
        await opened.settle()

        assert isinstance(opened.app.screen, RunScreen)
        assert "cannot be" in str(opened.screen.query_one("#header", Static).content)

    drive(tmp_path, scenario)


def test_a_hostile_reason_is_text(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        header = str(opened.screen.query_one("#header", Static).content)
        assert "failed" in header
        assert "[@click=app.quit()]x" in header
        assert not CONTROL.search(header)

    drive(tmp_path, scenario)


def test_a_run_takes_the_place_of_the_list_and_gives_it_back(tmp_path: Path) -> None:
    async def run() -> None:
        home = Home(tmp_path)
        curved_run(home)
        app = RunListApp(home)
        async with app.run_test(size=(100, 30)) as pilot:
            await app.workers.wait_for_complete()
            await pilot.pause()
            listed = app.screen
            await pilot.press("j", "k", "r", "enter")
            await pilot.pause()
            assert isinstance(app.screen, RunScreen)
            # a screen that lies below another is drawn with it, again and again: 46 kB/s when idle
            assert listed not in app.screen_stack

            await pilot.press("escape")
            await pilot.pause()
            assert app.screen is listed

    asyncio.run(run())
