"""The table of a study: accuracy of each way to train, averaged over its seeds, and the grades behind each number."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from evals.study_statistics import SeedMean, Side, mean_over_seeds
from rftui.studies.cells import Point
from rftui.studies.progress import CellResult, CellView, StudyView
from store.evaluations import EvalKey, eval_answers
from store.layout import Home
from store.rollouts import open_rollouts

PROMPTS = ("direct", "think")
"""Both ways of asking, without <think> first as the paper prints them."""


class GridCell(NamedTuple):
    """One number of the table."""

    accuracy: float | None
    """Mean over the finished seeds; None where none is finished, or none was asked so."""
    low: float | None
    high: float | None
    """95% interval."""
    n: int
    """Examples that every one of these seeds was graded on."""
    seeds: tuple[int, ...]
    """Seeds behind the number; empty for a training-free cell."""
    states: tuple[str, ...]
    """Of every seed's run, finished or not."""
    runs: tuple[str, ...]
    """Runs behind the number."""
    source_kind: str
    """real or generated; empty where nothing is measured."""
    are_seeds_resampled: bool
    """Whether the interval is over seeds as well as over examples."""
    unparsed: int
    """Answers that could not be read, of all these seeds."""


class GridRow(NamedTuple):
    """One task, difficulty, regime and point of the sweep: one way to come by a model."""

    task: str
    difficulty: float | None
    regime: str
    label: str
    point: Point
    results: Mapping[str, GridCell]
    """By prompt."""


def rows(home: Home, view: StudyView, *, decoding: str = "greedy") -> list[GridRow]:
    """The table, by task and difficulty, then by regime and point, as the study lists them. Raises StoreError."""
    grouped: dict[tuple[str, float | None, str, Point], list[CellView]] = {}
    for item in view.cells:
        cell = item.cell
        grouped.setdefault((cell.task, cell.difficulty, cell.regime, cell.point), []).append(item)
    study = view.study
    tasks = {task.name: place for place, task in enumerate(study.tasks)}
    regimes = {regime.name: place for place, regime in enumerate(study.regimes)}
    # points keep the order in which the cells come
    keys = sorted(grouped, key=lambda key: (tasks[key[0]], key[1] or 0.0, regimes[key[2]]))
    return [
        GridRow(
            *key[:3],
            study.regime(key[2]).title,
            key[3],
            {prompt: _grid_cell(home, grouped[key], prompt, decoding) for prompt in PROMPTS},
        )
        for key in keys
    ]


def _grid_cell(home: Home, views: list[CellView], prompt: str, decoding: str) -> GridCell:
    measured = [
        (item, result)
        for item in views
        if item.is_finished and (result := item.results.get((prompt, decoding))) is not None and result.n
    ]
    keys = tuple(_key(item, result, prompt, decoding) for item, result in measured)
    mean = _mean(home, keys, is_trained=any(not item.cell.is_baseline for item in views))
    return GridCell(
        accuracy=None if mean is None else mean.mean,
        low=None if mean is None else mean.low,
        high=None if mean is None else mean.high,
        n=0 if mean is None else mean.n,
        seeds=tuple(item.cell.seed for item, _ in measured if item.cell.seed is not None),
        states=tuple(item.state for item in views),
        runs=tuple(item.run for item, _ in measured),
        source_kind="/".join(sorted({result.source_kind for _, result in measured})),
        are_seeds_resampled=mean is not None and mean.are_seeds_resampled,
        unparsed=sum(result.unparsed for _, result in measured),
    )


class GradeKey(NamedTuple):
    """One evaluation of one run; what was read of it never changes once the run has finished."""

    run: str
    uid: int
    step: int
    prompt: str
    decoding: str
    split: str
    n: int


def _key(item: CellView, result: CellResult, prompt: str, decoding: str) -> GradeKey:
    assert item.uid is not None, "a cell with results has a run in the catalogue"
    return GradeKey(item.run, item.uid, result.step, prompt, decoding, result.split, result.n)


def read_grades(home: Home, view: CellView, prompt: str, decoding: str) -> Mapping[str, bool]:
    """Whether each held-out example was right at the cell's last evaluation asked so, by uid; empty where none was.

    Examples whose gold cannot be graded are left out. Raises StoreError.
    """
    result = view.results.get((prompt, decoding))
    if result is None:
        return {}
    key = _key(view, result, prompt, decoding)
    return _grades(home, key) if view.is_finished else _read(home, key)


KEPT_AT_MOST = 4096
"""Evaluations, and means of them, that are kept in memory; then all are read anew."""
_kept_grades: dict[tuple[Path, GradeKey], Mapping[str, bool]] = {}
_kept_means: dict[tuple[Path, tuple[GradeKey, ...]], SeedMean | None] = {}


def _grades(home: Home, key: GradeKey) -> Mapping[str, bool]:
    """Of a run that has finished, read once they are whole: the totals may be indexed a moment before the answers."""
    place = (home.path, key)
    if (kept := _kept_grades.get(place)) is not None:
        return kept
    found = _read(home, key)
    if len(found) == key.n:
        _keep(_kept_grades, place, found)
    return found


def _keep(kept: dict[Any, Any], place: Any, value: Any) -> None:
    if len(kept) >= KEPT_AT_MOST:
        kept.clear()
    kept[place] = value


def _read(home: Home, key: GradeKey) -> Mapping[str, bool]:
    with closing(open_rollouts(home, key.run)) as connection:
        answers = eval_answers(connection, EvalKey(key.step, key.prompt, key.decoding, key.split))
    return {answer.uid: answer.correct for answer in answers if answer.correct is not None}


def _mean(home: Home, keys: tuple[GradeKey, ...], *, is_trained: bool) -> SeedMean | None:
    """The mean over runs that have finished; None where nothing is measured, or nothing is measured by all."""
    place = (home.path, keys)
    if place in _kept_means:
        return _kept_means[place]
    grades = [_grades(home, key) for key in keys]
    if not grades or not all(grades):
        return None
    try:
        mean = mean_over_seeds(Side(grades, is_trained))
    except ValueError:
        # seeds that were asked different examples have no common mean
        mean = None
    if all(len(one) == key.n for one, key in zip(grades, keys, strict=True)):
        _keep(_kept_means, place, mean)
    return mean
