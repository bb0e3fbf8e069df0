"""Tasks by name, or by the Python file that defines one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.errors import TaskError
from evals.user_files import imported_file

if TYPE_CHECKING:
    from evals.task import Task

TASK_MODULES = {
    "aircraft": "evals.tasks.aircraft",
    "banner": "evals.tasks.banner",
    "folder": "evals.tasks.folder",
    "jsonl": "evals.tasks.jsonl",
    "sat": "evals.tasks.sat",
}
"""Module of each shipped task; its `TASK` is the class."""


def task_names() -> list[str]:
    """Names of all shipped tasks."""
    return sorted(TASK_MODULES)


def is_task_file(name: str) -> bool:
    """Whether that names a Python file of the user's own and no shipped task."""
    return name.endswith(".py")


def load_task(name: str, options: Mapping[str, Any] | None = None) -> Task:
    """The task of that name, or the one that a Python file defines, with its options.

    A file is run here, so only the interpreter that trains or checks loads one. Raises TaskError naming the nearest
    known task, what is wrong with the file, or the option that the task does not have.
    """
    return task_class(name).configured(options or {})


def task_class(name: str) -> type[Task]:
    """The class behind a name; see load_task."""
    if is_task_file(name):
        return _class_in(Path(name))
    if name not in TASK_MODULES:
        nearest = difflib.get_close_matches(name, task_names(), n=1, cutoff=0.4)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise TaskError(
            f"unknown task {name}{hint}",
            expected=f"one of {', '.join(task_names())}, or a Python file",
            fix="see `rftui tasks`",
        )
    # a task imports what its own data needs; the others should not pay for it
    shipped: type[Task] = import_module(TASK_MODULES[name]).TASK
    return shipped


def _class_in(path: Path) -> type[Task]:
    # pydantic costs 0.1 s, which completing a name in the shell should not pay
    from evals.task import Task

    check_task_file(path)
    defined = vars(imported_file(path, what="task", error=TaskError)).get("TASK")
    if not (isinstance(defined, type) and issubclass(defined, Task)):
        found = "defines no TASK" if defined is None else f"has a TASK that is {defined!r}"
        raise TaskError(
            f"{path} {found}",
            expected="TASK, a class that extends evals.task.Task",
            fix="write `TASK = MyTask` at the end of the file; docs/tasks.md has an example",
        )
    missing = [f"{method}()" for method in sorted(defined.__abstractmethods__)]
    missing += [text for text in ("name", "summary") if not isinstance(vars(defined).get(text), str)]
    if missing:
        raise TaskError(
            f"{defined.__name__} in {path} lacks {', '.join(missing)}",
            expected="a name, a summary, source() and examples()",
            fix=f"write them in {defined.__name__}; docs/tasks.md has an example",
        )
    return defined


def check_task_file(path: Path) -> None:
    """Raises TaskError where there is no such file. Runs nothing of it."""
    if not path.is_file():
        found = "is a directory" if path.is_dir() else "is not there"
        raise TaskError(f"task {path} {found}", expected="a Python file", fix="correct the path after --task")
