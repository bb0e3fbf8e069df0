"""Reads runs from the catalogue: the list, one run by reference, and one run in full. Plain sqlite3."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from store.database import is_home_read_only, open_for_reading
from store.errors import RunNotFound
from store.layout import Home
from store.migrations import CATALOGUE, ROLLOUTS

CURRENT = "(a.superseded_from IS NULL OR t.step < a.superseded_from)"
"""Rows that count: those that no later attempt made again."""


class RunSummary(NamedTuple):
    """One line of the run list."""

    name: str
    task: str
    method: str
    model: str
    source: dict[str, Any] | None
    """kind, name and detail; None before training began."""
    state: str
    reason: str
    step: int
    """Finished updates."""
    total_steps: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    accuracy: float | None
    """Last held-out accuracy: greedy with <think>, or what there is."""
    accuracy_low: float | None
    accuracy_high: float | None
    reward: float | None
    """Last mean reward of a training step."""
    tags: tuple[str, ...]


class Evaluation(NamedTuple):
    """One held-out evaluation."""

    step: int
    prompt: str
    decoding: str
    split: str
    source: dict[str, Any]
    n: int
    correct: int
    accuracy: float | None
    low: float
    high: float
    unparsed: int
    unreadable: int
    """Examples without a readable image; they are left out of n."""


class Note(NamedTuple):
    """A sentence about a run."""

    time: float
    level: str
    """info, warning or error where the training process wrote it; person where a person did"""
    text: str


class Attempt(NamedTuple):
    """One attempt of a run."""

    number: int
    started_at: float | None
    ended_at: float | None
    state: str
    reason: str
    first_step: int | None
    last_step: int | None


class Counts(NamedTuple):
    """How much of a run there is; superseded rows are not counted."""

    groups: int
    rollouts: int
    metric_points: int
    eval_samples: int
    gaps: int
    foreign_lines: int
    superseded_rollouts: int


class RunDetail(NamedTuple):
    """What `show` says beyond the list."""

    evals: tuple[Evaluation, ...]
    attempts: tuple[Attempt, ...]
    counts: Counts
    notes: tuple[Note, ...]
    """In the order written, all ranks and people together."""


SUMMARY_COLUMNS = (
    "name, task, method, model, source, state, reason, step, total_steps, created_at, started_at, ended_at, accuracy, "
    "accuracy_low, accuracy_high, reward, id"
)


def open_catalogue(home: Home) -> sqlite3.Connection:
    """A read-only connection to a home's catalogue; empty where there is none yet. Raises StoreError."""
    return open_for_reading(home.catalogue, CATALOGUE, is_home_read_only=home.is_read_only)


def list_runs(connection: sqlite3.Connection) -> list[RunSummary]:
    """All runs, newest first."""
    tags: dict[int, list[str]] = {}
    for run, tag in connection.execute("SELECT run, tag FROM tag ORDER BY tag"):
        tags.setdefault(run, []).append(tag)
    rows = connection.execute(f"SELECT {SUMMARY_COLUMNS} FROM run ORDER BY created_at DESC, name")
    return [_summary(row, tags) for row in rows]


def _summary(row: tuple[Any, ...], tags: dict[int, list[str]]) -> RunSummary:
    *head, identity = row
    source = json.loads(head[4]) if head[4] else None
    return RunSummary._make((*head[:4], source, *head[5:], tuple(tags.get(identity, ()))))


def run_named(connection: sqlite3.Connection, name: str) -> RunSummary | None:
    """The run of exactly that name, found without reading the others; None where there is none."""
    row = connection.execute(f"SELECT {SUMMARY_COLUMNS} FROM run WHERE name=?", (name,)).fetchone()
    if row is None:
        return None
    tags = [tag for (tag,) in connection.execute("SELECT tag FROM tag WHERE run=? ORDER BY tag", (row[-1],))]
    return _summary(row, {row[-1]: tags})


def find_run(connection: sqlite3.Connection, reference: str) -> RunSummary:
    """A run by name, unique beginning of a name, @last (the newest) or @last:TASK. Raises RunNotFound."""
    if not reference.startswith("@") and (named := run_named(connection, reference)) is not None:
        # the dashboard asks for one run again and again, and reading 10,000 others costs 0.1 s
        return named
    summaries = list_runs(connection)
    if reference == "@last" or reference.startswith("@last:"):
        task = reference.removeprefix("@last").removeprefix(":")
        fitting = [summary for summary in summaries if task in ("", summary.task)][:1]
    else:
        fitting = [summary for summary in summaries if summary.name.startswith(reference)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        several = ", ".join(sorted(summary.name for summary in fitting)[:8])
        raise RunNotFound(
            f"{reference} begins the names of {len(fitting)} runs",
            found=several,
            expected="the beginning of one name",
            fix="write more of the name",
        )
    raise RunNotFound(
        f"no run {reference}",
        found=f"{len(summaries)} {'run' if len(summaries) == 1 else 'runs'} in this home",
        expected="a name, the beginning of one, @last or @last:TASK",
        fix="`rftui runs` lists them",
    )


def run_detail(connection: sqlite3.Connection, name: str) -> RunDetail:
    """Evaluations, attempts and counts of a run. Raises RunNotFound."""
    row = connection.execute("SELECT id FROM run WHERE name=?", (name,)).fetchone()
    if row is None:
        raise RunNotFound(
            f"no run {name}", found="nothing", expected="a run of this home", fix="`rftui runs` lists them"
        )
    run = int(row[0])
    return RunDetail(
        evals=_evaluations(connection, run),
        attempts=_attempts(connection, run),
        counts=_counts(connection, run, name),
        notes=_notes(connection, run),
    )


def _evaluations(connection: sqlite3.Connection, run: int) -> tuple[Evaluation, ...]:
    rows = connection.execute(
        "SELECT t.step, t.prompt, t.decoding, t.split, t.source, t.n, t.correct, t.accuracy, t.low, t.high, "
        "t.unparsed, coalesce(json_extract(t.record, '$.unreadable'), 0) "
        f"FROM evaluation t JOIN attempt a ON a.run=t.run AND a.number=t.attempt WHERE t.run=? AND {CURRENT} "
        "ORDER BY t.step, t.prompt DESC, t.decoding, t.split",
        (run,),
    )
    return tuple(Evaluation._make((*row[:4], json.loads(row[4]), *row[5:])) for row in rows)


def _attempts(connection: sqlite3.Connection, run: int) -> tuple[Attempt, ...]:
    rows = connection.execute(
        "SELECT number, started_at, ended_at, state, reason, first_step, last_step FROM attempt WHERE run=? "
        "ORDER BY number",
        (run,),
    )
    return tuple(Attempt(*row) for row in rows)


def _notes(connection: sqlite3.Connection, run: int) -> tuple[Note, ...]:
    rows = connection.execute("SELECT time, level, text FROM note WHERE run=? ORDER BY time, file, seq", (run,))
    return tuple(Note(*row) for row in rows)


def _counts(connection: sqlite3.Connection, run: int, name: str) -> Counts:
    # the list of runs, whose first frame is waited for, has no use for rollouts
    from store.rollouts import rollout_counts

    def count(sql: str) -> int:
        return int(connection.execute(sql, (run,)).fetchone()[0])

    points = count(
        f"SELECT count(*) FROM metric_point t JOIN attempt a ON a.run=t.run AND a.number=t.attempt "
        f"WHERE t.run=? AND {CURRENT}"
    )
    gaps = count("SELECT count(*) FROM gap WHERE run=?")
    beside, is_read_only = _rollouts_beside(connection, name), is_home_read_only(connection)
    with closing(open_for_reading(beside, ROLLOUTS, is_home_read_only=is_read_only)) as rollouts:
        found = rollout_counts(rollouts)
        foreign = foreign_lines(connection, rollouts, run)
    return Counts(
        groups=found.groups,
        rollouts=found.rollouts,
        metric_points=points,
        eval_samples=found.eval_samples,
        gaps=gaps,
        foreign_lines=foreign,
        superseded_rollouts=found.superseded,
    )


def foreign_lines(catalogue: sqlite3.Connection, rollouts: sqlite3.Connection, run: int) -> int:
    """How many lines of a run's journals are no records; one that both databases set aside counts once."""
    lines = set(catalogue.execute('SELECT file, "offset" FROM foreign_line WHERE run=?', (run,)))
    return len(lines | set(rollouts.execute('SELECT file, "offset" FROM foreign_line')))


def _rollouts_beside(connection: sqlite3.Connection, name: str) -> Path:
    """The rollout database that belongs to an open catalogue."""
    main = next(row[2] for row in connection.execute("PRAGMA database_list") if row[1] == "main")
    return Path(main).parent / "rollouts" / f"{name}.db" if main else Path("/nonexistent")
