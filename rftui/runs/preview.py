"""What stands beside the list about the run under the cursor: what is read for it, and its words as lines."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import NamedTuple

from rftui.charts.curve_reads import RunCurves
from rftui.charts.curves import Range
from rftui.charts.panels import Panel, metrics_of, preset
from rftui.formats import duration, interval, number
from rftui.runs.filter import source_word
from rftui.runs.rows import ROLES, age_text
from rftui.runs.texts import header_text
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span, fitted, flowed
from store.attempt_ends import AttemptEnd, last_attempt
from store.layout import Home
from store.metrics import CurveMemory, Milestones, evaluation_points, last_values, metric_names
from store.run_list import Measured, PersonNote, last_measured, person_notes
from store.runs import RunSummary, open_catalogue
from store.states import is_live

MAX_POINTS = 240
"""Of one curve: a small chart has no more columns of dots."""
CHARTS = 2
MOST_NOTES = 3
LAST_VALUES = (
    "reward",
    "reward_std",
    "loss",
    "kl",
    "entropy",
    "frac_reward_zero_std",
    "completions/mean_length",
    "completions/clipped_ratio",
    "grad_norm",
    "learning_rate",
)
"""Metrics whose last values are said, those that the run has written."""


class Preview(NamedTuple):
    """What was read of one run."""

    run: RunSummary
    curves: RunCurves
    panels: tuple[Panel, ...]
    """The charts that tell first how it goes."""
    last: dict[str, float]
    measured: tuple[Measured, ...]
    """The last held-out evaluation under each prompt and decoding."""
    end: AttemptEnd | None
    notes: tuple[PersonNote, ...]


def read_preview(home: Home, uid: int, run: RunSummary, *, memory: CurveMemory | None = None) -> Preview:
    """Everything the preview of a run shows. Raises StoreError and sqlite3.Error.

    With the memory of an earlier read of the same run only what is new of its curves is read.
    """
    known = memory or CurveMemory(run.name, max_points=MAX_POINTS)
    with closing(open_catalogue(home)) as connection:
        names = tuple(metric_names(connection, run.name))
        panels = first_panels(run.method, names)
        curves = {metric: known.curve(connection, metric) for metric in sorted(metrics_of(panels)) if metric in names}
        evaluations = tuple(evaluation_points(connection, run.name))
        return Preview(
            run=run,
            curves=RunCurves(
                names=names,
                curves=curves,
                scales={},
                evaluations=evaluations,
                milestones=Milestones((), ()),
                steps=_span([point.step for points in curves.values() for point in points]),
            ),
            panels=tuple(panels),
            last=last_values(connection, run.name),
            measured=tuple(last_measured(connection, uid)),
            end=None if is_live(run.state) else last_attempt(connection, run.name),
            notes=tuple(person_notes(connection, uid)),
        )


def first_panels(method: str, names: Iterable[str]) -> list[Panel]:
    """The headline metric and accuracy, then what else a run has, two in all."""
    panels = preset(method, list(names))
    return sorted(panels, key=lambda panel: panel.title not in ("reward", "loss", "accuracy"))[:CHARTS]


def _span(steps: list[int]) -> Range | None:
    return Range(min(steps), max(max(steps), min(steps) + 1)) if steps else None


def head_lines(run: RunSummary, *, width: int, is_ascii: bool) -> list[Line]:
    """Name, state and progress; below, what kind of run it is and on what data."""
    role = ROLES.get(run.state, Role.PLAIN)
    name = one_line(run.name)
    text = header_text(run, left_s=None, width=width, is_ascii=is_ascii)
    about = f"{one_line(run.method)} on {one_line(run.task)}, {source_word(run) or 'unknown'} data"
    return [
        fitted((Span(name, Role.STRONG), Span(text.removeprefix(name), role)), width),
        fitted((Span(f"{about}  model {one_line(run.model)}", Role.MUTED),), width),
    ]


def text_lines(found: Preview, *, now: float, is_starred: bool, width: int, is_ascii: bool) -> list[Line]:
    """Accuracies with their intervals and where they come from, last values, why it ended, tags and notes."""
    lines: list[Line] = []
    for item in found.measured:
        lines.append(fitted(_measured_line(item), width))
    values = [
        (Span(f"{name} ", Role.MUTED), Span(number(found.last[name], digits=3)))
        for name in LAST_VALUES
        if name in found.last
    ]
    lines += flowed(values, width)
    lines += _end_lines(found, width)
    star = "starred" if is_starred else ""
    if found.run.tags or star:
        tags = " ".join(f"#{one_line(tag)}" for tag in found.run.tags)
        lines.append(fitted((Span("tags ", Role.MUTED), Span(tags), Span(f"  {star}", Role.WARNING)), width))
    for note in found.notes[-MOST_NOTES:]:
        said = f"note {age_text(now - note.time)} "
        lines.append(fitted((Span(said, Role.MUTED), Span(one_line(note.text))), width))
    return lines


def _measured_line(item: Measured) -> Line:
    accuracy = interval(item.accuracy, item.low, item.high)
    where = f"  n {item.n}, {one_line(item.split)}, {one_line(item.source or 'unknown')} data, step {item.step}"
    kind = f"{one_line(item.prompt)} {one_line(item.decoding)}"
    unread = f", {item.unparsed} unread" if item.unparsed else ""
    return (Span(f"{kind:<14} ", Role.MUTED), Span(accuracy, Role.STRONG), Span(where + unread, Role.MUTED))


def _end_lines(found: Preview, width: int) -> list[Line]:
    """Why it ended, with the last line of a traceback, which names the error."""
    run, end = found.run, found.end
    if is_live(run.state):
        return [fitted((Span(one_line(run.reason), Role.WARNING),), width)] if run.reason else []
    took = ""
    if run.started_at is not None and run.ended_at is not None:
        took = f" after {duration(run.ended_at - run.started_at)}"
    reason = f": {one_line(run.reason)}" if run.reason else ""
    role = ROLES.get(run.state, Role.PLAIN)
    lines = [fitted((Span("ended ", Role.MUTED), Span(f"{one_line(run.state)}{took}{reason}", role)), width)]
    said = [line for line in (end.traceback or "").splitlines() if line.strip()] if end is not None else []
    if said and one_line(said[-1]) not in one_line(run.reason):
        lines.append(fitted((Span("      ", Role.MUTED), Span(one_line(said[-1]), role)), width))
    return lines
