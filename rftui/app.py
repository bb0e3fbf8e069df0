"""`rftui` alone on a terminal: the dashboard. It reads the store and never touches a run by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from rich.console import RenderableType
from textual.actions import ActionParseResult
from textual.app import App
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.driver import Driver
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen
from textual.theme import BUILTIN_THEMES

from rftui.actions import CHANGES, bindings
from rftui.cli.output import is_ascii, narrate
from rftui.key_names import key_name
from rftui.screens.help_screen import HelpScreen
from rftui.screens.run_list import RunListScreen
from rftui.studies.controls import StudyControls
from rftui.terminal.clean import one_line
from rftui.terminal.dashboard_log import crash_sentence, log_crash, start_log
from rftui.terminal.driver import TerminalDriver, WayOut, ending_signals
from rftui.terminal.screen_filters import InAscii, OnlyVisible, WithoutColour
from rftui.terminal.spare_time import SpareTime, leave_garbage_to_rests
from rftui.terminal.themes import first_theme, named_colours, theme_variables, themes
from rftui.terminal.tight_updates import tightened
from rftui.user_keys import UserKeys, read_user_keys
from rftui.view_memory import recall, remember
from store.errors import StoreError
from store.layout import Home
from store.runs import RunSummary, find_run, open_catalogue

if TYPE_CHECKING:
    from rftui.screens.run_screen import RunScreen

logger = logging.getLogger(__name__)

LIST = "list"
"""Name of the list of runs among the screens."""
LAST_RUN = "last run"
"""Under which the run that was looked at last is remembered, with its tab."""
THEME = "theme"
"""Under which the theme is remembered."""
AGAIN_S = 2.0
"""A second ctrl+c within so many seconds leaves."""

# Textual registers its themes while an app is made, and reads the style sheet then: ours have to be among them
BUILTIN_THEMES.update({theme.name: theme for theme in themes()})


class RunListApp(SpareTime, StudyControls, inherit_bindings=False):
    """The dashboard: the live list of runs, and one run in its place."""

    TITLE = "rftui"
    # the palette is one action of our table, which the footer would else name twice
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    CSS = """
    *:nocolor .option-list--option-highlighted, *:nocolor .datatable--cursor, *:nocolor .span--cursor,
    *:nocolor .input--selection { text-style: reverse; }
    """

    class LastRunRead(Message):
        """The run that was looked at last, or why it cannot be shown."""

        def __init__(self, found: RunSummary | str) -> None:
            super().__init__()
            self.found = found

    def __init__(
        self,
        home: Home,
        *,
        keys: UserKeys | None = None,
        on_leaving: Callable[[int], None] | None = None,
        driver_class: type[Driver] | None = None,
    ) -> None:
        self.home = home
        self.user_keys = keys or UserKeys({})
        self.crash: Exception | None = None
        """The error that ended the dashboard."""
        self._last_filters: list[LineFilter] = [OnlyVisible()]
        self._on_leaving = on_leaving
        self._loop_of_events: asyncio.AbstractEventLoop | None = None
        self._left_by: int | None = None
        self._run_screen: RunScreen | None = None
        self._interrupted_at = -AGAIN_S
        # before the base class reads it for the style sheet, which would else be made twice before the first frame
        self.set_reactive(App.theme, first_theme_of_user())
        self.set_reactive(App.ansi_theme_dark, named_colours(is_dark=True))
        self.set_reactive(App.ansi_theme_light, named_colours(is_dark=False))
        super().__init__(driver_class=driver_class)
        # an empty NO_COLOR means nothing, says https://no-color.org
        self.no_color = bool(os.environ.get("NO_COLOR"))
        self.is_ascii = is_ascii()
        if self.no_color:
            self._last_filters.append(WithoutColour())
        if self.is_ascii:
            self._last_filters.append(InAscii())
        self.set_keymap(self.user_keys.keymap)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing that changes a run is offered; screens and panes know it as `home.is_read_only`."""
        return self.home.is_read_only

    def on_mount(self) -> None:
        """Opens the list, with a word about keys that the user cannot have."""
        self._loop_of_events = asyncio.get_running_loop()
        self.install_screen(RunListScreen(self.home), LIST)
        self.push_screen(LIST)
        for problem in self.user_keys.problems:
            self.notify(problem, title="keys", severity="warning", timeout=10, markup=False)
        if self._left_by is not None:
            self._leave()

    # what is shown

    def open_run(self, summary: RunSummary, *, tab: str | None = None) -> None:
        """Shows a run in the place of the list: a screen that lies below another is drawn again and again."""
        # its tabs cost 0.2 s to import, and the first frame should not wait for them
        from rftui.screens.run_screen import RunScreen

        self._remember_run()
        last = last_run(self.home)
        if tab is None and last is not None and last.name == summary.name:
            tab = last.tab
        self._run_screen = RunScreen(self.home, summary, first=tab)
        self.study_behind = None
        self.switch_screen(self._run_screen)

    def action_last_run(self) -> None:
        """Opens the run that was looked at last, at its tab."""
        last = last_run(self.home)
        if last is None:
            self.notify("no run was opened yet: enter opens the one under the cursor", markup=False)
            return
        self.run_worker(partial(self._read_run, last.name), thread=True, group="last run", exit_on_error=False)

    def _read_run(self, name: str) -> None:
        try:
            with closing(open_catalogue(self.home)) as connection:
                found: RunSummary | str = find_run(connection, name)
        except (OSError, StoreError, sqlite3.Error) as error:
            # the boundary of the read: the run may be gone, and the list is still there
            found = f"the last run cannot be opened: {one_line(error)}"
        self.post_message(self.LastRunRead(found))

    def on_run_list_app_last_run_read(self, event: LastRunRead) -> None:
        """Shows the run, or why not."""
        if isinstance(event.found, str):
            self.notify(event.found, severity="warning", markup=False)
        else:
            self.open_run(event.found)

    def _remember_run(self) -> None:
        """Keeps the run in sight and its tab: the dashboard opens on the list, and the run is one key away.

        It opens on the list, since that is where what happened meanwhile is seen; a run that opened by itself would
        hide that another one failed over night.
        """
        screen = self._run_screen
        if screen is not None and screen in self.screen_stack:
            remember(self.home, LAST_RUN, {"name": screen.summary.name, "tab": screen.shown})

    def on_run_list_screen_opened(self, event: RunListScreen.Opened) -> None:
        """A run was chosen."""
        self.open_run(event.summary)

    def open_list(self) -> None:
        """Shows the list, as it was."""
        self.switch_screen(LIST)
        self.collect_later()

    def on_run_screen_left(self) -> None:
        """Back to the list, or to the study that the run was opened from."""
        self._remember_run()
        self.leave_run()

    def on_run_list_screen_compare(self, event: RunListScreen.Compare) -> None:
        """Runs were chosen to be seen side by side."""
        # comparing is asked for seldom, and the first frame should not wait for it
        from rftui.screens.compare_screen import CompareScreen

        self.switch_screen(CompareScreen(self.home, event.names, event.pinned))

    def on_compare_screen_left(self) -> None:
        """Back to the list."""
        self.open_list()

    def action_help(self) -> None:
        """Every key."""
        if not isinstance(self.screen, HelpScreen):
            ids = [active.binding.id or "" for active in self.screen.active_bindings.values()]
            self.push_screen(HelpScreen({name.partition(".")[0] for name in ids}, self.user_keys.keymap))

    def action_command_palette(self) -> None:
        """Everything that works here, by name."""
        # the palette is opened seldom, and the first frame should not wait for it
        from rftui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette())

    def choose_theme(self, name: str) -> None:
        """Shows another theme, and remembers it for the user."""
        self.theme = name
        remember(None, THEME, name)

    # what goes to the terminal

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Hues of series and states, for every theme."""
        return theme_variables(self.current_theme)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """What Textual does to lines, then what this terminal cannot have taken out."""
        own = [] if self.no_color else super().get_line_filters()
        return [*own, *self._last_filters]

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, tightened(renderable))

    def get_key_display(self, binding: Binding) -> str:
        """Keys in the footer are called as in the help."""
        return binding.key_display or key_name(binding.key)

    # what is refused

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Does what a key means, but for what would change a run in a dashboard that only reads."""
        if self.is_read_only and action in CHANGES:
            self.notify("read-only: start rftui without --read-only to change runs", severity="warning", markup=False)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    # leaving

    def exit(self, result: None = None, return_code: int = 0, message: RenderableType | None = None) -> None:
        """Leaves; from here on an end that takes long is made short."""
        if self._on_leaving is not None:
            self._on_leaving(return_code)
        self._remember_run()
        super().exit(result, return_code, message)

    def leave_by_signal(self, number: int) -> None:
        """Leaves because the process was told to; may be called at any moment, also before there is a screen."""
        self._left_by = number
        if self._on_leaving is not None:
            self._on_leaving(128 + number)
        if self._loop_of_events is not None:
            self._loop_of_events.call_soon_threadsafe(self._leave)

    def _leave(self) -> None:
        self.exit(return_code=128 + (self._left_by or 0))

    def action_interrupt(self) -> None:
        """Copies what is selected; else leaves when it comes twice, since one may be a habit."""
        if selected := self.screen.get_selected_text():
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
        elif time.monotonic() - self._interrupted_at < AGAIN_S:
            self.exit()
        else:
            self._interrupted_at = time.monotonic()
            self.notify("ctrl+c again leaves; runs go on", timeout=AGAIN_S, markup=False)

    def panic(self, *renderables: RenderableType) -> None:
        """Ends without Textual's own words, which show the values of variables, and those hold foreign text."""
        if self.crash is None:
            logger.warning("the terminal cannot be read any more; the dashboard ends")
            self._return_code = 128 + signal.SIGHUP
        self._close_messages_no_wait()

    def _fatal_error(self) -> None:
        self._close_messages_no_wait()

    def _handle_exception(self, error: Exception) -> None:
        """Every error that nobody caught comes here; the terminal is given back, and the log has the traceback."""
        self.crash = self.crash or error
        log_crash(error)
        super()._handle_exception(error)


class LastRun(NamedTuple):
    """What was looked at last in a home."""

    name: str
    tab: str


def last_run(home: Home) -> LastRun | None:
    """The run that was looked at last; None where there is none, or what is remembered has another form."""
    kept = recall(home, LAST_RUN)
    if not isinstance(kept, dict) or not isinstance(kept.get("name"), str) or not isinstance(kept.get("tab"), str):
        return None
    return LastRun(kept["name"], kept["tab"])


def first_theme_of_user() -> str:
    """The theme to start with: the environment's, else the one last chosen, else the one that fits the terminal."""
    for chosen in (os.environ.get("TEXTUAL_THEME"), recall(None, THEME)):
        if isinstance(chosen, str) and chosen in BUILTIN_THEMES:
            return chosen
    return first_theme()


def open_app(home: Home) -> None:
    """Runs the dashboard until the user quits. Runs go on. Raises SystemExit where it was ended otherwise."""
    log = start_log()
    way_out = WayOut()
    # a browser is driven by Textual's own driver, which it names in the environment
    driver = None if os.environ.get("TEXTUAL_DRIVER") else TerminalDriver
    app = RunListApp(home, keys=read_user_keys(), on_leaving=way_out.open, driver_class=driver)
    leave_garbage_to_rests()
    with ending_signals(app.leave_by_signal):
        app.run()
    if app.crash is not None:
        narrate(crash_sentence(app.crash, log))
    if app.return_code:
        raise SystemExit(app.return_code)
