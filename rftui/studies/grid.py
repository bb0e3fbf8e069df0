"""The grid of a study as rows and columns with a cursor: its order, its filter, and what enter means. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from rftui.studies.cells import Point, point_text
from rftui.studies.definition import PublishedNumber, Study
from rftui.studies.grades import GridCell
from rftui.studies.progress import EMPTY, ENDED_EARLY, CellView, StudyView
from rftui.studies.tables import StudyTable
from store.states import State

Key = tuple[str, float | None, str, Point]
"""Task, difficulty, regime and point: one cell of the grid."""


class GridEntry(NamedTuple):
    """One cell of the grid: every seed of one way to come by a model, on one row."""

    task: str
    difficulty: float | None
    regime: str
    label: str
    point: Point
    views: tuple[CellView, ...]
    """A run each."""
    places: tuple[int | None, ...]
    """Where each of these runs stands in the queue, from 1; None for one that does not wait."""
    results: Mapping[str, GridCell]
    """By prompt; only finished runs count."""
    published: Mapping[str, PublishedNumber]
    """What a paper prints for this cell, by prompt."""

    @property
    def key(self) -> Key:
        """Tells it from the study's other cells."""
        return (self.task, self.difficulty, self.regime, self.point)


class TaskRow(NamedTuple):
    """One task, difficulty and point of a sweep."""

    task: str
    difficulty: float | None
    point: Point
    entries: tuple[GridEntry | None, ...]
    """A regime each; None where the study has no such cell."""

    @property
    def words(self) -> str:
        """What a filter looks into: names, values, and the states of the runs."""
        states = {view.state for entry in self.entries if entry for view in entry.views}
        difficulty = "" if self.difficulty is None else f"difficulty={self.difficulty:g}"
        return " ".join([self.task, difficulty, point_text(self.point), *sorted(states)]).lower()


class Grid(NamedTuple):
    """The whole grid at one moment, in the order of the study."""

    regimes: tuple[str, ...]
    labels: tuple[str, ...]
    rows: tuple[TaskRow, ...]


def grid_of(made: StudyTable, *, decoding: str, positions: Mapping[str, int]) -> Grid:
    """The grid of a study's numbers under one decoding; positions are places in the queue, by run."""
    study = made.view.study
    views = _by_key(made.view)
    regimes = tuple(regime.name for regime in study.regimes)
    rows: dict[tuple[str, float | None, Point], dict[str, GridEntry]] = {}
    for row in made.grids[decoding]:
        held = tuple(views[row.task, row.difficulty, row.regime, row.point])
        entry = GridEntry(
            *(row.task, row.difficulty, row.regime, row.label, row.point, held),
            places=tuple(positions.get(view.run) if view.state == State.QUEUED else None for view in held),
            results=row.results,
            published=_published(study, row.task, row.regime),
        )
        rows.setdefault((row.task, row.difficulty, row.point), {})[row.regime] = entry
    return Grid(
        regimes,
        tuple(regime.title for regime in study.regimes),
        tuple(TaskRow(*key, tuple(found.get(name) for name in regimes)) for key, found in rows.items()),
    )


def _by_key(view: StudyView) -> dict[Key, list[CellView]]:
    found: dict[Key, list[CellView]] = {}
    for item in view.cells:
        cell = item.cell
        found.setdefault((cell.task, cell.difficulty, cell.regime, cell.point), []).append(item)
    return found


def _published(study: Study, task: str, regime: str) -> dict[str, PublishedNumber]:
    return {each.prompt.value: each for each in study.published if (each.task, each.regime) == (task, regime)}


class Sort(StrEnum):
    """Orders of rows; all but the first look at the column of the cursor."""

    STUDY = "study order"
    """As the study lists them."""
    THINK = "accuracy w/ <think>"
    DIRECT = "accuracy w/o <think>"
    GAIN = "gain by <think>"
    """Accuracy with <think> less that without, at the same checkpoints."""


class Look(NamedTuple):
    """How somebody looks at a grid."""

    sort: Sort = Sort.STUDY
    is_reversed: bool = False
    words: str = ""
    """Rows that hold all of them are shown."""


def shown_rows(grid: Grid, look: Look, *, column: int) -> list[TaskRow]:
    """The rows that fit, in order; those without a number to sort by come last, whichever way."""
    words = look.words.lower().split()
    rows = [row for row in grid.rows if all(word in row.words for word in words)]
    if look.sort is Sort.STUDY:
        return rows[::-1] if look.is_reversed else rows
    values = [(_value(row, look.sort, column), row) for row in rows]
    known = [(value, row) for value, row in values if value is not None]
    known.sort(key=lambda pair: pair[0], reverse=not look.is_reversed)
    return [*(row for _, row in known), *(row for value, row in values if value is None)]


def _value(row: TaskRow, sort: Sort, column: int) -> float | None:
    entry = row.entries[column] if column < len(row.entries) else None
    if entry is None:
        return None
    think, direct = (entry.results[prompt].accuracy for prompt in ("think", "direct"))
    if sort is Sort.GAIN:
        return None if think is None or direct is None else think - direct
    return think if sort is Sort.THINK else direct


class Use(StrEnum):
    """What enter does with one run of a cell."""

    OPEN = "opens"
    LAUNCH = "launches"
    RETRY = "tries again"
    RESUME = "goes on"


def use_of(view: CellView) -> Use:
    """What enter means for a run: it opens what there is, and starts what is missing, failed or ended early."""
    if view.state == EMPTY:
        return Use.LAUNCH
    if view.is_taken_over:
        # somebody else's run is not ours to go on with
        return Use.OPEN
    if view.state == State.FAILED:
        return Use.RETRY
    return Use.RESUME if view.state in ENDED_EARLY else Use.OPEN


def startable(views: Sequence[CellView]) -> list[CellView]:
    """The runs that enter would start."""
    return [view for view in views if use_of(view) is not Use.OPEN]


class GridBrowser:
    """A grid, how it is looked at, and where the cursor is: at a cell, which it follows through every change."""

    def __init__(self) -> None:
        self.grid = Grid((), (), ())
        self.look = Look()
        self.rows: list[TaskRow] = []
        self.row = 0
        self.column = 0

    @property
    def entry(self) -> GridEntry | None:
        """The cell under the cursor; None where the study has none there."""
        if self.row >= len(self.rows):
            return None
        entries = self.rows[self.row].entries
        return entries[self.column] if self.column < len(entries) else None

    def take(self, grid: Grid) -> None:
        """Shows the grid as it became."""
        regime = self._regime
        self.grid = grid
        if regime in grid.regimes:
            self.column = grid.regimes.index(regime)
        self.column = max(0, min(self.column, len(grid.regimes) - 1))
        self._arrange()

    def look_otherwise(self, look: Look) -> None:
        """Shows it in another order, or other rows of it."""
        self.look = look
        self._arrange()

    def move(self, rows: int, columns: int) -> None:
        """Moves the cursor as far as the grid goes. An order that looks at a column stays as it is."""
        self.row = max(0, min(self.row + rows, len(self.rows) - 1))
        self.column = max(0, min(self.column + columns, len(self.grid.regimes) - 1))

    def put(self, key: Key) -> None:
        """Puts the cursor on a cell, where it is shown."""
        if key[2] in self.grid.regimes:
            self.column = self.grid.regimes.index(key[2])
        self._find((key[0], key[1], key[3]))

    @property
    def _regime(self) -> str:
        return self.grid.regimes[self.column] if self.column < len(self.grid.regimes) else ""

    def _arrange(self) -> None:
        before = self.rows[self.row][:3] if self.row < len(self.rows) else None
        self.rows = shown_rows(self.grid, self.look, column=self.column)
        self.row = max(0, min(self.row, len(self.rows) - 1))
        if before is not None:
            self._find(before)

    def _find(self, key: tuple[str, float | None, Point]) -> None:
        for number, row in enumerate(self.rows):
            if row[:3] == key:
                self.row = number
                return
