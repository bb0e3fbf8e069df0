"""Samples what a run uses: its processes' CPU and memory, the host's memory, disk and GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psutil

from rftui.supervision.gpus import gpu_samples

MEGABYTE = 1 << 20


class Telemetry:
    """Readings of one run. CPU percent is over the time since the last reading, 100 a core."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self._processes: dict[int, psutil.Process] = {}

    def sample(self, leader_pid: int) -> dict[str, Any]:
        """One reading, in the fields of a `sample` record. Processes that end meanwhile count as nothing."""
        cpu_percent, rss_bytes = self._process_use(leader_pid)
        memory = psutil.virtual_memory()
        return {
            "cpu_percent": round(cpu_percent, 1),
            "rss_mb": round(rss_bytes / MEGABYTE, 1),
            "host_memory_used_mb": round((memory.total - memory.available) / MEGABYTE, 1),
            "host_memory_total_mb": round(memory.total / MEGABYTE, 1),
            "disk_free_mb": round(psutil.disk_usage(str(self.run_dir)).free / MEGABYTE, 1),
            "gpus": gpu_samples(),
        }

    def _process_use(self, leader_pid: int) -> tuple[float, int]:
        try:
            leader = self._known(leader_pid)
            family = [leader, *(self._known(child.pid) for child in leader.children(recursive=True))]
        except psutil.Error:
            return 0.0, 0
        self._processes = {process.pid: process for process in family}
        cpu_percent, rss_bytes = 0.0, 0
        for process in family:
            try:
                cpu_percent += process.cpu_percent()
                rss_bytes += process.memory_info().rss
            except psutil.Error:
                continue
        return cpu_percent, rss_bytes

    def _known(self, pid: int) -> psutil.Process:
        """The same object as last time, which remembers the CPU time it saw."""
        return self._processes.get(pid) or psutil.Process(pid)
