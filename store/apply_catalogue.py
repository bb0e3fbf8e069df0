"""What each journal record does to the catalogue. Every write replaces by natural key, so a replay changes nothing."""

from __future__ import annotations

import json
import math
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from store.journal import decode_number
from store.states import State, is_live

Record = dict[str, Any]
ROLLUP_STEPS = 256
"""Steps that one roll-up row covers; the statement below has the same number."""
UNUSABLE = (KeyError, TypeError, ValueError, AttributeError, sqlite3.IntegrityError, sqlite3.ProgrammingError)
"""What a record raises that has our form and not our fields."""
FINITE, NAN, PLUS_INFINITY, MINUS_INFINITY = 0, 1, 2, 3
"""Kinds of a value: SQLite would turn NaN into NULL."""


def kind_of(value: float) -> int:
    """Whether a value is finite, NaN or infinite."""
    if math.isfinite(value):
        return FINITE
    return NAN if math.isnan(value) else PLUS_INFINITY if value > 0 else MINUS_INFINITY


class CatalogueWriter:
    """Applies records of one run within an open transaction."""

    def __init__(self, connection: sqlite3.Connection, *, run: int) -> None:
        self.connection = connection
        self.run = run
        self.keys: dict[str, int] = {}

    def apply(self, records: Sequence[Record], *, file: str, attempt: int | None, rank: int) -> list[int]:
        """Applies records of one file in order and returns the indices of those that are no records of ours.

        `attempt` is None for the supervisor's.
        """
        points: list[tuple[Any, ...]] = []
        refused: list[int] = []
        last_step = -1
        for number, record in enumerate(records):
            try:
                if attempt is not None and record["type"] == "metrics" and rank == 0:
                    points += self._points(record, attempt=attempt)
                elif (handler := self._handler(record["type"], is_supervisor=attempt is None, rank=rank)) is not None:
                    handler(record, file, attempt or 0)
                if attempt is not None:
                    last_step = max(last_step, _finished_step(record))
            except UNUSABLE:
                refused.append(number)
        self._store_points(points)
        if attempt is not None and last_step >= 0:
            self._ensure_attempt(attempt)
            self.connection.execute(
                "UPDATE attempt SET last_step=max(coalesce(last_step, 0), ?) WHERE run=? AND number=?",
                (last_step, self.run, attempt),
            )
        return refused

    def _handler(self, kind: str, *, is_supervisor: bool, rank: int) -> Callable[[Record, str, int], None] | None:
        if is_supervisor:
            return {
                "attempt_start": self._attempt_start,
                "state": self._state,
                "attempt_end": self._attempt_end,
                "sample": self._sample,
            }.get(kind)
        common = {"gap": self._gap, "note": self._note}
        if rank:
            return common.get(kind)
        return {
            **common,
            "start": self._start,
            "eval_result": self._evaluation,
            "checkpoint": self._checkpoint,
        }.get(kind)

    def _points(self, record: Record, *, attempt: int) -> list[tuple[Any, ...]]:
        points = []
        for name, raw in record["values"].items():
            value = decode_number(raw)
            if value is not None:
                kind = kind_of(value)
                stored = value if kind == FINITE else None
                points.append((self.run, attempt, self._key(name), record["step"], stored, kind, record["time"]))
        if (epoch := decode_number(record.get("epoch"))) is not None:
            points.append((self.run, attempt, self._key("epoch"), record["step"], epoch, FINITE, record["time"]))
        return points

    def _store_points(self, points: Sequence[tuple[Any, ...]]) -> None:
        execute = self.connection.executemany
        execute("INSERT OR REPLACE INTO metric_point VALUES (?,?,?,?,?,?,?)", points)
        execute(
            "INSERT INTO metric_last (run, attempt, key, step, value, kind) VALUES (?,?,?,?,?,?) "
            "ON CONFLICT (run, key) DO UPDATE SET attempt=excluded.attempt, step=excluded.step, value=excluded.value, "
            "kind=excluded.kind WHERE (excluded.attempt, excluded.step) >= (attempt, step)",
            [point[:6] for point in points],
        )
        execute(
            "INSERT INTO metric_rollup VALUES (?1,?2,?3,?4/256,?4,?5,?4,?5,?4,?5,?4,?5) "
            "ON CONFLICT (run, attempt, key, bucket) DO UPDATE SET "
            "first_step=CASE WHEN ?4<=first_step THEN ?4 ELSE first_step END, "
            "first=CASE WHEN ?4<=first_step THEN ?5 ELSE first END, "
            "min_step=CASE WHEN ?5<min THEN ?4 ELSE min_step END, min=min(min, ?5), "
            "max_step=CASE WHEN ?5>max THEN ?4 ELSE max_step END, max=max(max, ?5), "
            "last_step=CASE WHEN ?4>=last_step THEN ?4 ELSE last_step END, "
            "last=CASE WHEN ?4>=last_step THEN ?5 ELSE last END",
            [point[:5] for point in points if point[5] == FINITE],
        )

    def _key(self, name: str) -> int:
        """The id of a metric's name: its CRC-32, or the next free number after it, so that a rebuild gives the same."""
        if name not in self.keys:
            number = zlib.crc32(name.encode("utf-8", "surrogatepass"))
            while True:
                row = self.connection.execute("SELECT name FROM metric_key WHERE id=?", (number,)).fetchone()
                if row is None:
                    self.connection.execute("INSERT INTO metric_key VALUES (?,?)", (number, name))
                if row is None or row[0] == name:
                    break
                number += 1
            self.keys[name] = number
        return self.keys[name]

    def _ensure_attempt(self, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR IGNORE INTO attempt (run, number, state, reason) VALUES (?,?,?,'')",
            (self.run, attempt, State.STARTING.value),
        )

    def _start(self, record: Record, file: str, attempt: int) -> None:
        self._ensure_attempt(attempt)
        facts = {name: record.get(name) for name in ("world_size", "host", "model", "versions", "pid")}
        self.connection.execute(
            "UPDATE attempt SET first_step=?, resumed_from=?, facts=? WHERE run=? AND number=?",
            (record["first_step"], record.get("resumed_from"), json.dumps(facts), self.run, attempt),
        )
        self.connection.execute(
            "UPDATE run SET source=?, total_steps=? WHERE id=?",
            (json.dumps(record["source"]), record["total_steps"], self.run),
        )
        supersede(self.connection, "attempt", "run=?", (self.run,))

    def _attempt_start(self, record: Record, file: str, _: int) -> None:
        self._ensure_attempt(record["attempt"])
        self.connection.execute(
            "UPDATE attempt SET started_at=coalesce(started_at, ?) WHERE run=? AND number=?",
            (record["time"], self.run, record["attempt"]),
        )
        self.connection.execute(
            "UPDATE run SET started_at=coalesce(started_at, ?) WHERE id=?", (record["time"], self.run)
        )

    def _state(self, record: Record, file: str, _: int) -> None:
        attempt, state = int(record.get("attempt") or 0), str(record["state"])
        ended_at = None if is_live(state) else record["time"]
        reason = str(record.get("reason") or "")
        self.connection.execute(
            "UPDATE run SET state=?, reason=?, attempt=?, ended_at=? WHERE id=?",
            (state, reason, attempt, ended_at, self.run),
        )
        if attempt:
            self._ensure_attempt(attempt)
            self.connection.execute(
                "UPDATE attempt SET state=?, reason=?, ended_at=? WHERE run=? AND number=?",
                (state, reason, ended_at, self.run, attempt),
            )

    def _attempt_end(self, record: Record, file: str, _: int) -> None:
        self._ensure_attempt(record["attempt"])
        oom = record.get("oom")
        self.connection.execute(
            "UPDATE attempt SET exit_code=?, signal=?, oom=?, traceback=?, ended_at=? WHERE run=? AND number=?",
            (
                record.get("exit_code"),
                record.get("signal"),
                None if oom is None else json.dumps(oom),
                record.get("traceback"),
                record["time"],
                self.run,
                record["attempt"],
            ),
        )

    def _sample(self, record: Record, file: str, _: int) -> None:
        names = ("cpu_percent", "rss_mb", "host_memory_used_mb", "host_memory_total_mb", "disk_free_mb")
        values = [record.get(name) for name in names]
        self.connection.execute(
            "INSERT OR REPLACE INTO system_sample VALUES (?,?,?,?,?,?,?,?,?)",
            (self.run, record["time"], record["seq"], *values, json.dumps(record.get("gpus") or [])),
        )

    def _evaluation(self, record: Record, file: str, attempt: int) -> None:
        accuracy = decode_number(record["accuracy"])
        self.connection.execute(
            "INSERT OR REPLACE INTO evaluation VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                self.run,
                attempt,
                *(record[name] for name in ("step", "prompt", "decoding", "split")),
                json.dumps(record["source"]),
                record["n"],
                record["correct"],
                accuracy if accuracy is not None and math.isfinite(accuracy) else None,
                *(record[name] for name in ("low", "high", "unparsed", "time")),
                json.dumps(record),
            ),
        )

    def _checkpoint(self, record: Record, file: str, attempt: int) -> None:
        names = ("step", "kind", "path", "bytes", "seconds", "time")
        self.connection.execute(
            "INSERT OR REPLACE INTO checkpoint VALUES (?,?,?,?,?,?,?,?)",
            (self.run, attempt, *(record[name] for name in names)),
        )

    def _gap(self, record: Record, file: str, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO gap VALUES (?,?,?,?,?,?,?,?)",
            (
                self.run,
                file,
                record["seq"],
                record["time"],
                json.dumps(record["dropped"]),
                record.get("first_step"),
                record.get("last_step"),
                str(record.get("reason") or ""),
            ),
        )

    def _note(self, record: Record, file: str, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO note VALUES (?,?,?,?,?,?)",
            (self.run, file, record["seq"], record["time"], str(record["level"]), str(record["text"])),
        )

    def refresh_headline(self) -> None:
        """The run list's step, accuracy and reward, as a pure function of the other tables."""
        self.connection.execute(
            "UPDATE run SET step=coalesce((SELECT max(coalesce(last_step, 0), first_step - 1) FROM attempt "
            "WHERE attempt.run=run.id AND first_step IS NOT NULL ORDER BY number DESC LIMIT 1), 0), "
            "reward=(SELECT value FROM metric_last l JOIN metric_key k ON k.id=l.key "
            "WHERE l.run=run.id AND k.name='reward') WHERE id=?",
            (self.run,),
        )
        self.connection.execute(
            "UPDATE run SET (accuracy, accuracy_low, accuracy_high) = (SELECT accuracy, low, high FROM evaluation e "
            "JOIN attempt a ON a.run=e.run AND a.number=e.attempt WHERE e.run=run.id "
            "AND (a.superseded_from IS NULL OR e.step < a.superseded_from) "
            "ORDER BY (decoding='greedy') DESC, (prompt='think') DESC, step DESC, prompt, split LIMIT 1) WHERE id=?",
            (self.run,),
        )


def _finished_step(record: Record) -> int:
    """Updates that were finished when the record was written; -1 where it does not say."""
    if record["type"] == "group":
        return int(record["policy_step"])
    if record["type"] in ("metrics", "eval_result", "checkpoint", "end"):
        return int(record["step"])
    return -1


def supersede(connection: sqlite3.Connection, table: str, where: str, parameters: tuple[Any, ...]) -> None:
    """Marks from which step on each attempt's rows no longer count: the smallest first step of any later attempt."""
    scope = where.replace("run=", "later.run=") or "1"
    connection.execute(
        f"UPDATE {table} SET superseded_from=(SELECT min(later.first_step) FROM {table} later "
        f"WHERE {scope} AND later.number > {table}.number) WHERE {where or '1'}",
        (*parameters, *parameters),
    )
