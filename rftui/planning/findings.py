"""One thing that preflight or doctor says, with its fix."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """The launch stops."""
    WARNING = "warning"
    """The launch goes on, and this should be read."""
    FACT = "fact"
    """What the settings mean."""


class Finding(NamedTuple):
    """One thing that preflight says."""

    level: Level
    check: str
    found: str
    expected: str = ""
    fix: str = ""
