"""Reads what a run and its machine used: the supervisor's samples, oldest first. Plain sqlite3."""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any, NamedTuple


class GpuSample(NamedTuple):
    """One GPU at one moment; what NVML could not tell is None."""

    nvml_index: int
    """CUDA's too, where CUDA_DEVICE_ORDER=PCI_BUS_ID."""
    uuid: str
    name: str
    utilization_percent: float | None
    memory_used_mb: float | None
    memory_total_mb: float | None
    power_w: float | None
    """Of the whole board."""
    temperature_c: float | None


class SystemSample(NamedTuple):
    """One reading."""

    time: float
    """Seconds since 1970."""
    cpu_percent: float | None
    """Of the run's processes, 100 a core, since the reading before."""
    rss_mb: float | None
    """Memory of the run's processes."""
    host_memory_used_mb: float | None
    host_memory_total_mb: float | None
    disk_free_mb: float | None
    """On the disk of the run directory."""
    gpus: tuple[GpuSample, ...]
    """Every GPU of the machine, also those of other runs; empty where NVML shows none."""


class Place(NamedTuple):
    """How far somebody has read."""

    time: float
    seq: int


START = Place(-math.inf, -1)


class SamplePart(NamedTuple):
    """Some samples, and where the next ones begin."""

    samples: list[SystemSample]
    place: Place


def read_samples(connection: sqlite3.Connection, run: str, *, after: Place = START, limit: int = 5000) -> SamplePart:
    """The samples of a run after a place, at most `limit`; none left where fewer come back."""
    row = connection.execute("SELECT id FROM run WHERE name=?", (run,)).fetchone()
    if row is None:
        return SamplePart([], after)
    rows = connection.execute(
        "SELECT time, seq, cpu_percent, rss_mb, host_memory_used_mb, host_memory_total_mb, disk_free_mb, gpus "
        "FROM system_sample WHERE run=? AND (time, seq) > (?, ?) ORDER BY time, seq LIMIT ?",
        (row[0], *after, limit),
    ).fetchall()
    samples = [SystemSample._make((row[0], *row[2:7], _gpus(row[7]))) for row in rows]
    return SamplePart(samples, Place(*rows[-1][:2]) if rows else after)


def _gpus(text: str) -> tuple[GpuSample, ...]:
    """The GPUs of a record; entries that are none of ours are left out."""
    found = json.loads(text)
    return tuple(_gpu(item) for item in found if isinstance(item, dict)) if isinstance(found, list) else ()


def _gpu(item: dict[str, Any]) -> GpuSample:
    index = item.get("index")
    return GpuSample(
        index if isinstance(index, int) else -1,
        str(item.get("uuid") or ""),
        str(item.get("name") or ""),
        *(
            _number(item.get(name))
            for name in ("utilization_percent", "memory_used_mb", "memory_total_mb", "power_w", "temperature_c")
        ),
    )


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None
