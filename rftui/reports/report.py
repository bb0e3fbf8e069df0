"""Puts a report on a study together: everything that its page, its Markdown and its JSON show."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import rftui
from rftui.errors import UsageProblem
from rftui.reports.examples import Chosen, choose
from rftui.reports.findings import Answer, Question, answers
from rftui.reports.forecasts import Forecasts, read_forecasts
from rftui.reports.measured import Measured, read_measured
from rftui.reports.table import TableRow, table
from rftui.reports.trained import (
    Course,
    LengthShares,
    WithinTraining,
    length_shares,
    read_courses,
    read_within_training,
)
from rftui.studies.places import StudyPlace
from rftui.studies.progress import CellView, read_study
from rftui.supervision.start import git_state
from rftui.terminal.clean import one_line
from store.evaluations import held_out
from store.layout import Home
from store.runs import open_catalogue

TINY = "tiny"
"""The embedded model's name."""


class RunBehind(NamedTuple):
    """One run of the study."""

    cell: CellView
    commit: str
    """Of the repository that it was launched in; empty where that is not known."""
    is_dirty: bool
    """Whether that repository had changes that were not committed."""


class Report(NamedTuple):
    """Everything that is said about a study."""

    measured: Measured
    made_at: float
    version: str
    commit: str
    """Of the repository that the report was made in; empty outside of one."""
    is_dirty: bool
    decoding: str
    other_decodings: tuple[str, ...]
    """Decodings that were measured too, and are not in this report."""
    table: tuple[TableRow, ...]
    answers: tuple[Answer, ...]
    courses: tuple[Course, ...]
    lengths: tuple[LengthShares, ...]
    lengths_prompt: str
    within: tuple[WithinTraining, ...]
    examples: tuple[Chosen, ...]
    forecasts: Forecasts
    runs: tuple[RunBehind, ...]
    data_details: tuple[str, ...]
    """What the sources of data say of themselves."""

    @property
    def name(self) -> str:
        """Name of the study."""
        return self.measured.view.name

    @property
    def title(self) -> str:
        """The study's question."""
        return one_line(self.measured.study.title) or f"The study {self.name}"

    @property
    def is_generated(self) -> bool:
        """Whether any of its numbers is about generated data."""
        return any(place.is_generated for place in self.measured.places)

    @property
    def is_tiny(self) -> bool:
        """Whether any run started from the embedded model."""
        return TINY in self.measured.models

    @property
    def caveat(self) -> str:
        """`generated data, tiny model`, wherever that is so; empty where neither is."""
        return ", ".join(["generated data"] * self.is_generated + ["tiny model"] * self.is_tiny)

    def answer(self, question: Question) -> Answer | None:
        """The answer to one question; None where the study cannot be asked it."""
        return next((each for each in self.answers if each.question is question), None)


def make_report(home: Home, name: str, *, decoding: str = "greedy") -> Report:
    """The report on a study as it stands. Raises NotFound, UsageProblem, StoreError and sqlite3.Error."""
    measured = read_measured(home, read_study(home, name))
    known = measured.decodings
    if known and decoding not in known:
        raise UsageProblem(
            f"no finished run of {name} was evaluated {decoding}",
            found=", ".join(known),
            expected="a decoding that was measured",
            fix=f"--decoding {known[0]}",
        )
    found = answers(measured, decoding=decoding)
    prompt = "think" if any(way.asked("think", decoding) for p in measured.places for way in p.ways) else "direct"
    git = git_state(Path.cwd())
    return Report(
        measured=measured,
        made_at=time.time(),
        version=rftui.__version__,
        commit=git["commit"] if git else "",
        is_dirty=bool(git and git["dirty"]),
        decoding=decoding,
        other_decodings=tuple(each for each in known if each != decoding),
        table=tuple(table(measured, decoding=decoding)),
        answers=tuple(found),
        courses=tuple(read_courses(home, measured, decoding=decoding)),
        lengths=tuple(length_shares(measured, prompt=prompt, decoding=decoding)),
        lengths_prompt=prompt,
        within=tuple(read_within_training(home, measured)),
        examples=tuple(choose(home, measured, decoding=decoding)),
        forecasts=read_forecasts(StudyPlace(home, name), measured, found),
        runs=tuple(_behind(home, cell) for cell in measured.view.cells),
        data_details=_details(home, measured),
    )


def _behind(home: Home, cell: CellView) -> RunBehind:
    try:
        launch = json.loads(home.run(cell.run).launch.read_text(encoding="utf-8"))
        git = launch["git"]
        return RunBehind(cell, one_line(git["commit"], width=60), bool(git["dirty"]))
    except (OSError, ValueError, TypeError, KeyError):
        # a cell without a run, a launch outside of a repository, or a file that was damaged
        return RunBehind(cell, "", is_dirty=False)


def _details(home: Home, measured: Measured) -> tuple[str, ...]:
    """The sources' own words, each once."""
    found: dict[str, None] = {}
    with closing(open_catalogue(home)) as connection:
        for cell in measured.view.cells:
            if cell.is_finished:
                for each in held_out(connection, cell.run)[:1]:
                    name, detail = each.source.get("name"), each.source.get("detail")
                    found[one_line(f"{name}: {detail}" if detail else name)] = None
    return tuple(found)


def count_states(runs: Sequence[RunBehind]) -> dict[str, int]:
    """How many runs are in which state."""
    counts: dict[str, int] = {}
    for each in runs:
        counts[each.cell.state] = counts.get(each.cell.state, 0) + 1
    return counts
