"""Forecasts of a study: what is sampled for one of its tasks, and the file in its folder, written before it trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rftui.errors import NotFound, UsageProblem
from rftui.planning.plan import LaunchRequest
from rftui.planning.settings import Layer
from rftui.studies.cells import Cell, cell_settings, cells_of
from rftui.studies.definition import Study
from rftui.studies.places import StudyPlace, find_place
from rftui.studies.plans import launch_request
from rftui.studies.progress import StudyView, read_study
from store.config import Method
from store.forecasts import write_forecast
from store.layout import Home

OF_THE_STUDY = ("task", "model", "difficulty")
"""Settings by which a forecast is one of a study's task."""


class StudyTasks:
    """The tasks of a study that a forecast is made for."""

    def __init__(self, home: Home, name: str, *, task: str | None) -> None:
        """Raises NotFound, and UsageProblem where a forecast would come too late or take the place of another."""
        self.place: StudyPlace = find_place(home, name)
        self.view: StudyView = read_study(home, name)
        self.study: Study = self.view.study
        known = [each.name for each in self.study.tasks]
        if task is not None and task not in known:
            raise NotFound(
                f"the study {name} has no task {task}",
                found=task,
                expected=f"one of {', '.join(known)}",
                fix="leave --task out to forecast all of them",
            )
        self.tasks = [task] if task is not None else known
        for each in self.tasks:
            self._check_time(each)

    def _check_time(self, task: str) -> None:
        """A forecast is worth something only where it was made before what it is about."""
        begun = [
            item
            for item in self.view.cells
            if item.cell.task == task and not item.cell.is_baseline and item.started_at is not None
        ]
        if begun:
            raise UsageProblem(
                f"the study {self.place.name} trains on {task} already",
                found=f"{begun[0].run} has started",
                expected="a study that has trained nothing on it",
                fix=f"`rftui suit --task {task}` without --study, for yourself",
            )
        path = self.place.forecast(task)
        if path.exists():
            raise UsageProblem(
                f"the study {self.place.name} has a forecast of {task}",
                found=str(path),
                expected="none: a forecast is made once and stays",
                fix="read that one, or take it away yourself",
            )

    def request(self, task: str, changes: LaunchRequest, *, difficulty: float | None) -> LaunchRequest:
        """What is sampled for a task: what the study's GRPO would sample in its first seed. Raises UsageProblem."""
        cell = self._cell(task, difficulty)
        asked = launch_request(self.study, cell, name="")
        assert asked.base is not None, "a study's settings are a layer"
        values = {key: value for key, value in asked.base.values.items() if not key.startswith("evaluation.")}
        flags = {key: value for key, value in changes.flags.items() if key != "task"}
        return changes._replace(recipe=asked.recipe, base=Layer(asked.base.origin, values), flags=flags)

    def _cell(self, task: str, difficulty: float | None) -> Cell:
        known = self.study.task(task).difficulty
        if difficulty is None and len(known) > 1:
            raise UsageProblem(
                f"{task} has {len(known)} difficulties in the study {self.place.name}",
                found="no --difficulty",
                expected=f"one of {', '.join(f'{each:g}' for each in known)}",
                fix=f"for example --difficulty {known[len(known) // 2]:g}",
            )
        wanted = difficulty if known else None
        cells = [each for each in cells_of(self.study) if each.task == task and each.difficulty in (wanted, *known[:1])]
        cells = [each for each in cells if each.difficulty == wanted] or cells
        # the plainest way of GRPO comes first; without one any cell has the study's settings
        return min(cells, key=self._rank)

    def _rank(self, cell: Cell) -> tuple[bool, bool]:
        regime = self.study.regime(cell.regime)
        pays_length = any(key.startswith("rewards.length.") for key in cell_settings(self.study, cell))
        return regime.method is not Method.GRPO, pays_length

    def keep(self, task: str, document: Mapping[str, Any]) -> str:
        """Copies a forecast into the study's folder, and returns where. Raises UsageProblem for one of another task."""
        self._check_subject(task, document)
        path = self.place.forecast(task)
        if not write_forecast(path, dict(document)):
            self._check_time(task)
        return str(path)

    def _check_subject(self, task: str, document: Mapping[str, Any]) -> None:
        wanted = {"task": self.study.task(task).task_name, "model": self.study.model or None}
        settings = document.get("settings") or {}
        for key, value in wanted.items():
            # paths are absolute in a run
            found = str(settings.get(key))
            if value is not None and found != value and not found.endswith(f"/{str(value).lstrip('./')}"):
                raise UsageProblem(
                    f"{document.get('run')} is no forecast of {task} in the study {self.place.name}",
                    found=f"{key} = {found}",
                    expected=f"{key} = {value}",
                    fix=f"`rftui suit --study {self.place.name} --task {task}` samples what the study trains on",
                )
