"""The plots of a run's samples: a line for each GPU, or the mean of many; CPU, memory, disk. Pure.

Columns of any length are reduced to the extremes of some hundred stretches of time: a day and a minute cost the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from rftui.charts.curves import Axis, Point, Range, value_range
from rftui.charts.plot import Plot, Series
from rftui.formats import number
from rftui.system.history import GpuHistory, SystemHistory

if TYPE_CHECKING:
    from array import array

    import numpy as np

    Numbers = np.ndarray[Any, np.dtype[np.float64]]

STRETCHES = 400
"""Of time; a wide chart has as many columns of dots."""
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


_SECONDS = {Window.WHOLE: math.inf, Window.HOUR: 3600.0, Window.MINUTES: 600.0}


def next_window(window: Window) -> Window:
    """The window after this one, the first after the last."""
    windows = list(Window)
    return windows[(windows.index(window) + 1) % len(windows)]


class _Part(NamedTuple):
    """What a window shows of a history."""

    times: Numbers
    first: int
    """Row of the first time."""
    view: Range

    def column(self, values: array[float], scale: float) -> Numbers:
        """The rows of a column that are in the window."""
        import numpy as np

        return np.array(values[self.first :]) * scale


def system_plots(history: SystemHistory, window: Window, *, is_ascii: bool) -> list[Plot]:
    """A plot for each thing that was measured; none before the first sample."""
    part = _part(history, window)
    if part is None:
        return []
    gpus = history.own_gpus or history.gpus
    made = [(title, _gpu_series(part, gpus, name, scale)) for title, name, scale in _GPU_PLOTS] if gpus else []
    host = {name: part.column(values, _GB if name.endswith("_mb") else 1.0) for name, values in history.host.items()}
    made += [
        ("CPU in % (100 a core)", [_series(part, "this run", host["cpu_percent"])]),
        (
            "memory in GB",
            [_series(part, "this run", host["rss_mb"]), _series(part, "machine", host["host_memory_used_mb"])],
        ),
        ("disk free in GB", [_series(part, "disk", host["disk_free_mb"])]),
    ]
    plots = [
        Plot(title, series, part.view, _values(series), axis=Axis.CLOCK, is_ascii=is_ascii) for title, series in made
    ]
    return [*plots[:-1], _roomy(plots[-1])]


def _part(history: SystemHistory, window: Window) -> _Part | None:
    # numpy costs 0.1 s and 30 MB, which a dashboard that nobody asks for the system should not pay
    import numpy as np

    if not history.samples:
        return None
    times = np.array(history.times)
    last = float(times[-1])
    low = max(float(times[0]), last - _SECONDS[window])
    # the row before belongs to the line that enters the window
    first = max(0, int(np.searchsorted(times, low)) - 1)
    return _Part(times[first:], first, Range(low, max(last, low + 1)))


def _gpu_series(part: _Part, gpus: Sequence[GpuHistory], name: str, scale: float) -> list[Series]:
    columns = [part.column(gpu.columns[name], scale) for gpu in gpus]
    if len(gpus) <= MOST_LINES:
        return [_series(part, f"GPU {gpu.index}", column) for gpu, column in zip(gpus, columns, strict=True)]
    import numpy as np

    table = np.stack(columns)
    is_told = ~np.isnan(table)
    counts = is_told.sum(axis=0)
    sums = np.where(is_told, table, 0.0).sum(axis=0)
    mean = np.divide(sums, counts, out=np.full(len(counts), np.nan), where=counts > 0)
    low, high = np.fmin.reduce(table), np.fmax.reduce(table)
    series = _series(part, f"mean of {len(gpus)}, range", mean)
    return [series._replace(edges=(reduced(part.times, low), reduced(part.times, high)))]


def _series(part: _Part, name: str, values: Numbers) -> Series:
    points = reduced(part.times, values)
    last = next((value for value in reversed(values.tolist()) if not math.isnan(value)), None)
    return Series(name, points, readout=readout(last))


def reduced(times: Numbers, values: Numbers, *, stretches: int = STRETCHES) -> list[Point]:
    """The smallest and the largest value of each stretch of rows, in order; a stretch that has a gap keeps it."""
    import numpy as np

    each = max(1, -(-len(times) // stretches))
    if each == 1:
        return [Point(at, value, 0) for at, value in zip(times.tolist(), values.tolist(), strict=True)]
    missing = -len(times) % each
    at = np.concatenate([times, np.full(missing, times[-1])]).reshape(-1, each)
    table = np.concatenate([values, np.full(missing, values[-1])]).reshape(-1, each)
    is_gap = np.isnan(table)
    rows = np.arange(len(table))
    found: set[tuple[float, float]] = set()
    for place in (np.where(is_gap, np.inf, table).argmin(axis=1), np.where(is_gap, -np.inf, table).argmax(axis=1)):
        found |= set(zip(at[rows, place].tolist(), table[rows, place].tolist(), strict=True))
    points = [Point(x, value, 0) for x, value in found if not math.isnan(value)]
    gaps = at[rows, is_gap.argmax(axis=1)][is_gap.any(axis=1)]
    points += [Point(x, math.nan, 0) for x in gaps.tolist()]
    return sorted(points, key=lambda point: point.x)


def readout(value: float | None) -> str:
    """Three digits, and never a power of ten."""
    return f"{value:.0f}" if value is not None and abs(value) >= 100 else number(value, digits=3)


def _values(series: Sequence[Series]) -> Range | None:
    return value_range(_all_values(series), is_log=False)


def _all_values(series: Sequence[Series]) -> Iterable[float]:
    for one in series:
        for points in (one.points, *(one.edges or ())):
            yield from (point.value for point in points)


def _roomy(plot: Plot) -> Plot:
    """The plot with a range of at least a tenth of its values: a disk that loses a megabyte is not running full."""
    if plot.values is None or plot.values.high - plot.values.low >= plot.values.high / 10:
        return plot
    return plot._replace(values=Range(plot.values.high * 0.9, plot.values.high * 1.01))
