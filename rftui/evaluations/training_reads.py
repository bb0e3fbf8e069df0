"""Reads what length did within the prompts of a run's training. Draws nothing."""

from __future__ import annotations

from contextlib import closing

from evals.lengths import Graded
from rftui.evaluations.length_text import TrainingLengths, training_lengths
from store.group_lengths import graded_lengths
from store.layout import Home
from store.rollouts import open_rollouts

MOST_COMPLETIONS = 20_000
"""Of the last steps, for a view that somebody waits for: working them out takes 0.7 s of CPU."""


def read_training_lengths(home: Home, run: str, *, most: int | None = None) -> TrainingLengths | None:
    """Over the last steps that have about `most` completions, or all; None for a run that wrote no graded rollouts.

    Raises StoreError and sqlite3.Error.
    """
    with closing(open_rollouts(home, run)) as connection:
        before = None
        if most is not None:
            before = connection.execute(
                "SELECT step FROM completion ORDER BY id DESC LIMIT 1 OFFSET ?", (most,)
            ).fetchone()
        first = before[0] + 1 if before else 0
        found = graded_lengths(connection, first_step=first)
        steps = connection.execute("SELECT min(step), max(step) FROM completion WHERE step >= ?", (first,)).fetchone()
    if not found:
        return None
    return training_lengths([Graded(*row) for row in found], first_step=steps[0], last_step=steps[1])
