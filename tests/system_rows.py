"""A run whose supervisor recorded GPUs, in the fields of rftui.supervision.telemetry, for machines without any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from store.layout import Home, RunDir
from tests.store_runs import append, ingest_all, make_run, start

EVERY_S = 5.0


def gpu_record(index: int, *, is_busy: bool = False) -> dict[str, Any]:
    """One GPU of a sample, idle or at work."""
    return {
        "index": index,
        "uuid": f"GPU-{index}",
        "name": "NVIDIA H100 80GB HBM3",
        "utilization_percent": 98 if is_busy else 3,
        "memory_used_mb": 72_704 if is_busy else 2_048,
        "memory_total_mb": 81_920,
        "power_w": 300.0 if is_busy else 70.0,
        "temperature_c": 68 if is_busy else 40,
    }


def sample_record(*busy: int, gpus: int = 2) -> dict[str, Any]:
    """One sample."""
    return {
        "type": "sample",
        "cpu_percent": 812.5,
        "rss_mb": 12_288.0,
        "host_memory_used_mb": 46_080.0,
        "host_memory_total_mb": 131_072.0,
        "disk_free_mb": 123_904.0,
        "gpus": [gpu_record(index, is_busy=index in busy) for index in range(gpus)],
    }


def with_gpus(folder: Path, *, gpus: list[int], hours: float, machine_gpus: int = 2) -> tuple[Home, RunDir]:
    """A live run on some GPUs of `box-1`, sampled every 5 s."""
    home = Home(folder)
    run_dir = make_run(home)
    launch_on(run_dir, gpus)
    append(run_dir.journal(0, 1), {**start(), "host": "box-1"})
    count = round(hours * 3600 / EVERY_S)
    samples = [
        {**sample_record(*gpus, gpus=machine_gpus), "time": 10_000.0 + EVERY_S * number} for number in range(count)
    ]
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "state", "attempt": 1, "state": "running", "reason": ""},
        *samples,
    )
    ingest_all(home)
    return home, run_dir


def launch_on(run_dir: RunDir, gpus: list[int]) -> None:
    """Makes the files of a launch name GPUs."""
    settings = f"stall_after_s = 600.0\nranks = 1\nzero = 0\ngpus = {gpus}\n"
    run_dir.config.write_text(run_dir.config.read_text() + settings)
    run_dir.launch.write_text(json.dumps({**json.loads(run_dir.launch.read_text()), "python": "python"}))
