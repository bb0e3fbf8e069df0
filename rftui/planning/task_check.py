"""Asks the interpreter that would train what is in a task: `python -m evals.checking`, for `rftui tasks check`."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.tasks import is_task_file, task_names
from evals.visual_tokens import QWEN_CELL
from rftui.errors import RftuiError, UsageProblem
from rftui.planning.command import child_environment, shared_environment
from rftui.planning.data_places import settled_source
from rftui.planning.plan import find_python
from rftui.planning.preflight import unknown
from rftui.planning.settings import set_layer
from store.config import RunConfig
from store.layout import resolve_home

_TASK_OPTIONS = "task_options."
_SETTINGS = ("seed", "difficulty", "image_min_pixels", "image_max_pixels")
"""Other settings of a run that say what its examples look like."""


class CheckAnswer(NamedTuple):
    """What came of a check."""

    said: dict[str, Any]
    """What is in the task, as `evals.checking` records it."""
    printed: str
    """What the task's own code printed."""


class CheckRequest(NamedTuple):
    """What the user asked for."""

    task: str
    source: str | None
    assignments: Sequence[str]
    images: int | None
    """Examples a split whose images are read; None is all."""
    python: str | None = None


def check(request: CheckRequest) -> CheckAnswer:
    """What is in the task. Raises NotFound, UsageProblem or RftuiError."""
    if not is_task_file(request.task) and request.task not in task_names():
        raise unknown("task", request.task, task_names())
    python = find_python(request.python)
    with tempfile.TemporaryDirectory(prefix="rftui-task-") as scratch:
        # in a folder of its own, as a run is: a task that reads files by where it was started fails here already
        environment = shared_environment(Path(scratch), python=python, zero=0, gpus=None)
        process = subprocess.run(
            [python, "-m", "evals.checking"],
            input=json.dumps(_question(request)).encode(),
            capture_output=True,
            cwd=scratch,
            env=child_environment(environment),
            check=False,
        )
    printed = process.stderr.decode("utf-8", "replace")
    try:
        said: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise RftuiError(
            f"the check of task {request.task} ended without an answer",
            found=f"exit code {process.returncode}; the last it printed: {printed.strip()[-500:] or 'nothing'}",
            expected="a task that neither ends nor kills the interpreter",
            fix="mend the task, or name another interpreter with --python",
        ) from None
    return CheckAnswer(said, printed)


def _question(request: CheckRequest) -> dict[str, Any]:
    settings = _settings(request.assignments)
    task = _absolute(request.task) if is_task_file(request.task) else request.task
    defaults = RunConfig(name="defaults", task=task, source=_located(request.source))
    return {
        "task": task,
        "task_options": {
            key.removeprefix(_TASK_OPTIONS): value for key, value in settings.items() if key.startswith(_TASK_OPTIONS)
        },
        # what a launch would take
        "source": settled_source(resolve_home(None), defaults),
        "seed": settings.get("seed", defaults.seed),
        "difficulty": settings.get("difficulty", defaults.difficulty),
        "images": request.images,
        "limits": {
            "min_pixels": settings.get("image_min_pixels", defaults.image_min_pixels),
            "max_pixels": settings.get("image_max_pixels", defaults.image_max_pixels),
            "cell": QWEN_CELL,
        },
    }


def _settings(assignments: Sequence[str]) -> Mapping[str, Any]:
    values = set_layer(assignments).values
    for key in values:
        if not key.startswith(_TASK_OPTIONS) and key not in _SETTINGS:
            raise UsageProblem(
                f"--set {key} changes nothing about a task",
                found=key,
                expected=f"task_options.NAME, {', '.join(_SETTINGS)}",
                fix="leave it out here",
            )
    return values


def _located(source: str | None) -> str:
    if source is None or source in ("auto", "generated"):
        return source or "auto"
    path = os.path.expanduser(source)
    return _absolute(source) if os.path.exists(path) else source


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))
