"""The rows of the run list as lines: which columns fit a width, and what stands in each. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from rftui.formats import ASCII_SYMBOLS, SYMBOLS, fraction, interval, model_name, number, steps
from rftui.runs.filter import source_word
from rftui.runs.versus import VersusBase
from rftui.runs.view import GroupHead, RunView, group_title, sort_words
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span, fitted
from store.run_list import Trace, headline_of
from store.runs import RunSummary
from store.states import State

GUTTER = 4
"""Signs in front of a name: cursor, mark, pin, star."""
LONGEST_NAME = 32
LONGEST_SPARK = 16
VALUE_WIDTH = 8
BARS, ASCII_BARS = "▁▂▃▄▅▆▇█", "_.:-=+*#"
ROLES: dict[str, Role] = {
    State.QUEUED: Role.MUTED,
    State.STARTING: Role.BAR,
    State.RUNNING: Role.BAR,
    State.STALLED: Role.WARNING,
    State.STOPPING: Role.WARNING,
    State.FINISHED: Role.RIGHT,
    State.FAILED: Role.WRONG,
    State.KILLED: Role.WRONG,
    State.STOPPED: Role.MUTED,
    State.LOST: Role.WARNING,
}


class Signs(NamedTuple):
    """What stands for what in front of a name."""

    cursor: str
    mark: str
    pin: str
    star: str
    open: str
    folded: str


SIGNS = Signs(cursor="▸", mark="◆", pin="◎", star="★", open="▾", folded="▸")
ASCII_SIGNS = Signs(cursor=">", mark="x", pin="P", star="*", open="v", folded=">")


class Column(NamedTuple):
    """A column of the list."""

    id: str
    title: str
    width: int
    is_right: bool = False


COLUMNS = (
    Column("name", "run", 14),
    Column("state", "state", 10),
    Column("step", "step", 8, True),
    Column("accuracy", "held out 95%", 14),
    Column("n", "n", 4, True),
    Column("data", "data", 4),
    Column("delta", "vs base 95%", 20, True),
    Column("headline", "reward/loss", 6 + VALUE_WIDTH),
    Column("metric", "", 10, True),
    Column("age", "age", 5, True),
    Column("task", "task", 8),
    Column("method", "method", 6),
    Column("tags", "tags", 10),
    Column("model", "model", 12),
    Column("reason", "reason", 16),
)
"""Every column, from left to right, with the least width that it needs."""
_ALWAYS = ("name", "state", "step", "accuracy", "age")
_BY_WORTH = ("metric", "delta", "headline", "data", "reason", "n", "tags", "model", "method", "task")


class Layout(NamedTuple):
    """The columns that fit."""

    columns: tuple[Column, ...]
    width: int
    metric: str = ""
    """What stands in the column of any metric."""


class RowFacts(NamedTuple):
    """What a row shows beside the summary of its run."""

    trace: Trace | None = None
    """None while it is being read."""
    is_chosen: bool = False
    is_marked: bool = False
    is_starred: bool = False
    is_pinned: bool = False
    has_baseline: bool = False
    versus: VersusBase | None = None
    """None where the examples are not the same, or the difference is not read yet."""
    is_versus_read: bool = False
    value: float | str | None = None
    """Of the metric or setting that the list is sorted by."""
    now: float = 0.0


def layout(width: int, *, longest_name: int, has_baseline: bool, has_tags: bool, metric: str) -> Layout:
    """The columns for a width: what always stands there, then what is worth most; names take what is left first."""
    chosen = {column.id: column.width for column in COLUMNS if column.id in _ALWAYS}
    widths = {column.id: column.width for column in COLUMNS}
    room = width - GUTTER - sum(chosen.values()) - (len(chosen) - 1)
    unwanted = {"metric": not metric, "delta": not has_baseline, "tags": not has_tags}
    for name in _BY_WORTH:
        if not unwanted.get(name) and widths[name] + 1 <= room:
            chosen[name] = widths[name]
            room -= widths[name] + 1
    for name, most in (("name", min(LONGEST_NAME, longest_name)), ("headline", LONGEST_SPARK + VALUE_WIDTH)):
        if name in chosen:
            more = max(0, min(room, most - chosen[name]))
            chosen[name] += more
            room -= more
    for name in ("reason", "model", "tags"):
        if name in chosen and room > 0:
            chosen[name] += room
            room = 0
    columns = tuple(column._replace(width=chosen[column.id]) for column in COLUMNS if column.id in chosen)
    return Layout(columns, width, metric)


def head_line(shape: Layout, view: RunView, *, is_ascii: bool) -> Line:
    """Titles of the columns, with an arrow at the one that orders."""
    spans = [Span(" " * GUTTER, Role.MUTED)]
    sorted_by = view.sort if view.sort not in ("reward",) else "headline"
    arrow = sort_words(view, is_ascii=is_ascii)[-1]
    for column in shape.columns:
        title = one_line(shape.metric) if column.id == "metric" else column.title
        is_sorted = column.id == sorted_by or (column.id == "metric" and view.sort == shape.metric)
        room = column.width - 2 if is_sorted else column.width
        # the end of a long name of a metric tells more than its beginning
        title = title[-room:] if column.id == "metric" else title[:room]
        text = f"{title} {arrow}" if is_sorted else title
        spans += [Span(_cell(text, column), Role.STRONG if is_sorted else Role.MUTED), Span(" ")]
    return fitted(_joined(spans[:-1]), shape.width)


def run_line(shape: Layout, run: RunSummary, facts: RowFacts, *, is_ascii: bool) -> Line:
    """One run."""
    spans = list(_gutter(facts, is_ascii=is_ascii))
    for column in shape.columns:
        spans += _cells(column, run, facts, is_ascii=is_ascii)
        spans.append(Span(" "))
    return fitted(_joined(spans[:-1]), shape.width)


def group_line(
    head: GroupHead, view: RunView, best: RunSummary | None, *, is_chosen: bool, width: int, is_ascii: bool
) -> Line:
    """The head of a group: how many runs, how many live, and the best of them."""
    signs = ASCII_SIGNS if is_ascii else SIGNS
    fold = signs.folded if head.is_folded else signs.open
    line = [
        Span(f"{signs.cursor if is_chosen else ' '} {fold} ", Role.STRONG),
        Span(one_line(group_title(head, view)), Role.STRONG),
        Span(f"  {head.total} {'run' if head.total == 1 else 'runs'}"),
    ]
    if head.live:
        line.append(Span(f"  {head.live} live", Role.BAR))
    if best is not None:
        where = source_word(best) or "unknown"
        line.append(Span(f"  best {accuracy_text(best)} {where} data, {one_line(best.name)}", Role.MUTED))
    return fitted(tuple(line), width)


def _joined(spans: Sequence[Span]) -> Line:
    """As few spans as tell the same: each change of style costs 40 bytes on the line, and spaces have no colour."""
    joined: list[Span] = []
    for span in spans:
        before = joined[-1] if joined else None
        if before is not None and (span.role is before.role or span.text.isspace()):
            joined[-1] = Span(before.text + span.text, before.role)
        else:
            joined.append(span)
    return tuple(joined)


def _gutter(facts: RowFacts, *, is_ascii: bool) -> tuple[Span, ...]:
    signs = ASCII_SIGNS if is_ascii else SIGNS
    return (
        Span(signs.cursor if facts.is_chosen else " ", Role.STRONG),
        Span(signs.mark if facts.is_marked else " ", Role.WARNING),
        Span(signs.pin if facts.is_pinned else signs.star if facts.is_starred else " ", Role.WARNING),
        Span(signs.star if facts.is_pinned and facts.is_starred else " ", Role.WARNING),
    )


def _cells(column: Column, run: RunSummary, facts: RowFacts, *, is_ascii: bool) -> tuple[Span, ...]:
    if column.id == "headline":
        return _headline(column, run, facts.trace, is_ascii=is_ascii)
    role = Role.PLAIN
    if column.id == "name":
        role, text = Role.STRONG, one_line(run.name)
    elif column.id == "state":
        role = ROLES.get(run.state, Role.PLAIN)
        text = f"{(ASCII_SYMBOLS if is_ascii else SYMBOLS).get(run.state, '?')} {one_line(run.state)}"
    elif column.id == "delta":
        text, role = _delta(run, facts)
    elif column.id == "reason":
        role, text = Role.MUTED, one_line(run.reason)
    else:
        text = _plain(column.id, run, facts)
        role = Role.MUTED if text == "—" or column.id in ("n", "data", "age", "model") else Role.PLAIN
    return (Span(_cell("-" if is_ascii and text == "—" else text, column), role),)


def _plain(name: str, run: RunSummary, facts: RowFacts) -> str:
    trace = facts.trace
    values = {
        "step": steps(run.step, run.total_steps),
        "accuracy": accuracy_text(run),
        "n": str(trace.n) if trace is not None and trace.n is not None else "",
        "data": {"generated": "gen", "": ""}.get(source_word(run), one_line(source_word(run))),
        "metric": facts.value if isinstance(facts.value, str) else number(facts.value),
        "age": age_text(facts.now - run.created_at) if run.created_at else "—",
        "task": run.task,
        "method": run.method,
        "tags": " ".join(run.tags),
        "model": model_name(run.model),
    }
    return one_line(values[name])


def _headline(column: Column, run: RunSummary, trace: Trace | None, *, is_ascii: bool) -> tuple[Span, ...]:
    spark = column.width - VALUE_WIDTH
    if trace is None or (not trace.values and trace.last is None):
        return (Span(" " * column.width),)
    letter = headline_of(run.method)[0].upper()
    value = f"{letter} {number(trace.last, digits=3)}"
    drawn = set_cell_size(sparkline(squeezed(trace.values, spark), is_ascii=is_ascii), spark)
    return (Span(drawn, Role.BAR), Span(f"{value:>{VALUE_WIDTH}}"[:VALUE_WIDTH]))


def _delta(run: RunSummary, facts: RowFacts) -> tuple[str, Role]:
    """`+5.0 [+1.2,+8.8]`: the difference to the pinned run in points; coloured where its interval leaves out zero.

    An asterisk, and no colour, where so few examples flipped that the interval is too narrow to go by.
    """
    if facts.is_pinned:
        return "base", Role.MUTED
    if facts.has_baseline and not facts.is_versus_read and run.accuracy is not None:
        return "", Role.MUTED
    if facts.versus is None:
        return "—", Role.MUTED
    low, high = facts.versus.low, facts.versus.high
    text = f"{_points(facts.versus.difference)} [{_points(low)},{_points(high)}]"
    if facts.versus.is_narrow:
        return f"{text}*", Role.PLAIN
    return text, Role.RIGHT if low > 0 else Role.WRONG if high < 0 else Role.PLAIN


def _points(share: float) -> str:
    """A difference of shares in points; without a decimal where it would not fit."""
    return f"{100 * share:+.1f}" if abs(share) < 0.9995 else f"{100 * share:+.0f}"


def squeezed(values: Sequence[float | None], width: int) -> Sequence[float | None]:
    """At most `width` values, each the mean of its neighbours where there are more."""
    if len(values) <= width:
        return values
    parts: list[list[float]] = [[] for _ in range(width)]
    for place, value in enumerate(values):
        if value is not None:
            parts[place * width // len(values)].append(value)
    return [sum(part) / len(part) if part else None for part in parts]


def sparkline(values: Sequence[float | None], *, is_ascii: bool) -> str:
    """Values as bars between the smallest and the largest of them; a space where there is none."""
    bars = ASCII_BARS if is_ascii else BARS
    finite = [value for value in values if value is not None and math.isfinite(value)]
    if not finite:
        return " " * len(values)
    low, high = min(finite), max(finite)

    def bar(value: float | None) -> str:
        if value is None or not math.isfinite(value):
            return " "
        share = (value - low) / (high - low) if high > low else 0.5
        return bars[min(len(bars) - 1, int(share * len(bars)))]

    return "".join(map(bar, values))


def accuracy_text(run: RunSummary) -> str:
    """`.583 [.54,.63]`: short enough for a column; a dash where nothing was measured."""
    if run.accuracy is None or run.accuracy_low is None or run.accuracy_high is None:
        return interval(run.accuracy, run.accuracy_low, run.accuracy_high)
    return f"{fraction(run.accuracy)} [{_two(run.accuracy_low)},{_two(run.accuracy_high)}]"


def _two(value: float) -> str:
    return f"{value:.2f}".replace("0.", ".", 1) if 0 <= value < 0.995 else f"{value:.1f}"


def age_text(seconds: float) -> str:
    """`now`, `7m`, `3h`, `2d`: as coarse as that, so that an idle list does not change."""
    if seconds < 60:
        return "now"
    for unit, length in (("m", 60), ("h", 3600)):
        if seconds < length * (60 if unit == "m" else 48):
            return f"{int(seconds // length)}{unit}"
    return f"{int(seconds // 86400)}d"


def _cell(text: str, column: Column) -> str:
    """Text as wide as its column."""
    width = cell_len(text)
    if width > column.width:
        return set_cell_size(text, max(0, column.width - 1)) + "…"
    space = " " * (column.width - width)
    return f"{space}{text}" if column.is_right else f"{text}{space}"
