"""An index of the queue: an empty file a queued run, HOME/queue/NAME, so that nobody reads all runs to find the few.

Never the truth: a marker is made before its run is queued and removed after, so there may be one too many and none
too few; one that somebody removed by hand is made again by whoever lists runs.
"""

from __future__ import annotations

import time
from pathlib import Path

from store.layout import Home, RunDir

PUBLISHING_S = 60.0
"""A marker is older than its run directory by moments; one without a run that is older than this is a leftover."""


def queue_dir(home: Home) -> Path:
    """Folder of the markers."""
    return home.path / "queue"


def home_of(run_dir: RunDir) -> Home:
    """The home that a run lies in."""
    return Home(run_dir.path.parent.parent)


def mark(home: Home, name: str) -> None:
    """Says that the run may be queued. Raises OSError."""
    folder = queue_dir(home)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).touch()


def unmark(home: Home, name: str) -> None:
    """Says that the run is not queued. Only under the run's lock, or where there is no such run."""
    (queue_dir(home) / name).unlink(missing_ok=True)


def marked(home: Home) -> list[str]:
    """Names of runs that may be queued."""
    try:
        return sorted(path.name for path in queue_dir(home).iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return []


def is_marked(home: Home, name: str) -> bool:
    """Whether the run is in the index."""
    return (queue_dir(home) / name).exists()


def unmark_leftover(home: Home, name: str) -> None:
    """Removes the marker of a run that was never published."""
    marker = queue_dir(home) / name
    try:
        age_s = time.time() - marker.stat().st_mtime
    except FileNotFoundError:
        return
    if age_s > PUBLISHING_S:
        marker.unlink(missing_ok=True)
