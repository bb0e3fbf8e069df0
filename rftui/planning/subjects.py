"""What `rftui eval` is asked to score: the weights of a run, with that run's settings, or a model by itself."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from evals.tasks import task_class, task_names
from rftui.errors import NotFound
from rftui.planning.settings import Layer, flatten
from rftui.runs.reads import current_run
from store.checkpoints import complete_checkpoints
from store.config import RunConfig, read_config
from store.errors import RunNotFound
from store.layout import Home, RunDir

INHERITED = (
    "task",
    "source",
    "task_options",
    "difficulty",
    "dtype",
    "attention",
    "image_min_pixels",
    "image_max_pixels",
    "max_completion_length",
    "threads",
    "seed",
    "stall_after_s",
)
"""Settings of a run that its evaluation must share to be comparable, beside the table `evaluation`."""


class Subject(NamedTuple):
    """A model to evaluate."""

    model: str
    recipe: str | None
    settings: Layer | None
    """Settings taken over from the run it came from."""


def find_subject(home: Home, reference: str, *, checkpoint: int | None) -> Subject:
    """The run's weights where a run has that name, else a model directory or a name on the Hub."""
    if reference == "tiny" or Path(os.path.expanduser(reference)).is_dir():
        path = Path(os.path.expanduser(reference))
        return Subject(reference if reference == "tiny" else str(path.absolute()), None, None)
    try:
        name = current_run(home, reference).name
    except RunNotFound:
        if "/" in reference and not reference.startswith((".", "/", "~")):
            return Subject(reference, None, None)
        raise
    run_dir = home.run(name)
    config = read_config(run_dir.config)
    return Subject(str(weights_of(run_dir, checkpoint)), config.recipe or None, _inherited(name, config))


def weights_of(run_dir: RunDir, step: int | None) -> Path:
    """The folder of a run's final weights, or of a complete checkpoint. Raises NotFound."""
    checkpoints = {item.step: item.path for item in complete_checkpoints(run_dir)}
    if step is None and run_dir.model.is_dir():
        return run_dir.model
    if step is None and checkpoints:
        return checkpoints[max(checkpoints)]
    if step in checkpoints:
        return checkpoints[step]
    raise NotFound(
        f"{run_dir.name} has no {'weights' if step is None else f'checkpoint at step {step}'}",
        found=", ".join(str(known) for known in sorted(checkpoints)) or "no complete checkpoint",
        expected="final weights in model/, or a complete checkpoint",
        fix="train it further with `rftui resume`, or name another step",
    )


def _inherited(name: str, config: RunConfig) -> Layer:
    settings = config.model_dump(mode="json")
    values = {key: settings[key] for key in INHERITED}
    if config.task in task_names() and task_class(config.task).generates and config.source == "auto":
        # a run whose configuration says auto was launched before it said what that meant, and generated
        values["source"] = "generated"
    values |= dict(flatten(settings["evaluation"], "evaluation."))
    return Layer(f"run {name}", values)
