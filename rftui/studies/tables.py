"""A study as a table: the grid with intervals, the numbers of a paper beside it, and what must be known to read it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from evals.interaction import LEAST_SEEDS
from rftui.cli.output import Column
from rftui.cli.table_forms import Table, csv_text, latex_lines, markdown_lines, markdown_text
from rftui.formats import counted, fraction, interval
from rftui.planning.recipes import load_recipe, recipe_names
from rftui.studies.cells import point_text
from rftui.studies.definition import PublishedNumber, Study
from rftui.studies.grades import PROMPTS, GridCell, GridRow, rows
from rftui.studies.progress import EMPTY, CellView, StudyView
from rftui.terminal.clean import one_line
from store.layout import Home
from store.states import State

PROMPT_TITLES = {"direct": "w/o <think>", "think": "w/ <think>"}
"""As the paper heads its columns."""
TINY = "tiny"
NOTHING = "—"
"""Stands where nothing is measured, or nothing applies."""


class StudyTable(NamedTuple):
    """Everything that is printed of a study's numbers."""

    view: StudyView
    grids: dict[str, list[GridRow]]
    """By decoding, greedy first; those that no run was asked are left out."""


def study_table(home: Home, view: StudyView) -> StudyTable:
    """The numbers of a study as they stand. Raises StoreError."""
    asked = {decoding for item in view.cells for _, decoding in item.results}
    decodings = sorted(asked) or ["greedy"]
    return StudyTable(view, {decoding: rows(home, view, decoding=decoding) for decoding in decodings})


class Shape(NamedTuple):
    """Which columns a grid has beside the numbers; those that say the same in every row are left to its heading."""

    has_difficulty: bool
    has_points: bool
    has_decoding: bool
    has_published: bool
    has_n: bool = True
    has_data: bool = True


def grid_table(made: StudyTable) -> Table:
    """The grid in full: a row a way to come by a model and a decoding, a column a prompt."""
    shape = _shape(made)._replace(has_decoding=len(made.grids) > 1)
    texts = [_row_text(made, shape, decoding, row) for decoding, row in _in_order(made)]
    return Table(_title(made), _columns(shape), texts)


def narrow_tables(made: StudyTable) -> Iterator[Table]:
    """The grid for a terminal: a table a decoding, under what all of its rows have in common."""
    for decoding, grid in made.grids.items():
        counts = {_n_text(row) for row in grid} - {NOTHING}
        kinds = {_data_text(row) for row in grid} - {NOTHING}
        shape = _shape(made)._replace(has_n=len(counts) > 1, has_data=len(kinds) > 1)
        common = [decoding, *(f"n {n}" for n in counts if len(counts) == 1)]
        common += [f"{kind} data" for kind in kinds if len(kinds) == 1]
        yield Table(", ".join(common), _columns(shape), [_row_text(made, shape, decoding, row) for row in grid])


def _title(made: StudyTable) -> str:
    return one_line(f"{made.view.name}: {made.view.study.title}")


def _shape(made: StudyTable) -> Shape:
    rows_of_all = [row for grid in made.grids.values() for row in grid]
    return Shape(
        has_difficulty=any(row.difficulty is not None for row in rows_of_all),
        has_points=any(row.point for row in rows_of_all),
        has_decoding=False,
        has_published=bool(made.view.study.published),
    )


def _columns(shape: Shape) -> tuple[Column, ...]:
    return (
        Column("task"),
        *([Column("difficulty", is_right=True)] if shape.has_difficulty else []),
        Column("trained by"),
        *([Column("with", can_shrink=True)] if shape.has_points else []),
        *([Column("decoding")] if shape.has_decoding else []),
        *(Column(PROMPT_TITLES[prompt]) for prompt in PROMPTS),
        *([Column("paper w/o, w/")] if shape.has_published else []),
        *([Column("n", is_right=True)] if shape.has_n else []),
        Column("seeds", is_right=True),
        *([Column("data")] if shape.has_data else []),
    )


def _row_text(made: StudyTable, shape: Shape, decoding: str, row: GridRow) -> list[str]:
    return [
        row.task,
        *([NOTHING if row.difficulty is None else f"{row.difficulty:g}"] if shape.has_difficulty else []),
        one_line(row.label),
        *([one_line(point_text(row.point))] if shape.has_points else []),
        *([decoding] if shape.has_decoding else []),
        *(cell_text(row.results[prompt]) for prompt in PROMPTS),
        *([_published_text(made.view.study, row)] if shape.has_published else []),
        *([_n_text(row)] if shape.has_n else []),
        seeds_text(row),
        *([_data_text(row)] if shape.has_data else []),
    ]


def _data_text(row: GridRow) -> str:
    return "/".join(sorted({cell.source_kind for cell in row.results.values() if cell.source_kind})) or NOTHING


def _in_order(made: StudyTable) -> Iterator[tuple[str, GridRow]]:
    """Every row under every decoding, the decodings of one row below each other."""
    for places in zip(*made.grids.values(), strict=True):
        yield from zip(made.grids, places, strict=True)


def cell_text(cell: GridCell) -> str:
    """`.583 [.540, .626]`; where nothing is measured, what the runs of the cell are doing."""
    if cell.accuracy is not None:
        return interval(cell.accuracy, cell.low, cell.high)
    return states_text(cell.states)


def states_text(states: Sequence[str]) -> str:
    """`queued`, `1 running 2 queued`; a dash where there is no run."""
    known = [state for state in states if state not in (EMPTY, State.FINISHED)]
    if not known:
        return NOTHING
    if len(states) == 1:
        return states[0]
    return " ".join(f"{known.count(state)} {state}" for state in dict.fromkeys(known))


def seeds_text(row: GridRow) -> str:
    """`3`, `2 of 3` while some are missing, and nothing for what has no seed."""
    cells = list(row.results.values())
    total = len(cells[0].states)
    done = max(len(cell.runs) for cell in cells)
    if not any(cell.seeds for cell in cells) and total == 1 and done:
        return NOTHING
    return str(done) if done == total else f"{done} of {total}"


def _n_text(row: GridRow) -> str:
    counts = sorted({cell.n for cell in row.results.values() if cell.accuracy is not None})
    return "/".join(map(str, counts)) or NOTHING


def _published(study: Study, row: GridRow, prompt: str) -> PublishedNumber | None:
    for number in study.published:
        if (number.task, number.regime, number.prompt.value) == (row.task, row.regime, prompt):
            return number
    return None


def _published_text(study: Study, row: GridRow) -> str:
    numbers = [_published(study, row, prompt) for prompt in PROMPTS]
    return ", ".join(NOTHING if number is None else fraction(number.value) for number in numbers)


def sentences(made: StudyTable) -> list[str]:
    """What must be known to read the numbers, each true of what is shown."""
    view, study = made.view, made.view.study
    cells = [cell for grid in made.grids.values() for row in grid for cell in row.results.values()]
    measured = [cell for cell in cells if cell.accuracy is not None]
    said = []
    finished = sum(item.is_finished for item in view.cells)
    if finished < len(view.cells):
        said.append(f"{finished} of {counted(len(view.cells), 'cell')} finished; only finished runs are in the table")
    if measured:
        said.append("held-out accuracy, the mean over seeds, with a 95% interval; w/o and w/ <think> at one checkpoint")
    if any(cell.seeds and not cell.are_seeds_resampled for cell in measured):
        said.append(
            f"under {LEAST_SEEDS} seeds the interval is over examples only: about these checkpoints, not the method"
        )
    if data := data_words(made):
        said.append(data)
    taken = [item for item in view.cells if item.is_taken_over]
    if taken:
        names = ", ".join(f"{item.cell.key} is {item.run}" for item in taken[:4])
        said.append(f"{counted(len(taken), 'cell')} taken over from other runs with equal settings: {names}")
    if study.published_note:
        said.append(study.published_note)
    sources = list(dict.fromkeys(number.source for number in study.published))
    said += [f"paper: {source}" for source in sources]
    if view.is_changed:
        said.append("study.toml was changed since the study was started; `rftui study run` shows what")
    return [one_line(sentence) for sentence in said]


def data_words(made: StudyTable) -> str:
    """Where the numbers come from, wherever that limits what they say; empty for real data and a real model."""
    kinds, is_tiny = made.view.sources, model_of(made.view.study) == TINY
    words = [
        *(["generated data"] if "generated" in kinds else []),
        *(["tiny model"] if is_tiny and kinds else []),
    ]
    return f"{', '.join(words)}: not comparable with any paper" if words else ""


def model_of(study: Study) -> str:
    """The model that all runs of a study begin with; empty where the machine chooses the recipe."""
    if study.model or study.recipe not in recipe_names():
        return study.model
    return str(load_recipe(study.recipe).settings("grpo").get("model", ""))


def markdown(made: StudyTable) -> Iterator[str]:
    """The grid and its sentences as Markdown."""
    yield from markdown_lines(grid_table(made))
    yield ""
    yield from (f"- {markdown_text(sentence)}" for sentence in sentences(made))


def latex(made: StudyTable) -> Iterator[str]:
    """The grid as a tabular, its sentences as comments."""
    yield from (f"% {sentence}" for sentence in sentences(made))
    yield from latex_lines(grid_table(made))


CSV_COLUMNS = (
    "study",
    "task",
    "difficulty",
    "regime",
    "point",
    "prompt",
    "decoding",
    "accuracy",
    "low",
    "high",
    "n",
    "seeds",
    "unparsed",
    "source",
    "model",
    "states",
    "runs",
    "published",
    "published_source",
)


def csv_form(made: StudyTable) -> str:
    """One line a number, with everything that it needs to be read alone."""
    lines = [[_csv_value(entry[column]) for column in CSV_COLUMNS] for entry in entries(made)]
    return csv_text(Table("", tuple(Column(name) for name in CSV_COLUMNS), lines))


def _csv_value(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return " ".join(f"{key}={item}" for key, item in value.items())
    return one_line(" ".join(map(str, value)) if isinstance(value, list) else str(value))


def entries(made: StudyTable) -> list[dict[str, Any]]:
    """Every number of the table as JSON values."""
    study, model = made.view.study, model_of(made.view.study)
    found = []
    for decoding, row in _in_order(made):
        for prompt, cell in row.results.items():
            number = _published(study, row, prompt)
            found.append(
                {
                    "study": made.view.name,
                    "task": row.task,
                    "difficulty": row.difficulty,
                    "regime": row.regime,
                    "label": row.label,
                    "point": dict(row.point),
                    "prompt": prompt,
                    "decoding": decoding,
                    "accuracy": cell.accuracy,
                    "low": cell.low,
                    "high": cell.high,
                    "n": cell.n,
                    "seeds": list(cell.seeds),
                    "are_seeds_resampled": cell.are_seeds_resampled,
                    "unparsed": cell.unparsed,
                    "source": cell.source_kind,
                    "model": model,
                    "states": list(cell.states),
                    "runs": list(cell.runs),
                    "published": None if number is None else number.value,
                    "published_source": None if number is None else number.source,
                }
            )
    return found


def document(made: StudyTable) -> dict[str, Any]:
    """What `rftui study show --json` prints; docs/studies.md describes it, and scripts rely on its names."""
    view = made.view
    return {
        "name": view.name,
        "title": view.study.title,
        "is_started": view.is_started,
        "is_changed": view.is_changed,
        "states": view.counts(),
        "model": model_of(view.study),
        "seeds": list(view.study.seeds),
        "cells": [cell_fields(item) for item in view.cells],
        "table": entries(made),
        "notes": sentences(made),
    }


def cell_fields(item: CellView) -> dict[str, Any]:
    """One cell as JSON values."""
    cell = item.cell
    return {
        "cell": cell.key,
        "task": cell.task,
        "regime": cell.regime,
        "difficulty": cell.difficulty,
        "seed": cell.seed,
        "point": dict(cell.point),
        "run": item.run,
        "state": item.state,
        "reason": item.reason,
        "is_taken_over": item.is_taken_over,
        "step": item.step,
        "total_steps": item.total_steps,
        "evals": [
            {"prompt": prompt, "decoding": decoding, **result._asdict()}
            for (prompt, decoding), result in item.results.items()
        ],
    }
