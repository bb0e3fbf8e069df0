"""Every key of the rollouts view does what it says, on real databases and without sleeping."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import Static, TabbedContent, TabPane
from textual.worker import WorkerCancelled

from rftui.terminal.clean import clean
from rftui.widgets.rollout_reader import POLL_S
from rftui.widgets.rollouts_view import RolloutsView
from store.layout import Home
from tests.rollout_rows import HOSTILE, MISSING, RED, RUN, add_steps, make_home, step_record
from tests.store_runs import append, group
from tests.test_rftui_rollout_text import STEERING

WIDE, NARROW = (120, 36), (80, 24)
MOST_PAUSES = 400


def in_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """The test as one that pytest can call."""

    @functools.wraps(test)
    def run(*args: Any, **fixtures: Any) -> None:
        asyncio.run(test(*args, **fixtures))

    return run


class ViewApp(App[None]):
    """The view alone."""

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.view = RolloutsView(home, RUN)
        self.copied = ""

    def compose(self) -> ComposeResult:
        """The view."""
        yield self.view

    def on_mount(self) -> None:
        """Gives it the keyboard, unless another tab is in front."""
        if not self.query(TabbedContent):
            self.view.focus()

    def copy_to_clipboard(self, text: str) -> None:
        """Keeps what a terminal would."""
        self.copied = text


class TabbedApp(ViewApp):
    """The view behind a tab."""

    def compose(self) -> ComposeResult:
        """Another tab first."""
        with TabbedContent(initial="other"):
            with TabPane("other", id="other"):
                yield Static("nothing")
            with TabPane("rollouts", id="rollouts"):
                yield self.view


@contextlib.asynccontextmanager
async def opened(app: ViewApp, *, size: tuple[int, int] = WIDE) -> AsyncIterator[Pilot[None]]:
    """The app with its newest step shown."""
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: bool(app.view.completions.page.rollouts))
        yield pilot


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Waits for workers until something is so."""
    for _ in range(MOST_PAUSES):
        # a read that a later one replaces is cancelled, which is as good as complete
        with contextlib.suppress(WorkerCancelled):
            await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"never so; the view says {said(pilot.app)}")


def said(app: App[None]) -> str:
    """What every pane of the view shows, line by line."""
    assert isinstance(app, ViewApp)
    view = app.view
    panes = [view.head, view.groups, view.history, view.bookmarks, view.image, view.completions]
    return "\n".join(pane.render_line(y).text for pane in panes if pane.display for y in range(pane.size.height))


def shown(app: ViewApp) -> tuple[int | None, int]:
    """The step and the number of the group whose completions are shown."""
    return app.view.browser.step, app.view.completions.page.rollouts[0].group


def shown_or_none(app: ViewApp) -> tuple[int | None, int] | None:
    """What is shown, once anything is."""
    return shown(app) if app.view.completions.page.rollouts else None


@pytest.fixture
def app(tmp_path: Path) -> ViewApp:
    """Three steps of three groups of four completions."""
    return ViewApp(make_home(tmp_path))


@pytest.mark.parametrize("size", [WIDE, NARROW, (200, 50)])
@in_loop
async def test_the_newest_step_is_shown_with_its_groups_image_and_completions(
    app: ViewApp, size: tuple[int, int]
) -> None:
    async with opened(app, size=size) as pilot:
        await until(pilot, lambda: app.view.image.picture.columns > 0)

        text = said(app)

    assert "step ◀ 3 ▶ /3  groups 3: frontier 1, solved 1, all wrong 1; dead 2" in text
    assert "0001 ▇▇▇▇▁▁▁▁ 2/4" in text and "image 28x28 = 1 tokens" in text and "▀▀▀▀" in text
    assert "Where is it?" in text and "gold left" in text and "#0 ✓" in text


@pytest.mark.parametrize(
    ("keys", "step"),
    [
        (["left"], 2),
        (["h", "h"], 1),
        (["h", "right"], 3),
        (["h", "l"], 3),
        (["home"], 1),
        (["home", "end"], 3),
        (["right"], 3),
        (["number_sign", "2", "enter"], 2),
        (["number_sign", "9", "9", "enter"], 3),
    ],
)
@in_loop
async def test_keys_go_to_steps(app: ViewApp, keys: list[str], step: int) -> None:
    async with opened(app) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: app.view.completions.page.rollouts[0].step == step)

        assert app.view.browser.step == step


@pytest.mark.parametrize(
    ("keys", "group"),
    [
        (["j"], 1),
        (["down", "down"], 2),
        (["n"], 1),
        (["n", "n", "p"], 1),
        (["n", "N"], 0),
        (["j", "k"], 0),
        (["G"], 2),
        (["G", "g"], 0),
        (["pagedown"], 2),
        (["pagedown", "pageup"], 0),
        (["G", "up"], 1),
    ],
)
@in_loop
async def test_keys_go_to_groups(app: ViewApp, keys: list[str], group: int) -> None:
    async with opened(app) as pilot:
        await pilot.press(*keys)
        await until(pilot, lambda: shown(app) == (3, group))

        assert app.view.groups.cursor == group


@in_loop
async def test_e_and_x_unfold_and_fold_all_and_groups_after_them(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("e")
        assert said(app).count("▾ think") == 4

        await pilot.press("n")
        await until(pilot, lambda: shown(app)[1] == 1)
        assert said(app).count("▾") == 4

        await pilot.press("x")
        assert "▾" not in said(app)


@in_loop
async def test_enter_goes_to_the_completions_and_reads_the_group_no_second_time(
    app: ViewApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(app) as pilot:
        opens: list[int] = []
        monkeypatch.setattr(app.view, "_open_group", lambda: opens.append(app.view.groups.cursor))

        await pilot.press("down", "enter")
        await until(pilot, lambda: app.focused is app.view.completions)

        assert opens == [1]
        assert not app.view.browser.follows


@pytest.mark.parametrize("key", ["enter", "space"])
@in_loop
async def test_one_completion_is_unfolded_and_folded(app: ViewApp, key: str) -> None:
    async with opened(app) as pilot:
        await pilot.press("enter", "j", key)

        assert app.focused is app.view.completions
        assert [app.view.completions.layout_lines.is_open(index) for index in range(4)] == [False, True, False, False]

        await pilot.press(key)
        assert not app.view.completions.layout_lines.open_samples


@pytest.mark.parametrize(
    ("keys", "current"),
    [(["j"], 1), (["down", "k"], 0), (["G"], 3), (["G", "g"], 0), (["pagedown"], 3), (["G", "pageup"], 0), (["up"], 0)],
)
@in_loop
async def test_keys_go_to_completions(app: ViewApp, keys: list[str], current: int) -> None:
    async with opened(app, size=NARROW) as pilot:
        await pilot.press("enter", "e", *keys)

        place = app.view.completions.layout_lines.place(app.view.completions.current)
        assert app.view.completions.current == current
        assert place.bottom > app.view.completions.scroll_offset.y


@in_loop
async def test_a_completion_longer_than_the_pane_is_scrolled_through(tmp_path: Path) -> None:
    record = step_record(1, 0, right=4)
    record["samples"][0]["think"] = "\n".join(f"line {number}" for number in range(60))
    home = make_home(tmp_path, steps=())
    append(home.run(RUN).journal(0, 1), record)
    app = ViewApp(home)
    async with opened(app, size=NARROW) as pilot:
        completions = app.view.completions
        await pilot.press("enter", "enter", *["j"] * 12)
        assert completions.current == 0 and completions.scroll_offset.y > 30

        await pilot.press(*["j"] * 15)
        assert completions.current > 0

        await pilot.press(*["k"] * 60)
        assert completions.current == 0 and completions.scroll_offset.y == 0


@in_loop
async def test_s_sorts_and_capital_s_turns_round(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("s")
        assert [group.number for group in app.view.browser.groups] == [2, 1, 0] and "sort pass rate ↑" in said(app)

        await pilot.press("r")
        assert [group.number for group in app.view.browser.groups] == [0, 1, 2] and "sort pass rate ↓" in said(app)
        assert app.view.groups.cursor == 0

        await pilot.press("G", "r")
        assert app.view.groups.cursor == 0, "a group that was moved to stays selected"


@pytest.mark.parametrize("key", ["slash", "f"])
@in_loop
async def test_a_query_leaves_found_groups_marks_words_and_goes_round_steps(app: ViewApp, key: str) -> None:
    async with opened(app) as pilot:
        await pilot.press(key, *"never clipped:yes", "enter")
        await until(pilot, lambda: "6 found in 3 steps, 2 here" in said(app))

        assert [group.number for group in app.view.browser.groups] == [1, 2]
        assert app.view.completions.page.found == {3} and app.view.completions.current == 3

        await pilot.press("n", "n")
        await until(pilot, lambda: shown(app) == (1, 1))
        await pilot.press("N")
        await until(pilot, lambda: shown(app) == (3, 2))


@in_loop
async def test_a_query_goes_where_it_finds_something_and_escape_ends_it(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("slash", *'"of step 1"', "enter")
        await until(pilot, lambda: shown(app)[0] == 1)

        await pilot.press("escape")
        await until(pilot, lambda: not app.view.browser.is_searched and len(app.view.browser.groups) == 3)
        assert app.view.browser.step == 1


@in_loop
async def test_a_query_that_finds_nothing_says_so(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("slash", *"elephant", "enter")
        await until(pilot, lambda: "0 found in 0 steps" in said(app))

        assert "nothing found at this step" in said(app) and not app.view.completions.page.rollouts


@in_loop
async def test_a_wrong_query_is_explained_and_can_be_mended(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("slash", *"rewrad<1", "enter")
        assert "did you mean reward?" in said(app)
        assert app.view.ask.has_focus

        await pilot.press("escape")
        assert "did you mean" not in said(app) and app.focused is app.view.groups


@in_loop
async def test_what_is_no_step_is_said(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("number_sign", "x", "enter")

        assert "x is no number of a step" in said(app)


@in_loop
async def test_t_lists_the_steps_of_the_prompt_and_enter_goes_there(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: shown(app) == (3, 1))
        await pilot.press("t")
        assert "     3 ● ▇▇▇▇▁▁▁▁ 2/4" in said(app) and app.focused is app.view.history

        await pilot.press("k", "enter")
        await until(pilot, lambda: shown(app) == (2, 1))
        assert "     2 ● " in said(app)

        await pilot.press("t")
        assert app.focused is app.view.groups and app.view.groups.cursor == 1


@in_loop
async def test_a_query_from_the_steps_of_a_prompt_shows_the_groups(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await pilot.press("t", "slash", *"group:1", "enter")
        await until(pilot, lambda: shown(app) == (3, 1))

        assert app.view.groups.display and app.view.groups.has_focus


@in_loop
async def test_i_makes_the_image_large_and_escape_small_again(app: ViewApp) -> None:
    async with opened(app) as pilot:
        await until(pilot, lambda: app.view.image.picture.columns > 0)
        before = app.view.image.picture.columns
        await pilot.press("i")
        await until(pilot, lambda: app.view.image.picture.columns > before)

        await pilot.press("escape")
        await until(pilot, lambda: app.view.image.picture.columns == before)
        assert app.focused is app.view.groups and app.view.completions.display


@in_loop
async def test_capital_i_shows_the_next_of_several_images(tmp_path: Path) -> None:
    images = [{"hash": digest, "width": 28, "height": 28, "tokens": 1} for digest in (RED, MISSING)]
    app = ViewApp(make_home(tmp_path, images=images))
    async with opened(app) as pilot:
        await until(pilot, lambda: "image 1 of 2" in said(app) and app.view.image.picture.columns > 0)
        await pilot.press("I")
        await until(pilot, lambda: "image 2 of 2" in said(app) and "media folder" in said(app))


@in_loop
async def test_an_image_is_read_once_and_not_drawn_again_while_completions_scroll(app: ViewApp) -> None:
    async with opened(app, size=NARROW) as pilot:
        await until(pilot, lambda: app.view.image.picture.columns > 0)
        drawn = 0
        render = app.view.image.render_line

        def counted(y: int) -> object:
            nonlocal drawn
            drawn += 1
            return render(y)

        app.view.image.render_line = counted  # type: ignore[method-assign, assignment]
        await pilot.press("enter", "e", "j", "j", "pagedown", "G", "g")
        await pilot.pause()

    assert drawn == 0


@in_loop
async def test_a_missing_image_and_none_are_said(tmp_path: Path) -> None:
    app = ViewApp(make_home(tmp_path))
    async with opened(app) as pilot:
        await pilot.press("n")
        await until(pilot, lambda: "not in the run's media" in " ".join(said(app).split()))

    without = ViewApp(make_home(tmp_path / "without", images=[]))
    async with opened(without) as pilot:
        await until(pilot, lambda: "this prompt has no image" in said(without))


@in_loop
async def test_an_image_that_is_being_read_is_not_said_to_be_missing(app: ViewApp) -> None:
    async with opened(app):
        images = app.view.image.images
        app.view.image.show_images(())
        assert "this prompt has no image" in said(app)

        app.view.image.show_images(images)
        assert "this prompt has no image" not in said(app)


@in_loop
async def test_y_copies_the_current_completion_without_what_steers_a_terminal(tmp_path: Path) -> None:
    app = ViewApp(make_home(tmp_path))
    async with opened(app) as pilot:
        completions = app.view.completions
        await pilot.press("enter", "j", "y")
        assert app.copied == completions.page.rollouts[1].completion

        hostile = completions.page.rollouts[1]._replace(completion="a\n\x1b]0;x\x07b")
        completions.page = completions.page._replace(rollouts=(hostile, hostile))
        await pilot.press("y")
        assert app.copied == "a\nb"


@in_loop
async def test_y_without_a_completion_copies_nothing(tmp_path: Path) -> None:
    app = ViewApp(make_home(tmp_path, steps=()))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "no rollouts yet" in said(app))
        await pilot.press("y", "j", "e", "x", "enter", "space", "left", "end", "n", "s", "r", "t", "t", "i", "i", "I")

        assert app.copied == ""


@in_loop
async def test_escape_goes_to_the_holder_where_nothing_is_open(app: ViewApp) -> None:
    async with opened(app) as pilot:
        assert app.view.check_action("back", ()) is False

        await pilot.press("enter")
        assert app.view.check_action("back", ()) is True
        await pilot.press("escape")
        assert app.focused is app.view.groups


@in_loop
async def test_new_steps_are_followed_until_the_user_moves(app: ViewApp) -> None:
    async with opened(app) as pilot:
        add_steps(app.view.home, 4)
        await until(pilot, lambda: shown(app)[0] == 4)
        assert "following" in said(app)

        await pilot.press("j")
        await until(pilot, lambda: shown(app) == (4, 1))
        add_steps(app.view.home, 5, 6)
        await until(pilot, lambda: "+2 new (end)" in said(app))
        assert shown(app) == (4, 1)

        await pilot.press("end")
        await until(pilot, lambda: shown(app)[0] == 6 and "following" in said(app))


@in_loop
async def test_rollouts_that_appear_after_the_view_are_shown(tmp_path: Path) -> None:
    app = ViewApp(make_home(tmp_path, steps=()))
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "no rollouts yet" in said(app))
        add_steps(app.view.home, 1)
        await until(pilot, lambda: "step ◀ 1 ▶ /1" in said(app))


@in_loop
async def test_show_step_opens_a_step_before_and_after_the_first_read(app: ViewApp) -> None:
    app.view.show_step(1)
    async with opened(app) as pilot:
        assert app.view.browser.step == 1

        app.view.show_step(2)
        await until(pilot, lambda: shown(app)[0] == 2)


@in_loop
async def test_a_view_that_nobody_sees_reads_nothing(tmp_path: Path) -> None:
    app = TabbedApp(make_home(tmp_path))
    async with app.run_test(size=WIDE) as pilot:
        app.view.show_step(2)
        await pilot.pause(2 * POLL_S)
        assert not app.view.is_looked_at and not app.view.browser.steps

        app.query_one(TabbedContent).active = "rollouts"
        await until(pilot, lambda: shown_or_none(app) == (2, 0))


@in_loop
async def test_a_database_that_cannot_be_read_is_said_and_the_app_lives(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.rollouts(RUN).write_bytes(b"no database" * 1000)
    app = ViewApp(home)
    async with app.run_test(size=WIDE) as pilot:
        await until(pilot, lambda: "the rollouts cannot be read" in said(app))
        await pilot.press("j", "left")

        assert app.is_running


@pytest.mark.parametrize("size", [WIDE, NARROW])
@in_loop
async def test_hostile_text_is_drawn_as_text(tmp_path: Path, size: tuple[int, int]) -> None:
    text = "".join(HOSTILE)
    record = group(1, texts=[f"<think>{each}</think><answer>{each}</answer>" for each in HOSTILE])
    record.update(question=text, gold=text, options=[text, text], kind=text, uid=text)
    for sample, each in zip(record["samples"], HOSTILE, strict=True):
        sample.update(think=each, answer=each, stop=each, rewards={each: 1.0, "accuracy": 0.0}, errors={each: each})
    home = make_home(tmp_path, steps=())
    append(home.run(RUN).journal(0, 1), record)
    app = ViewApp(home)
    async with opened(app, size=size) as pilot:
        await pilot.press("slash", *"[/b]", "enter")
        await until(pilot, lambda: "1 found" in said(app))
        await pilot.press("e", "enter", "G", "y", "t", "t", "s")
        await until(pilot, lambda: app.copied != "")

        lines = said(app).split("\n")

    assert not any(STEERING.search(line) for line in lines)
    assert app.copied == clean(record["samples"][-1]["completion"])


@in_loop
async def test_every_line_fills_its_pane_exactly(app: ViewApp) -> None:
    async with opened(app, size=NARROW) as pilot:
        await pilot.press("e")
        panes = [app.view.head, app.view.groups, app.view.image, app.view.completions]

        assert all(
            pane.render_line(y).cell_length == pane.size.width for pane in panes for y in range(pane.size.height)
        )


@in_loop
async def test_an_ascii_terminal_gets_ascii(app: ViewApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFTUI_ASCII", "1")
    async with opened(app) as pilot:
        await until(pilot, lambda: app.view.image.picture.columns > 0)

        assert said(app).isascii()
