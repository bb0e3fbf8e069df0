"""The screen of several runs by its keys, with runs that go on, come to nothing, vanish, or have nothing in common."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.cells import cell_len

from rftui.charts.curves import Axis
from rftui.comparing.runs import CompareRuns, legend_lines, warning_lines, warnings_of
from rftui.comparing.watch import GONE, CompareWatch, WatchedRun
from rftui.screens.run_list import RunListScreen
from rftui.terminal.spans import Line
from rftui.widgets.chart import Chart
from rftui.widgets.compare_columns import CompareColumn
from rftui.widgets.metric_search import MetricSearch
from store.layout import Home
from tests.comparisons import (
    Compared,
    compared_run,
    drive_comparison,
    evaluation_of,
    seeded_home,
    step_of,
    text_of,
)
from tests.store_runs import append, ingest_all

NAMES = ("sat-grpo-1", "sat-grpo-2", "sat-sft-3")


def titles(opened: Compared) -> list[str]:
    """First lines of the charts in sight."""
    return [chart.lines[0] for chart in opened.screen.query(Chart) if chart.display and chart.lines]


def columns(opened: Compared) -> list[CompareColumn]:
    """Columns of rollouts in sight."""
    return [column for column in opened.screen.query(CompareColumn) if column.display]


# the runs


def watched(name: str, *, state: str = "running", task: str = "sat", step: int = 7) -> WatchedRun:
    """A run as it was seen."""
    from tests.test_rftui_panels import SUMMARY

    return WatchedRun(name, SUMMARY._replace(name=name, state=state, task=task, step=step), journals=100)


@pytest.mark.parametrize(
    ("runs", "expected"),
    [
        ([watched("a"), watched("b")], []),
        ([watched("a")], ["one run alone has nothing to be compared with: esc, mark another with space, and c again"]),
        ([watched("a"), watched("b")._replace(problem=GONE)], ["b was deleted: it is left out", "only a is left"]),
        ([WatchedRun("a", problem=GONE)], ["a was deleted: it is left out", "there is nothing left to compare"]),
        ([watched("a"), watched("b", task="x")], ["different tasks (sat, x): no test says which run is better"]),
        ([watched("a"), watched("b", step=0)], ["b has written no step yet"]),
        ([watched(str(n)) for n in range(20)], ["charts show the first 16 of 20 runs"]),
        ([WatchedRun("a"), WatchedRun("b")], []),  # not looked at yet
    ],
)
def test_what_makes_a_comparison_less_is_a_sentence(runs: list[WatchedRun], expected: list[str]) -> None:
    said = list(warnings_of(CompareRuns(runs)))

    assert len(said) == len(expected)
    assert all(sentence.startswith(start) for sentence, start in zip(said, expected, strict=True))


@pytest.mark.parametrize(
    ("count", "width", "at_most"), [(2, 78, 3), (12, 78, 3), (12, 198, 5), (26, 78, 3), (4, 20, 2)]
)
def test_the_legend_fits(count: int, width: int, at_most: int) -> None:
    runs = CompareRuns([watched(f"sat-grpo-{number}") for number in range(count)])

    drawn = text_of(legend_lines(runs, width, at_most=at_most, is_ascii=False))

    assert len(drawn) <= at_most
    assert max(map(cell_len, drawn)) <= width
    assert drawn[0].startswith("A ━━ sat-grpo-0")


def test_twelve_runs_are_all_named_on_a_small_terminal() -> None:
    runs = CompareRuns([watched(f"sat-{number}") for number in range(12)])

    drawn = "".join(text_of(legend_lines(runs, 78, at_most=3, is_ascii=True)))

    assert all(f" sat-{number}" in drawn for number in range(12))
    assert drawn.isascii()


def test_hostile_names_are_text() -> None:
    runs = CompareRuns([watched("\x1b]0;x\x07[/b]"), WatchedRun("b\x9b31m", problem="\x1b[2J oops")])

    drawn = "".join(text_of([*legend_lines(runs, 80, at_most=3, is_ascii=False), *warning_lines(runs, 80, at_most=3)]))

    assert "[/b]" in drawn and "oops" in drawn
    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in drawn)


def test_a_run_whose_name_begins_that_of_another_is_never_taken_for_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    compared_run(home, "sat-1", uid=1, steps=1)
    compared_run(home, "sat-12", uid=2, steps=1)
    watch = CompareWatch(home, ["sat-1", "sat-12"])
    seen = watch.look()
    assert seen is not None and all(run.is_there for run in seen)
    assert watch.look() is None

    shutil.move(home.run("sat-1").path, tmp_path / "elsewhere")
    gone = watch.look()
    assert gone is not None
    assert [(run.name, run.problem) for run in gone] == [("sat-1", GONE), ("sat-12", "")]

    shutil.move(tmp_path / "elsewhere", home.run("sat-1").path)
    back = watch.look()
    assert back is not None and all(run.is_there for run in back)


# the screen


def test_the_pinned_run_is_the_first_letter_and_b_means_nothing_without_seeds(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        assert opened.screen.runs.letters == {"sat-sft-3": "A", "sat-grpo-1": "B"}
        assert opened.rows("#runs")[0].startswith("A ━━ sat-sft-3 ✓ finished 20/300   B ╍╍ sat-grpo-1")

        await opened.press("b")
        assert opened.screen.curves.is_banded

    drive_comparison(seeded_home(tmp_path), NAMES[:1], scenario, pinned=NAMES[2])


def test_digits_show_the_tabs_and_escape_leaves(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        for number, tab in enumerate(("curves", "settings", "evaluations", "rollouts"), 1):
            await opened.press(str(number))
            assert opened.screen.shown == tab
        await opened.press("escape")
        assert isinstance(opened.app.screen, RunListScreen)

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_curves_of_seeds_are_a_mean_until_b_shows_each_and_one_cursor_reads_all(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        assert "A+B mean of 2 seeds (A B)" in opened.rows("#look")[0]
        assert titles(opened)[0].split() == ["reward", "A+B", "mean", "1.44"]

        await opened.press("b")
        assert "seeds" not in opened.rows("#look")[0]
        assert [word for word in titles(opened)[0].split() if word in "ABC"] == ["A", "B"]

        await opened.press("g", "right")
        curves = opened.screen.curves
        assert curves.cursor == 2
        assert "at 2" in opened.rows("#look")[0]
        charts = [chart for chart in opened.screen.query(Chart) if chart.display and len(chart.lines) > 1]
        assert all(any("┴" in line for line in chart.lines) for chart in charts)

        await opened.press("x")
        assert curves.look.axis is Axis.RELATIVE
        # step 2 of the first run, which wrote 4 records before it
        assert curves.cursor is not None and curves.cursor > 2

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_zoom_pan_and_search_are_those_of_one_run(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        curves = opened.screen.curves
        whole = curves.whole
        await opened.press("plus", "comma")
        assert curves.look.view is not None and curves.look.view.high < whole.high
        await opened.press("0", "slash")
        assert isinstance(opened.app.screen, MetricSearch)
        await opened.press(*"tokens", "enter")
        assert titles(opened)[0].startswith("num_tokens")

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_enter_on_the_curves_opens_the_rollouts_of_that_step(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("g", "right", "right", "right", "enter")

        assert opened.screen.shown == "rollouts"
        heads = [opened.rows(f"#head{number}")[0] for number in range(2)]
        assert all("step 4 ▶" in head for head in heads)

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_a_live_run_changes_its_line_and_nothing_that_stands_still(tmp_path: Path) -> None:
    home = seeded_home(tmp_path)

    async def scenario(opened: Compared) -> None:
        await opened.press("b", "g")
        before = titles(opened)[0]
        append(home.run(NAMES[0]).journal(0, 1), *step_of(21, skill=0.5))
        await opened.look()

        curves = opened.screen.curves
        assert curves.data is not None
        steps = [data.steps for data in curves.data.many.runs.values()]
        assert [span.high for span in steps if span] == [21, 20, 20]
        # the cursor stays, and so does what it reads
        assert curves.cursor == 1
        assert titles(opened)[0] == before

    drive_comparison(home, NAMES, scenario)


def test_an_idle_comparison_draws_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(opened: Compared) -> None:
        drawn: list[object] = []
        monkeypatch.setattr(Chart, "refresh", lambda chart, *regions, **how: drawn.append(chart))
        monkeypatch.setattr(
            "rftui.widgets.span_view.SpanView.refresh", lambda view, *regions, **how: drawn.append(view)
        )
        await opened.look()
        await opened.look()

        assert drawn == []

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_settings_that_differ_and_all(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("2")
        rows = opened.rows("#rows")
        assert [row.split()[0] for row in rows if row] == ["method", "seed", "prompt", "learning_rate"]
        assert opened.rows("#detail")[-5:-2] == ["method", "A B  grpo", "C  sft"]

        await opened.press("j", "a")
        assert "settings differ" in opened.rows("#said")[0]
        assert len(opened.screen.settings.rows) > 40
        # the cursor stays on the setting it was on
        settings = opened.screen.settings
        assert settings.rows[settings.list.cursor].key == "seed"

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_settings_scroll_to_the_side(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for number in range(6):
        compared_run(home, f"sat-{number}", uid=number + 1, steps=0, model=f"models/checkpoint-{number}")

    async def scenario(opened: Compared) -> None:
        await opened.press("2")
        assert "▶" in opened.rows("#head")[0]
        await opened.press("right", "l")
        assert opened.screen.settings.first == 2
        assert opened.rows("#head")[0].split()[1] == "C"
        await opened.press("left", "h", "h")
        assert opened.screen.settings.first == 0

    drive_comparison(home, [f"sat-{number}" for number in range(6)], scenario, size=(80, 24))


def test_evaluations_are_tested_against_another_run_and_in_pairs(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("3")
        assert any(row.startswith("against A (sat-grpo-1)") for row in opened.rows("#page"))

        await opened.press("p")
        assert any(row.startswith("against B (sat-grpo-2)") for row in opened.rows("#page"))
        await opened.press("m")
        page = opened.rows("#page")
        assert any(row.startswith("every pair") for row in page)
        assert [row[:5] for row in page if row[1:4] == " - "] == ["B - A", "B - A", "C - A", "C - A", "C - B", "C - B"]

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_enter_on_a_test_opens_its_examples(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("3", "enter")
        assert opened.screen.shown == "rollouts"
        assert "wrong in A, right in B" in opened.rows("#what")[0]
        assert opened.rows("#prompts")[0].startswith("A✗ B✓ left")
        assert "held out 20" in " ".join(" ".join(opened.rows("#answer0")).split())

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_an_evaluation_that_comes_keeps_the_place(tmp_path: Path) -> None:
    home = seeded_home(tmp_path)

    async def scenario(opened: Compared) -> None:
        await opened.press("3", "j", "j")
        cursor = opened.screen.evaluations.list.cursor
        append(home.run(NAMES[1]).journal(0, 1), *evaluation_of(30, skill=1.0, prompts=("think", "direct")))
        await opened.look()

        assert opened.screen.evaluations.list.cursor == cursor
        assert any(row.split()[:4] == ["B", "think", "greedy", "30"] for row in opened.rows("#page"))

    drive_comparison(home, NAMES, scenario)


def test_the_same_prompt_stands_in_columns_with_a_slider_each(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("4", "n")
        assert len(columns(opened)) == 2
        heads = [opened.rows(f"#head{number}")[0] for number in range(2)]
        assert ["2/4 right" in heads[0], "3/4 right" in heads[1]] == [True, True]
        assert "Where, 1?" in opened.rows("#question")[0]
        # the prompt stands above the columns, and not in them
        assert "Where" not in "".join(opened.rows("#completions0"))

        await opened.press("enter", "left")
        steps = [row.split("step ")[1].split(" ")[0] for row in (opened.rows(f"#head{n}")[0] for n in range(2))]
        assert int(steps[0]) < int(steps[1])
        await opened.press("p", "escape", "left")
        assert opened.screen.rollouts.list.has_focus
        assert opened.screen.rollouts.browser.uid(opened.screen.rollouts.list.cursor) == "sat/train/3"

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


@pytest.mark.parametrize("size", [(80, 24), (125, 30)])
def test_rollouts_stand_above_each_other_where_they_do_not_fit_beside(tmp_path: Path, size: tuple[int, int]) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("4")
        await opened.settle_until(lambda: len({column.region.y for column in columns(opened)}) == 2)
        regions = [column.region for column in columns(opened)]
        assert len(regions) == 2
        assert regions[0].x == regions[1].x and regions[0].bottom <= regions[1].y
        assert all(region.height >= 7 for region in regions)

    drive_comparison(seeded_home(tmp_path), NAMES, scenario, size=size)


def test_columns_find_their_places_when_runs_are_known_only_after_the_first_layout(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        pane, runs = opened.screen.rollouts, opened.screen.runs
        pane.runs = CompareRuns([WatchedRun(name) for name in NAMES])
        await opened.press("4")
        await opened.settle_until(lambda: pane.size.width > 0)
        pane.runs = runs
        pane.version += 1
        await opened.settle_until(lambda: len({column.region.x for column in columns(opened)}) == 2)

        assert [column.region.y for column in columns(opened)] == [columns(opened)[0].region.y] * 2

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_prompts_are_sorted_reasoning_unfolded_and_the_image_enlarged(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("4", "s")
        assert "sort difference" in opened.rows("#what")[0]
        assert "2/4   B ▇▇▇▇ 3/4" in opened.rows("#prompts")[0]

        await opened.press("e")
        assert all("▾ think" in "".join(opened.rows(f"#completions{number}")) for number in range(2))
        await opened.press("x")
        assert "▾ think" not in "".join(opened.rows("#completions0"))

        assert "28x28" in opened.rows("#picture")[0]
        width = opened.screen.rollouts.image.size.width
        await opened.press("i")
        assert opened.screen.rollouts.image.size.width > 2 * width
        await opened.press("escape")
        assert opened.screen.rollouts.image.size.width == width

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_held_out_answers_by_filter_way_of_asking_and_run(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("4", "v")
        assert "held-out answers  think greedy, test  example 1 of 40  all" in opened.rows("#what")[0]

        await opened.press("f", "f")
        assert "example 1 of 10  wrong in A, right in B" in opened.rows("#what")[0]
        await opened.press("w")
        assert "direct greedy" in opened.rows("#what")[0]
        await opened.press("w")
        assert "think against direct" in opened.rows("#what")[0]
        assert "wrong in direct, right in think" in opened.rows("#what")[0]

        await opened.press("c")
        assert opened.screen.rollouts.browser.columns == ("sat-grpo-1", "sat-sft-3")
        await opened.press("enter", "c")
        assert opened.screen.rollouts.browser.columns == ("sat-grpo-2", "sat-sft-3")

    drive_comparison(seeded_home(tmp_path), NAMES, scenario)


def test_a_step_is_asked_for_while_held_out_answers_are_listed(tmp_path: Path) -> None:
    async def scenario(opened: Compared) -> None:
        await opened.press("4", "v", "f", "f")
        rollouts = opened.screen.rollouts
        listed = opened.rows("#prompts")
        rollouts._is_reading = True  # what is wanted takes its time

        rollouts.show_steps({NAMES[0]: 3, NAMES[1]: 3})

        assert opened.rows("#prompts") == listed and len(listed[0]) > 10
        rollouts._is_reading = False
        rollouts.read_again()
        await opened.settle()
        assert opened.rows("#prompts") != listed
        assert opened.rows("#what")[0].startswith("training rollouts")

    drive_comparison(seeded_home(tmp_path), NAMES[:2], scenario)


def test_a_line_that_cannot_be_drawn_says_so_and_the_other_widgets_go_on(tmp_path: Path) -> None:
    def broken(number: int, width: int) -> Line:
        raise IndexError("list index out of range")

    async def scenario(opened: Compared) -> None:
        await opened.press("4")
        opened.screen.rollouts.list._draw = broken
        await opened.press("j", "k")

        assert opened.rows("#prompts")[0].startswith("this cannot be drawn: IndexError")
        await opened.press("1")
        assert opened.screen.shown == "curves"

    drive_comparison(seeded_home(tmp_path), NAMES[:2], scenario)


def test_new_rollouts_leave_the_reader_where_he_is(tmp_path: Path) -> None:
    home = seeded_home(tmp_path)

    async def scenario(opened: Compared) -> None:
        await opened.press("4", "n", "enter", "j")
        rollouts = opened.screen.rollouts
        selected, current = rollouts.browser.uid(rollouts.list.cursor), rollouts.columns[0].completions.current
        append(home.run(NAMES[0]).journal(0, 1), *step_of(22, skill=1.0))
        await opened.look()

        assert rollouts.browser.uid(rollouts.list.cursor) == selected
        assert rollouts.columns[0].completions.current == current == 1
        assert rollouts.columns[0].completions.has_focus

    drive_comparison(home, NAMES, scenario)


def test_a_run_that_is_deleted_meanwhile_is_said_and_left_out(tmp_path: Path) -> None:
    home = seeded_home(tmp_path)

    async def scenario(opened: Compared) -> None:
        shutil.move(home.run(NAMES[1]).path, tmp_path / "elsewhere")
        await opened.look()

        assert "sat-grpo-2 was deleted: it is left out" in opened.rows("#warnings")[0]
        for tab in "1234":
            await opened.press(tab)
        assert opened.screen.evaluations.found is not None
        assert opened.screen.evaluations.found.order == (NAMES[0], NAMES[2])

    drive_comparison(home, NAMES, scenario)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_every_tab_stands_without_anything_to_show(tmp_path: Path, size: tuple[int, int]) -> None:
    home = Home(tmp_path)
    compared_run(home, "new-1", uid=1, steps=0, state="queued")

    async def scenario(opened: Compared) -> None:
        said = []
        for tab in "1234":
            await opened.press(tab)
            said.append(opened.app.screen is opened.screen)
        assert all(said)
        assert "one run alone" in opened.rows("#warnings")[0]
        assert "no rollouts" in opened.rows("#question")[0]

    drive_comparison(home, ["new-1"], scenario, size=size)


def test_runs_of_different_tasks_are_compared_as_far_as_that_goes(tmp_path: Path) -> None:
    home = Home(tmp_path)
    compared_run(home, "sat-1", uid=1)
    compared_run(home, "air-2", uid=2, task="aircraft")
    ingest_all(home)

    async def scenario(opened: Compared) -> None:
        assert "different tasks (sat, aircraft)" in opened.rows("#warnings")[0]
        await opened.press("3")
        assert any("different tasks: sat and aircraft" in row for row in opened.rows("#page"))
        await opened.press("4", "v")
        assert "different tasks: sat and aircraft" in opened.rows("#what")[0]

    drive_comparison(home, ["sat-1", "air-2"], scenario)


def test_twelve_runs_are_one_screen(tmp_path: Path) -> None:
    home = Home(tmp_path)
    names = [f"sat-{number}" for number in range(12)]
    for number, name in enumerate(names):
        compared_run(home, name, uid=number + 1, steps=2, skill=number / 12, learning_rate=(number + 1) * 1e-6)

    async def scenario(opened: Compared) -> None:
        assert len(opened.rows("#runs")) <= 3
        await opened.press("z")
        assert all(
            f"{letter} " in "".join(chart.lines[0:4])
            for chart in opened.screen.query(Chart)
            if chart.display
            for letter in "ABCDEFGHIJKL"
        )
        await opened.press("escape", "2", "3", "4")
        assert opened.screen.shown == "rollouts"

    drive_comparison(home, names, scenario, size=(80, 24))
