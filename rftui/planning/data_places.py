"""Where real data of a shipped task is looked for when nobody says where it is."""

from __future__ import annotations

import os
from pathlib import Path

from evals.tasks import task_class, task_names
from store.config import RunConfig
from store.layout import Home


def data_folder(home: Home) -> Path:
    """The folder that holds a folder of data for each task: $RFTUI_DATA, else `data` in the home."""
    named = os.environ.get("RFTUI_DATA")
    return Path(named).expanduser().absolute() if named else home.path.absolute() / "data"


def settled_source(home: Home, config: RunConfig) -> str:
    """The source that `auto` means here and now, so that a run's own configuration never depends on what comes later.

    Real data of a task that also generates where its folder is there, else generated; `auto` where the task has no
    generated data, and so wants to be told.
    """
    if config.source != "auto" or config.task not in task_names() or not task_class(config.task).generates:
        return config.source
    folder = data_folder(home) / config.task
    return str(folder) if folder.exists() else "generated"
