"""Which checkpoints of a run are complete: a folder counts only with a marker, and with every file at its size."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from store.layout import RunDir

MARKER = "rftui-complete.json"


class Checkpoint(NamedTuple):
    """A complete checkpoint."""

    step: int
    path: Path


def mark_complete(folder: Path, step: int) -> None:
    """Marks a checkpoint whose files are all written: files to disk first, then the marker. Raises OSError."""
    partial = folder / f".{MARKER}"
    # one that a kill left would be named as a file, and gone as soon as it is renamed
    partial.unlink(missing_ok=True)
    sizes: dict[str, int] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            _sync(path)
        elif path.is_file() and path.name != MARKER:
            _sync(path)
            sizes[path.relative_to(folder).as_posix()] = path.stat().st_size
    partial.write_text(json.dumps({"step": step, "files": sizes}), encoding="utf-8")
    _sync(partial)
    os.replace(partial, folder / MARKER)
    _sync(folder)


def complete_checkpoints(run_dir: RunDir) -> list[Checkpoint]:
    """All complete checkpoints, oldest first."""
    if not run_dir.checkpoints.is_dir():
        return []
    found = (_complete(folder) for folder in run_dir.checkpoints.iterdir())
    return sorted(checkpoint for checkpoint in found if checkpoint is not None)


def newest_complete(run_dir: RunDir) -> Checkpoint | None:
    """The checkpoint to resume from, or None."""
    return next(reversed(complete_checkpoints(run_dir)), None)


def _complete(folder: Path) -> Checkpoint | None:
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        step, sizes = int(marker["step"]), dict(marker["files"])
        is_whole = bool(sizes) and all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Checkpoint(step, folder) if is_whole else None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
