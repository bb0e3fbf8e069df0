"""Saves, marks and prunes checkpoints: a folder counts only once it is marked complete on disk."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from store.checkpoints import complete_checkpoints, mark_complete, newest_complete
from store.layout import RunDir
from trainer.errors import NoCheckpoint

logger = logging.getLogger(__name__)


def checkpoint_folder(run_dir: RunDir, step: int) -> Path:
    """Where transformers saves the checkpoint of `step`."""
    return run_dir.checkpoints / f"checkpoint-{step}"


def finish_checkpoint(run_dir: RunDir, step: int, *, keep: int) -> Path:
    """Marks the checkpoint of `step` complete, then deletes the oldest complete ones over `keep`."""
    folder = checkpoint_folder(run_dir, step)
    mark_complete(folder, step)
    for old in complete_checkpoints(run_dir)[:-keep]:
        shutil.rmtree(old.path)
    return folder


def discard_checkpoint(folder: Path) -> None:
    """Removes a checkpoint that was not saved whole, as far as the disk lets it; what stays never counts."""
    shutil.rmtree(folder, ignore_errors=True)


def checkpoint_to_resume(run_dir: RunDir) -> Path | None:
    """The newest complete checkpoint, after folders that a killed save left half written are removed.

    None when there is nothing complete, so that the run starts again at step 1.
    """
    complete = {checkpoint.path for checkpoint in complete_checkpoints(run_dir)}
    if run_dir.checkpoints.is_dir():
        for folder in sorted(run_dir.checkpoints.glob("checkpoint-*")):
            if folder.is_dir() and folder not in complete:
                logger.warning("removing %s: its save was cut off", folder.name)
                shutil.rmtree(folder)
    newest = newest_complete(run_dir)
    return newest.path if newest is not None else None


def step_of(checkpoint: Path) -> int:
    """Finished updates in a checkpoint, from its folder's name. Raises NoCheckpoint for any other folder."""
    prefix, _, number = checkpoint.name.rpartition("-")
    if prefix != "checkpoint" or not number.isdigit():
        raise NoCheckpoint(f"{checkpoint} is no checkpoint", expected="a folder named checkpoint-<step>")
    return int(number)
