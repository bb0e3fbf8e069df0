"""A confusion matrix as lines that fit a width; what does not fit is scrolled to by columns. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from rftui.evaluations.tables import Confusion
from rftui.formats import fraction
from rftui.terminal.spans import Line, Role, Span, fitted
from rftui.terminal.wrapping import drawable_line

LABEL_WIDTH = 22
MOST_CELL = 9
LEAST_CELL = 4
MISTAKES = 5
"""Most frequent confusions that are named above a large matrix."""
TOTALS_WIDTH = 26
"""Cells of the columns beside the answers."""
SMALL = 6
"""Gold answers up to which every confusion is seen at a glance."""


class MatrixView(NamedTuple):
    """How a matrix is looked at."""

    width: int
    first: int = 0
    """Number of the first answer in sight."""


class _Shape(NamedTuple):
    """How a matrix stands in a width."""

    labels: list[str]
    rows: list[str]
    """Names of the gold answers before their rows."""
    heads: list[str]
    """Names over the columns."""
    room: int
    """Cells for the name of a row."""
    cell: int
    """Cells of a column."""
    shown: int
    """Columns that fit."""

    @property
    def last_first(self) -> int:
        """The first column in sight when the last one is."""
        return len(self.labels) - self.shown


def _shape(found: Confusion, width: int) -> _Shape:
    labels = [drawable_line(label) or "(empty)" for label in found.labels]
    widest = max(map(cell_len, labels))
    # names that do not fit over a column are numbered: cut, they may all look alike
    is_numbered = widest > MOST_CELL
    rows = [f"{place} {label}" for place, label in enumerate(labels, 1)] if is_numbered else labels
    heads = [str(place) for place in range(1, len(labels) + 1)] if is_numbered else labels
    room = min(LABEL_WIDTH, max(map(cell_len, rows)))
    cell = LEAST_CELL + 1 if is_numbered else max(LEAST_CELL, widest)
    shown = max(1, min(len(labels), (width - room - 2 - TOTALS_WIDTH) // (cell + 1)))
    return _Shape(labels, rows, heads, room, cell, shown)


def moved_column(found: Confusion, view: MatrixView, by: int) -> int:
    """The first column in sight after going on by half of those that fit; within the table."""
    shape = _shape(found, view.width)
    step = max(1, shape.shown // 2)
    return max(0, min(shape.last_first, view.first + by * step))


def matrix_lines(found: Confusion | str, view: MatrixView, *, kind: str | None) -> Iterator[Line]:
    """Gold answers down, answers across, then answers that are no gold answer, and unparsed ones."""
    of_kind = f" of {drawable_line(kind)}" if kind is not None else ""
    yield ()
    if isinstance(found, str):
        yield fitted((Span(f"no table of gold against answer{of_kind}: {found}", Role.MUTED),), view.width)
        return
    shape = _shape(found, view.width)
    count, first = len(shape.labels), max(0, min(view.first, shape.last_first))
    columns = range(first, first + shape.shown)
    yield fitted((Span(f"gold against answer{of_kind}", Role.STRONG),), view.width)
    yield from _mistakes(found, shape.labels, view.width)
    how = "  gold answers down, answers across" + (" by number" if shape.heads is not shape.labels else "")
    if shape.shown < count:
        how += f", {first + 1} to {first + shape.shown} of {count} (left, right)"
    yield fitted((Span(how, Role.MUTED),), view.width)
    titles = "".join(f" {_right(shape.heads[column], shape.cell)}" for column in columns)
    tail = f" {'other':>6} {'none':>5}  {'n':>4} right"
    yield fitted((Span(" " * (shape.room + 2) + titles + tail, Role.MUTED),), view.width)
    for gold, name in enumerate(shape.rows):
        yield fitted(_row(found, gold, _cut(name, shape.room), shape, columns), view.width)


def _row(found: Confusion, gold: int, name: str, shape: _Shape, columns: range) -> Line:
    spans: list[Span] = [Span(f"  {set_cell_size(name, shape.room)}", Role.MUTED)]
    for answer in columns:
        count = found.counts.get((gold, answer), 0)
        role = Role.RIGHT if gold == answer else Role.WRONG
        # the diagonal stands in brackets: right and wrong must not differ by colour alone
        text = f"[{count}]" if gold == answer else str(count or "·")
        spans.append(Span(f" {text:>{shape.cell}}", role if count else Role.MUTED))
    others, unparsed, total = found.others.get(gold, 0), found.unparsed.get(gold, 0), found.total(gold)
    spans += [
        Span(f" {others or '·':>6}", Role.WRONG if others else Role.MUTED),
        Span(f" {unparsed or '·':>5}", Role.WARNING if unparsed else Role.MUTED),
        Span(f"  {total:>4}", Role.MUTED),
        Span(f" {fraction(found.counts.get((gold, gold), 0) / max(1, total)):>5}"),
    ]
    return _joined(spans)


def _joined(spans: list[Span]) -> Line:
    """Neighbours of one role as one: a change of style costs more bytes than a cell."""
    joined = [spans[0]]
    for span in spans[1:]:
        if span.role is joined[-1].role:
            joined[-1] = Span(joined[-1].text + span.text, span.role)
        else:
            joined.append(span)
    return tuple(joined)


def _mistakes(found: Confusion, labels: list[str], width: int) -> Iterator[Line]:
    """The most frequent confusions in words, where the table is too large to find them in."""
    mistakes = found.mistakes()[:MISTAKES]
    if len(labels) <= SMALL or not mistakes:
        return
    yield fitted((Span("  most often confused", Role.MUTED),), width)
    for gold, answer, count in mistakes:
        said = (Span(f"    {count} x "), Span(labels[gold], Role.STRONG), Span(" answered "), Span(labels[answer]))
        yield fitted(said, width)


def _cut(text: str, width: int) -> str:
    """At most so many cells of a text."""
    return text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
