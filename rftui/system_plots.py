"""The plots of a run's samples: a line for each GPU, or the mean of many; CPU, memory, disk. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import StrEnum

from rftui.curves import Axis, Point, Range, value_range
from rftui.formats import number
from rftui.plot import Plot, Series
from rftui.system_history import Curve, GpuHistory, SystemHistory
from rftui.system_reads import SystemPage
from rftui.system_text import own_gpus

MOST_LINES = 4
"""GPUs that each get a line; of more the mean and the range are drawn."""
_GB = 1 / 1024
_GPU_PLOTS = (
    ("GPU utilisation in %", "utilization_percent", 1.0),
    ("GPU memory in GB", "memory_used_mb", _GB),
    ("GPU power in W", "power_w", 1.0),
    ("GPU temperature in °C", "temperature_c", 1.0),
)


class Window(StrEnum):
    """How much of a run's time is shown."""

    WHOLE = "whole run"
    """From the first sample."""
    HOUR = "last hour"
    """Of the samples, which is not the last hour of the clock for a run that has ended."""
    MINUTES = "last ten minutes"
    """Of the samples."""


_SECONDS = {Window.HOUR: 3600.0, Window.MINUTES: 600.0}


def next_window(window: Window) -> Window:
    """The window after this one, the first after the last."""
    windows = list(Window)
    return windows[(windows.index(window) + 1) % len(windows)]


def system_plots(page: SystemPage, window: Window, *, is_ascii: bool) -> list[Plot]:
    """A plot for each thing that was measured."""
    view = _view(page.history, window)
    if view is None:
        return []
    gpus = own_gpus(page) or sorted(page.history.gpus.values(), key=lambda gpu: gpu.index)
    plots = []
    if gpus:
        plots = [
            _plot(title, _gpu_series(page.history, gpus, name, scale), view, is_ascii)
            for title, name, scale in _GPU_PLOTS
        ]
    host = page.history.host
    memory = [("this run", host["rss_mb"]), ("machine", host["host_memory_used_mb"])]
    return [
        *plots,
        _plot("CPU in % (100 a core)", [_series("this run", host["cpu_percent"], 1.0)], view, is_ascii),
        _plot("memory in GB", [_series(name, curve, _GB) for name, curve in memory], view, is_ascii),
        _roomy(_plot("disk free in GB", [_series("disk", host["disk_free_mb"], _GB)], view, is_ascii)),
    ]


def _view(history: SystemHistory, window: Window) -> Range | None:
    if history.first is None or history.last is None:
        return None
    first, last = history.first, max(history.last.time, history.first + 1)
    return Range(max(first, last - _SECONDS[window]) if window in _SECONDS else first, last)


def _gpu_series(history: SystemHistory, gpus: Sequence[GpuHistory], name: str, scale: float) -> list[Series]:
    if len(gpus) <= MOST_LINES:
        return [_series(f"GPU {gpu.index}", gpu.curves[name], scale) for gpu in gpus]
    mean, *edges = (_points(curve, scale) for curve in history.together[name])
    return [Series(f"mean of {len(gpus)}, range", mean, edges=(edges[0], edges[1]), readout=_readout(mean))]


def _points(curve: Curve, scale: float) -> list[Point]:
    return [point._replace(value=point.value * scale) for point in curve.points]


def _series(name: str, curve: Curve, scale: float) -> Series:
    points = _points(curve, scale)
    return Series(name, points, readout=_readout(points))


def _readout(points: Sequence[Point]) -> str:
    last = next((point.value for point in reversed(points) if point.value == point.value), None)
    return number(last, digits=3)


def _plot(title: str, series: Sequence[Series], view: Range, is_ascii: bool) -> Plot:
    values = value_range(_values(series, view), is_log=False)
    return Plot(title, series, view, values, axis=Axis.CLOCK, is_ascii=is_ascii)


def _roomy(plot: Plot) -> Plot:
    """The plot with a range of at least a tenth of its values: a disk that loses a megabyte is not running full."""
    if plot.values is None or plot.values.high - plot.values.low >= plot.values.high / 10:
        return plot
    return plot._replace(values=Range(plot.values.high * 0.9, plot.values.high * 1.01))


def _values(series: Sequence[Series], view: Range) -> Iterable[float]:
    for one in series:
        for points in (one.points, *(one.edges or ())):
            first = bisect_left(points, view.low, key=lambda point: point.x)
            yield from (point.value for point in points[first:])
