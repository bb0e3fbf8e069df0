"""What a shipped task's options are where nobody set them."""

from __future__ import annotations

from typing import Any

from store.config import RunConfig

TASK_ORIGIN = "the task's default"
"""Origin of an option that nobody gave; it is no setting of the run, and shown beside those that are."""


def option_defaults(config: RunConfig) -> dict[str, Any]:
    """The options that the run leaves to its task, by dotted key; none of a file of the user's, which is not run."""
    # a task's module costs what its own data needs, which only who shows its options needs to pay
    from evals.tasks import task_class, task_names

    if config.task not in task_names():
        return {}
    fields = task_class(config.task).options_type.model_fields
    return {f"task_options.{name}": info.default for name, info in fields.items() if name not in config.task_options}
