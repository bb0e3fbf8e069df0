"""Reads what is known of a run that has ended. Draws nothing."""

from __future__ import annotations

from contextlib import closing

from rftui.runs.ending_texts import Ending
from store.attempt_ends import last_attempt, run_state
from store.checkpoints import newest_complete
from store.layout import Home
from store.metrics import last_values
from store.runs import find_run, open_catalogue
from store.states import is_live


def read_ending(home: Home, name: str) -> Ending | None:
    """The run's end; None for one that lives, or that the catalogue does not know. Raises StoreError, sqlite3.Error."""
    with closing(open_catalogue(home)) as connection:
        state = run_state(connection, name)
        if state is None or is_live(state):
            return None
        summary = find_run(connection, name)
        attempt = last_attempt(connection, name)
        metrics = last_values(connection, name)
    checkpoint = newest_complete(home.run(name))
    started, ended = summary.started_at, summary.ended_at
    return Ending(
        name=name,
        state=summary.state,
        reason=summary.reason,
        step=summary.step,
        total_steps=summary.total_steps,
        took_s=ended - started if started is not None and ended is not None else None,
        attempt=attempt,
        metrics=metrics,
        checkpoint_step=None if checkpoint is None else checkpoint.step,
    )
