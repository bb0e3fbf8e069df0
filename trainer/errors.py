"""Errors of the training process. Every message says what was found, what was expected and what to do.

TrainerError
├── ModelError(ValueError)         a model or processor that cannot be loaded or used
├── OptionsError(ValueError)       settings that TRL, DeepSpeed or transformers refuse
├── ExamplesUnreadable(OSError)    no image could be read of many examples in a row
├── RewardsFailed(RuntimeError)    too many rewards raised in one step
├── WeightsUnsaved(OSError)        training is done and the disk takes no weights
├── EvaluationStopped              an evaluation or a sampling that was asked to stop
└── NoCheckpoint(LookupError)      nothing complete to resume from
"""


class TrainerError(Exception):
    """Base of every error this package raises on purpose."""

    def __init__(self, found: str, *, expected: str = "", fix: str = "") -> None:
        self.found = found
        self.expected = expected
        self.fix = fix
        super().__init__("; ".join(part for part in (found, expected and f"expected {expected}", fix) if part))


class ModelError(TrainerError, ValueError):
    """A model or processor that cannot be loaded or used."""


class OptionsError(TrainerError, ValueError):
    """Settings that TRL, DeepSpeed or transformers refuse."""


class ExamplesUnreadable(TrainerError, OSError):
    """No image could be read of many examples in a row."""


class RewardsFailed(TrainerError, RuntimeError):
    """Too many rewards raised in one step."""


class WeightsUnsaved(TrainerError, OSError):
    """Training is done and the disk takes no weights."""


class EvaluationStopped(TrainerError):
    """An evaluation, or a sampling before training, that was asked to stop; what it has is in the journal."""


class NoCheckpoint(TrainerError, LookupError):
    """Nothing complete to resume from."""
