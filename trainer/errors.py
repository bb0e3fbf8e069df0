"""Errors of the training process. Every message says what was found, what was expected and what to do.

TrainerError
├── ModelError(ValueError)         a model or processor that cannot be loaded or used
├── OptionsError(ValueError)       settings that TRL, DeepSpeed or transformers refuse
├── RewardsFailed(RuntimeError)    too many rewards raised in one step
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


class RewardsFailed(TrainerError, RuntimeError):
    """Too many rewards raised in one step."""


class NoCheckpoint(TrainerError, LookupError):
    """Nothing complete to resume from."""
