"""What a launch asks of the queue: how urgent it is, what it waits for, whether it is held."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class QueueRequest(NamedTuple):
    """How a run goes into the queue. The default starts at once where its resources are free."""

    priority: int = 0
    """Runs of a higher one start first."""
    after: Sequence[str] = ()
    """Whole names of runs of the same home that must have finished before this one starts."""
    is_held: bool = False
    """Whether it waits until somebody releases it."""
