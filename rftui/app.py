"""`rftui` alone on a terminal: the live list of runs. It reads the store and never touches a run."""

from __future__ import annotations

import asyncio
import signal
from typing import ClassVar

from textual.app import App
from textual.binding import BindingType

from rftui.screens.help_screen import HelpScreen
from rftui.screens.run_list import RunListScreen
from rftui.screens.run_screen import RunScreen
from store.layout import Home, resolve_home
from store.runs import RunSummary

LIST = "list"
"""Name of the list of runs among the screens."""
TERMINATED = 128 + signal.SIGTERM


class RunListApp(App[None]):
    """The live list of runs."""

    TITLE = "rftui"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = []

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home

    @property
    def is_read_only(self) -> bool:
        """Whether nothing that changes a run is offered; screens and panes know it as `home.is_read_only`."""
        return self.home.is_read_only

    def on_mount(self) -> None:
        """Opens the list, and makes signals that end the process leave the terminal as it was."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._leave)
        self.install_screen(RunListScreen(self.home), LIST)
        self.push_screen(LIST)

    def open_run(self, summary: RunSummary) -> None:
        """Shows a run in the place of the list: a screen that lies below another is drawn again and again."""
        self.switch_screen(RunScreen(self.home, summary))

    def on_run_list_screen_opened(self, event: RunListScreen.Opened) -> None:
        """A run was chosen."""
        self.open_run(event.summary)

    def on_run_screen_left(self) -> None:
        """Back to the list, as it was."""
        self.switch_screen(LIST)

    def action_help(self) -> None:
        """Every key."""
        if not isinstance(self.screen, HelpScreen):
            ids = [active.binding.id or "" for active in self.screen.active_bindings.values()]
            self.push_screen(HelpScreen({name.partition(".")[0] for name in ids}))

    def _leave(self) -> None:
        self.exit(return_code=TERMINATED)


def open_app() -> None:
    """Runs the list until the user quits. Runs go on."""
    app = RunListApp(resolve_home(None))
    app.run()
    if app.return_code:
        raise SystemExit(app.return_code)
