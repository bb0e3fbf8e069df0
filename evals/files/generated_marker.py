"""A file that says of written data that it is generated, so that no reader of real data takes it for a benchmark."""

from __future__ import annotations

from typing import Any

import orjson

MARKER = "GENERATED.json"
"""Its name, beside the lists of the data."""


def marker_content(facts: dict[str, Any]) -> bytes:
    """The file's content: what made the data, and with which settings."""
    return orjson.dumps({"generated_by": "rftui", **facts}, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def marker_sentence(content: bytes) -> str:
    """`variants 12, seed 0`: the settings in a marker; empty where it was cut off, which makes no data real."""
    try:
        facts = orjson.loads(content)
    except ValueError:
        return ""
    if not isinstance(facts, dict):
        return ""
    return ", ".join(f"{name} {value}" for name, value in facts.items() if isinstance(value, int | float))
