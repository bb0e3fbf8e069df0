"""The cells of a study: one run each, in the order in which they are launched, and what each run is asked to be."""

from __future__ import annotations

import hashlib
import itertools
import math
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from rftui.comparing.compared_runs import is_used
from rftui.errors import UsageProblem
from rftui.planning.settings import flatten
from rftui.studies.definition import CELLS_AT_MOST, RandomSweep, Regime, Study, StudyTask, digest_of

RUN_NAME_LENGTH = 80
SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*\*\s*([a-z_][a-z0-9_.]*)\s*$")
"""A value as a multiple of another setting of the same run."""
Point = tuple[tuple[str, Any], ...]
"""Settings of one combination of a sweep, by dotted key; empty without a sweep."""


class Cell(NamedTuple):
    """One run of a study."""

    key: str
    """Tells it from the study's other cells; part of its run's name."""
    task: str
    """Name of the study's task."""
    regime: str
    """Name of the regime."""
    difficulty: float | None
    """None where the task lists none."""
    seed: int | None
    """None for a training-free cell, which all seeds share."""
    point: Point

    @property
    def is_baseline(self) -> bool:
        """Whether it trains nothing."""
        return self.seed is None


def cells_of(study: Study) -> list[Cell]:
    """Every cell, baselines first, then the first seed of everything before the second. Raises UsageProblem."""
    cells = list(itertools.islice(_cells(study), CELLS_AT_MOST + 1))
    if len(cells) > CELLS_AT_MOST:
        raise UsageProblem(
            f"the study {study.name} has more than {CELLS_AT_MOST} cells",
            found=f"{len(study.seeds)} seeds, {len(study.regimes)} regimes, and a sweep over {', '.join(study.sweep)}",
            expected=f"at most {CELLS_AT_MOST} runs",
            fix="take values out of `sweep`, or seeds, or regimes",
        )
    return cells


def _cells(study: Study) -> Iterator[Cell]:
    rows = [(task, difficulty) for task in study.tasks for difficulty in (task.difficulty or (None,))]
    for (task, difficulty), regime in itertools.product(rows, study.regimes):
        if not regime.is_trained:
            yield _cell(task, regime, difficulty=difficulty, seed=None, point=())
    points = points_of(study)
    for seed, (task, difficulty), regime in itertools.product(study.seeds, rows, study.regimes):
        if regime.is_trained:
            for point in points if regime.is_swept else [()]:
                yield _cell(task, regime, difficulty=difficulty, seed=seed, point=point)


def _cell(task: StudyTask, regime: Regime, *, difficulty: float | None, seed: int | None, point: Point) -> Cell:
    parts = [task.name, *([] if difficulty is None else [f"d{difficulty:g}"]), regime.name]
    parts += [_point_slug(point)] if point else []
    parts += [] if seed is None else [f"s{seed}"]
    return Cell("-".join(parts), task.name, regime.name, difficulty, seed, point)


def _point_slug(point: Point) -> str:
    """`target24.weight0.5`, or where that is long or holds other signs, a hash."""
    slug = ".".join(f"{key.rpartition('.')[2]}{_value_slug(value)}" for key, value in point)
    if len(slug) <= 40 and re.fullmatch(r"[A-Za-z0-9._-]+", slug):
        return slug
    return "p" + hashlib.sha256(repr(point).encode()).hexdigest()[:8]


def _value_slug(value: Any) -> str:
    match = SHARE.match(value) if isinstance(value, str) else None
    return f"{match[1]}x" if match else str(value)


def points_of(study: Study) -> list[Point]:
    """The combinations of the sweep; one empty point without any."""
    grid = [tuple(zip(study.sweep, values, strict=True)) for values in itertools.product(*study.sweep.values())]
    drawn = [()] if study.random is None else _drawn(study.random)
    return [(*fixed, *chance) for fixed in grid for chance in drawn]


def _drawn(sweep: RandomSweep) -> list[Point]:
    # its own generator, so that nothing else that draws can move the points
    chance = random.Random(sweep.seed)
    points = []
    for _ in range(sweep.n):
        point = []
        for key, ends in sorted(sweep.ranges.items()):
            low, high = (math.log(ends.low), math.log(ends.high)) if ends.log else (ends.low, ends.high)
            value = chance.uniform(low, high)
            value = math.exp(value) if ends.log else value
            # three digits tell two points apart, and can be written by hand
            point.append((key, round(value) if ends.whole else float(f"{value:.3g}")))
        points.append(tuple(point))
    return points


def point_text(point: Point) -> str:
    """`target=24 weight=0.5`: the last part of each setting is enough to tell the points of one study apart."""
    return " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in point)


def run_name(study: str, cell: Cell) -> str:
    """The name that a cell's run gets; a long one ends in a hash."""
    name = f"{study}-{cell.key}"
    if len(name) <= RUN_NAME_LENGTH:
        return name
    return f"{name[: RUN_NAME_LENGTH - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def cell_settings(study: Study, cell: Cell) -> dict[str, Any]:
    """What the study asks of a cell's run, by dotted key, on top of the recipe; the method is not among them.

    A value such as "0.5 * max_completion_length" is still in words.
    """
    task, regime = study.task(cell.task), study.regime(cell.regime)
    asked: dict[str, Any] = dict(flatten(study.settings))
    asked |= {f"evaluation.{key}": value for key, value in study.evaluation.items()}
    asked |= {"model": study.model} if study.model else {}
    asked |= {"task": task.task_name, "source": task.source}
    asked |= {f"task_options.{key}": value for key, value in task.task_options.items()}
    asked |= {"difficulty": cell.difficulty} if cell.difficulty is not None else {}
    asked |= dict(flatten(regime.settings))
    asked |= dict(cell.point)
    asked |= {"seed": cell.seed} if cell.seed is not None else {}
    return asked


def settings_digest(study: Study, cell: Cell) -> str:
    """A short hash of what the study asks of a cell: a run that was made for another one is not this cell's.

    It is of what the study says and not of every setting, so that a newer version with one default more keeps a study.
    """
    method = study.regime(cell.regime).method.value
    asked = {"recipe": study.recipe, "method": method, **cell_settings(study, cell)}
    # how long others train is nothing to a run that only evaluates
    return digest_of({key: value for key, value in asked.items() if is_used(key, asked) and not is_idle(key, method)})


def is_idle(key: str, method: str) -> bool:
    """Whether a setting, by dotted key, says only when a training is evaluated, and the method trains nothing."""
    return method == "eval" and key in ("evaluation.every", "evaluation.at_start")


def is_share(value: Any) -> bool:
    """Whether a value is written as a multiple of another setting."""
    return isinstance(value, str) and SHARE.match(value) is not None


def share_of(value: str, settings: Mapping[str, Any], *, key: str) -> float | int:
    """The number behind `0.5 * max_completion_length`. Raises UsageProblem where that setting is no number."""
    match = SHARE.match(value)
    assert match is not None, "is_share was asked first"
    factor, name = float(match[1]), match[2]
    base = settings.get(name)
    if not isinstance(base, int | float) or isinstance(base, bool):
        raise UsageProblem(
            f"{key} is {value}, and {name} is no number",
            found=f"{name} = {base!r}",
            expected="a multiple of a setting that is a number",
            fix=f'for example {key} = "0.5 * max_completion_length"',
        )
    product = factor * base
    return int(product) if product == int(product) else product
