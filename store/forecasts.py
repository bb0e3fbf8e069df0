"""The forecast of a run that sampled before training: what it is of, and a file that is written once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from store.config import RunConfig
from store.layout import RunDir

VERSION = 1
"""Of the document."""
OF_THE_RUN = (
    *("task", "task_options", "difficulty", "model", "recipe", "seed", "prompt", "temperature", "top_p", "top_k"),
    *("max_completion_length", "num_generations", "trust_remote_code"),
)
"""Settings that decide what was sampled."""


def forecast_document(
    found: Mapping[str, Any],
    *,
    config: RunConfig,
    source: Mapping[str, Any],
    launch: Mapping[str, Any],
    prompts: int,
    made_at: float,
) -> dict[str, Any]:
    """A forecast with what it is of and when and by what it was made.

    `found` is what evals/forecast.py says, `prompts` how many were to be sampled, `launch` the run's launch.json.
    """
    settings = config.model_dump(mode="json")
    git = launch.get("git")
    return {
        "v": VERSION,
        "run": config.name,
        "uid": launch.get("uid"),
        "made_at": made_at,
        "rftui_version": _version(),
        "commit": git.get("commit") if isinstance(git, dict) else None,
        "source": dict(source),
        "split": "train",
        "prompts": prompts,
        "settings": {name: settings[name] for name in OF_THE_RUN} | {"rewards": settings["rewards"]},
        **found,
    }


def _version() -> str | None:
    try:
        return metadata.version("rftui")
    except metadata.PackageNotFoundError:
        return None


def read_launch(run_dir: RunDir) -> dict[str, Any]:
    """launch.json; empty where it is missing or damaged, as in a run that was made by hand."""
    try:
        launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a forecast without a commit is still a forecast
        return {}
    return launch if isinstance(launch, dict) else {}


def read_forecast(path: Path) -> dict[str, Any] | None:
    """A forecast as it was written; None where there is none. Raises OSError or ValueError where it is damaged."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    if not isinstance(document, dict) or not isinstance(document.get("verdicts"), list):
        raise ValueError(f"{path} is no forecast of rftui's")
    return document


def write_forecast(path: Path, document: dict[str, Any]) -> bool:
    """Writes a forecast once, whole or not at all; False where there is one, which stays. Raises OSError."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.write_text(json.dumps(document, indent=1), encoding="utf-8")
    try:
        # unlike a rename, a link does not take the place of what is there
        os.link(partial, path)
    except FileExistsError:
        return False
    finally:
        partial.unlink(missing_ok=True)
    return True
