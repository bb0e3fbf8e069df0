"""Runs from elsewhere in a home that already are what a cell would be: they stand for it, and nothing is trained twice.

Only a finished run with equal settings counts. One whose code or data may have changed since does not: a task or a
reward from a user's file, another version of rftui, a model folder that was written after the run began.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import rftui
from evals.tasks import is_task_file
from rftui.comparing.compared_runs import is_used
from rftui.planning.settings import flatten
from rftui.studies.cells import is_idle
from rftui.studies.definition import digest_of
from store.config import RunConfig
from store.layout import Home
from store.runs import open_catalogue
from store.states import State

NOT_COMPARED = frozenset(
    {"name", "recipe", "gpus", "threads", "stall_after_s", "save_steps", "save_total_limit"}
    | {"evaluation.batch_size", "allow_unsafe_rewards", "trust_remote_code"}
)
"""Settings that leave what a run computes as it is: its name, where it came from, where it ran and what it kept."""


def equal_settings(config: RunConfig) -> str:
    """A short hash of what a run computes: equal for two runs of which one could stand for the other."""
    settings = dict(flatten(config.model_dump(mode="json")))
    method = config.method.value
    return digest_of(
        {
            key: value
            for key, value in settings.items()
            if key not in NOT_COMPARED and is_used(key, settings) and not is_idle(key, method)
            # an evaluation has a seed of its own for its examples and its sampling
            if not (key == "seed" and method == "eval")
        }
    )


class FinishedRuns:
    """The finished runs of a home by what they computed; of equal ones the oldest."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._by_settings: dict[str, str] | None = None

    def equal_to(self, config: RunConfig) -> str | None:
        """The name of a finished run that computed what this configuration would; None where there is none."""
        if _is_of_user_code(config):
            return None
        if self._by_settings is None:
            self._by_settings = _read(self.home)
        return self._by_settings.get(equal_settings(config))


def _read(home: Home) -> dict[str, str]:
    with closing(open_catalogue(home)) as connection:
        rows = connection.execute(
            "SELECT name, config FROM run WHERE state = ? ORDER BY created_at DESC", (State.FINISHED.value,)
        ).fetchall()
    found: dict[str, str] = {}
    for name, text in rows:
        config = _parsed(text)
        if config is not None and not _is_of_user_code(config) and _is_as_it_was(home, name, config):
            found[equal_settings(config)] = name
    return found


def _parsed(text: str) -> RunConfig | None:
    try:
        return RunConfig.model_validate(json.loads(text))
    except (ValidationError, ValueError):
        # a run of a version that had other settings stands for nothing here
        return None


def _is_of_user_code(config: RunConfig) -> bool:
    return is_task_file(config.task) or any(reward.function for reward in config.rewards.values())


def _is_as_it_was(home: Home, name: str, config: RunConfig) -> bool:
    """Whether the run is there, was made by this version, and its model has not been written since it began."""
    launch = _launch(home.run(name).launch)
    if launch.get("rftui_version") != rftui.__version__:
        return False
    if not os.path.isdir(config.model):
        return True
    try:
        written = max(path.stat().st_mtime for path in Path(config.model).iterdir())
        return written < float(launch["created_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _launch(path: Path) -> Mapping[str, Any]:
    try:
        launch = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return launch if isinstance(launch, dict) else {}
