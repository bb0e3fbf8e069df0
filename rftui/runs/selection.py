"""The runs of a home that a filter lets through, for commands: read once, by the same language as the dashboard's."""

from __future__ import annotations

import time

from rftui.runs.filter import Known, check_names, fitting, parse_filter
from rftui.runs.list_reads import RunListWatch, Wanted
from store.layout import Home
from store.runs import RunSummary


def selected_runs(home: Home, text: str) -> tuple[list[RunSummary], int]:
    """Runs that fit, newest first, and how many there are in all.

    Raises QueryError for a filter that cannot be understood, or that names what no run has.
    """
    wanted = parse_filter(text)
    news = RunListWatch(home).look(Wanted(wanted.names, notes=wanted.needs_notes))
    if news is None:
        return [], 0
    if news.runs:
        check_names(wanted, news.names)
    known = Known(
        now=time.time(),
        starred=news.marks.starred,
        pinned=news.marks.pinned,
        notes=news.notes,
        values=news.values,
    )
    fits = fitting(wanted, known)
    return [run for uid, run in news.runs.items() if fits(uid, run)], len(news.runs)
