"""The GPUs of this machine through NVML: which there are, what they do. No GPU and no driver are the same: none."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from functools import cache
from typing import Any

MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Gpu:
    """One GPU."""

    index: int
    """NVML's index, which is CUDA's where CUDA_DEVICE_ORDER=PCI_BUS_ID."""
    uuid: str
    name: str
    memory_total_mb: int
    memory_used_mb: int


@cache
def _nvml() -> Any | None:
    """pynvml, initialised; None without a driver."""
    # 40 ms, and commands that ask nothing of the GPUs should not wait for it
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def installed_gpus() -> list[Gpu]:
    """Every GPU that NVML shows."""
    nvml = _nvml()
    if nvml is None:
        return []
    found = []
    for index in range(nvml.nvmlDeviceGetCount()):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
            found.append(
                Gpu(
                    index=index,
                    uuid=_text(nvml.nvmlDeviceGetUUID(handle)),
                    name=_text(nvml.nvmlDeviceGetName(handle)),
                    memory_total_mb=memory.total // MEGABYTE,
                    memory_used_mb=memory.used // MEGABYTE,
                )
            )
        except nvml.NVMLError:
            continue
    return found


def visible_gpus() -> list[Gpu]:
    """GPUs that a process started from here may use: all, or those that CUDA_VISIBLE_DEVICES names by index or UUID."""
    gpus = installed_gpus()
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return gpus
    names = [name.strip() for name in allowed.split(",")]
    return [gpu for gpu in gpus if str(gpu.index) in names or any(name and gpu.uuid.startswith(name) for name in names)]


def gpu_samples() -> list[dict[str, Any]]:
    """What each GPU does at this moment, in the fields of a `sample` record; what NVML cannot tell is null."""
    nvml = _nvml()
    if nvml is None:
        return []

    def ask(question: Any, *arguments: Any) -> Any:
        try:
            return question(*arguments)
        except nvml.NVMLError:
            return None

    samples = []
    for gpu in installed_gpus():
        handle = nvml.nvmlDeviceGetHandleByIndex(gpu.index)
        rates = ask(nvml.nvmlDeviceGetUtilizationRates, handle)
        power_mw = ask(nvml.nvmlDeviceGetPowerUsage, handle)
        samples.append(
            {
                "index": gpu.index,
                "uuid": gpu.uuid,
                "name": gpu.name,
                "utilization_percent": None if rates is None else rates.gpu,
                "memory_used_mb": gpu.memory_used_mb,
                "memory_total_mb": gpu.memory_total_mb,
                "power_w": None if power_mw is None else round(power_mw / 1000, 1),
                "temperature_c": ask(nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            }
        )
    return samples


@dataclass(frozen=True)
class Activity:
    """What goes on on one GPU, whoever does it; None is what NVML cannot tell."""

    memory_percent: float
    utilization_percent: float | None
    """Over NVML's last sample, up to a second."""
    pids: tuple[int, ...]
    """Processes that compute on it; in a container NVML may name none, or pids of outside."""


def gpu_activity(gpu: Gpu) -> Activity:
    """What goes on on a GPU at this moment."""
    nvml = _nvml()
    assert nvml is not None, "a GPU was found through NVML"
    utilization, pids = None, []
    handle = nvml.nvmlDeviceGetHandleByIndex(gpu.index)
    with contextlib.suppress(nvml.NVMLError):
        utilization = float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    with contextlib.suppress(nvml.NVMLError):
        pids = [int(process.pid) for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
    memory_percent = 100 * gpu.memory_used_mb / gpu.memory_total_mb if gpu.memory_total_mb else 0.0
    return Activity(memory_percent, utilization, tuple(sorted(pids)))


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
