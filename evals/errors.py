"""Errors of tasks, rewards and evaluation. Every message says what was found, what was expected and what to do.

EvalsError
├── TaskError(ValueError)      no such task, or a source the task cannot read
│   └── ExampleError           an example with a field that is no text, or no tuple of texts
└── RewardError(ValueError)    no such reward, or a parameter it does not have
"""


class EvalsError(Exception):
    """Base of every error this package raises on purpose."""

    def __init__(self, found: str, *, expected: str = "", fix: str = "") -> None:
        self.found = found
        self.expected = expected
        self.fix = fix
        super().__init__("; ".join(part for part in (found, expected and f"expected {expected}", fix) if part))


class TaskError(EvalsError, ValueError):
    """No such task, or a source the task cannot read."""


class ExampleError(TaskError):
    """An example with a field that is no text, or no tuple of texts: whoever makes it, makes all of them so."""


class RewardError(EvalsError, ValueError):
    """No such reward, or a parameter it does not have."""
