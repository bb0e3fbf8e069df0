"""Errors of the store. Every message says what was found, what was expected and what to do.

StoreError
├── RunConfigError(ValueError)     a run configuration that cannot be used
├── RunNotFound(LookupError)       no run, or several, by that name
├── JournalError(ValueError)       a journal that shrank or cannot be read
│   └── RunCopied                  a run directory that is a copy of another
├── SchemaTooNew(RuntimeError)     a database written by a newer rftui
└── StoreUnreadable(OSError)       a database or home that cannot be opened
"""


class StoreError(Exception):
    """Base of every error this package raises on purpose."""

    def __init__(self, message: str, *, found: str = "", expected: str = "", fix: str = "") -> None:
        self.message = message
        self.found = found
        self.expected = expected
        self.fix = fix
        super().__init__(message)

    def __str__(self) -> str:
        parts = [self.message]
        parts += [
            f"{label}: {text}"
            for label, text in (("found", self.found), ("expected", self.expected), ("fix", self.fix))
            if text
        ]
        return "; ".join(parts)


class RunConfigError(StoreError, ValueError):
    """A run configuration that cannot be used."""


class RunNotFound(StoreError, LookupError):
    """No run by that name, or more than one."""


class JournalError(StoreError, ValueError):
    """A journal that shrank or cannot be read."""


class RunCopied(JournalError):
    """A run directory that is a copy of another; the other one holds everything."""


class SchemaTooNew(StoreError, RuntimeError):
    """A database written by a newer rftui than this one."""


class StoreUnreadable(StoreError, OSError):
    """A database or home directory that cannot be opened."""
