"""Takes fields out of journal records as the types that the databases hold; what does not fit raises."""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any

from store.journal import decode_number

UNUSABLE = (
    KeyError,
    TypeError,
    ValueError,
    AttributeError,
    OverflowError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
)
"""What a record raises that has our form and not our fields."""
LARGEST = (1 << 63) - 1
"""SQLite's integers have 64 bits; Python's have no end."""


def whole(value: Any) -> int:
    """A number that counts something: not negative, and small enough for SQLite."""
    number = int(value)
    if not 0 <= number <= LARGEST:
        raise ValueError(f"{number} is no count that a database holds")
    return number


def optional_whole(value: Any) -> int | None:
    """A count, or None."""
    return None if value is None else whole(value)


def finite(value: Any) -> float:
    """A number that is neither NaN nor infinite."""
    number = decode_number(value)
    if number is None or not math.isfinite(number):
        raise ValueError(f"{value!r} is no finite number")
    return number


def optional_finite(value: Any) -> float | None:
    """A finite number; None for anything else that is a number, and for None."""
    number = decode_number(value)
    return number if number is not None and math.isfinite(number) else None


def text(value: Any) -> str:
    """Text that SQLite takes: lone surrogates, which UTF-8 lacks, become escapes."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def optional_text(value: Any) -> str | None:
    """Text, or None."""
    return None if value is None else text(value)


def as_json(value: Any) -> str:
    """A nested value as JSON text that SQLite takes."""
    return text(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
