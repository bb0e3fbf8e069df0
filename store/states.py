"""The states of a run."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """What a run is doing, or how it ended. The reason stands beside it."""

    QUEUED = "queued"
    """Waits for its turn: for GPUs or a slot, another run, or a person's word."""
    STARTING = "starting"
    """Its process was started and has not spoken yet."""
    RUNNING = "running"
    """Gives signs of life when it promised them."""
    STALLED = "stalled"
    """The promised sign of life is overdue."""
    STOPPING = "stopping"
    """Was asked to stop, and is finishing its step."""
    FINISHED = "finished"
    """Reached its configured last step and said so."""
    FAILED = "failed"
    """Ended by its own fault."""
    KILLED = "killed"
    """Ended by a signal from outside."""
    STOPPED = "stopped"
    """Ended in order before its last step, because it was asked to."""
    LOST = "lost"
    """Gone, and nobody saw how."""


LIVE_STATES = frozenset({State.QUEUED, State.STARTING, State.RUNNING, State.STALLED, State.STOPPING})


def is_live(state: State | str) -> bool:
    """Whether a run in this state may still do something."""
    return state in LIVE_STATES
