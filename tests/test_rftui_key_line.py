"""The keys on the last line: which stand there, in which order, and what is left out where there is no room."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.binding import Binding

from rftui.actions import COMPARE_TABS, RUN_TABS, bindings
from rftui.screens import compare_screen, run_screen
from rftui.terminal.spans import line_width
from rftui.widgets.key_line import KeyLine, ShownKey, by_rank, keys_line
from store.layout import Home
from tests.form_pilot import Driver, driven, run
from tests.listed_runs import small_home

KEYS = [ShownKey("question_mark", "?", "help"), ShownKey("escape", "esc", "back"), ShownKey("s", "s", "sort")]


def shown(of: Driver) -> str:
    return "".join(span.text for span in of.app.screen.query_one(KeyLine).line_at(0))


def ids(*places: str) -> list[str]:
    found = [each for each in bindings(*places) if isinstance(each, Binding) and each.show]
    return [each.id or "" for each in by_rank(found)]


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (24, "? help  esc back  s sort"),
        (23, "? help  esc back  …"),
        (18, "? help  …"),
        # no key at all
        (5, "…"),
    ],
)
def test_whole_keys_stand_in_the_line_with_a_sign_for_those_left_out(width: int, text: str) -> None:
    line, ends = keys_line(KEYS, width)

    assert "".join(span.text for span in line).rstrip() == text and line_width(line) <= width
    assert len(ends) == text.count("  ") + (0 if "…" in text else 1)


def test_help_and_the_way_out_come_first_and_what_changes_a_run_last() -> None:
    assert ids("list", "control", "app")[:3] == ["app.help", "app.quit", "list.open"]
    assert ids("run", "control", "app")[:2] == ["app.help", "run.back"]
    assert ids("run", "control", "app")[-6:] == [
        "control.launch", "control.stop", "control.kill", "control.resume", "control.clone", "control.delete",
    ]  # fmt: skip


def test_tabs_are_named_in_the_table_of_keys_as_on_their_screens() -> None:
    assert [tab.title for tab in run_screen.TABS] == list(RUN_TABS)
    assert list(compare_screen.TABS.values()) == list(COMPARE_TABS)


def test_an_empty_list_offers_a_launch_and_nothing_about_a_run(tmp_path: Path) -> None:
    async def play() -> None:
        async with driven(Home(tmp_path), size=(200, 40)) as of:
            await of.until(lambda: "enter" not in shown(of), "the empty list")

            assert shown(of) == "? help  q quit  e studies  : palette  L launch"

    run(play())


def test_a_wide_list_names_what_changes_the_run_under_the_cursor(tmp_path: Path) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home, size=(200, 40)) as of:
            wanted = "L launch  S stop  K kill  R resume  C clone  D delete"
            await of.until(lambda: shown(of).rstrip().endswith(wanted), "the keys that change a run")

    run(play())


def test_the_keys_of_rollouts_say_how_to_leave_what_is_open(tmp_path: Path) -> None:
    home = Home(tmp_path)
    small_home(home)

    async def play() -> None:
        async with driven(home, size=(80, 24)) as of:
            assert shown(of).startswith("? help  q quit  enter open") and shown(of).endswith("…")
            await of.press("enter", "2")
            for key in ("t", "B"):
                await of.press(key)
                await of.until(lambda: shown(of).startswith("? help  esc back"), "how to leave the list")
            await of.press("slash")
            await of.until(lambda: shown(of) == "enter take it  esc leave the line", "how to leave the line")

    run(play())


def test_the_keys_of_the_form_are_those_of_what_is_being_done(tmp_path: Path) -> None:
    async def play() -> None:
        async with driven(Home(tmp_path), size=(80, 24)) as of:
            await of.form("L")
            await of.until(lambda: shown(of).startswith("? help  esc leave  enter write"), "the keys of the form")
            assert shown(of).endswith("…")
            await of.press("enter")
            wanted = "esc discard  down next field  enter keep  ctrl+s launch"
            await of.until(lambda: shown(of).startswith(wanted), "the keys of a field")
            # they are letters of the field
            assert not {"? help", "/ filter", "y copy"} & set(shown(of).split("  "))
            await of.press("escape", "slash")
            await of.until(lambda: shown(of) == "enter take it  esc leave the line", "the keys of the filter")
            await of.press("enter")
            await of.until(lambda: shown(of).startswith("? help  esc leave"), "the keys of the form again")

    run(play())


def test_the_form_names_the_users_own_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with driven(Home(tmp_path)) as of:
            of.app.set_keymap({"launch.launch": "f5"})
            await of.form("L")
            await of.until(lambda: "f5 launch" in shown(of), "the user's key")

    run(play())
