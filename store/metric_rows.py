"""Writes metric points with their roll-ups and last values, all within the caller's transaction."""

from __future__ import annotations

import math
import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from store.fields import whole
from store.journal import decode_number

ROLLUP_STEPS = 256
"""Steps that one roll-up row covers."""
FINITE, NAN, PLUS_INFINITY, MINUS_INFINITY = 0, 1, 2, 3
"""Kinds of a value: SQLite would turn NaN into NULL."""
BUCKET_COLUMNS = "run, attempt, key, bucket, first_step, first, min_step, min, max_step, max, last_step, last"


class Point(NamedTuple):
    """One row of metric_point."""

    run: int
    attempt: int
    key: int
    step: int
    value: float | None
    kind: int
    time: float


def kind_of(value: float) -> int:
    """Whether a value is finite, NaN or infinite."""
    if math.isfinite(value):
        return FINITE
    return NAN if math.isnan(value) else PLUS_INFINITY if value > 0 else MINUS_INFINITY


class MetricRows:
    """The metrics of one run."""

    def __init__(self, connection: sqlite3.Connection, *, run: int) -> None:
        self.connection = connection
        self.run = run
        self.keys: dict[str, int] = {}

    def points(self, record: dict[str, Any], *, attempt: int) -> list[Point]:
        """The points of a `metrics` record. Raises fields.UNUSABLE."""
        step, time = whole(record["step"]), float(record["time"])
        epoch = decode_number(record.get("epoch"))
        values = {**record["values"], **({} if epoch is None else {"epoch": epoch})}
        points = []
        for name, raw in values.items():
            value = decode_number(raw)
            if value is not None:
                kind = kind_of(value)
                stored = value if kind == FINITE else None
                points.append(Point(self.run, attempt, self._key(name), step, stored, kind, time))
        return points

    def store(self, points: Iterable[Point]) -> None:
        """Stores points; the later of two for one step counts, whether they come together or not."""
        unique = {point[:4]: point for point in points}
        if not unique:
            return
        rows = list(unique.values())
        sql = "INTO metric_point VALUES (?,?,?,?,?,?,?)"
        inserted = self.connection.executemany(f"INSERT OR IGNORE {sql}", rows).rowcount
        if inserted == len(rows):
            self._merge_rollups(rows)
        else:
            self.connection.executemany(f"INSERT OR REPLACE {sql}", rows)
            self._recount_rollups(rows)
        newest: dict[int, Point] = {}
        for point in rows:
            if point.key not in newest or point[1:4:2] >= newest[point.key][1:4:2]:
                newest[point.key] = point
        self.connection.executemany(
            "INSERT INTO metric_last (run, attempt, key, step, value, kind) VALUES (?,?,?,?,?,?) "
            "ON CONFLICT (run, key) DO UPDATE SET attempt=excluded.attempt, step=excluded.step, value=excluded.value, "
            "kind=excluded.kind WHERE (excluded.attempt, excluded.step) >= (attempt, step)",
            [point[:6] for point in newest.values()],
        )

    def forget_superseded(self) -> None:
        """Takes last values that a later attempt makes again back to the newest that counts."""
        stale = self.connection.execute(
            "SELECT l.key FROM metric_last l JOIN attempt a ON a.run=l.run AND a.number=l.attempt "
            "WHERE l.run=? AND l.step >= a.superseded_from",
            (self.run,),
        ).fetchall()
        attempts = self.connection.execute(
            "SELECT number, superseded_from FROM attempt WHERE run=? ORDER BY number DESC", (self.run,)
        ).fetchall()
        for (key,) in stale:
            self.connection.execute("DELETE FROM metric_last WHERE run=? AND key=?", (self.run, key))
            for number, end in attempts:
                row = self.connection.execute(
                    "SELECT run, key, attempt, step, value, kind FROM metric_point "
                    "WHERE run=? AND attempt=? AND key=? AND (?4 IS NULL OR step < ?4) ORDER BY step DESC LIMIT 1",
                    (self.run, number, key, end),
                ).fetchone()
                if row is not None:
                    self.connection.execute("INSERT INTO metric_last VALUES (?,?,?,?,?,?)", row)
                    break

    def _merge_rollups(self, rows: Sequence[Point]) -> None:
        buckets: dict[tuple[int, int, int, int], list[tuple[int, float]]] = {}
        for run, attempt, key, step, value, kind, _ in rows:
            if kind == FINITE and value is not None:
                buckets.setdefault((run, attempt, key, step // ROLLUP_STEPS), []).append((step, value))
        self.connection.executemany(
            f"INSERT INTO metric_rollup ({BUCKET_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?) "
            "ON CONFLICT (run, attempt, key, bucket) DO UPDATE SET "
            "first=CASE WHEN excluded.first_step < first_step THEN excluded.first ELSE first END, "
            "first_step=min(first_step, excluded.first_step), "
            "min_step=CASE WHEN (excluded.min, excluded.min_step) < (min, min_step) "
            "THEN excluded.min_step ELSE min_step END, min=min(min, excluded.min), "
            "max_step=CASE WHEN (-excluded.max, excluded.max_step) < (-max, max_step) "
            "THEN excluded.max_step ELSE max_step END, max=max(max, excluded.max), "
            "last=CASE WHEN excluded.last_step > last_step THEN excluded.last ELSE last END, "
            "last_step=max(last_step, excluded.last_step)",
            [(*key, *_summary(points)) for key, points in buckets.items()],
        )

    def _recount_rollups(self, rows: Sequence[Point]) -> None:
        for run, attempt, key, bucket in {(*point[:3], point.step // ROLLUP_STEPS) for point in rows}:
            points = self.connection.execute(
                "SELECT step, value FROM metric_point WHERE run=? AND attempt=? AND key=? AND step>=? AND step<? "
                f"AND kind={FINITE}",
                (run, attempt, key, bucket * ROLLUP_STEPS, (bucket + 1) * ROLLUP_STEPS),
            ).fetchall()
            place = (run, attempt, key, bucket)
            self.connection.execute("DELETE FROM metric_rollup WHERE run=? AND attempt=? AND key=? AND bucket=?", place)
            if points:
                self.connection.execute(
                    f"INSERT INTO metric_rollup ({BUCKET_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                    (*place, *_summary(points)),
                )

    def _key(self, name: str) -> int:
        """The id of a metric's name: its CRC-32, or the next free number after it, so that a rebuild gives the same."""
        if name not in self.keys:
            # a name that SQLite cannot hold raises here
            number = zlib.crc32(name.encode())
            while True:
                row = self.connection.execute("SELECT name FROM metric_key WHERE id=?", (number,)).fetchone()
                if row is None:
                    self.connection.execute("INSERT INTO metric_key VALUES (?,?)", (number, name))
                if row is None or row[0] == name:
                    break
                number += 1
            self.keys[name] = number
        return self.keys[name]


def _summary(points: list[tuple[int, float]]) -> tuple[int, float, int, float, int, float, int, float]:
    """First, smallest, largest and last, each as step and value; of equal values the earliest."""
    points.sort()
    smallest = min(points, key=lambda point: point[1])
    largest = max(points, key=lambda point: point[1])
    return (*points[0], *smallest, *largest, *points[-1])
