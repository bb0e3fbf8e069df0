"""A run's samples as columns of numbers, oldest first, and the energy of each GPU. Pure; for one thread at a time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from store.system_samples import GpuSample, SystemSample

LONGEST_STEP_S = 30.0
"""Between two samples, which come every 5 s; over a longer pause nothing is known, and nothing is added."""
GPU_COLUMNS = ("utilization_percent", "memory_used_mb", "power_w", "temperature_c")
HOST_COLUMNS = ("cpu_percent", "rss_mb", "host_memory_used_mb", "disk_free_mb")


@dataclass
class Energy:
    """The integral of one GPU's power over time, by trapezoids between neighbouring samples."""

    joules: float = 0.0
    seconds: float = 0.0
    """Time that the integral covers."""
    samples: int = 0
    """Samples with a power."""
    without_power: int = 0
    """Samples in which NVML told no power."""
    pauses: int = 0
    """Times between two samples that are too long to say anything about."""
    paused_s: float = 0.0
    first: float | None = None
    last: float | None = None
    _power_w: float = 0.0

    def add(self, time: float, power_w: float | None) -> None:
        """Takes one reading, later than those before."""
        if power_w is None:
            self.without_power += 1
            return
        if self.last is not None:
            passed_s = time - self.last
            if passed_s > LONGEST_STEP_S:
                self.pauses += 1
                self.paused_s += passed_s
            else:
                self.joules += passed_s * (power_w + self._power_w) / 2
                self.seconds += passed_s
        else:
            self.first = time
        self.samples += 1
        self.last, self._power_w = time, power_w


@dataclass
class GpuHistory:
    """One GPU over time."""

    index: int
    uuid: str
    columns: dict[str, array[float]]
    """As long as the times; NaN where nothing was told."""
    energy: Energy = field(default_factory=Energy)


class SystemHistory:
    """Everything that a run's samples said. A pause is a row without a value, so that no line is drawn over it."""

    def __init__(self, own: Collection[int] = ()) -> None:
        self.own = frozenset(own)
        """Indices of the GPUs that count for the run; all of them where it names none."""
        self.samples = 0
        self.last: SystemSample | None = None
        self.times: array[float] = array("d")
        self.host: dict[str, array[float]] = {name: array("d") for name in HOST_COLUMNS}
        self._gpus: dict[tuple[int, str], GpuHistory] = {}

    @property
    def gpus(self) -> list[GpuHistory]:
        """Every GPU that was seen, by index; a run that was resumed elsewhere has other ones of the same index."""
        return [self._gpus[key] for key in sorted(self._gpus)]

    @property
    def own_gpus(self) -> list[GpuHistory]:
        """The GPUs that count for the run."""
        return [gpu for gpu in self.gpus if not self.own or gpu.index in self.own]

    def add(self, samples: Iterable[SystemSample]) -> None:
        """Takes later samples."""
        for sample in samples:
            if self.last is not None and sample.time - self.last.time > LONGEST_STEP_S:
                self._end_row(self.last.time + 1)
            for name, column in self.host.items():
                column.append(_number(getattr(sample, name)))
            for gpu in sample.gpus:
                self._add_gpu(sample.time, gpu)
            self._end_row(sample.time)
            self.samples += 1
            self.last = sample

    def _add_gpu(self, time: float, gpu: GpuSample) -> None:
        key = (gpu.nvml_index, gpu.uuid)
        known = self._gpus.get(key)
        if known is None:
            columns = {name: array("d", [math.nan]) * len(self.times) for name in GPU_COLUMNS}
            known = self._gpus[key] = GpuHistory(gpu.nvml_index, gpu.uuid, columns)
        for name, column in known.columns.items():
            if len(column) == len(self.times):
                column.append(_number(getattr(gpu, name)))
        known.energy.add(time, gpu.power_w)

    def _end_row(self, time: float) -> None:
        """Makes every column as long as the times."""
        self.times.append(time)
        for columns in (self.host, *(gpu.columns for gpu in self._gpus.values())):
            for column in columns.values():
                if len(column) < len(self.times):
                    column.append(math.nan)


def _number(value: float | None) -> float:
    return math.nan if value is None else value
