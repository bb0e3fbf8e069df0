"""Notices cheaply that a run went on: sizes of its files, then the record made true. Draws nothing."""

from __future__ import annotations

import math
import time
import tomllib
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from rftui.runs.reads import see_to
from rftui.runs.time_left import EVALUATION_SECONDS, RECENT_STEPS, TIMED_BY, Evaluations, seconds_left
from store.errors import RunNotFound
from store.ingester import RunIngester
from store.layout import Home
from store.metrics import StepTime, curve, metric_names, step_times
from store.runs import RunSummary, open_catalogue, run_named
from store.states import State, is_live

ATTEND_EVERY_S = 2.0
"""How often the process of a live run is looked for: its death changes no file."""
MOST_EVALUATIONS = 200
"""Whose seconds are read one by one."""


class RunNews(NamedTuple):
    """A run at one moment."""

    summary: RunSummary
    left_s: float | None
    journals: int
    """Bytes of all journals: grows when there is more to read."""
    output: int
    """Bytes of output.log."""


class RunWatch:
    """Looks at one run again and again, from one thread at a time."""

    def __init__(self, home: Home, name: str) -> None:
        self.home = home
        self.name = name
        self._seen: tuple[int, int] | None = None
        self._is_live = True
        self._attend_at = 0.0
        self._ingester = RunIngester(home, name)

    def close(self) -> None:
        """Lets go of the databases; to be called when nobody looks any more."""
        self._ingester.close()

    def look(self) -> RunNews | None:
        """What is new; None where nothing is. Raises StoreError, sqlite3.Error and OSError."""
        sizes = self._sizes()
        is_due = self._is_live and time.monotonic() >= self._attend_at
        if sizes == self._seen and not is_due:
            return None
        has_grown = self._seen is None or sizes[0] != self._seen[0]
        if has_grown or is_due:
            self._attend_at = time.monotonic() + ATTEND_EVERY_S
            see_to(self.home, self.name, ingester=self._ingester, has_grown=has_grown)
        # seeing to a dead run writes its end
        journals = self._sizes()[0]
        with closing(open_catalogue(self.home)) as connection:
            summary = run_named(connection, self.name)
            if summary is None:
                raise RunNotFound(
                    f"no run {self.name}",
                    found="its directory is gone" if not self.home.run(self.name).path.is_dir() else "no record of it",
                    expected="the run that is looked at",
                    fix="go back to the list; `rftui rm --undo` brings a deleted run back",
                )
            known = metric_names(connection, summary.name)
            timed_by = next((metric for metric in TIMED_BY if metric in known), None)
            times: list[StepTime] = []
            took_s: dict[int, float] = {}
            if timed_by is not None and is_live(State(summary.state)):
                times = step_times(connection, summary.name, timed_by, max_points=20 * RECENT_STEPS)
                took = curve(connection, summary.name, EVALUATION_SECONDS, max_points=MOST_EVALUATIONS)
                took_s = {step: seconds for step, seconds in took if 0 <= seconds < math.inf}
        self._seen = (journals, sizes[1])
        self._is_live = is_live(State(summary.state))
        # whose evaluations were not measured need not be asked when they come
        every = evaluation_every(self.home.run(self.name).config) if took_s else None
        left_s = seconds_left(
            times,
            since=summary.started_at,
            step=summary.step,
            total=summary.total_steps,
            evaluations=None if every is None else Evaluations(every, took_s),
        )
        return RunNews(summary, left_s, journals, sizes[1])

    def _sizes(self) -> tuple[int, int]:
        run_dir = self.home.run(self.name)
        journals = [run_dir.supervisor_journal]
        if run_dir.journal_dir.is_dir():
            journals += run_dir.journal_dir.glob("*.jsonl")
        return (
            sum(path.stat().st_size for path in journals if path.exists()),
            run_dir.output.stat().st_size if run_dir.output.exists() else 0,
        )


def evaluation_every(config: Path) -> int | None:
    """Steps from one evaluation to the next by a run's settings; None where it has none, or that cannot be read."""
    try:
        evaluation = tomllib.loads(config.read_text(encoding="utf-8"))["evaluation"]
        every, examples = evaluation["every"], evaluation["examples"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        # the time left is then said without them, and the settings themselves are complained of where they are shown
        return None
    is_known = type(every) is int and type(examples) is int and every >= 0 and examples > 0
    return every if is_known else None
