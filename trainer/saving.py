"""Checkpoints on a disk that may be full: a save that the disk refuses is reported, and training goes on."""

from __future__ import annotations

import logging
from typing import Any

from safetensors import SafetensorError

logger = logging.getLogger(__name__)

TORCH_WRITE_FAILURES = ("inline_container", "PytorchStreamWriter")
"""What torch.save's RuntimeError mentions where the file system took no more."""


def is_disk_trouble(error: BaseException) -> bool:
    """Whether a save failed because of the disk: OSError, or how safetensors and torch report one."""
    if isinstance(error, RuntimeError):
        return any(name in str(error) for name in TORCH_WRITE_FAILURES)
    return isinstance(error, OSError | SafetensorError)


class CheckpointSaves:
    """What became of the last save on this rank; shared by the trainer that saves and the callback that records."""

    def __init__(self) -> None:
        self.failure: str | None = None
        """What the disk said, or None where the save went through."""


class ForgivingSaves:
    """A mixin for transformers trainers, before the trainer class: a full disk costs a checkpoint and not the run.

    With DeepSpeed every rank takes part in each save, so a failure on one cannot be survived and is raised.
    """

    def __init__(self, *args: Any, saves: CheckpointSaves, **kwargs: Any) -> None:
        self.saves = saves
        super().__init__(*args, **kwargs)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        self.saves.failure = None
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
        except (OSError, SafetensorError, RuntimeError) as error:
            if self.is_deepspeed_enabled or not is_disk_trouble(error):  # type: ignore[attr-defined]
                raise
            logger.warning("the checkpoint could not be saved (%s); training goes on", error)
            self.saves.failure = str(error)
