"""The one boundary for foreign text: model output, logs, data, names. What comes out cannot steer a terminal.

Rich and Textual pass control sequences through even with markup off, so everything that was not written by rftui
itself goes through `clean` (or `one_line`) before it is printed or drawn.
"""

from __future__ import annotations

import re

# 7-bit ESC forms and their 8-bit C1 twins. A string sequence (OSC, DCS, SOS, PM, APC) ends at BEL or ST; one that
# never ends loses only its introducer, so that a log cut in the middle keeps its text.
_SEQUENCES = re.compile(
    r"""
      (?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f]) [^\x07\x1b\x9c]{0,4096} (?:\x07|\x1b\\|\x9c)
    | (?:\x1b\[|\x9b) [0-?]* [ -/]* [@-~]
    | \x1b [ -/]* [0-~]
    """,
    re.VERBOSE,
)
# C0 but tab and newline, DEL, C1; bidirectional marks, embeddings, overrides and isolates; lone surrogates.
_UNSAFE_CHARACTERS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\s\u2028\u2029]+")


def clean(text: object) -> str:
    """`text` without control sequences, control characters but newline and tab, and bidirectional overrides."""
    foreign = str(text)
    if not _UNSAFE_CHARACTERS.search(foreign):
        return foreign
    return _UNSAFE_CHARACTERS.sub("", _SEQUENCES.sub("", foreign))


def one_line(text: object, *, width: int | None = None) -> str:
    """Clean text with every run of white space as one space, cut to `width` characters with an ellipsis."""
    line = _BREAKS.sub(" ", clean(text)).strip()
    if width is not None and len(line) > width:
        return line[: max(0, width - 1)] + "…"
    return line


def log_line(text: str) -> str:
    """A line of a log as a terminal would have left it: what follows the last carriage return, cleaned."""
    return clean(text.rstrip("\r\n").rpartition("\r")[2])
