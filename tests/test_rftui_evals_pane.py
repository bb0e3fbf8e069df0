"""The tabs of evaluations, of the log and of the system by their keys, on real databases."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rftui.evaluations.browser import Filter
from rftui.evaluations.text import LIST_TITLES
from rftui.screens.run_screen import TABS
from rftui.system.plots import Window
from rftui.terminal.spans import Line
from rftui.widgets.chart import Chart
from rftui.widgets.evals_pane import EMPTY, EMPTY_EVALUATION, EvalsPane
from rftui.widgets.logs_pane import TRACEBACK, LogsPane
from rftui.widgets.span_scroll import SpanScroll
from rftui.widgets.span_view import SpanLines, SpanView
from rftui.widgets.system_pane import SystemPane
from store.layout import Home, RunDir
from tests.dashboard import Dashboard, dashboard
from tests.eval_rows import evaluated_run, evaluation_records
from tests.store_runs import append, ingest_all, make_run, start
from tests.system_rows import sample_record, with_gpus
from tests.test_rftui_log_reading import failed_run

Scenario = Callable[[Dashboard, RunDir], Awaitable[None]]


def drive(home: Home, run_dir: RunDir, tab: str, scenario: Scenario, *, size: tuple[int, int] = (160, 45)) -> None:
    """Runs a scenario on one tab of a run, alone: the others cost seconds."""
    only = tuple(each for each in TABS if each.id == tab)

    async def run() -> None:
        async with dashboard(home, run_dir.name, size=size, tabs=only) as opened:
            await scenario(opened, run_dir)

    asyncio.run(run())


def drive_evals(folder: Path, scenario: Scenario, *, size: tuple[int, int] = (160, 45)) -> None:
    """Runs a scenario on the tab of evaluations."""
    home = Home(folder)
    drive(home, evaluated_run(home), "evals", scenario, size=size)


def pane_of(opened: Dashboard) -> EvalsPane:
    """The tab of evaluations."""
    return opened.screen.query_one(EvalsPane)


def text_of(view: SpanView) -> str:
    """What is drawn in a view, as text."""
    lines: list[Line] = [view.line_at(y) for y in range(view.size.height)]
    return "\n".join("".join(span.text for span in line) for line in lines)


def test_the_tabs_stand_in_the_order_of_their_digits() -> None:
    assert [tab.id for tab in TABS] == ["curves", "rollouts", "evals", "logs", "system", "config", "overview"]


def test_the_newest_evaluation_is_shown_with_its_parts(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = pane_of(opened)

        assert text_of(pane.titles).split() == list(LIST_TITLES)[: len(text_of(pane.titles).split())]
        assert text_of(pane.list).splitlines()[0].split()[:4] == ["50", "think", "greedy", ".750"]
        for part in ("step 50  with <think>", "thinking broke 0, mended 3", "by question type", "gold against answer"):
            assert part in pane.detail.text
        assert opened.screen.query_one("#evals-trend", Chart).lines[0].startswith("held out  ━━ think .750")

    drive_evals(tmp_path, scenario)


def test_another_evaluation_is_chosen_and_stays_while_newer_ones_come(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = pane_of(opened)
        await opened.press("G", "k")
        assert "step 0  with <think>" in pane.detail.text

        append(run_dir.journal(0, 1), *evaluation_records(60, "1" * 12))
        opened.screen._look()
        await opened.settle()
        assert pane.list.count == 5 and "step 0  with <think>" in pane.detail.text

        await opened.press("g")
        assert "step 60  with <think>" in pane.detail.text
        append(run_dir.journal(0, 1), *evaluation_records(70, "1" * 12))
        opened.screen._look()
        await opened.settle()
        assert "step 70  with <think>" in pane.detail.text

    drive_evals(tmp_path, scenario)


def test_wrong_answers_are_one_key_away(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        answers = pane_of(opened).answers
        await opened.press("enter")

        assert answers.browser.filter is Filter.WRONG
        assert [item.number for item in answers.browser.answers] == [8, 9, 11]
        assert "Question 8?" in answers.text.text
        assert "<think>step 50 thinks of 8</think><answer>left</answer>" in answers.text.text
        assert "without <think>" in answers.text.text
        assert answers.image.picture.rows

        append(run_dir.journal(0, 1), *evaluation_records(60, "0" * 12))
        opened.screen._look()
        await opened.settle()
        assert pane_of(opened).list.count == 5
        assert [item.number for item in answers.browser.answers] == [8, 9, 11]

    drive_evals(tmp_path, scenario)


def test_answers_are_gone_through_filtered_and_left_by_key(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = pane_of(opened)
        answers = pane.answers
        await opened.press("w", "n", "n")
        assert "Question 11?" in answers.text.text
        await opened.press("p", "N")
        assert "Question 8?" in answers.text.text

        await opened.press("f", "f")
        assert answers.browser.filter is Filter.MENDED
        assert "Question 2?" in answers.text.text and "think right, direct wrong" in answers.text.text
        await opened.press("t", "t")
        assert answers.browser.kind == "relation" and "Question 3?" in answers.text.text

        await opened.press("enter")
        assert answers.text.has_focus
        await opened.press("escape")
        assert answers.list.has_focus
        await opened.press("escape")
        assert not pane.shows_answers and pane.list.has_focus
        assert opened.app.screen is opened.screen

    drive_evals(tmp_path, scenario)


def test_flips_are_one_key_away_with_both_answers_side_by_side(tmp_path: Path) -> None:
    seen: list[tuple[Filter, int]] = []

    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = pane_of(opened)

        async def flips(*keys: str) -> None:
            await opened.press(*keys)
            assert pane.shows_answers
            seen.append((pane.answers.browser.filter, len(pane.answers.browser.answers)))

        await flips("x")
        row = next(line for line in text_of(pane.answers.text).splitlines() if "without <think>" in line)
        left, _, right = row.partition("│")
        assert "✗ wrong" in left and "✓ right" in right
        await flips("x")
        await flips("escape", "x")

        assert seen == [(Filter.MENDED, 3), (Filter.BROKEN, 0), (Filter.MENDED, 3)]

    drive_evals(tmp_path, scenario, size=(200, 50))


def test_what_is_listed_by_is_not_cut_on_a_small_terminal(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("x")

        head = text_of(pane_of(opened).answers.head)
        assert "think right, direct wrong (f)" in head and "flips +3 mended, -0 broken" in head

    drive_evals(tmp_path, scenario, size=(80, 24))


def test_image_large_and_copy_by_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []

    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        monkeypatch.setattr(opened.app, "copy_to_clipboard", copied.append)
        answers = pane_of(opened).answers
        await opened.press("w", "i")
        assert answers.image.size.width > 150 and answers.image.has_focus
        await opened.press("escape")
        assert answers.list.has_focus

        await opened.press("y")
        assert copied == ["<think>step 50 thinks of 8</think><answer>left</answer>"]

    drive_evals(tmp_path, scenario)


def test_a_question_type_narrows_the_table_and_brackets_scroll_the_text(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = pane_of(opened)
        await opened.press("t")
        assert "gold against answer of count" in pane.detail.text and "▸ count" in pane.detail.text

        await opened.press("right_square_bracket")
        assert pane.detail.scroll_offset.y > 0
        await opened.press("left_square_bracket", "right")
        assert pane.detail.scroll_offset.y == 0
        # the whole table is in sight
        assert pane.first_column == 0

    drive_evals(tmp_path, scenario, size=(80, 24))


def test_a_table_that_does_not_fit_is_scrolled_by_columns(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = pane_of(opened)
        seen = []
        for key in ("right", "l", "l", "left", "h", "h"):
            await opened.press(key)
            seen.append(pane.first_column)
        assert seen == [2, 4, 6, 4, 2, 0] and "1 to 5 of 11" in pane.detail.text

    home = Home(tmp_path)
    run_dir = make_run(home)
    golds = [f"manufacturer {number}" for number in range(11)]
    append(run_dir.journal(0, 1), start(), *evaluation_records(5, "1" * 44, golds=golds))
    ingest_all(home)
    drive(home, run_dir, "evals", scenario, size=(80, 24))


def test_a_column_of_text_is_scrolled_by_its_own_keys(tmp_path: Path) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        detail = pane_of(opened).query_one("#evals-detail", SpanScroll)
        detail.focus()
        seen = []
        for key in ("j", "down", "k", "up", "space", "pagedown", "pageup", "G", "g", "end", "home"):
            await opened.press(key)
            seen.append(detail.scroll_offset.y)

        assert seen[:4] == [1, 2, 1, 0]
        assert 0 < seen[4] <= seen[5] and seen[6] < seen[5]
        assert seen[7] == seen[9] == detail.max_scroll_y > 0 and seen[8] == seen[10] == 0

    drive_evals(tmp_path, scenario, size=(80, 24))


@pytest.mark.parametrize(("method", "expected"), [("grpo", EMPTY), ("eval", EMPTY_EVALUATION)])
def test_a_run_without_evaluations_says_when_the_first_comes(tmp_path: Path, method: str, expected: str) -> None:
    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        await opened.press("w")
        assert expected.startswith(text_of(pane_of(opened).list).strip()[:40])
        assert not pane_of(opened).shows_answers

    home = Home(tmp_path)
    run_dir = make_run(home)
    run_dir.config.write_text(run_dir.config.read_text().replace('"grpo"', f'"{method}"'))
    ingest_all(home)
    drive(home, run_dir, "evals", scenario)


def test_why_it_ended_stands_over_the_log_and_tracebacks_are_jumped_to(tmp_path: Path) -> None:
    home, run_dir = failed_run(tmp_path)
    part = ["10%|#\r100%|####\n", *["step\n"] * 60, f"{TRACEBACK}:\n", "  File x\n", *["more\n"] * 60]
    run_dir.output.write_text("".join(part * 2))

    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = opened.screen.query_one(LogsPane)
        words = text_of(pane.query_one("#ending", SpanLines))
        assert "✗ failed" in words and "exit code 1" in words and "rftui resume sat-grpo-1" in words
        assert pane.lines.lines[0] == "100%|####"

        first, second = (number for number, line in enumerate(pane.lines.lines) if TRACEBACK in line)
        seen = []
        for key in ("t", "t", "t", "T"):
            await opened.press(key)
            top = pane.lines.scroll_offset.y
            seen.append([place for place in (first, second) if top <= place < top + pane.lines.size.height])
        assert seen == [[first], [second], [first], [second]]

    drive(home, run_dir, "logs", scenario)


def test_a_live_log_has_nothing_on_top_until_the_run_ends(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)

    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = opened.screen.query_one(LogsPane)
        await opened.press("t")
        assert not pane.query_one("#ending").display

        append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "lost", "reason": "no power"})
        opened.screen._look()
        await opened.settle()
        assert pane.query_one("#ending").display
        assert "no power" in text_of(pane.query_one("#ending", SpanLines))

    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "queued", "reason": ""})
    ingest_all(home)
    drive(home, run_dir, "logs", scenario)


def test_the_system_is_shown_in_words_and_charts_by_window_and_page(tmp_path: Path) -> None:
    home, run_dir = with_gpus(tmp_path, gpus=[0], hours=0.5)
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_end", "attempt": 1, "exit_code": 0},
        {"type": "state", "attempt": 1, "state": "finished", "reason": ""},
    )

    async def scenario(opened: Dashboard, run_dir: RunDir) -> None:
        pane = opened.screen.query_one(SystemPane)
        words = text_of(pane.words)
        assert "GPU 0" in words and "energy" in words and "was this run's" in words
        shown = [chart for chart in pane.query(Chart) if chart.display]
        assert shown[0].lines[0].startswith("GPU utilisation in %")

        await opened.press("w")
        assert pane.window is Window.HOUR
        await opened.press("pagedown", "right_square_bracket", "j", "down")
        assert pane.first > 0
        await opened.press("pageup", "left_square_bracket", "k", "up")
        assert pane.first == 0

        append(run_dir.supervisor_journal, {**sample_record(0), "time": 20_000.0})
        opened.screen._look()
        await opened.settle()
        assert pane.page is not None and pane.page.samples == 361

    drive(home, run_dir, "system", scenario, size=(80, 24))
