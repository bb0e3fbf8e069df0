"""Settings of several runs as a table: a row a setting, a column a run under its letter. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rich.cells import cell_len, set_cell_size

from rftui.cli.comparison_tables import value_text
from rftui.comparing.compared_runs import is_used
from rftui.terminal.spans import Line, Role, Span, fitted
from rftui.terminal.wrapping import drawable_line, wrap

GAP = 2
WIDEST_KEY = 36
WIDEST_VALUE = 24
"""A longer value is cut in the table and stands whole below it."""
NARROWEST_KEY = 12
ARROWS = 8


class SettingRow(NamedTuple):
    """One setting."""

    key: str
    values: tuple[str, ...]
    """As text, a dash where a run has none; in the order of the runs."""

    @property
    def differs(self) -> bool:
        """Whether not all runs have the same value."""
        return len(set(self.values)) > 1


def setting_rows(settings: Sequence[Mapping[str, Any]], *, shows_all: bool) -> list[SettingRow]:
    """Settings in the order of the configuration; all of them, or those that differ."""
    keys = dict.fromkeys(key for values in settings for key in values)
    rows = [
        SettingRow(drawable_line(key), tuple(drawable_line(value_text(values.get(key))) for values in settings))
        for key in keys
    ]
    return rows if shows_all else [row for key, row in zip(keys, rows, strict=True) if _differs(key, row, settings)]


def _differs(key: str, row: SettingRow, settings: Sequence[Mapping[str, Any]]) -> bool:
    """Whether not all runs that use the setting have the same value."""
    return len({value for value, own in zip(row.values, settings, strict=True) if is_used(key, own)}) > 1


class Columns(NamedTuple):
    """How a table stands in its width."""

    key: int
    value: int
    first: int
    """Number of the run in the first column of values."""
    shown: int
    """Columns of values that fit."""


def columns_for(rows: Sequence[SettingRow], runs: int, *, width: int, first: int) -> Columns:
    """As many columns as fit, all alike, none wider than its longest value."""
    key = min(WIDEST_KEY, max([NARROWEST_KEY, *(cell_len(row.key) for row in rows)]), max(NARROWEST_KEY, width // 2))
    longest = max([1, *(cell_len(value) for row in rows for value in row.values)])
    value = min(WIDEST_VALUE, longest)
    room = max(1, width - key)
    count = max(1, min(runs, room // (value + GAP)))
    if count < runs:
        # the head says how many more there are
        count = max(1, (room - ARROWS) // (value + GAP))
    else:
        # what is left over goes to values that would be cut
        value = max(value, min(longest, room // max(1, runs) - GAP))
    return Columns(key, min(value, max(1, room - GAP)), max(0, min(first, runs - count)), count)


def head_line(letters: Sequence[str], columns: Columns, width: int) -> Line:
    """Letters over their columns, with what lies to the left and right of them."""
    shown = letters[columns.first : columns.first + columns.shown]
    cells = [Span(_cell("setting", columns.key), Role.MUTED)]
    cells += [Span(" " * GAP + _cell(letter, columns.value), Role.STRONG) for letter in shown]
    hidden = len(letters) - columns.shown
    if hidden:
        left, right = columns.first, hidden - columns.first
        cells.append(Span(f"  {f'◀{left}' if left else ''}{f' ▶{right}' if right else ''}", Role.WARNING))
    return fitted(tuple(cells), width)


def row_line(row: SettingRow, columns: Columns, width: int) -> Line:
    """A setting; values that are not the first run's stand out by sign as well."""
    cells = [Span(_cell(row.key, columns.key), Role.PLAIN)]
    for value in row.values[columns.first : columns.first + columns.shown]:
        is_other = value != row.values[0]
        sign = "·" if is_other else " "
        role = Role.WARNING if is_other else Role.MUTED if not row.differs else Role.PLAIN
        cells.append(Span(f"{sign:>{GAP}}" + _cell(value, columns.value), role))
    return fitted(tuple(cells), width)


def _cell(text: str, width: int) -> str:
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(0, width - 1)) + "…"


def detail_lines(row: SettingRow | None, letters: Sequence[str], *, width: int, height: int) -> list[Line]:
    """Every value of one setting in full, runs with the same value together; cut to some lines."""
    if row is None:
        return []
    lines: list[Line] = [fitted((Span(row.key, Role.STRONG),), width)]
    by_value: dict[str, list[str]] = {}
    for letter, value in zip(letters, row.values, strict=True):
        by_value.setdefault(value, []).append(letter)
    for value, having in by_value.items():
        label = f"{' '.join(having)}  "
        for number, (start, end) in enumerate(wrap(value, max(1, width - cell_len(label)))):
            head = Span(label if number == 0 else " " * cell_len(label), Role.STRONG)
            lines.append(fitted((head, Span(value[start:end])), width))
    if len(lines) > height:
        return [*lines[: height - 1], (Span("…", Role.MUTED),)]
    return lines
