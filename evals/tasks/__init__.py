"""Tasks by name."""

from __future__ import annotations

import difflib

from evals.errors import TaskError
from evals.task import Task

TASK_MODULES = {"sat": "evals.tasks.sat"}
"""Module of each task; it has a `TASK`."""


def task_names() -> list[str]:
    """Names of all tasks."""
    return sorted(TASK_MODULES)


def load_task(name: str) -> Task:
    """The task of that name. Raises TaskError naming the nearest known one."""
    if name not in TASK_MODULES:
        nearest = difflib.get_close_matches(name, task_names(), n=1, cutoff=0.4)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise TaskError(
            f"unknown task {name}{hint}", expected=f"one of {', '.join(task_names())}", fix="see `rftui tasks`"
        )
    # a task imports what its own data needs; the others should not pay for it
    from importlib import import_module

    task: Task = import_module(TASK_MODULES[name]).TASK
    return task
