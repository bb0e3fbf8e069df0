"""Where two drawings of a chart differ. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rftui.charts.plot import Row


class Span(NamedTuple):
    """Changed cells of one row: from `start`, `length` long."""

    row: int
    start: int
    length: int


MERGE_WITHIN = 6
"""Unchanged cells between two changes that are cheaper to send again than a jump of the cursor."""


def changed_spans(before: Sequence[Row], after: Sequence[Row]) -> list[Span]:
    """Where two drawings of the same size differ; a row that mostly differs comes whole."""
    spans: list[Span] = []
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if old == new:
            continue
        changed = [place for place, (was, now) in enumerate(zip(old, new, strict=True)) if was != now]
        if len(changed) * 2 > len(new):
            spans.append(Span(number, 0, len(new)))
            continue
        start = last = changed[0]
        for place in changed[1:]:
            if place - last > MERGE_WITHIN:
                spans.append(Span(number, start, last - start + 1))
                start = place
            last = place
        spans.append(Span(number, start, last - start + 1))
    return spans
