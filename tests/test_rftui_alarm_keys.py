"""Alarms on the screen of a run: marks on charts, a key that goes to each, and the overview."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rftui.widgets.curves_pane import CurvesPane
from rftui.widgets.text_panes import OverviewPane
from store.layout import Home
from tests.dashboard import Dashboard, dashboard
from tests.store_runs import append, eval_result, eval_sample, ingest_all, make_run, metrics, start, supervise
from tests.test_rftui_run_screen import digit


def alarming_run(home: Home, *, state: str) -> None:
    run_dir = make_run(home)
    values = [
        {"frac_reward_zero_std": 0.9 if step > 60 else 0.1, "kl": 5.0 if step == 30 else 0.01} for step in range(100)
    ]
    append(run_dir.journal(0, 1), start(), *[metrics(step, **one) for step, one in enumerate(values)])
    supervise(run_dir, 1, state=state)
    ingest_all(home)


def pane_of(opened: Dashboard) -> CurvesPane:
    return opened.screen.query_one(CurvesPane)


def text_of(opened: Dashboard) -> str:
    pane = pane_of(opened)
    return "\n".join([*(line for chart in pane._charts for line in chart.lines), str(pane._line.content)])


def test_alarms_are_marked_and_a_goes_through_them(tmp_path: Path) -> None:
    async def scenario() -> None:
        home = Home(tmp_path)
        alarming_run(home, state="finished")
        async with dashboard(home, "sat-grpo-1", size=(200, 50)) as opened:
            assert "! 2 alarms (a)" in text_of(opened) and "! alarm" in text_of(opened)
            assert any("!" in chart.lines[-2] for chart in pane_of(opened)._charts)

            await opened.press("a")
            assert pane_of(opened).look.cursor == 30
            assert "! KL is 5 at step 30, the median before it is 0.01" in text_of(opened)

            await opened.press("a")
            assert "of groups have no reward spread since step" in text_of(opened)
            await opened.press("a")
            assert pane_of(opened).look.cursor == 30, "after the last one comes the first"

            await opened.press(digit("overview"))
            lines = opened.screen.query_one(OverviewPane).lines.lines
            assert "2 alarms (a in Curves goes to each)" in [str(line) for line in lines]
            assert "not measured: loss and gradients, lengths, entropy" in "\n".join(map(str, lines))

    asyncio.run(scenario())


def test_the_overview_says_what_training_changed_and_names_no_flag_of_the_command_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        home = Home(tmp_path)
        run_dir = make_run(home)
        records = [start()]
        for step, right in ((0, 2), (20, 7)):
            records += [eval_sample(step, index, correct=index < right) for index in range(10)]
            records.append(eval_result(step, correct=right))
        append(run_dir.journal(0, 1), *records)
        ingest_all(home)
        async with dashboard(home, "sat-grpo-1", size=(120, 50)) as opened:
            await opened.press(digit("overview"))
            text = "\n".join(map(str, opened.screen.query_one(OverviewPane).lines.lines))

            assert "what training changed (held out, paired" in text
            assert "0 to 20" in text and "+50.0 [+20.0, +80.0]" in text
            assert "--json" not in text

    asyncio.run(scenario())


def test_the_axis_of_a_live_run_has_room_and_that_of_a_finished_one_has_none(tmp_path: Path) -> None:
    async def high_of(state: str) -> float:
        home = Home(tmp_path / state)
        alarming_run(home, state=state)
        async with dashboard(home, "sat-grpo-1") as opened:
            return pane_of(opened).whole.high

    assert asyncio.run(high_of("finished")) == 99.0
    assert asyncio.run(high_of("running")) == 100.0
