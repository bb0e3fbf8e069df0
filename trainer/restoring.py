"""Weights of a checkpoint back into the model that trains: all of them, or an error.

transformers saves a vision-language model under the names that its family is published with, and its trainer loads a
checkpoint under the names that the model has in memory, with a warning about those it missed: such a model would train
on from where it began. Found with transformers 5.23; `from_pretrained` knows both names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

from trainer.errors import ModelError
from trainer.model import ADAPTER_WEIGHTS


class WholeRestore:
    """A mixin for transformers trainers, before the trainer class: resumes with every weight of the checkpoint.

    DeepSpeed restores its own state and never asks here.
    """

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        target = self.accelerator.unwrap_model(self.model if model is None else model)  # type: ignore[attr-defined]
        if isinstance(target, PeftModel):
            super()._load_from_checkpoint(resume_from_checkpoint, model)  # type: ignore[misc]
            check_adapter(target, Path(resume_from_checkpoint))
        else:
            restore_weights(target, Path(resume_from_checkpoint))


def restore_weights(model: Any, checkpoint: Path) -> None:
    """Puts the weights saved in `checkpoint` into `model`, in place. Raises ModelError where one is missing."""
    try:
        saved, found = type(model).from_pretrained(
            checkpoint, dtype=model.dtype, use_safetensors=True, output_loading_info=True
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(
            f"the weights in {checkpoint} cannot be loaded ({error})",
            expected="a checkpoint that this run saved",
            fix="remove it: `rftui resume` then takes the one before",
        ) from error
    strange = sorted({*found["missing_keys"], *found["unexpected_keys"]})
    if strange:
        raise ModelError(
            f"{checkpoint} and the model differ in {len(strange)} weights, the first of them {strange[0]}",
            expected="a checkpoint that this run saved, with the versions that saved it",
            fix="resume with the environment that the run began with (`rftui show` names its versions)",
        )
    model.load_state_dict(saved.state_dict(), strict=True)


def check_adapter(model: PeftModel, checkpoint: Path) -> None:
    """Holds the adapter in `model` against the one saved in `checkpoint`. Raises ModelError where they differ."""
    saved = load_file(checkpoint / ADAPTER_WEIGHTS)
    restored = get_peft_model_state_dict(model)
    if saved.keys() != restored.keys() or not all(
        torch.equal(saved[name].to(weight.dtype), weight.cpu()) for name, weight in restored.items()
    ):
        raise ModelError(
            f"the adapter in {checkpoint} was not restored as it was saved",
            expected="the same weights",
            fix="resume with the environment that the run began with (`rftui show` names its versions)",
        )
