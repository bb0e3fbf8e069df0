"""What each journal record does to the catalogue. Every write replaces by natural key, so a replay changes nothing."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from store.fields import UNUSABLE, as_json, finite, optional_finite, optional_text, optional_whole, text, whole
from store.metric_rows import MetricRows, Point
from store.states import State, is_live

Record = dict[str, Any]


class CatalogueWriter:
    """Applies records of one run within an open transaction."""

    def __init__(self, connection: sqlite3.Connection, *, run: int) -> None:
        self.connection = connection
        self.run = run
        self.metrics = MetricRows(connection, run=run)

    def apply(self, records: Sequence[Record], *, file: str, attempt: int | None, rank: int) -> list[int]:
        """Applies records of one file in order and returns the indices of those that are no records of ours.

        `attempt` is None for the supervisor's.
        """
        points: list[Point] = []
        refused: list[int] = []
        last_step = -1
        for number, record in enumerate(records):
            try:
                if attempt is not None and record["type"] == "metrics" and rank == 0:
                    points += self.metrics.points(record, attempt=attempt)
                elif (handler := self._handler(record["type"], is_supervisor=attempt is None, rank=rank)) is not None:
                    handler(record, file, attempt or 0)
                if attempt is not None:
                    last_step = max(last_step, _finished_step(record))
            except UNUSABLE:
                refused.append(number)
        self.metrics.store(points)
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

    def _ensure_attempt(self, attempt: int) -> None:
        added = self.connection.execute(
            "INSERT OR IGNORE INTO attempt (run, number, state, reason) VALUES (?,?,?,'')",
            (self.run, attempt, State.STARTING.value),
        )
        if added.rowcount:
            # a later attempt may have been read already
            self._supersede()

    def _supersede(self) -> None:
        supersede(self.connection, "attempt", "run=?", (self.run,))
        self.metrics.forget_superseded()

    def _start(self, record: Record, file: str, attempt: int) -> None:
        facts = {name: record.get(name) for name in ("world_size", "host", "model", "versions", "pid")}
        first_step, total_steps = whole(record["first_step"]), whole(record["total_steps"])
        resumed_from, source = optional_text(record.get("resumed_from")), json.dumps(record["source"])
        self._ensure_attempt(attempt)
        self.connection.execute(
            "UPDATE attempt SET first_step=?, resumed_from=?, facts=? WHERE run=? AND number=?",
            (first_step, resumed_from, json.dumps(facts), self.run, attempt),
        )
        self.connection.execute("UPDATE run SET source=?, total_steps=? WHERE id=?", (source, total_steps, self.run))
        self._supersede()

    def _attempt_start(self, record: Record, file: str, _: int) -> None:
        attempt = whole(record["attempt"])
        self._ensure_attempt(attempt)
        self.connection.execute(
            "UPDATE attempt SET started_at=coalesce(started_at, ?) WHERE run=? AND number=?",
            (record["time"], self.run, attempt),
        )
        self.connection.execute(
            "UPDATE run SET started_at=coalesce(started_at, ?) WHERE id=?", (record["time"], self.run)
        )

    def _state(self, record: Record, file: str, _: int) -> None:
        attempt, state, reason = whole(record.get("attempt") or 0), text(record["state"]), record.get("reason")
        ended_at = None if is_live(state) else record["time"]
        self.connection.execute(
            "UPDATE run SET state=?, reason=?, attempt=?, ended_at=? WHERE id=?",
            (state, text(reason or ""), attempt, ended_at, self.run),
        )
        if attempt:
            self._ensure_attempt(attempt)
            self.connection.execute(
                "UPDATE attempt SET state=?, reason=?, ended_at=? WHERE run=? AND number=?",
                (state, text(reason or ""), ended_at, self.run, attempt),
            )

    def _attempt_end(self, record: Record, file: str, _: int) -> None:
        attempt, oom = whole(record["attempt"]), record.get("oom")
        # a negative exit code is a signal's
        exit_code = record.get("exit_code")
        values = (
            None if exit_code is None else max(-(1 << 31), min(int(exit_code), 1 << 31)),
            optional_text(record.get("signal")),
            None if oom is None else json.dumps(oom),
            optional_text(record.get("traceback")),
        )
        self._ensure_attempt(attempt)
        self.connection.execute(
            "UPDATE attempt SET exit_code=?, signal=?, oom=?, traceback=?, ended_at=? WHERE run=? AND number=?",
            (*values, record["time"], self.run, attempt),
        )

    def _sample(self, record: Record, file: str, _: int) -> None:
        names = ("cpu_percent", "rss_mb", "host_memory_used_mb", "host_memory_total_mb", "disk_free_mb")
        values = [optional_finite(record.get(name)) for name in names]
        self.connection.execute(
            "INSERT OR REPLACE INTO system_sample VALUES (?,?,?,?,?,?,?,?,?)",
            (self.run, record["time"], record["seq"], *values, json.dumps(record.get("gpus") or [])),
        )

    def _evaluation(self, record: Record, file: str, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO evaluation VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            (
                self.run,
                attempt,
                whole(record["step"]),
                *(text(record[name]) for name in ("prompt", "decoding", "split")),
                json.dumps(record["source"]),
                whole(record["n"]),
                whole(record["correct"]),
                optional_finite(record["accuracy"]),
                finite(record["low"]),
                finite(record["high"]),
                whole(record["unparsed"]),
                record["time"],
                json.dumps(record),
            ),
        )

    def _checkpoint(self, record: Record, file: str, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO checkpoint VALUES (?,?,?,?,?,?,?,?)",
            (
                self.run,
                attempt,
                whole(record["step"]),
                text(record["kind"]),
                text(record["path"]),
                whole(record["bytes"]),
                finite(record["seconds"]),
                record["time"],
            ),
        )

    def _gap(self, record: Record, file: str, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO gap VALUES (?,?,?,?,?,?,?,?)",
            (
                self.run,
                file,
                record["seq"],
                record["time"],
                as_json(record["dropped"]),
                optional_whole(record.get("first_step")),
                optional_whole(record.get("last_step")),
                text(record.get("reason") or ""),
            ),
        )

    def _note(self, record: Record, file: str, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO note VALUES (?,?,?,?,?,?)",
            (self.run, file, record["seq"], record["time"], text(record["level"]), text(record["text"])),
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
        return whole(record["policy_step"])
    if record["type"] in ("metrics", "eval_result", "checkpoint", "end"):
        return whole(record["step"])
    return -1


def supersede(connection: sqlite3.Connection, table: str, where: str, parameters: tuple[Any, ...]) -> None:
    """Marks from which step on each attempt's rows no longer count: the smallest first step of any later attempt."""
    scope = where.replace("run=", "later.run=") or "1"
    connection.execute(
        f"UPDATE {table} SET superseded_from=(SELECT min(later.first_step) FROM {table} later "
        f"WHERE {scope} AND later.number > {table}.number) WHERE {where or '1'}",
        (*parameters, *parameters),
    )
