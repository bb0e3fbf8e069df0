"""How far a study is: each cell's run, its state, and its last held-out numbers, read from the catalogue.

Cheap enough for a screen that asks each second: no per-example data, and files are read again only when they changed.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from rftui.studies.cells import Cell, cells_of, run_name, settings_digest
from rftui.studies.definition import Study
from rftui.studies.definition import read_study as read_definition
from rftui.studies.places import StudyPlace, find_place
from store.layout import Home, RunDir
from store.runs import CURRENT, open_catalogue
from store.states import State, is_live

EMPTY = "empty"
"""State of a cell that has no run."""
ENDED_EARLY = frozenset({State.KILLED, State.STOPPED, State.LOST})
"""States from which a study goes on with a cell by itself."""
_BATCH = 500
"""Fewer than SQLite takes parameters."""
_SAME_NAMES = 100
"""Runs of one cell under definitions that were changed; nobody changes a study more often."""


class CellResult(NamedTuple):
    """One held-out evaluation of a cell's run."""

    n: int
    """Answers that could be graded."""
    correct: int
    accuracy: float | None
    low: float
    high: float
    """95% Wilson interval over the examples."""
    unparsed: int
    source_kind: str
    """real or generated."""
    split: str
    step: int


class CellView(NamedTuple):
    """One cell and its run."""

    cell: Cell
    state: str
    """`empty`, or the state of its run."""
    reason: str
    run: str
    """Name of its run; the name that it will get while there is none."""
    uid: int | None
    is_taken_over: bool
    """Whether the run was made outside of this study."""
    step: int
    total_steps: int
    started_at: float | None
    ended_at: float | None
    results: Mapping[tuple[str, str], CellResult]
    """By prompt and decoding, at the last held-out evaluation of each."""

    @property
    def is_finished(self) -> bool:
        """Whether its numbers are final."""
        return self.state == State.FINISHED

    @property
    def is_live(self) -> bool:
        """Whether its run may still do something."""
        return self.state != EMPTY and is_live(self.state)


class StudyView(NamedTuple):
    """A study at one moment."""

    name: str
    study: Study
    cells: tuple[CellView, ...]
    """In the order in which they are launched."""
    is_started: bool
    is_changed: bool
    """Whether study.toml is not what was started."""

    def counts(self) -> dict[str, int]:
        """How many cells are in each state, in the order in which the states are met."""
        return dict(Counter(view.state for view in self.cells))

    def of(self, task: str, regime: str) -> list[CellView]:
        """The cells of one task and regime, all seeds, difficulties and points."""
        return [view for view in self.cells if (view.cell.task, view.cell.regime) == (task, regime)]

    @property
    def sources(self) -> list[str]:
        """Kinds of data behind its numbers."""
        kinds = {result.source_kind for view in self.cells for result in view.results.values()}
        return sorted(filter(None, kinds))


def read_study(home: Home, name: str) -> StudyView:
    """A study as it stands. Raises NotFound, and UsageProblem where its file is no study."""
    place = find_place(home, name)
    study, cells = _defined(place.definition, _stamp(place.definition))
    taken = read_taken(place)
    found = {cell.key: _found_run(home, study, cell, taken) for cell in cells}
    with closing(open_catalogue(home)) as connection:
        rows = _run_rows(connection, [run.name for run in found.values() if run.is_there])
        results = _results(connection, [int(row[0]) for row in rows.values()])
    views = [_view(cell, found[cell.key], rows, results) for cell in cells]
    is_started = place.started.exists()
    is_changed = is_started and _defined(place.started, _stamp(place.started))[0] != study
    return StudyView(name, study, tuple(views), is_started, is_changed)


@lru_cache(maxsize=64)
def _defined(path: Path, stamp: tuple[int, ...]) -> tuple[Study, tuple[Cell, ...]]:
    """The study in a file and its cells; read again when the file changed."""
    study = read_definition(path)
    return study, tuple(cells_of(study))


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


class FoundRun(NamedTuple):
    """The run of a cell."""

    name: str
    """The name that it will get where there is none."""
    is_there: bool
    is_taken_over: bool = False


def _found_run(home: Home, study: Study, cell: Cell, taken: Mapping[str, TakenRun]) -> FoundRun:
    """The cell's own run, else one that was taken over, else the name that its run will get.

    A run under the cell's name that was made for other settings stays where it is, and the next free name is this
    cell's.
    """
    digest = settings_digest(study, cell)
    for name in names_for(study.name, cell):
        launch = home.run(name).launch
        stamp = _stamp(launch)
        if not stamp:
            other = taken.get(cell.key)
            if other is not None and other.settings == digest and home.run(other.run).launch.exists():
                return FoundRun(other.run, is_there=True, is_taken_over=True)
            return FoundRun(name, is_there=False)
        if _study_field(launch, stamp) == (study.name, cell.key, digest):
            return FoundRun(name, is_there=True)
    raise AssertionError("a cell has more runs than anybody makes")


def names_for(study: str, cell: Cell) -> Iterator[str]:
    """The names that a cell's run may have: the plain one, then numbered ones."""
    name = run_name(study, cell)
    yield name
    yield from (f"{name[:76]}.{number}" for number in range(2, _SAME_NAMES))


@lru_cache(maxsize=8192)
def _study_field(launch: Path, stamp: tuple[int, ...]) -> tuple[str, str, str]:
    """Study, cell and settings that a run was launched for; empty texts where it was for none."""
    try:
        field = json.loads(launch.read_text(encoding="utf-8")).get("study")
    except (OSError, ValueError, AttributeError):
        field = None
    if not isinstance(field, dict):
        return ("", "", "")
    return str(field.get("name")), str(field.get("cell")), str(field.get("settings"))


class TakenRun(NamedTuple):
    """A run from elsewhere that stands for a cell."""

    run: str
    settings: str
    """Hash of what the study asked of the cell when it was taken."""


def read_taken(place: StudyPlace) -> dict[str, TakenRun]:
    """The runs that stand for cells, by cell; a file that is damaged takes nothing over."""
    try:
        fields = json.loads(place.taken.read_text(encoding="utf-8"))
        return {str(key): TakenRun(str(item["run"]), str(item["settings"])) for key, item in fields.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def _run_rows(connection: sqlite3.Connection, names: Sequence[str]) -> dict[str, tuple[Any, ...]]:
    """What the catalogue says of each run, by name."""
    rows: dict[str, tuple[Any, ...]] = {}
    for first in range(0, len(names), _BATCH):
        part = names[first : first + _BATCH]
        sql = (
            "SELECT id, name, state, reason, step, total_steps, started_at, ended_at FROM run "
            f"WHERE name IN ({','.join('?' * len(part))})"
        )
        rows |= {row[1]: row for row in connection.execute(sql, part)}
    return rows


def _results(connection: sqlite3.Connection, uids: Sequence[int]) -> dict[int, dict[tuple[str, str], CellResult]]:
    """The last evaluation of each run under each prompt and decoding, by uid."""
    found: dict[int, dict[tuple[str, str], CellResult]] = {uid: {} for uid in uids}
    for first in range(0, len(uids), _BATCH):
        part = uids[first : first + _BATCH]
        rows = connection.execute(
            "SELECT t.run, t.prompt, t.decoding, t.n, t.correct, t.accuracy, t.low, t.high, t.unparsed, "
            "json_extract(t.source, '$.kind'), t.split, t.step FROM evaluation t "
            f"JOIN attempt a ON a.run=t.run AND a.number=t.attempt WHERE t.run IN ({','.join('?' * len(part))}) "
            f"AND {CURRENT} ORDER BY t.step, t.attempt",
            part,
        )
        for uid, prompt, decoding, *totals, kind, split, step in rows:
            # of equal keys the last step stays
            found[uid][prompt, decoding] = CellResult._make((*totals, str(kind or ""), split, step))
    return found


def _view(
    cell: Cell,
    run: FoundRun,
    rows: Mapping[str, tuple[Any, ...]],
    results: Mapping[int, Mapping[tuple[str, str], CellResult]],
) -> CellView:
    row = rows.get(run.name) if run.is_there else None
    if row is None:
        # a run that was just made is not in the catalogue yet
        state = State.STARTING.value if run.is_there else EMPTY
        return CellView(cell, state, "", run.name, None, run.is_taken_over, 0, 0, None, None, {})
    uid, name, state, reason, step, total, started, ended = row
    return CellView(cell, state, reason, name, uid, run.is_taken_over, step, total, started, ended, results[uid])


def run_dir_of(home: Home, view: CellView) -> RunDir:
    """The directory of a cell's run, there or not."""
    return home.run(view.run)
