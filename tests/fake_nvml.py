"""Plays NVML from a JSON file, without a GPU: `pynvml` for processes that find it first on their PYTHONPATH.

FAKE_NVML names the file: a list of {uuid, name, memory_mb, used_mb, utilization, pids}, one a GPU. Without it there is
no driver. `install(folder)` puts it there; `FakeNvml(path)` is the same object for tests in one process.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple

NVML_TEMPERATURE_GPU = 0
MEGABYTE = 1 << 20


def install(folder: Path) -> None:
    """Makes the module `pynvml` there."""
    shutil.copy(__file__, folder / "pynvml.py")


class NVMLError(Exception):
    """What NVML raises."""


class Memory(NamedTuple):
    total: int
    used: int


class Rates(NamedTuple):
    gpu: int


class Process(NamedTuple):
    pid: int


class FakeNvml:
    """The functions of pynvml that are asked."""

    NVMLError = NVMLError
    NVML_TEMPERATURE_GPU = NVML_TEMPERATURE_GPU

    def __init__(self, path: Path) -> None:
        self.path = path

    def nvmlDeviceGetCount(self) -> int:
        return len(self._gpus())

    def nvmlDeviceGetHandleByIndex(self, index: int) -> dict[str, Any]:
        return self._gpus()[index]

    def nvmlDeviceGetMemoryInfo(self, gpu: dict[str, Any]) -> Memory:
        return Memory(gpu.get("memory_mb", 80_000) * MEGABYTE, gpu.get("used_mb", 0) * MEGABYTE)

    def nvmlDeviceGetUUID(self, gpu: dict[str, Any]) -> str:
        return str(gpu["uuid"])

    def nvmlDeviceGetName(self, gpu: dict[str, Any]) -> str:
        return str(gpu.get("name", "Fake 80 GB"))

    def nvmlDeviceGetUtilizationRates(self, gpu: dict[str, Any]) -> Rates:
        if gpu.get("utilization") is None:
            raise NVMLError("not supported")
        return Rates(gpu["utilization"])

    def nvmlDeviceGetComputeRunningProcesses(self, gpu: dict[str, Any]) -> list[Process]:
        return [Process(pid) for pid in gpu.get("pids", [])]

    def nvmlDeviceGetPowerUsage(self, gpu: dict[str, Any]) -> int:
        raise NVMLError("not supported")

    def nvmlDeviceGetTemperature(self, gpu: dict[str, Any], sensor: int) -> int:
        raise NVMLError("not supported")

    def _gpus(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.path.read_text())
        return found


def nvmlInit() -> None:
    """As pynvml's: an error where there is no driver."""
    if "FAKE_NVML" not in os.environ:
        raise NVMLError("no driver")


def __getattr__(name: str) -> Any:
    """The functions of the module are those of the file's machine."""
    if name.startswith("nvmlDevice"):
        return getattr(FakeNvml(Path(os.environ["FAKE_NVML"])), name)
    raise AttributeError(name)
