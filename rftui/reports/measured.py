"""Reads everything that was measured in a study: each held-out answer of each finished run, by place and by way.

A place is a task at a difficulty; a way is how a model was come by there: a regime at one point of the sweep.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from typing import NamedTuple

from rftui.comparing.comparison import source_name
from rftui.studies.cells import Point, cell_settings, point_text
from rftui.studies.definition import Regime, Study
from rftui.studies.progress import CellView, StudyView
from rftui.terminal.clean import one_line
from store.config import Method
from store.evaluations import EvalAnswer, EvalKey, HeldOut, eval_answers, held_out
from store.layout import Home
from store.rollouts import open_rollouts
from store.runs import open_catalogue, run_named

PROMPTS = ("direct", "think")
PROMPT_WORDS = {"direct": "without <think>", "think": "with <think>"}


class Role(StrEnum):
    """What a regime is to the questions of a report."""

    BASE = "base"
    """Training-free."""
    SFT = "sft"
    """Supervised fine-tuning."""
    RFT = "rft"
    """Reinforcement fine-tuning without a length reward."""
    LONGER = "longer"
    """Reinforcement fine-tuning that also pays for length."""


class Evaluated(NamedTuple):
    """The last held-out evaluation of one run, asked in one way."""

    seed: int | None
    run: str
    totals: HeldOut
    answers: tuple[EvalAnswer, ...]

    @property
    def grades(self) -> dict[str, bool]:
        """Whether each example was right, by uid; without those whose gold cannot be graded."""
        return {answer.uid: answer.correct for answer in self.answers if answer.correct is not None}

    @property
    def data(self) -> str:
        """Source and split."""
        return one_line(f"{source_name(self.totals.source)}, split {self.totals.key.split}")


class Way(NamedTuple):
    """One way to come by a model at a place."""

    regime: str
    point: Point
    label: str
    role: Role
    cells: tuple[CellView, ...]
    evaluated: Mapping[tuple[str, str], tuple[Evaluated, ...]]
    """By prompt and decoding: the finished runs that were asked so, by seed."""

    @property
    def is_trained(self) -> bool:
        """Whether another seed could have given something else."""
        return self.role is not Role.BASE

    def asked(self, prompt: str, decoding: str) -> tuple[Evaluated, ...]:
        """Its evaluations under one prompt and decoding."""
        return self.evaluated.get((prompt, decoding), ())

    @property
    def finished(self) -> tuple[CellView, ...]:
        """Its runs whose numbers are final."""
        return tuple(cell for cell in self.cells if cell.is_finished)


class Place(NamedTuple):
    """One task at one difficulty."""

    task: str
    difficulty: float | None
    ways: tuple[Way, ...]

    @property
    def title(self) -> str:
        """`sat`, `sat at difficulty 0.8`."""
        return self.task if self.difficulty is None else f"{self.task} at difficulty {self.difficulty:g}"

    def of(self, role: Role) -> list[Way]:
        """Its ways that play a role."""
        return [way for way in self.ways if way.role is role]

    @property
    def is_generated(self) -> bool:
        """Whether any of its numbers is about generated data."""
        return any(each.totals.source.get("kind") == "generated" for each in self._all())

    @property
    def data(self) -> tuple[str, ...]:
        """What its numbers are about, each once."""
        return tuple(dict.fromkeys(each.data for each in self._all()))

    def _all(self) -> list[Evaluated]:
        return [each for way in self.ways for group in way.evaluated.values() for each in group]


class Measured(NamedTuple):
    """A study with its answers."""

    view: StudyView
    places: tuple[Place, ...]
    models: tuple[str, ...]
    """What the runs started from, each once."""

    @property
    def study(self) -> Study:
        """What the study is."""
        return self.view.study

    @property
    def decodings(self) -> tuple[str, ...]:
        """How answers were decoded, greedy first."""
        found = {key[1] for place in self.places for way in place.ways for key, group in way.evaluated.items() if group}
        return tuple(sorted(found, key=lambda name: (name != "greedy", name)))


def read_measured(home: Home, view: StudyView) -> Measured:
    """Every held-out answer of a study's finished runs. Raises StoreError and sqlite3.Error."""
    grouped: dict[tuple[str, float | None], dict[tuple[str, Point], list[CellView]]] = {}
    for item in view.cells:
        cell = item.cell
        ways = grouped.setdefault((cell.task, cell.difficulty), {})
        ways.setdefault((cell.regime, cell.point), []).append(item)
    tasks = [task.name for task in view.study.tasks]
    places = []
    for task, difficulty in sorted(grouped, key=lambda key: (tasks.index(key[0]), key[1] or 0.0)):
        found = [_way(home, view.study, cells) for cells in grouped[task, difficulty].values()]
        places.append(Place(task, difficulty, tuple(_in_order(view.study, found))))
    return Measured(view, tuple(places), _models(home, view))


def _in_order(study: Study, ways: Sequence[Way]) -> list[Way]:
    """By regime as the study lists them; points stay in the order of the cells."""
    regimes = [regime.name for regime in study.regimes]
    return sorted(ways, key=lambda way: regimes.index(way.regime))


def _way(home: Home, study: Study, cells: list[CellView]) -> Way:
    first = cells[0].cell
    regime = study.regime(first.regime)
    label = f"{regime.title} ({point_text(first.point)})" if first.point else regime.title
    ordered = sorted(cells, key=lambda item: -1 if item.cell.seed is None else item.cell.seed)
    found: dict[tuple[str, str], list[Evaluated]] = {}
    for item in ordered:
        if item.is_finished:
            for asked, one in _evaluated(home, item).items():
                found.setdefault(asked, []).append(one)
    groups = {asked: tuple(group) for asked, group in found.items()}
    return Way(regime.name, first.point, one_line(label), role_of(study, regime, cells[0]), tuple(ordered), groups)


def role_of(study: Study, regime: Regime, item: CellView) -> Role:
    """What a regime is to the questions: by its method, and whether its settings pay for length."""
    if regime.method is Method.SFT:
        return Role.SFT
    if not regime.is_trained:
        return Role.BASE
    settings = cell_settings(study, item.cell)
    asks = any(key.split(".")[:2] == ["rewards", "length"] for key in settings)
    pays = asks and settings.get("rewards.length.weight", 1) != 0
    return Role.LONGER if pays else Role.RFT


def _evaluated(home: Home, item: CellView) -> dict[tuple[str, str], Evaluated]:
    with closing(open_catalogue(home)) as catalogue:
        totals = {each.key: each for each in held_out(catalogue, item.run)}
    found = {}
    with closing(open_rollouts(home, item.run)) as rollouts:
        for (prompt, decoding), result in item.results.items():
            key = EvalKey(result.step, prompt, decoding, result.split)
            if result.n and key in totals:
                answers = tuple(eval_answers(rollouts, key))
                found[prompt, decoding] = Evaluated(item.cell.seed, item.run, totals[key], answers)
    return found


def _models(home: Home, view: StudyView) -> tuple[str, ...]:
    with closing(open_catalogue(home)) as catalogue:
        runs = [run_named(catalogue, item.run) for item in view.cells if item.uid is not None]
    return tuple(dict.fromkeys(run.model for run in runs if run is not None))


def why_not_together(before: Sequence[Evaluated], after: Sequence[Evaluated]) -> str:
    """Why the answers of two cells cannot be held against each other; empty where nothing speaks against it."""
    everything = [*before, *after]
    data = list(dict.fromkeys(each.data for each in everything))
    if len(data) > 1:
        return f"different data: {' and '.join(data)}"
    golds: dict[str, tuple[str, str, int]] = {}
    changed = 0
    for each in everything:
        for answer in each.answers:
            content = (answer.kind, answer.gold, answer.options)
            changed += golds.setdefault(answer.uid, content) != content
    return f"{changed} answers are to other questions under the same uid" if changed else ""
