"""Reads what a list of very many runs shows, and only what changed of it. Plain sqlite3."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from store.apply_user import FILE as USER_FILE
from store.apply_user import PERSON
from store.metric_rows import MINUS_INFINITY, NAN, PLUS_INFINITY, ROLLUP_STEPS
from store.runs import SUMMARY_COLUMNS, RunSummary

EXACT_STEPS = 16 * ROLLUP_STEPS
"""Steps up to which a small curve is the mean of every point; of a longer run the roll-ups are close enough."""
# store.metrics has the same, and costs 10 ms that the list's first frame does not wait for
_VALUES = {NAN: math.nan, PLUS_INFINITY: math.inf, MINUS_INFINITY: -math.inf}
_BATCH = 500
"""Fewer than SQLite takes parameters."""
_CURRENT = "(a.superseded_from IS NULL OR t.{step} < a.superseded_from)"


class Trace(NamedTuple):
    """What one row shows beyond the summary of its run."""

    values: tuple[float | None, ...] = ()
    """Means of the headline metric over equal stretches of steps, None where there is no finite value."""
    last: float | None = None
    """Its last value; NaN and infinities as themselves."""
    n: int | None = None
    """Examples behind the accuracy of the summary."""
    split: str = ""
    prompt: str = ""
    decoding: str = ""


class PersonNote(NamedTuple):
    """What a person wrote to a run."""

    seq: int
    """Its record in user.jsonl."""
    time: float
    text: str


class Measured(NamedTuple):
    """The last held-out evaluation under one prompt and decoding."""

    step: int
    prompt: str
    decoding: str
    split: str
    source: str
    """Kind of the data: real or generated."""
    n: int
    accuracy: float | None
    low: float
    high: float
    unparsed: int


class Asked(NamedTuple):
    """The last held-out evaluation under one prompt, decoding and split: which one it is, and of what data."""

    attempt: int
    step: int
    prompt: str
    decoding: str
    split: str
    source_kind: str
    """real or generated."""
    source_name: str

    @property
    def way(self) -> tuple[str, ...]:
        """What has to be alike for two evaluations to have asked the same."""
        return self[2:]

    @property
    def is_generated(self) -> bool:
        """Whether a setting of the run decides how hard its examples are."""
        return self.source_kind == "generated"


class RunRows:
    """Every run by uid, newest first. What the catalogue says as before stays the same object."""

    def __init__(self) -> None:
        self.runs: dict[int, RunSummary] = {}
        self._raw: dict[int, tuple[Any, ...]] = {}

    def read_all(self, connection: sqlite3.Connection) -> bool:
        """Takes in every run, and says whether anything is different."""
        tags = _tags(connection)
        raw = {
            row[-1]: (*row, *tags.get(row[-1], ()))
            for row in connection.execute(f"SELECT {SUMMARY_COLUMNS} FROM run ORDER BY created_at DESC, name")
        }
        if raw == self._raw and list(raw) == list(self._raw):
            return False
        before, runs = self._raw, self.runs
        self.runs = {uid: runs[uid] if before.get(uid) == row else _summary(row) for uid, row in raw.items()}
        self._raw = raw
        return True

    def read_some(self, connection: sqlite3.Connection, uids: Collection[int]) -> bool:
        """Takes in some of the runs that are known already, and says whether anything is different."""
        is_changed = False
        wanted = sorted(uid for uid in uids if uid in self._raw)
        for first in range(0, len(wanted), _BATCH):
            part = wanted[first : first + _BATCH]
            places = ",".join("?" * len(part))
            rows = connection.execute(f"SELECT {SUMMARY_COLUMNS} FROM run WHERE id IN ({places})", part).fetchall()
            for row in rows:
                uid = row[-1]
                whole = (*row, *self._raw[uid][len(row) :])
                if whole != self._raw[uid]:
                    self._raw[uid], self.runs[uid] = whole, _summary(whole)
                    is_changed = True
        return is_changed


def _tags(connection: sqlite3.Connection) -> dict[int, list[str]]:
    tags: dict[int, list[str]] = {}
    for run, tag in connection.execute("SELECT run, tag FROM tag ORDER BY tag"):
        tags.setdefault(run, []).append(tag)
    return tags


_WIDTH = len(SUMMARY_COLUMNS.split(","))


def _summary(row: tuple[Any, ...]) -> RunSummary:
    """A summary of a row of SUMMARY_COLUMNS with the tags behind it."""
    head, tags = row[: _WIDTH - 1], row[_WIDTH:]
    source = json.loads(head[4]) if head[4] else None
    return RunSummary._make((*head[:4], source, *head[5:], tags))


def headline_of(method: str) -> str:
    """The metric that tells first how a run of this method goes."""
    return {"sft": "loss", "suit": "suit/think/pass_at_1"}.get(method, "reward")


def read_trace(connection: sqlite3.Connection, uid: int, metric: str, *, columns: int) -> Trace:
    """What the row of a run shows of its headline metric and of its last evaluation."""
    row = connection.execute(
        "SELECT k.id, l.value, l.kind FROM metric_key k JOIN metric_last l ON l.key=k.id WHERE k.name=? AND l.run=?",
        (metric, uid),
    ).fetchone()
    found = Trace()
    if row is not None:
        key, value, kind = row
        found = Trace(_means(connection, uid, key, columns), _VALUES.get(kind, value))
    # the order in which the ingester chooses the accuracy of the summary
    evaluation = connection.execute(
        "SELECT t.n, t.split, t.prompt, t.decoding FROM evaluation t JOIN attempt a ON a.run=t.run "
        f"AND a.number=t.attempt WHERE t.run=? AND {_CURRENT.format(step='step')} "
        "ORDER BY (t.decoding='greedy') DESC, (t.prompt='think') DESC, t.step DESC, t.prompt, t.split LIMIT 1",
        (uid,),
    ).fetchone()
    return found if evaluation is None else Trace(found.values, found.last, *evaluation)


def _means(connection: sqlite3.Connection, uid: int, key: int, columns: int) -> tuple[float | None, ...]:
    # attempts first: the tables are keyed by run, attempt and metric, and have no other way to one metric
    attempts = (
        "FROM attempt a CROSS JOIN {table} t ON t.run=a.run AND t.attempt=a.number AND t.key=? WHERE a.run=? AND "
    )
    low, high = connection.execute(
        "SELECT min(t.first_step), max(t.last_step) "
        + attempts.format(table="metric_rollup")
        + _CURRENT.format(step="first_step"),
        (key, uid),
    ).fetchone()
    if low is None:
        return ()
    span = high - low + 1
    count = min(columns, span)
    if span <= EXACT_STEPS:
        table, step, value, finite = "metric_point", "step", "t.value", "t.kind=0 AND "
    else:
        table, step, value, finite = "metric_rollup", "first_step", "(t.first + t.min + t.max + t.last) / 4", ""
    rows = connection.execute(
        f"SELECT (t.{step} - ?) * ? / ? AS place, avg({value}) {attempts.format(table=table)}"
        f"{finite}{_CURRENT.format(step=step)} GROUP BY place",
        (low, count, span, key, uid),
    )
    means: list[float | None] = [None] * count
    for place, mean in rows:
        if 0 <= place < count:
            means[place] = mean
    return tuple(means)


def setting_values(connection: sqlite3.Connection, key: str) -> dict[int, float | str]:
    """A setting of every run that has it, by uid; `key` is dotted. Lists and tables come as JSON."""
    path = "$" + "".join(f'."{part}"' for part in key.split("."))
    # json_extract raises at what is no JSON, such as a NaN, and would hide every other run
    rows = connection.execute(
        "SELECT id, CASE WHEN json_valid(config) THEN json_extract(config, ?) END AS value FROM run "
        "WHERE value IS NOT NULL",
        (path,),
    )
    return dict(rows.fetchall())


def metric_values(connection: sqlite3.Connection, name: str) -> dict[int, float]:
    """The last value of a metric in every run that has written it, by uid."""
    rows = connection.execute(
        "SELECT r.id, l.value, l.kind FROM metric_key k CROSS JOIN run r CROSS JOIN metric_last l "
        "ON l.run=r.id AND l.key=k.id WHERE k.name=?",
        (name,),
    )
    return {uid: _VALUES.get(kind, value) for uid, value, kind in rows}


def known_settings(connection: sqlite3.Connection) -> list[str]:
    """Dotted names of the settings that runs of this home have."""
    keys: set[str] = set()
    # every setting is written out, so one run of each kind names them all
    for (config,) in connection.execute("SELECT config FROM run GROUP BY task, method"):
        settings = json.loads(config)
        if isinstance(settings, dict):
            keys |= _dotted(settings)
    return sorted(keys)


def _dotted(settings: dict[str, Any], prefix: str = "") -> set[str]:
    keys: set[str] = set()
    for key, value in settings.items():
        keys |= _dotted(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}"}
    return keys


def known_metrics(connection: sqlite3.Connection) -> list[str]:
    """Names of all metrics that any run has written."""
    return [name for (name,) in connection.execute("SELECT name FROM metric_key ORDER BY name")]


def last_measured(connection: sqlite3.Connection, uid: int) -> list[Measured]:
    """The last held-out evaluation of a run under each prompt and decoding, the greedy one with <think> first."""
    rows = connection.execute(
        "SELECT t.step, t.prompt, t.decoding, t.split, t.source, t.n, t.accuracy, t.low, t.high, t.unparsed "
        "FROM evaluation t JOIN attempt a ON a.run=t.run AND a.number=t.attempt "
        f"WHERE t.run=? AND {_CURRENT.format(step='step')} "
        "ORDER BY (t.decoding='greedy') DESC, (t.prompt='think') DESC, t.prompt, t.split, t.step",
        (uid,),
    )
    found: dict[tuple[str, ...], Measured] = {}
    for row in rows:
        source = json.loads(row[4])
        kind = str(source.get("kind") or "") if isinstance(source, dict) else ""
        # of equal keys the last step stays
        found[row[1:4]] = Measured._make((*row[:4], kind, *row[5:]))
    return list(found.values())


def last_asked(connection: sqlite3.Connection, uid: int) -> list[Asked]:
    """The last evaluation of a run under each prompt, decoding and split; first the one that its summary shows."""
    rows = connection.execute(
        "SELECT t.attempt, t.step, t.prompt, t.decoding, t.split, t.source FROM evaluation t "
        "JOIN attempt a ON a.run=t.run AND a.number=t.attempt "
        f"WHERE t.run=? AND {_CURRENT.format(step='step')} "
        "ORDER BY (t.decoding='greedy') DESC, (t.prompt='think') DESC, t.step DESC, t.prompt, t.split",
        (uid,),
    )
    found: dict[tuple[str, ...], Asked] = {}
    for row in rows:
        source = json.loads(row[5])
        named = source if isinstance(source, dict) else {}
        asked = Asked._make((*row[:5], str(named.get("kind") or ""), str(named.get("name") or "")))
        found.setdefault(row[2:5], asked)
    return list(found.values())


def person_notes(connection: sqlite3.Connection, uid: int) -> list[PersonNote]:
    """What people wrote to a run, oldest first."""
    rows = connection.execute(
        "SELECT seq, time, text FROM note WHERE run=? AND file=? AND level=? ORDER BY seq", (uid, USER_FILE, PERSON)
    )
    return [PersonNote(*row) for row in rows]


def noted(connection: sqlite3.Connection) -> dict[int, str]:
    """What people wrote to each run, all notes of one joined."""
    texts: dict[int, list[str]] = {}
    rows: Sequence[tuple[int, str]] = connection.execute(
        "SELECT run, text FROM note WHERE file=? AND level=? ORDER BY run, seq", (USER_FILE, PERSON)
    ).fetchall()
    for run, text in rows:
        texts.setdefault(run, []).append(text)
    return {run: " ".join(said) for run, said in texts.items()}
