"""The home that a command reads: one that was named and is not there is an error, and no home without runs."""

from __future__ import annotations

import os
from pathlib import Path

from store.layout import Home, resolve_home


def home_to_read(option: Path | None) -> Home:
    """The home that `option`, --home before the command, or $RFTUI_HOME means, else the default one.

    Raises NotFound where a home was named and is no directory; the default one need not be there yet.
    """
    home = resolve_home(option)
    if not (option or os.environ.get("RFTUI_HOME")) or home.path.is_dir():
        return home
    # only an error pays for it
    from rftui.errors import NotFound

    named = "--home" if option is not None or _named_before_command else "$RFTUI_HOME"
    is_there = home.path.exists()
    raise NotFound(
        f"the home {home.path} is {'not a directory' if is_there else 'not there'}; {named} names it",
        found="a file" if is_there else "no such directory",
        expected="a directory of runs, as `rftui launch` makes it",
        fix=f"name another with --home, or leave {named} out for the default home",
    )


def remember_named(option: Path | None) -> None:
    """Takes in the --home before the command: it goes on in the environment, and an error should say --home."""
    global _named_before_command
    _named_before_command = option is not None


_named_before_command = False
