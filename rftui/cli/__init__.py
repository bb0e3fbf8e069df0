"""The command line. `main` is the console script; nothing heavy is imported before a command needs it."""

from __future__ import annotations

import os
import sys

from rftui.terminal.escape_delay import shorten_escape_delay

INTERRUPTED = 130
_MEANT_FOR_TYPER = ("RFTUI_READ_ONLY", "_RFTUI_COMPLETE", "TEXTUAL_DRIVER")
"""Variables that ask for more than the dashboard of a terminal."""


def main() -> None:
    """The console script. `rftui` alone on a terminal is the dashboard, which waits for no command to be known."""
    is_alone = len(sys.argv) == 1 and not any(name in os.environ for name in _MEANT_FOR_TYPER)
    if is_alone and sys.stdin.isatty() and sys.stdout.isatty():
        _open_dashboard()
        return
    # typer and the commands cost 0.1 s
    from rftui.cli.root import main as run

    run()


def _open_dashboard() -> None:
    try:
        shorten_escape_delay()
        # textual costs 0.4 s; no command needs it
        from rftui.app import open_app
        from store.layout import resolve_home

        open_app(resolve_home(None))
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
