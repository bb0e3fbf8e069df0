"""Finds out once what the terminal of the application can show, and sends it pixels."""

from __future__ import annotations

import os
import termios
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App, SuspendNotSupported

from rftui.terminal.graphics import USUAL_CELL, Protocol, Support, support_of
from rftui.terminal.pixel_pictures import IDENTITIES
from rftui.terminal.probe import ask_terminal, cell_pixels

_KNOWN: WeakKeyDictionary[App[Any], Support] = WeakKeyDictionary()


def support_of_app(app: App[Any]) -> Support:
    """What the terminal can show. Where its name does not tell, it is asked, once, for which the screen gives way."""
    if app not in _KNOWN:
        found = support_of(os.environ)
        if not found.is_known and not app.is_headless and not app.is_web:
            found = _ask(app)
        _KNOWN[app] = _usable(app, found)
    return _KNOWN[app]


def send(app: App[Any], data: str) -> None:
    """Writes to the terminal behind what was drawn so far."""
    # Textual has no public way to write what is no text; another file would cut into what its own thread writes
    driver = app._driver
    if driver is not None:
        driver.write(data)


def _ask(app: App[Any]) -> Support:
    found = Support(Protocol.NONE, "this terminal cannot be asked for pixels")
    try:
        with app.suspend():
            # while Textual reads, the answer would come as keys; what raises here would leave it suspended
            try:
                found = ask_terminal()
            except (OSError, termios.error) as error:
                found = found._replace(reason=f"this terminal cannot be asked: {type(error).__name__}")
    except SuspendNotSupported:
        return found
    return found


def _usable(app: App[Any], found: Support) -> Support:
    if found.protocol is Protocol.KITTY and app.console.color_system not in IDENTITIES:
        return Support(Protocol.NONE, "this terminal has too few colours")
    if found.protocol is not Protocol.NONE and found.cell == USUAL_CELL:
        return found._replace(cell=cell_pixels() or USUAL_CELL)
    return found
