"""Everything the commands print: facts on stdout, narration and errors on stderr. No command prints by itself."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from rftui.terminal.clean import clean, one_line

if TYPE_CHECKING:
    from rich.console import Console


_ASCII_SIGNS = str.maketrans({"—": "-", "…": "~"})


POOR_TERMINALS = ("linux", "dumb")
"""Values of TERM of terminals whose fonts lack our signs, whatever the locale says."""
MOST_CELL = 60
"""Characters of a cell that may be cut, where no terminal says how many fit: one long one pads its column's others."""
MOST_LAST = 240
"""And of the last cell of a row, which pads nothing."""
COLUMN_GAP = 3
"""Characters between two columns of a drawn table."""


class Column(NamedTuple):
    """One column of a table."""

    title: str
    is_right: bool = False
    can_shrink: bool = False
    """Whether its text may be cut when the terminal is narrow."""


class Cell(NamedTuple):
    """Text with a colour, which is left out where there are none."""

    text: str
    style: str = ""


def is_terminal() -> bool:
    """Whether a person reads stdout."""
    return sys.stdout.isatty()


def is_ascii() -> bool:
    """Whether stdout cannot show more than ASCII, or was asked not to."""
    if os.environ.get("RFTUI_ASCII") or (os.environ.get("TERM") in POOR_TERMINALS and is_terminal()):
        return True
    # the dashboard puts a stream without an encoding in the place of stdout
    named = getattr(sys.stdout, "encoding", None) or getattr(sys.__stdout__, "encoding", None) or "ascii"
    encoding = named.lower().replace("-", "")
    return encoding not in ("utf8", "utf16", "utf32")


def console() -> Console:
    """A rich console that takes foreign text as text: no markup, no highlighting, no emoji codes."""
    # rich costs 0.1 s; plain output does without
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=False)


def say(text: str = "") -> None:
    """Lines of data on stdout."""
    print(_encodable(clean(text)))


def narrate(text: str) -> None:
    """One line of narration on stderr."""
    print(_encodable(clean(text)), file=sys.stderr)


def _encodable(text: str) -> str:
    """Text that stdout's encoding can write, with ? for the rest."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    if is_ascii():
        text = text.translate(_ASCII_SIGNS)
    return text.encode(encoding, "replace").decode(encoding)


def print_json(value: Any) -> None:
    """One JSON document on stdout. ASCII only, so that control and direction characters arrive escaped."""
    print(json.dumps(json_safe(value)), flush=True)


def json_safe(value: Any) -> Any:
    """The value with non-finite numbers as the texts NaN, Infinity and -Infinity, which JSON lacks."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(item) for item in value]
    return value


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]]) -> None:
    """A table: drawn by rich on a terminal, plain aligned text elsewhere. Cells are cleaned here."""
    cells = [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in rows]
    cleaned = [[Cell(one_line(cell.text), cell.style) for cell in row] for row in cells]
    if is_terminal():
        _print_rich_table(columns, cleaned)
        return
    for line in table_lines(columns, capped(columns, [[cell.text for cell in row] for row in cleaned])):
        say(line)


def capped(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    """The rows with cells of a bearable length, in the columns that may be cut. --json has the whole texts."""
    last = len(columns) - 1
    for row in rows:
        yield [
            one_line(text, width=MOST_CELL if place < last else MOST_LAST) if column.can_shrink else text
            for place, (column, text) in enumerate(zip(columns, row, strict=True))
        ]


def table_lines(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table as aligned plain text, titles first. Cells are cleaned here."""
    texts = [[column.title for column in columns], *[[one_line(text) for text in row] for row in rows]]
    widths = [max(len(row[place]) for row in texts) for place in range(len(columns))]
    lines = []
    for row in texts:
        aligned = [
            text.rjust(width) if column.is_right else text.ljust(width)
            for text, width, column in zip(row, widths, columns, strict=True)
        ]
        lines.append("  ".join(aligned).rstrip())
    return lines


def fitting_widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, room: int) -> list[int]:
    """A width for each column in `room` characters; 0 leaves a column out.

    Columns that may not shrink keep their longest text. The others give way from the last on, and go where less than
    their title would be left.
    """
    widths = [max([len(column.title), *(len(row[place]) for row in rows)]) for place, column in enumerate(columns)]
    for place in reversed(range(len(columns))):
        excess = sum(widths) - room
        if excess > 0 and columns[place].can_shrink:
            left = widths[place] - excess
            widths[place] = left if left >= len(columns[place].title) else 0
    return widths


def _print_rich_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    # rich costs 0.1 s; plain output does without
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None if is_ascii() else box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    widths = fitting_widths(
        columns, [[cell.text for cell in row] for row in rows], room=console().width - COLUMN_GAP * len(columns)
    )
    for column, width in zip(columns, widths, strict=True):
        if width:
            table.add_column(
                Text(column.title),
                justify="right" if column.is_right else "left",
                no_wrap=True,
                overflow="ellipsis",
                width=width,
            )
    for row in rows:
        table.add_row(*[Text(cell.text, style=cell.style) for cell, width in zip(row, widths, strict=True) if width])
    console().print(table)
