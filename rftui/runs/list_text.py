"""What stands above and below the list of runs, as lines. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rftui.errors import RftuiError
from rftui.formats import bar
from rftui.runs.browser import Counts
from rftui.runs.rows import ROLES
from rftui.runs.view import RunView, sort_words
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span, fitted, line_width
from store.errors import StoreError
from store.layout import Home
from store.runs import RunSummary

NO_RUNS = (
    "no runs yet",
    "press L                           for a form that launches one; it goes on when you leave",
    "rftui launch grpo --task sat      does the same from a shell",
    "rftui doctor                      says whether this machine is in order",
)
"""What a new home says: the next step."""


def no_runs(missing: Path | None) -> str:
    """What an empty list says; `missing` is a home that was named and is not there, where it is that."""
    if missing is None:
        return "\n".join(NO_RUNS)
    said = (f"no runs: {short_path(missing)} is not there", "--home or $RFTUI_HOME names it; a launch makes it")
    return "\n".join([*said, *NO_RUNS[1:]])


NOTHING_FITS = "no run fits the filter: esc shows all again, / changes it"
GPU_BAR = 8
GPU_GAP = "   "
LEAST_NAME = 6
"""Cells that the name of a run has at least; of the end, where the counter stands."""
LEAST_PATH = 12


def header_line(home: Home, counts: Counts | None, *, width: int) -> Line:
    """The product, where its runs are, and how many there are of each kind; before they were read, that they are."""
    if counts is None:
        said: list[Span] = [Span("reading the store", Role.MUTED)]
    else:
        said = [
            Span(f"{counts.running} running", Role.BAR if counts.running else Role.MUTED),
            Span(f" · {counts.queued} queued · {counts.done} done", Role.MUTED),
        ]
    if home.is_read_only:
        said.append(Span("  read-only", Role.WARNING))
    name = Span("rftui", Role.STRONG)
    room = width - line_width((name, *said)) - 4
    path = "" if room < LEAST_PATH else f"store {tail(short_path(home.path), room - 6)}"
    gap = max(2, width - line_width((name, *said)) - len(path) - 2)
    return fitted((name, Span(f"  {path}", Role.MUTED), Span(" " * gap), *said), width)


def short_path(path: Path) -> str:
    """A path with `~` for the user's own folder, clean."""
    own = os.path.expanduser("~")
    text = str(path)
    return one_line(f"~{text[len(own) :]}" if text == own or text.startswith(f"{own}/") else text)


def tail(text: str, width: int) -> str:
    """The end of a text that is too long: of a path and of a metric's name it tells most."""
    return text if len(text) <= width else f"…{text[len(text) - max(0, width - 1) :]}"


def gpu_line(
    samples: Sequence[Mapping[str, Any]], holders: Mapping[int, Sequence[str]], *, width: int, is_ascii: bool
) -> Line:
    """Every GPU with its load, memory and temperature, and where there is room the live run that holds it.

    `holders` are the names of runs by index; nothing comes where there is no GPU.
    """
    gpus = [_gpu_pieces(sample, is_ascii=is_ascii) for sample in samples]
    held = [list(holders.get(sample.get("index", -1), ())) for sample in samples]
    left = width - sum(line_width(pieces) + len(GPU_GAP) for pieces in gpus) + len(GPU_GAP)
    room = left // max(1, sum(map(bool, held))) - 1
    line: list[Span] = []
    for pieces, names in zip(gpus, held, strict=True):
        line += [Span(GPU_GAP), *pieces] if line else pieces
        if names and room >= LEAST_NAME:
            others = f" +{len(names) - 1}" if len(names) > 1 else ""
            line += [Span(" "), Span(f"{tail(one_line(names[0]), room - len(others))}{others}", Role.STRONG)]
    return fitted(tuple(line), width)


def _gpu_pieces(sample: Mapping[str, Any], *, is_ascii: bool) -> list[Span]:
    load, heat = sample.get("utilization_percent"), sample.get("temperature_c")
    used, total = sample.get("memory_used_mb") or 0, sample.get("memory_total_mb") or 0
    pieces = [Span(f"GPU{sample.get('index')}", Role.MUTED)]
    if load is not None:
        pieces += [Span(f" {bar(load / 100, width=GPU_BAR, is_ascii=is_ascii)}", Role.BAR), Span(f" {load:.0f}%")]
    memory = f" {used / 1024:.0f}/{total / 1024:.0f}G" if total else ""
    return [*pieces, Span(f"{memory}{'' if heat is None else f' {heat:.0f}C'}")]


def status_line(
    counts: Counts, view: RunView, run: RunSummary | None, *, pinned: str | None, width: int, is_ascii: bool
) -> Line:
    """How the list is looked at, then why the run under the cursor is as it is."""
    spans = []
    if view.filter.text:
        spans += [Span(f"{counts.shown:,} of {counts.total:,} "), Span("filter ", Role.MUTED)]
        spans.append(Span(f"{one_line(view.filter.text, width=48)}  "))
    else:
        spans.append(Span(f"{counts.total:,} {'run' if counts.total == 1 else 'runs'}  "))
    spans += [Span("by ", Role.MUTED), Span(f"{one_line(sort_words(view, is_ascii=is_ascii), width=40)}  ")]
    if view.group:
        spans += [Span("grouped by ", Role.MUTED), Span(f"{view.group}  ")]
    if counts.marked:
        spans.append(Span(f"{counts.marked:,} marked  ", Role.MATCH))
    if pinned:
        spans += [Span("baseline ", Role.MUTED), Span(f"{one_line(pinned)}  ")]
    if run is not None and run.reason:
        said = f"{one_line(run.name)} {one_line(run.state)}: {one_line(run.reason)}"
        spans.append(Span(said, ROLES.get(run.state, Role.PLAIN)))
    return fitted(tuple(spans), width)


def problem_line(text: str, *, width: int, is_ascii: bool) -> Line:
    """What is wrong, with a sign before it."""
    return fitted((Span(f"{'x' if is_ascii else '✗'} {one_line(text)}", Role.WRONG),), width)


def problem_text(error: Exception) -> str:
    """What was wrong, what was found and what was expected, in one line."""
    if isinstance(error, RftuiError):
        said = [error.error, error.found and f"found: {error.found}", error.expected and f"expected: {error.expected}"]
        return one_line("; ".join(part for part in said if part))
    if isinstance(error, StoreError):
        return one_line("; ".join(part for part in (error.message, error.found, error.fix) if part))
    return one_line(error)
