"""Keys that mark, compare, read and enlarge: in the view of rollouts, on real databases and without sleeping."""

from __future__ import annotations

from pathlib import Path

import pytest

from rftui.rollouts.bookmarks import run_bookmarks, set_bookmark
from rftui.rollouts.query import RolloutQuery, parse_query
from rftui.widgets import pixels
from store.bookmarks import CompletionPlace
from store.layout import Home
from tests.rollout_rows import RUN, make_home
from tests.test_rftui_rollouts_view import ViewApp, in_loop, opened, said, shown, until


@pytest.fixture
def app(tmp_path: Path) -> ViewApp:
    """Three steps of three groups of four completions."""
    return ViewApp(make_home(tmp_path))


@in_loop
async def test_b_marks_the_current_completion_and_takes_the_mark_away(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("enter", "down", "b")
        await until(pilot, lambda: "#1★" in said(app))
        (bookmark,) = run_bookmarks(app.view.home, RUN)
        assert bookmark.place == CompletionPlace(1, 3, 0, 1)

        await pilot.press("b")
        await until(pilot, lambda: "★" not in said(app))
        assert run_bookmarks(app.view.home, RUN) == []


@in_loop
async def test_capital_b_lists_the_marks_and_enter_goes_to_one(app: ViewApp) -> None:
    set_bookmark(app.view.home, RUN, CompletionPlace(1, 1, 1, 2), is_set=True)
    async with opened(app) as pilot:
        await pilot.press("B")
        await until(pilot, lambda: "     1 #2 ✗" in said(app))

        await pilot.press("enter")
        await until(pilot, lambda: shown(app) == (1, 1) and app.view.completions.current == 2)

        assert "#2★" in said(app) and app.view.groups.has_focus
        assert not app.view.browser.follows


@in_loop
async def test_a_home_that_is_read_only_is_not_written(tmp_path: Path) -> None:
    app = ViewApp(Home(make_home(tmp_path).path, is_read_only=True))
    async with opened(app) as pilot:
        await pilot.press("b")
        await pilot.pause()

    assert not app.view.home.user_journal.exists()


@in_loop
async def test_d_compares_completions_of_a_group_and_of_other_steps(app: ViewApp) -> None:
    async with opened(app, size=(200, 50)) as pilot:
        await pilot.press("enter", "d")
        assert "others are compared with it" in said(app)

        await pilot.press("down")
        assert "▾ against #0 of step 3" in said(app) and "thought [-0-] {+1+} of step 3" in said(app)

        await pilot.press("up", "h")
        await until(pilot, lambda: shown(app) == (2, 0))
        assert "thought 0 of step [-3-] {+2+}" in said(app)

        await pilot.press("n")
        await until(pilot, lambda: shown(app) == (2, 1))
        assert "against" not in said(app), "another prompt has nothing to compare"

        await pilot.press("p")
        await until(pilot, lambda: "against #0" in said(app))
        await pilot.press("d")
        assert "against" not in said(app)


@in_loop
async def test_m_reads_the_current_completion_as_markdown_and_back(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("m")
        assert "▾ as Markdown" in said(app)

        await pilot.press("m")
        assert "as Markdown" not in said(app)


@in_loop
async def test_i_says_why_there_are_no_pixels(app: ViewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMUX", "x")
    async with opened(app) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: "▀▀▀▀" in said(app))

        assert "half blocks: tmux passes no pixels on" in said(app)


@in_loop
async def test_pixels_are_sent_once_and_taken_away_when_left(app: ViewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setenv("RFTUI_IMAGES", "kitty")
    monkeypatch.setattr(pixels, "IDENTITIES", {app.console.color_system: 196})
    monkeypatch.setattr("rftui.widgets.image.send", lambda _, data: sent.append(data))
    async with opened(app) as pilot:
        await pilot.press("i")
        await until(pilot, lambda: len(sent) == 1)
        assert sent[0].startswith("\x1b_Ga=T,U=1,q=2,f=100,") and "pixels by kitty" in said(app)
        assert "\U0010eeee" in said(app)

        app.view.image.refresh()
        await pilot.press("y")
        await pilot.pause()
        assert len(sent) == 1

        await pilot.press("escape")
        await until(pilot, lambda: "▀▀▀▀" in said(app))
        assert sent[1:] == ["\x1b_Ga=d,d=I,q=2,i=196\x1b\\"]


@in_loop
async def test_a_count_tells_what_it_has_while_it_goes_on(app: ViewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rftui.widgets.rollout_reader.TELL_EVERY_S", 0.0)
    query = parse_query("thought")
    async with opened(app) as pilot:
        told: list[tuple[dict[int, int], bool]] = []
        taken = app.view.browser.take_hits

        def take(hits: dict[int, int], query: RolloutQuery, *, is_counted: bool) -> int | None:
            told.append((hits, is_counted))
            return taken(hits, query, is_counted=is_counted)

        monkeypatch.setattr(app.view.browser, "take_hits", take)
        await pilot.press("slash", *query.text, "enter")
        await until(pilot, lambda: bool(told) and told[-1][1])

    assert [list(hits) for hits, _ in told] == [[3], [3, 2], [3, 2, 1], [3, 2, 1]]
    assert [is_counted for _, is_counted in told] == [False, False, False, True]
