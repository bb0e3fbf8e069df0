"""Studies for tests: a small definition in a home, and cells that are finished as their journals say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import tomli_w

from rftui.studies.places import StudyPlace
from rftui.studies.progress import CellView, StudyView, read_study
from rftui.studies.running import study_facts
from store.layout import Home
from tests.evaluated_runs import GENERATED, answers, evaluation, write_run

SMALL: dict[str, Any] = {
    "name": "small",
    "title": "Does GRPO help?",
    "recipe": "tiny",
    "seeds": [0, 1],
    "tasks": [{"name": "sat", "source": "generated"}],
    "regimes": [
        {"name": "base", "label": "training-free", "method": "eval"},
        {"name": "grpo", "label": "GRPO", "method": "grpo"},
    ],
}
"""One baseline and two seeds of GRPO."""


def make_study(home: Home, **changed: Any) -> StudyPlace:
    """Writes study.toml as SMALL has it, with fields changed."""
    fields = SMALL | changed
    place = StudyPlace(home, fields["name"])
    place.path.mkdir(parents=True, exist_ok=True)
    place.definition.write_text(tomli_w.dumps(fields))
    return place


def cell_of(view: StudyView, key: str) -> CellView:
    """The cell of that key."""
    return next(item for item in view.cells if item.cell.key == key)


def write_cell(
    home: Home,
    study: str,
    key: str,
    patterns: Mapping[str, str] | None = None,
    *,
    state: str = "finished",
    source: Mapping[str, Any] = GENERATED,
    decoding: str = "greedy",
) -> None:
    """A run for that cell in that state; patterns of 1 (right) and 0 (wrong) by prompt are its held-out answers."""
    view = read_study(home, study)
    item = cell_of(view, key)
    evaluations = [
        evaluation(answers(pattern), prompt=prompt, decoding=decoding, source=source)
        for prompt, pattern in (patterns or {}).items()
    ]
    method = view.study.regime(item.cell.regime).method.value
    write_run(home, item.run, evaluations, state=state, method=method, task=item.cell.task, seed=item.cell.seed or 0)
    launch = home.run(item.run).launch
    facts = {"study": study_facts(view.study, item)}
    launch.write_text(json.dumps(json.loads(launch.read_text()) | facts))
