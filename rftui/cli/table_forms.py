"""A table of text as Markdown, LaTeX or CSV. Pure; cells are foreign text and stay text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

from rftui.cli.output import Column
from rftui.terminal.clean import one_line


class Table(NamedTuple):
    """A titled table; cells are clean lines."""

    title: str
    columns: tuple[Column, ...]
    rows: list[list[str]]


def markdown_lines(table: Table) -> Iterator[str]:
    """The table as Markdown under its title in bold."""
    yield from [f"**{markdown_text(table.title)}**", ""]
    yield "| " + " | ".join(markdown_text(column.title) for column in table.columns) + " |"
    yield "| " + " | ".join("---:" if column.is_right else "---" for column in table.columns) + " |"
    for row in table.rows:
        yield "| " + " | ".join(markdown_text(cell) for cell in row) + " |"


def latex_lines(table: Table) -> Iterator[str]:
    """The table as one tabular under its title as a comment."""
    yield f"% {table.title}"
    yield rf"\begin{{tabular}}{{{''.join('r' if column.is_right else 'l' for column in table.columns)}}}"
    yield r"\hline"
    yield " & ".join(_latex_cell(column.title) for column in table.columns) + r" \\"
    yield r"\hline"
    for row in table.rows:
        # braces keep a cell that begins with [ from being read as the option of the line break before it
        yield "{}" + " & ".join(_latex_cell(cell) for cell in row) + r" \\"
    yield r"\hline"
    yield r"\end{tabular}"


def csv_text(table: Table) -> str:
    """The table as CSV with a line of titles. A cell that a spreadsheet would run as a formula begins with a quote."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(column.title for column in table.columns)
    for row in table.rows:
        writer.writerow(_csv_cell(cell) for cell in row)
    return text.getvalue()


def _csv_cell(text: str) -> str:
    is_number = re.fullmatch(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", text) is not None
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not is_number else text


def markdown_text(text: str) -> str:
    """Foreign text as text: no column, markup, tag, link or image comes of it."""
    escaped = re.sub(r"([\\|<>*_`])", r"\\\1", one_line(text))
    # brackets alone are text, and intervals are full of them; what makes a link is the pair
    return escaped.replace("](", r"\](").replace("![", r"!\[")


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "—": "---",
    "…": r"\ldots{}",
}


def _latex_cell(text: str) -> str:
    escaped = "".join(_LATEX.get(sign, sign) for sign in one_line(text))
    # a minus sign, where a number stands behind what looks like a hyphen
    return re.sub(r"(?<![\w.])-(?=[\d.])", r"$-$", escaped)
