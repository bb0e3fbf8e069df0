"""What a clone takes over from another run, and what is changed in it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from evals.tasks import is_task_file
from rftui.errors import NotFound, UsageProblem
from rftui.planning.plan import NO_GPUS, LaunchRequest, whole_rewards
from rftui.planning.recipes import load_recipe
from rftui.planning.settings import Layer, flatten, set_layer
from store.config import RunConfig, read_config
from store.layout import RunDir

NOT_TAKEN = ("name", "method", "recipe", "gpus")
"""Settings that a launch makes anew or takes by other ways; which GPUs are free is a question of the moment."""


class Original(NamedTuple):
    """A run as the base of another."""

    config: RunConfig
    settings: Layer
    recipe: str | None
    """None where this version has no such recipe."""
    python: str | None
    """The interpreter that trained it; None where it is gone."""
    gpus: str | None
    """`none` for a run that was kept from the GPUs; else None, to choose anew."""


class Change(NamedTuple):
    """A setting that is not as in the original; None where one of the two has none."""

    before: Any
    after: Any


def read_original(run_dir: RunDir) -> Original:
    """A run's settings as the lowest layer of a new one. Raises RunConfigError where they cannot be read."""
    config = read_config(run_dir.config)
    values = dict(flatten(config.model_dump(mode="json", exclude=set(NOT_TAKEN))))
    launch = _launch(run_dir)
    python = launch.get("python")
    return Original(
        config=config,
        settings=Layer(f"run {run_dir.name}", values),
        recipe=_known_recipe(config.recipe),
        python=python if isinstance(python, str) and _is_program(python) else None,
        gpus=NO_GPUS if launch.get("hides_gpus") else None,
    )


def clone_request(original: Original, changes: LaunchRequest) -> LaunchRequest:
    """What a clone asks for: the changes on top of the original, whose task's options go with another task."""
    written = set_layer(changes.assignments).values
    task = str(written.get("task", original.config.task))
    base = original.settings
    if _place(task) != _place(original.config.task):
        base = base._replace(values={key: value for key, value in base.values.items() if not _is_option(key)})
    return changes._replace(
        method=original.config.method.value,
        recipe=original.recipe,
        python=changes.python or original.python,
        gpus=changes.gpus or original.gpus,
        base=base,
    )


def _place(task: str) -> str:
    """A task by which two names of it are alike: of a file where it lies."""
    return os.path.abspath(os.path.expanduser(task)) if is_task_file(task) else task


def _is_option(key: str) -> bool:
    return key.partition(".")[0] == "task_options"


def check_assignments(run: str, assignments: Sequence[str]) -> None:
    """Raises UsageProblem for a setting that a clone cannot take by --set, and that would go by unheard."""
    for key in set_layer(assignments).values:
        if key in NOT_TAKEN:
            raise UsageProblem(
                f"--set {key} does not reach a clone",
                found=key,
                expected=f"a setting other than {', '.join(NOT_TAKEN)}",
                fix=f"--{key}" if key in ("name", "gpus") else f"`rftui launch`, with what `rftui show {run}` lists",
            )


def changed_settings(original: RunConfig, config: RunConfig) -> dict[str, Change]:
    """Every setting but the name that differs, in the order of the configuration; those that are gone at the end.

    Parameters of shipped rewards that the original went by without writing them down count as written.
    """
    if config.uses_rewards:
        original = original.model_copy(update={"rewards": whole_rewards(original.rewards)})
    before, after = (dict(flatten(item.model_dump(mode="json", exclude={"name"}))) for item in (original, config))
    return {
        key: Change(before.get(key), after.get(key))
        for key in dict.fromkeys([*after, *before])
        if before.get(key) != after.get(key)
    }


def _is_program(path: str) -> bool:
    try:
        return os.access(path, os.X_OK)
    except ValueError:
        # a path that no file can have, of a damaged launch.json
        return False


def _known_recipe(name: str) -> str | None:
    try:
        return load_recipe(name).name if name else None
    except NotFound:
        # every setting it made is in the run's own configuration
        return None


def _launch(run_dir: RunDir) -> dict[str, Any]:
    try:
        launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a run whose launch.json is damaged still has its settings
        return {}
    return launch if isinstance(launch, dict) else {}
