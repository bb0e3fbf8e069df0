"""A run's samples as curves of bounded size, and the energy they come to. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

from rftui.curves import Point
from store.system_samples import SystemSample

MOST_BUCKETS = 1024
"""Of one curve, an even number; a wide chart has some 400 columns of dots."""
LONGEST_STEP_S = 30.0
"""Between two samples, which come every 5 s; over a longer pause nothing is known, and nothing is added."""
GPU_CURVES = ("utilization_percent", "memory_used_mb", "power_w", "temperature_c")
HOST_CURVES = ("cpu_percent", "rss_mb", "host_memory_used_mb", "disk_free_mb")


class Bucket(NamedTuple):
    """Neighbouring values: their extremes, and a gap where one of them had no value."""

    low: Point | None
    high: Point | None
    gap: Point | None

    def points(self) -> list[Point]:
        """What a chart shows of it, in order of time."""
        return sorted({point for point in (self.low, self.high, self.gap) if point is not None}, key=lambda p: p.x)


class Curve:
    """Values over time in buckets of as many neighbours as keep their number bounded; extremes are never lost."""

    def __init__(self) -> None:
        self._buckets: list[Bucket] = []
        self._each = 1
        self._in_last = 0

    @property
    def points(self) -> list[Point]:
        """What a chart shows; NaN is a gap."""
        return [point for bucket in self._buckets for point in bucket.points()]

    def add(self, time: float, value: float | None) -> None:
        """Takes one later value; None is a gap."""
        point = Point(time, float("nan") if value is None else value, 0)
        bucket = Bucket(None, None, point) if value is None else Bucket(point, point, None)
        if self._buckets and self._in_last < self._each:
            self._buckets[-1] = joined(self._buckets[-1], bucket)
            self._in_last += 1
            return
        self._buckets.append(bucket)
        self._in_last = 1
        if len(self._buckets) > MOST_BUCKETS:
            # the newest, which has one value so far, is left over, since the others are an even number
            halves, newest = self._buckets[:-1], self._buckets[-1]
            self._buckets = [*map(joined, halves[::2], halves[1::2]), newest]
            self._each *= 2


def joined(first: Bucket, second: Bucket) -> Bucket:
    """Two neighbours as one."""
    lows = [point for point in (first.low, second.low) if point is not None]
    highs = [point for point in (first.high, second.high) if point is not None]
    return Bucket(
        min(lows, key=lambda point: point.value, default=None),
        max(highs, key=lambda point: point.value, default=None),
        first.gap or second.gap,
    )


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
    _before: tuple[float, float] | None = None

    def add(self, time: float, power_w: float | None) -> None:
        """Takes one reading, later than those before."""
        if power_w is None:
            self.without_power += 1
            return
        if self._before is not None:
            then, power_then = self._before
            if time - then > LONGEST_STEP_S:
                self.pauses += 1
                self.paused_s += time - then
            else:
                self.joules += (time - then) * (power_w + power_then) / 2
                self.seconds += time - then
        self.samples += 1
        self.first = time if self.first is None else self.first
        self.last = time
        self._before = (time, power_w)


@dataclass
class GpuHistory:
    """One GPU over time."""

    index: int
    uuid: str
    name: str
    curves: dict[str, Curve] = field(default_factory=lambda: {name: Curve() for name in GPU_CURVES})
    energy: Energy = field(default_factory=Energy)


class Together(NamedTuple):
    """One measure over several GPUs."""

    mean: Curve
    low: Curve
    high: Curve

    def add(self, time: float, values: list[float]) -> None:
        """Takes what the GPUs said at one time; a gap where none said anything."""
        self.mean.add(time, fmean(values) if values else None)
        self.low.add(time, min(values, default=None))
        self.high.add(time, max(values, default=None))


class SystemHistory:
    """Everything that a run's samples said, oldest first."""

    def __init__(self, own: Collection[int] = ()) -> None:
        self.own = frozenset(own)
        """Indices of the GPUs that count for the run; all of them where it names none."""
        self.samples = 0
        self.first: float | None = None
        self.last: SystemSample | None = None
        self.host: dict[str, Curve] = {name: Curve() for name in HOST_CURVES}
        self.gpus: dict[tuple[int, str], GpuHistory] = {}
        """By index and uuid: a run may be resumed on another machine."""
        self.together = {name: Together(Curve(), Curve(), Curve()) for name in GPU_CURVES}
        """Over the GPUs that count."""

    def add(self, samples: Iterable[SystemSample]) -> None:
        """Takes later samples."""
        for sample in samples:
            # a pause is a gap in every curve, not a straight line over it
            if self.last is not None and sample.time - self.last.time > LONGEST_STEP_S:
                self._take(self.last._replace(time=self.last.time + 1), is_gap=True)
            self._take(sample, is_gap=False)
            for gpu in sample.gpus:
                self.gpus[gpu.nvml_index, gpu.uuid].energy.add(sample.time, gpu.power_w)
            self.samples += 1
            self.first = sample.time if self.first is None else self.first
            self.last = sample

    def counts(self, index: int) -> bool:
        """Whether a GPU counts for the run."""
        return not self.own or index in self.own

    def _take(self, sample: SystemSample, *, is_gap: bool) -> None:
        for name, curve in self.host.items():
            curve.add(sample.time, None if is_gap else getattr(sample, name))
        for gpu in sample.gpus:
            known = self.gpus.setdefault((gpu.nvml_index, gpu.uuid), GpuHistory(gpu.nvml_index, gpu.uuid, gpu.name))
            for name, curve in known.curves.items():
                curve.add(sample.time, None if is_gap else getattr(gpu, name))
        for name, together in self.together.items():
            values = [getattr(gpu, name) for gpu in sample.gpus if self.counts(gpu.nvml_index)]
            together.add(sample.time, [value for value in values if value is not None and not is_gap])
