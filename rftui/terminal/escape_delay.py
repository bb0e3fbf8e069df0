"""How long the dashboard waits after an escape for the rest of a sequence; said before Textual is imported."""

from __future__ import annotations

import os

ESCAPE_DELAY_MS = 25
"""Textual's own 100 ms read an escape and a quick next key as one key with alt; a sequence comes in one packet."""


def shorten_escape_delay() -> None:
    """Sets `ESCDELAY`, in milliseconds, unless the user did. Textual reads it once, as it is imported."""
    os.environ.setdefault("ESCDELAY", str(ESCAPE_DELAY_MS))
