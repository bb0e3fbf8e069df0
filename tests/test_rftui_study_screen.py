"""Studies in the dashboard by their keys: the list, the live grid, what enter and capitals start, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from rftui.app import RunListApp
from rftui.palette import Palette
from rftui.screens.choice_screen import ChoiceScreen
from rftui.screens.confirm_screen import ConfirmScreen
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from rftui.screens.studies_screen import StudiesScreen
from rftui.screens.study_notes_screen import StudyNotesScreen
from rftui.screens.study_screen import StudyScreen
from rftui.studies import acts
from rftui.studies.definition import read_study
from rftui.studies.grid import GridEntry, Sort
from rftui.studies.places import StudyPlace
from rftui.studies.running import Asked, Started
from rftui.studies.stopping import Stopped
from rftui.widgets.span_view import SpanView
from store.layout import Home
from tests.studies import make_study, write_cell

MOST_LINES = 60
TASKS = [{"name": "sat", "source": "generated"}, {"name": "banner", "source": "generated"}]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two tasks: of sat a baseline and one of two seeds are finished, of banner one seed failed."""
    place = Home(tmp_path)
    make_study(place, tasks=TASKS)
    write_cell(place, "small", "sat-base", {"think": "1100", "direct": "1000"})
    write_cell(place, "small", "sat-grpo-s0", {"think": "1110", "direct": "1100"})
    write_cell(place, "small", "banner-grpo-s0", state="failed")
    write_cell(place, "small", "banner-grpo-s1", state="failed")
    return place


class Studied:
    """The dashboard with a study, under Textual's pilot."""

    def __init__(self, app: RunListApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    async def until(self, condition: Callable[[], object]) -> None:
        """Waits for something to become true."""
        async with asyncio.timeout(30):
            while not condition():
                await self.pilot.pause(0.02)

    async def shows(self, kind: type[Screen[Any]]) -> Any:
        """Waits for a screen of that kind."""
        await self.until(lambda: isinstance(self.app.screen, kind) and self.app.screen.is_mounted)
        return self.app.screen

    async def study(self) -> StudyScreen:
        """Waits for the grid and what it shows."""
        screen = await self.shows(StudyScreen)
        await self.until(lambda: screen.browser.rows)
        assert isinstance(screen, StudyScreen)
        return screen

    async def press(self, *keys: str) -> None:
        """Keys."""
        await self.pilot.press(*keys)

    @property
    def notices(self) -> list[str]:
        """What was said."""
        return [note.message for note in self.app._notifications]

    async def asked(self) -> ConfirmScreen:
        """Waits for a question."""
        found = await self.shows(ConfirmScreen)
        assert isinstance(found, ConfirmScreen)
        return found


def entry_of(study: StudyScreen) -> GridEntry:
    """The cell under the cursor."""
    entry = study.browser.entry
    assert entry is not None
    return entry


def drive(
    home: Home,
    scenario: Callable[[Studied], Awaitable[None]],
    *,
    first: str = "small",
    size: tuple[int, int] = (120, 40),
) -> None:
    """Runs a scenario on the grid of a study; without a name, on the list of runs."""

    async def run() -> None:
        app = RunListApp(home)
        async with app.run_test(size=size, notifications=True) as pilot:
            opened = Studied(app, pilot)
            await opened.shows(RunListScreen)
            if first:
                app.open_study(first)
                await opened.study()
            await scenario(opened)

    asyncio.run(run())


def text_of(screen: Screen[Any], name: str) -> str:
    """The lines of a view of spans, whether or not they were laid out yet."""
    view = screen.query_one(f"#{name}", SpanView)
    return "\n".join("".join(span.text for span in view.line_at(y)) for y in range(MOST_LINES)).rstrip()


class Told:
    """What would have been started or stopped."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs: list[Asked] = []
        self.stops: list[str] = []
        monkeypatch.setattr(acts, "run_study", self._run)
        monkeypatch.setattr(acts, "stop_study", self._stop)

    def _run(self, home: Home, name: str, asked: Asked, *, say: Callable[[str], None]) -> Started:
        self.runs.append(asked)
        say("warning: this machine is slow")
        return Started(("a",), (), {}, (), ())

    def _stop(self, home: Home, name: str) -> Stopped:
        self.stops.append(name)
        return Stopped((), ("a",), ())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(monkeypatch)


# there and back


def test_a_key_leads_from_the_runs_to_the_studies_and_on_to_a_grid_and_escape_back(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("e")
        studies = await opened.shows(StudiesScreen)
        await opened.until(lambda: studies.listed)
        assert text_of(studies, "studies").startswith("small")
        assert "rftui study new paper" in text_of(studies, "how")
        await opened.press("j", "k", "r", "enter")
        study = await opened.study()
        assert "small  Does GRPO help?" in text_of(study, "title")
        assert "✓ 2 finished" in text_of(study, "counts") and "✗ 2 failed" in text_of(study, "counts")
        assert "generated data, tiny model" in text_of(study, "warning")
        await opened.press("escape")
        await opened.shows(StudiesScreen)
        await opened.press("escape")
        await opened.shows(RunListScreen)

    drive(home, scenario, first="")


def test_keys_typed_ahead_wait_for_what_they_are_meant_for(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("e", "enter", "l", "j")
        study = await opened.study()
        await opened.until(lambda: (study.browser.row, study.browser.column) == (1, 1))

    drive(home, scenario, first="")


def test_the_palette_opens_a_study(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("colon")
        await opened.shows(Palette)
        await opened.press(*"study small")
        await opened.until(lambda: "study small" in str(opened.app.screen.query_one("CommandInput").value))  # type: ignore[attr-defined]
        await opened.until(lambda: opened.app.screen.query_one("CommandList").option_count)  # type: ignore[attr-defined]
        await opened.press("enter")
        await opened.study()

    drive(home, scenario, first="")


def test_one_that_ships_is_made_after_a_question(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")

    async def scenario(opened: Studied) -> None:
        await opened.press("e")
        studies = await opened.shows(StudiesScreen)
        await opened.until(lambda: studies.listed)
        studies.list.put_cursor([item.name for item in studies.listed].index("paper-tiny"))
        await opened.press("enter")
        assert "rftui study new paper-tiny" in (await opened.asked()).question.command
        await opened.press("y")
        study = await opened.study()
        assert study.study_name == "paper-tiny"
        assert "R starts every cell" in text_of(study, "warning")

    drive(home, scenario, first="")


def test_a_broken_definition_says_what_is_wrong_and_hides_no_other(home: Home) -> None:
    place = make_study(home, name="broken")
    place.definition.write_text('name = "broken"\ntasks = "[b]none[/b]"\n')

    async def scenario(opened: Studied) -> None:
        await opened.press("e")
        studies = await opened.shows(StudiesScreen)
        await opened.until(lambda: studies.listed)
        assert "cannot be read" in text_of(studies, "studies") and "small" in text_of(studies, "studies")
        await opened.press("enter")
        study = await opened.shows(StudyScreen)
        await opened.until(lambda: "cannot be read" in text_of(study, "title"))
        place.definition.write_bytes(make_study(home, name="mended").definition.read_bytes())
        await opened.until(lambda: study.browser.rows)

    drive(home, scenario, first="")


# what enter does


def test_enter_opens_the_run_of_a_cell_and_escape_leads_back_to_it(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("enter")
        run = await opened.shows(RunScreen)
        assert run.summary.name == "small-sat-base"
        await opened.press("escape")
        study = await opened.study()
        assert entry_of(study).regime == "base"

    drive(home, scenario)


def test_enter_asks_which_seed_where_some_are_done_and_launches_the_missing_one(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("l", "enter")
        choice = await opened.shows(ChoiceScreen)
        lines = text_of(choice, "choices")
        assert lines.startswith("opens") and "seed 0" in lines
        assert "launches" in lines and "small-sat-grpo-s1" in lines
        await opened.press("escape")
        await opened.study()
        await opened.press("enter")
        await opened.shows(ChoiceScreen)
        await opened.press("j", "enter")
        asked = await opened.asked()
        assert asked.question.lines == ("launches small-sat-grpo-s1",)
        await opened.press("escape")
        await opened.study()
        assert told.runs == []
        await opened.press("enter")
        await opened.shows(ChoiceScreen)
        await opened.press("enter")
        assert (await opened.shows(RunScreen)).summary.name == "small-sat-grpo-s0"

    drive(home, scenario)


def test_enter_on_an_empty_cell_starts_it_after_a_question(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("j", "enter")
        await opened.asked()
        await opened.press("y")
        await opened.until(lambda: any("1 run launched" in notice for notice in opened.notices))
        assert [set(asked.only or ()) for asked in told.runs] == [{"banner-base"}]
        assert any("checking every run" in notice for notice in opened.notices)
        assert "warning: this machine is slow" in opened.notices

    drive(home, scenario)


def test_a_failed_cell_is_tried_again_by_enter_and_opened_by_its_own_key(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("j", "l", "o")
        assert text_of(await opened.shows(ChoiceScreen), "choices").count("opens") == 2
        await opened.press("enter")
        assert (await opened.shows(RunScreen)).summary.name == "small-banner-grpo-s0"
        await opened.press("escape")
        await opened.study()
        await opened.press("enter")
        assert (await opened.asked()).question.lines[0] == "tries again small-banner-grpo-s0"
        await opened.press("y")
        await opened.until(lambda: told.runs)
        assert told.runs[0].retry and set(told.runs[0].only or ()) == {"banner-grpo-s0", "banner-grpo-s1"}

    drive(home, scenario)


def test_the_key_that_opens_says_so_where_no_run_is_there(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("j", "o")
        await opened.until(lambda: any("no run of this cell" in notice for notice in opened.notices))

    drive(home, scenario)


# capitals


def test_capitals_run_and_retry_the_study_after_a_question(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("R")
        assert (await opened.asked()).question.title == "Start 2 runs of small?"
        await opened.press("y")
        await opened.until(lambda: len(told.runs) == 1)
        await opened.study()
        await opened.press("T")
        assert (await opened.asked()).question.command == "rftui study retry small"
        await opened.press("y")
        await opened.until(lambda: len(told.runs) == 2)
        assert told.runs[0] == Asked()
        assert told.runs[1] == Asked(only={"banner-grpo-s0", "banner-grpo-s1"}, retry=True)

    drive(home, scenario)


def test_a_capital_stops_what_is_live_and_says_so_where_nothing_is(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("S")
        await opened.until(lambda: any("nothing of small runs or waits" in notice for notice in opened.notices))
        # a run of a machine that is not this one cannot be found dead here
        write_cell(home, "small", "banner-base", state="queued")
        study = await opened.study()
        await opened.until(lambda: "queued" in text_of(study, "counts"))
        await opened.press("S")
        asked = await opened.asked()
        assert "1 waiting run" in asked.question.sentence
        await opened.press("y")
        await opened.until(lambda: told.stops == ["small"])

    drive(home, scenario)


def test_a_capital_asks_for_seeds_then_adds_them_and_starts_their_runs(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("E", "backspace", "x", "enter")
        await opened.until(lambda: any("no number" in notice for notice in opened.notices))
        await opened.press("E", "backspace", "2", "enter")
        asked = await opened.asked()
        assert asked.question.lines == ("seeds 0, 1, and 2, 3",)
        await opened.press("y")
        await opened.until(lambda: told.runs)
        study = await opened.study()
        await opened.press("l")
        await opened.until(lambda: len(entry_of(study).views) == 4)

    drive(home, scenario)
    assert read_study(StudyPlace(home, "small").definition).seeds == (0, 1, 2, 3)


def test_reading_alone_is_refused_in_words_and_starts_nothing(home: Home, told: Told) -> None:
    async def scenario(opened: Studied) -> None:
        for keys in ("R", "S", "E", "T", "enter"):
            opened.app.clear_notifications()
            study = await opened.study()
            study.browser.move(1, 0)
            await opened.press(keys)
            await opened.until(lambda: any(notice.startswith("read-only:") for notice in opened.notices))
            assert isinstance(opened.app.screen, StudyScreen)
        assert told.runs == [] and told.stops == []

    drive(Home(home.path, is_read_only=True), scenario)


# looking


def test_arrows_letters_and_edges_move_the_cursor(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        study = await opened.study()
        browser = study.browser
        await opened.press("right", "down")
        assert (browser.row, browser.column) == (1, 1)
        await opened.press("h", "k")
        assert (browser.row, browser.column) == (0, 0)
        await opened.press("G", "l")
        assert (browser.row, browser.column) == (1, 1)
        assert "banner, GRPO" in text_of(study, "detail")
        await opened.press("g", "pagedown", "pageup", "left", "up")
        assert (browser.row, browser.column) == (0, 0)

    drive(home, scenario, size=(80, 24))


def test_rows_are_filtered_sorted_turned_round_and_shown_as_lines(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        study = await opened.study()
        await opened.press("slash", *"failed", "enter")
        assert [row.task for row in study.browser.rows] == ["banner"]
        assert "1 of 2 rows: failed" in text_of(study, "counts")
        await opened.press("escape", "v")
        assert [row.task for row in study.browser.rows] == ["banner", "sat"]
        await opened.press("v", "s")
        assert study.browser.look.sort is Sort.THINK
        await opened.press("z")
        assert study.grid.shape.lines == 1
        await opened.press("z")
        assert study.grid.shape.lines > 1

    drive(home, scenario)


def test_the_next_decoding_is_shown_where_runs_were_asked_with_both(home: Home) -> None:
    make_study(home, name="both", seeds=[0])
    write_cell(home, "both", "sat-grpo-s0", {"think": "1111"}, decoding="sampled")
    write_cell(home, "both", "sat-base", {"think": "1000"})

    async def scenario(opened: Studied) -> None:
        study = await opened.study()
        await opened.press("l")
        assert entry_of(study).results["think"].accuracy is None
        await opened.press("d")
        assert entry_of(study).results["think"].accuracy == 1.0
        assert "sampled decoding" in text_of(study, "counts")

    drive(home, scenario, first="both")


def test_the_table_is_copied_as_markdown(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(RunListApp, "copy_to_clipboard", lambda app, text: copied.append(text))

    async def scenario(opened: Studied) -> None:
        await opened.press("y")

    drive(home, scenario)
    assert "| sat |" in copied[0] and "generated data, tiny model" in copied[0]


def test_what_must_be_known_is_one_key_away(home: Home) -> None:
    async def scenario(opened: Studied) -> None:
        await opened.press("i")
        await opened.shows(StudyNotesScreen)
        await opened.press("escape")
        await opened.study()

    drive(home, scenario)


def test_a_cell_fills_without_a_key_and_an_idle_grid_draws_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(opened: Studied) -> None:
        study = await opened.study()
        looks: list[object] = []
        look = study._watch.look

        def counted() -> object:
            looks.append(None)
            return look()

        monkeypatch.setattr(study._watch, "look", counted)
        await opened.until(lambda: len(looks) >= 2)
        drawn: list[object] = []
        monkeypatch.setattr(RunListApp, "_display", lambda app, screen, renderable: drawn.append(renderable))
        await opened.until(lambda: len(looks) >= 5)
        assert drawn == []
        monkeypatch.undo()
        write_cell(home, "small", "banner-base", {"think": "1100"})
        await opened.until(lambda: "✓ 3 finished" in text_of(study, "counts"))
        await opened.press("r")
        assert "w/  .500" in text_of(study, "grid")

    drive(home, scenario)
