"""The list of runs by its keys, at 200 and at 80 columns; nothing foreign steers it, and idle it draws nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList

from rftui.app import RunListApp
from rftui.runs.annotations import add_note, add_tags
from rftui.runs.marks import MarkReader
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_list_view import REMEMBERED
from rftui.terminal.spans import Role, Span
from rftui.view_memory import recall
from rftui.widgets.metric_search import MetricSearch
from rftui.widgets.run_table import RunTable, changed_cells
from store.layout import Home
from tests.dashboard import HOSTILE
from tests.listed_runs import small_home, write_listed
from tests.store_runs import append, eval_sample, ingest_all, rows

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


class Opened:
    """The list on a terminal."""

    def __init__(self, app: RunListApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot
        assert isinstance(app.screen, RunListScreen)
        self.screen = app.screen

    async def settle(self) -> None:
        """Until everything that was asked for was read and drawn."""
        for _ in range(2):
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    async def until(self, holds: Callable[[], object]) -> None:
        """Until something is so; fails after some seconds."""
        for _ in range(150):
            await self.settle()
            if holds():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"never so; the list shows\n{self.text}")

    async def press(self, *keys: str) -> None:
        """Keys, and what they start."""
        await self.pilot.press(*keys)
        await self.settle()

    @property
    def text(self) -> str:
        """What the terminal shows."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips()
        assert len(lines) <= height
        return "\n".join("".join(segment.text for segment in line)[:width].rstrip() for line in lines)

    @property
    def names(self) -> list[str]:
        """Runs in sight, from above, by the rows."""
        return re.findall(r"^.{4}((?:sat|banner)-\w+-\d+)", self.text, re.MULTILINE)


@asynccontextmanager
async def opened(home: Home, size: tuple[int, int] = (200, 40)) -> AsyncIterator[Opened]:
    app = RunListApp(home)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        of = Opened(app, pilot)
        await of.until(lambda: of.screen.ask is not None and of.screen.preview is not None)
        await of.settle()
        yield of


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    home = Home(tmp_path / "home")
    small_home(home)
    return home


def drive(home: Home, scenario: Callable[[Opened], Awaitable[None]], size: tuple[int, int] = (200, 40)) -> None:
    async def run() -> None:
        async with opened(home, size) as of:
            await scenario(of)

    asyncio.run(run())


def test_runs_are_listed_with_counts_traces_and_the_first_one_beside_them(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.until(lambda: "R 1" in of.text and "ended finished" in of.text)

        assert of.names == ["sat-grpo-1", "sat-sft-2", "banner-grpo-3", "banner-sft-4"]
        assert "0 running · 0 queued · 4 done" in of.text
        assert "✗ failed" in of.text and "out of memory" in of.text
        assert ".100 [.10,.90]" in of.text
        assert "think greedy" in of.text and "n 10, test, generated data, step 20" in of.text
        assert of.screen.selected_runs == ["sat-grpo-1"]

    drive(home, scenario)


def test_movement_keys_and_what_is_beside_follows(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        seen = []
        for key in ("j", "down", "k", "up", "G", "g", "end", "home", "pagedown", "pageup"):
            await of.press(key)
            seen.append(of.screen.browser.cursor)
        assert seen == [1, 2, 1, 0, 3, 0, 3, 0, 3, 0]
        await of.press("j")
        preview = of.screen.preview
        assert preview is not None
        await of.until(lambda: preview.found is not None and preview.found.run.name == "sat-sft-2")
        assert "▸   sat-sft-2" in of.text

    drive(home, scenario)


def test_a_filter_is_typed_tried_and_left(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("slash", *"lr>2e-6")
        await of.until(lambda: of.names == ["sat-sft-2"])
        assert of.screen.asked == "filter"
        await of.press("enter")
        assert of.screen.asked == "" and "1 of 4 filter lr>2e-6" in of.text

        await of.press("slash", *" state:x")
        await of.until(lambda: "no state has that name" in of.text)
        assert "found: x; expected: one of queued" in of.text
        await of.press("enter")
        assert of.screen.asked == "filter", "a wrong filter stays in the line"
        await of.press("escape")
        assert of.names == ["sat-sft-2"] and "no state" not in of.text
        await of.press("escape")
        assert len(of.names) == 4

    drive(home, scenario)


def test_a_name_that_nothing_has_is_said_and_asked_again(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("slash", *"learning_rat>1", "enter")
        await of.until(lambda: "did you mean learning_rate?" in of.text)
        assert len(of.names) == 4
        assert of.screen.asked == "filter" and of.screen.ask is not None and of.screen.ask.text == "learning_rat>1"

    drive(home, scenario)


def test_keys_typed_ahead_of_the_line_are_its_text(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        # all at once, as a slow connection delivers them
        for key in ("slash", "s", "f", "t"):
            of.app.post_message(
                __import__("textual.events", fromlist=["Key"]).Key(key, None if key == "slash" else key)
            )
        await of.until(lambda: of.screen.ask is not None and of.screen.ask.text == "sft")
        await of.press("enter")
        assert of.names == ["sat-sft-2", "banner-sft-4"]

    drive(home, scenario)


def test_a_tag_that_cannot_be_stays_in_the_line_and_the_next_question_is_clean(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("t", *"good", "comma", "space", "number_sign", *"x", "enter")
        assert of.screen.ask is not None and of.screen.ask.text == "good, #x"
        assert "'#x' is no tag" in of.text

        await of.press("escape", "n")
        assert "note on sat-grpo-1" in of.text and "is no tag" not in of.text and "tags of" not in of.text

    drive(home, scenario)


def test_tags_may_have_commas_between(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("t", *"good", "comma", "space", *"best", "enter")
        await of.until(lambda: of.screen.browser.run is not None and of.screen.browser.run.tags == ("best", "good"))

    drive(home, scenario)


def test_sort_reverse_and_any_metric_by_name(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("s")
        assert of.names == ["banner-grpo-3", "banner-sft-4", "sat-grpo-1", "sat-sft-2"] and "by name ↑" in of.text
        await of.press("v")
        assert of.names[0] == "sat-sft-2" and "by name ↓" in of.text

        await of.press("m")
        assert isinstance(of.app.screen, MetricSearch)
        await of.press(*"kl")
        assert of.app.screen.query_one(OptionList).option_count == 1
        await of.press("enter")
        await of.until(lambda: of.names == ["banner-sft-4", "banner-grpo-3", "sat-sft-2", "sat-grpo-1"])
        assert "kl ↓" in of.text and "0.14" in of.text

    drive(home, scenario)


def test_groups_are_made_folded_and_opened(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("b")
        assert "▾ task banner  2 runs  best .400" in of.text and "▾ task sat  2 runs" in of.text
        await of.press("g", "enter")
        assert "▸ task banner" in of.text and of.names == ["sat-grpo-1", "sat-sft-2"]
        await of.press("x")
        assert len(of.names) == 4
        await of.press("z")
        assert of.names == []
        await of.press("z", "b", "b")
        assert "no study: tag a run study:NAME" in of.text

    drive(home, scenario)


def test_marks_show_a_sign_and_escape_takes_them(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("space", "space")
        assert of.screen.selected_runs == ["sat-grpo-1", "sat-sft-2"]
        assert " ◆  sat-grpo-1" in of.text and "2 marked" in of.text
        await of.press("a")
        assert len(of.screen.selected_runs) == 4
        await of.press("escape")
        assert of.screen.selected_runs == ["banner-grpo-3"]

    drive(home, scenario)


def test_the_pin_gives_a_column_of_paired_differences_with_intervals(home: Home) -> None:
    write_listed(home, "sat-grpo-5", uid=15, age_s=100)
    for name, right in (("sat-grpo-1", 1), ("sat-grpo-5", 5)):
        answers = [eval_sample(20, index, correct=index < right) for index in range(10)]
        append(home.run(name).journal(0, 1), *answers)
    ingest_all(home)

    async def scenario(of: Opened) -> None:
        await of.press("p")
        await of.until(lambda: "vs base" in of.text)
        assert re.search(r" ◎ sat-grpo-1 .* base ", of.text) or "▸ ◎ sat-grpo-1" in of.text
        await of.until(lambda: re.search(r"sat-grpo-5 .* \+40\.0 \[\+10\.0,\+70\.0\]", of.text))
        assert re.search(r"sat-sft-2 .* — ", of.text), "there are no answers to pair"
        assert MarkReader(home).read().pinned == 11
        await of.press("p")
        await of.until(lambda: "vs base" not in of.text)

    drive(home, scenario)


def test_stars_tags_and_notes_are_edited_in_place(home: Home) -> None:
    add_tags(home, "sat-grpo-1", ["old"])
    add_note(home, "sat-grpo-1", "first")

    async def scenario(of: Opened) -> None:
        await of.press("f")
        await of.until(lambda: "▸ ★ sat-grpo-1" in of.text)
        await of.press("asterisk")
        await of.until(lambda: "★" not in of.text)

        await of.press("t")
        assert of.screen.ask is not None and of.screen.ask.text == "old"
        await of.press(*" new", "enter")
        await of.until(lambda: "#new #old" in of.text)

        await of.press("n")
        await of.until(lambda: of.screen.ask is not None and of.screen.ask.text == "first")
        await of.press(*"!", "enter")
        await of.until(lambda: "first!" in of.text)
        await of.press("n")
        await of.until(lambda: of.screen.ask is not None and of.screen.ask.text == "first!")
        await of.press("home", *"+more ", "enter")
        await of.until(lambda: "more first!" in of.text)

        await of.press("t", *" #wrong", "enter")
        await of.until(lambda: "is no tag" in of.text)

    drive(home, scenario)
    assert [row[0] for row in rows(home, "SELECT text FROM note ORDER BY seq")] == ["first!", "more first!"]


def test_several_marked_runs_get_and_lose_tags_at_once(home: Home) -> None:
    add_tags(home, "sat-sft-2", ["old"])

    async def scenario(of: Opened) -> None:
        await of.press("space", "space", "t", *"new -old", "enter")
        await of.until(lambda: rows(home, "SELECT count(*) FROM tag WHERE tag='new'") == [(2,)])

    drive(home, scenario)
    assert rows(home, "SELECT run, tag FROM tag ORDER BY run") == [(11, "new"), (12, "new")]


def test_compare_asks_for_the_marked_runs_or_for_this_one_and_the_pin(home: Home, monkeypatch: Any) -> None:
    asked: list[tuple[list[str], str | None]] = []
    monkeypatch.setattr(
        RunListApp, "on_run_list_screen_compare", lambda app, event: asked.append((list(event.names), event.pinned))
    )

    async def scenario(of: Opened) -> None:
        await of.press("c")
        assert asked == []
        await of.press("space", "space", "c")
        await of.press("escape", "g", "p")
        await of.until(lambda: "vs base" in of.text)
        await of.press("j", "c")

    drive(home, scenario)
    assert asked == [(["sat-grpo-1", "sat-sft-2"], None), (["sat-grpo-1", "sat-sft-2"], "sat-grpo-1")]


def test_the_view_is_remembered_and_comes_back(home: Home) -> None:
    async def first(of: Opened) -> None:
        await of.press("slash", *"task:sat", "enter", "s", "b", "j", "j")

    async def second(of: Opened) -> None:
        assert of.names == ["sat-grpo-1", "sat-sft-2"] and "grouped by task" in of.text
        assert of.screen.selected_runs == ["sat-sft-2"]

    drive(home, first)
    assert recall(home, REMEMBERED)["filter"] == "task:sat"
    drive(home, second)


@pytest.mark.parametrize(("size", "is_shown"), [((80, 24), False), ((80, 50), True), ((200, 24), True)])
def test_what_is_beside_goes_below_or_away_where_there_is_no_room(
    home: Home, size: tuple[int, int], is_shown: bool
) -> None:
    async def scenario(of: Opened) -> None:
        assert of.names[0] == "sat-grpo-1"
        assert (of.screen.preview is not None and of.screen._beside.display) is is_shown
        await of.press("j", "j")
        assert "banner-grpo-3 failed: out of memory" in of.text
        assert max(map(len, of.text.split("\n"))) <= size[0]

    drive(home, scenario, size)


def test_an_empty_home_tells_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))

    async def scenario(of: Opened) -> None:
        assert "no runs yet" in of.text and "rftui launch grpo --task sat" in of.text
        await of.press("j", "space", "enter", "p", "t", "n", "f", "c", "b", "x", "escape", "r")
        assert of.screen.selected_runs == []

    (tmp_path / "home").mkdir()
    drive(Home(tmp_path / "home"), scenario)


def test_a_home_that_was_named_and_is_not_there_is_told_from_an_empty_one(tmp_path: Path) -> None:
    async def scenario(of: Opened) -> None:
        assert "no runs yet" not in of.text
        assert "hoem is not there" in of.text and "rftui launch grpo --task sat" in of.text

    drive(Home(tmp_path / "hoem"), scenario, (200, 24))


def test_nothing_that_changes_goes_through_in_a_home_that_is_only_read(home: Home) -> None:
    async def scenario(of: Opened) -> None:
        await of.press("f", "p", "t", "n")
        assert of.screen.asked == "" and "read-only" in of.text
        await of.press("slash", *"sft")
        await of.until(lambda: len(of.names) == 2)

    drive(Home(home.path, is_read_only=True), scenario)
    assert not home.user_journal.exists()


def test_an_idle_list_draws_nothing_and_a_changed_row_only_its_cells(home: Home, monkeypatch: Any) -> None:
    rows(home, "UPDATE run SET created_at=0")

    async def scenario(of: Opened) -> None:
        await of.until(lambda: "R 1" in of.text)
        drawn: list[Any] = []
        refresh = RunTable.refresh

        def counted(table: RunTable, *regions: Any, **how: Any) -> RunTable:
            drawn.extend(regions or ["all"])
            return refresh(table, *regions, **how)

        monkeypatch.setattr(RunTable, "refresh", counted)
        for _ in range(3):
            of.screen.look(is_thorough=True)
            await of.settle()
        of.screen.table.refresh_changed()
        assert drawn == []

        rows(home, "UPDATE run SET step=19 WHERE id=12")
        of.screen.look(is_thorough=True)
        await of.until(lambda: " 19/300" in of.text)
        assert 0 < sum(region.area for region in drawn) < 12

    drive(home, scenario)


def test_only_cells_that_differ_count_as_changed() -> None:
    before = (Span("ab日本cd"), Span("e", Role.STRONG))

    assert changed_cells(before, (Span("ab日中cd"), Span("e", Role.STRONG))) == (4, 6)
    assert changed_cells(before, (Span("ab日本cde"),)) == (8, 9)
    assert changed_cells(before, before) == (9, 9)


def test_hostile_words_are_text_and_a_broken_catalogue_is_said(home: Home) -> None:
    write_listed(home, "sat-grpo-9", uid=19, reason=HOSTILE, model=HOSTILE.replace("\x1b", ""), state="failed")
    append(home.user_journal, {"type": "tag", "uid": 19, "tag": HOSTILE}, {"type": "note", "uid": 19, "text": HOSTILE})
    ingest_all(home)

    async def scenario(of: Opened) -> None:
        await of.until(lambda: "[@click=app.quit()]x[/]" in of.text)
        assert not CONTROL.search(of.text)
        await of.press("t", "escape", "n", "escape", "b", "b", "b")
        assert not CONTROL.search(of.text)

        for path in home.path.glob("catalogue.db*"):
            path.unlink()
        home.catalogue.write_bytes(b"no database at all " * 100)
        await of.press("r")
        await of.until(lambda: "cannot be used" in of.text)
        assert "sat-grpo-9" in of.text

    drive(home, scenario)


def test_gpus_stand_in_the_head_with_the_runs_that_hold_them(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = {"index": 1, "utilization_percent": 98, "memory_used_mb": 72000, "memory_total_mb": 81920}
    monkeypatch.setattr("rftui.supervision.gpus.gpu_samples", lambda: [gpu])
    monkeypatch.setattr("rftui.system.holders.holders_here", lambda home: {1: ("sat-grpo-1",)})

    async def scenario(of: Opened) -> None:
        await of.until(lambda: re.search("GPU1 .+ 98% 70/80G sat-grpo-1$", of.text, re.MULTILINE))

    drive(home, scenario)
