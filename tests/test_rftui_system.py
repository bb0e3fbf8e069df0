"""What the machine does: samples of GPUs put through the real journal, energy by hand, who holds what, and no GPU."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.charts.plot import Plot, draw_plot
from rftui.supervision.telemetry import Telemetry
from rftui.system import holders
from rftui.system.history import LONGEST_STEP_S, Energy, SystemHistory
from rftui.system.plots import Window, next_window, reduced, system_plots
from rftui.system.reads import GpuEnergy, SystemPage, SystemSource
from rftui.system.text import NO_GPU, NO_SAMPLE, system_lines
from rftui.terminal.spans import Line, line_width
from store.layout import Home, RunDir
from store.system_samples import GpuSample, SystemSample
from tests.store_runs import append, ingest_all, make_run, start
from tests.system_rows import launch_on, sample_record, with_gpus


def said(lines: Iterable[Line]) -> str:
    """Lines as text, with single spaces."""
    return "\n".join(" ".join("".join(span.text for span in line).split()) for line in lines)


def gpu(index: int = 0, **changed: Any) -> GpuSample:
    """One GPU at work."""
    return GpuSample(index, f"GPU-{index}", "H100", 90.0, 1024.0, 81920.0, 300.0, 60.0)._replace(**changed)


def sample(time: float, *gpus: GpuSample) -> SystemSample:
    """One reading."""
    return SystemSample(time, 100.0, 1024.0, 2048.0, 4096.0, 10240.0, gpus)


def page(history: SystemHistory, **changed: Any) -> SystemPage:
    """A live run on `box`."""
    return SystemPage(
        version=(history.samples, Window.WHOLE),
        last=history.last,
        plots=(),
        energies=tuple(GpuEnergy(gpu.index, gpu.energy) for gpu in history.own_gpus),
        host="box",
        is_live=True,
        own=tuple(history.own),
        hides_gpus=False,
        holders={},
    )._replace(**changed)


def plots_of(history: SystemHistory, window: Window = Window.WHOLE) -> list[Plot]:
    """What is drawn of a history."""
    return system_plots(history, window, is_ascii=False)


def read(home: Home, run_dir: RunDir) -> SystemPage:
    """All that is shown of a run."""
    return SystemSource(home, run_dir.name).page(Window.WHOLE, is_ascii=False)


def test_energy_is_the_sum_of_trapezoids() -> None:
    energy = Energy()
    for time, power in ((0.0, 100.0), (5.0, 200.0), (10.0, None), (15.0, 300.0)):
        energy.add(time, power)

    # 5 s at 150 W, then 10 s at 250 W over the sample that told no power
    assert energy.joules == pytest.approx(5 * 150 + 10 * 250)
    assert (energy.seconds, energy.samples, energy.without_power, energy.pauses) == (15.0, 3, 1, 0)


def test_a_pause_between_attempts_costs_no_energy_and_is_said() -> None:
    energy = Energy()
    for time in (0.0, 5.0, 5.0 + LONGEST_STEP_S + 1, 45.0):
        energy.add(time, 100.0)

    assert energy.joules == pytest.approx(100 * (5 + 45 - 36))
    assert (energy.pauses, energy.paused_s) == (1, LONGEST_STEP_S + 1)


def test_a_column_of_any_length_is_reduced_and_keeps_its_spikes_and_gaps() -> None:
    times = np.arange(50_000.0)
    values = times / 50_000
    values[31_337] = 1000.0
    values[40_000] = np.nan

    points = reduced(times, values, stretches=400)

    assert len(points) <= 3 * 400
    assert max(point.value for point in points if point.value == point.value) == 1000.0
    assert [point.x for point in points if math.isnan(point.value)] == [40_000.0]
    assert [point.x for point in points] == sorted(point.x for point in points)
    # every part of the time is told as finely as any other
    early, late = (sum(low <= point.x < low + 5000 for point in points) for low in (0, 42_000))
    assert early == pytest.approx(late, abs=4)


@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=1, max_size=60), st.integers(1, 8))
def test_reducing_loses_no_extreme_and_invents_nothing(told: list[float | None], stretches: int) -> None:
    values = np.array([math.nan if value is None else value for value in told])

    points = reduced(np.arange(float(len(told))), values, stretches=stretches)

    finite = [point.value for point in points if not math.isnan(point.value)]
    known = [value for value in told if value is not None]
    assert (min(finite, default=None), max(finite, default=None)) == (
        min(known, default=None),
        max(known, default=None),
    )
    assert all(told[int(point.x)] == point.value for point in points if not math.isnan(point.value))
    assert any(math.isnan(point.value) for point in points) == (None in told)


def test_a_missing_value_a_pause_and_a_gpu_that_was_not_there_are_gaps() -> None:
    history = SystemHistory()
    history.add([sample(0, gpu(power_w=None)), sample(5, gpu()), sample(500, gpu(), gpu(1))])

    power = [list(each.columns["power_w"]) for each in history.gpus]
    cpu = list(history.host["cpu_percent"])
    assert list(history.times) == [0, 5, 6, 500]
    assert [[math.isnan(value) for value in column] for column in (*power, cpu)] == [
        [True, False, True, False],
        [True, True, True, False],
        [False, False, True, False],
    ]


def test_samples_through_the_real_journal_become_gpus_charts_and_energy(tmp_path: Path) -> None:
    home, run_dir = with_gpus(tmp_path, gpus=[1], hours=0.5)

    found = read(home, run_dir)
    text = said(system_lines(found, 200))

    assert found.own == (1,) and found.host == "box-1" and found.is_live
    assert "GPU 0 NVIDIA H100 80GB HBM3 ░░░░░░░░ 3% ░░░░░░░░ 2.0/80.0 GB 70 W 40 °C no run of this home" in text
    assert "GPU 1 NVIDIA H100 80GB HBM3 ▇" not in text and "71.0/80.0 GB 300 W 68 °C this run" in text
    # 300 W for 1795 s: the first of 360 samples, one every 5 s, has no time before it
    assert f"energy {300 * 1795 / 3.6e6:.3g} kWh, mean 300 W over 29m55s" in text
    assert "board power of the run's GPU 1 by NVML, trapezoids over 360 samples" in text
    assert "CPU and memory not counted" in text
    titles = [plot.title for plot in found.plots]
    assert titles[:4] == ["GPU utilisation in %", "GPU memory in GB", "GPU power in W", "GPU temperature in °C"]
    assert len(titles) == 7


def test_a_look_reads_only_what_came_since_the_last(tmp_path: Path) -> None:
    home, run_dir = with_gpus(tmp_path, gpus=[0], hours=0.1)
    source = SystemSource(home, run_dir.name)
    first = source.page(Window.WHOLE, is_ascii=False)
    assert source.page(Window.WHOLE, is_ascii=False) == first

    append(run_dir.supervisor_journal, {**sample_record(), "time": 9e9, "seq": 9999})
    ingest_all(home)

    later = source.page(Window.WHOLE, is_ascii=False)
    assert (first.samples, later.samples) == (72, 73)
    assert later.plots != first.plots


def test_who_holds_a_gpu_is_told_by_name_and_only_of_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, run_dir = with_gpus(tmp_path, gpus=[0], hours=0.01)
    beside = run_of(home, "air-grpo-2", uid=12, gpus=[1], host="box-1", state="running")
    run_of(home, "air-grpo-3", uid=13, gpus=[1], host="box-2", state="running")
    run_of(home, "air-grpo-4", uid=14, gpus=[1], host="box-1", state="queued")
    run_of(home, "air-grpo-5", uid=15, gpus=[1], host="box-1", state="finished")
    ingest_all(home)

    found = read(home, run_dir)
    assert found.holders == {0: (run_dir.name,), 1: (beside.name,)}
    lines = said(system_lines(found, 80)).splitlines()
    assert next(line for line in lines if line.startswith("GPU 0")).endswith("this run")
    assert next(line for line in lines if line.startswith("GPU 1")).endswith("air-grpo-2")
    monkeypatch.setattr(holders, "host_name", lambda: "box-2")
    assert holders.holders_here(home) == {1: ("air-grpo-3",)}
    assert holders.holders_here(Home(tmp_path / "none")) == {}

    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "finished", "reason": ""})
    ingest_all(home)
    text = said(system_lines(read(home, run_dir), 120))
    assert "no process of the run lives" in text and "was this run's" in text


def run_of(home: Home, name: str, *, uid: int, gpus: list[int], host: str, state: str) -> RunDir:
    """Another run with GPUs."""
    run_dir = make_run(home, name, uid=uid)
    launch_on(run_dir, gpus)
    append(run_dir.journal(0, 1), {**start(), "host": host})
    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": state, "reason": ""})
    return run_dir


def test_without_nvml_it_is_said_plainly_and_the_rest_is_there(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    append(run_dir.supervisor_journal, *[{**sample_record(), "gpus": []} for _ in range(3)])
    ingest_all(home)

    found = read(home, run_dir)
    text = said(system_lines(found, 80))

    assert " ".join(text.split()).endswith(NO_GPU)
    assert "kWh" not in text
    assert [plot.title for plot in found.plots] == [
        "CPU in % (100 a core)",
        "memory in GB",
        "disk free in GB",
    ]


def test_before_the_first_sample_it_is_said_where_samples_come_from() -> None:
    empty = page(SystemHistory())

    assert said(system_lines(empty, 80)) == NO_SAMPLE
    assert plots_of(SystemHistory()) == []


def test_energy_that_is_not_the_runs_or_not_known_is_not_told() -> None:
    history = SystemHistory()
    history.add([sample(0, gpu(power_w=None)), sample(5, gpu(power_w=None))])

    assert "energy not known" in said(system_lines(page(history), 120))
    assert "uses no GPU" in said(system_lines(page(history, hides_gpus=True), 120))


def test_energy_of_a_run_that_names_no_gpu_is_of_all_and_says_so() -> None:
    history = SystemHistory()
    history.add([sample(time, gpu(0), gpu(1)) for time in (0, 10, 100)])

    text = said(system_lines(page(history), 400))

    assert "mean 600 W over 10s" in text
    assert "every GPU of the machine, since the run names none: GPU 0, 1" in text
    assert "1 pauses over 30 s (1m30s) left out" in text


def test_many_gpus_are_drawn_as_their_mean_and_range() -> None:
    history = SystemHistory(range(8))
    for time in range(20):
        history.add([sample(5 * time, *[gpu(index, utilization_percent=10.0 * index) for index in range(8)])])

    plot = plots_of(history)[0]

    (series,) = plot.series
    assert series.name.startswith("mean of 8") and series.readout == "35"
    assert series.edges is not None
    assert [points[0].value for points in series.edges] == [0.0, 70.0]
    assert len(draw_plot(plot, width=60, height=12)) == 12


def test_a_window_shows_the_end_alone() -> None:
    history = SystemHistory()
    history.add([sample(5.0 * step, gpu(power_w=1000.0 if step < 10 else 100.0)) for step in range(1000)])

    plots = {window: plots_of(history, window)[2] for window in Window}

    assert [plots[window].view.low for window in Window] == [0.0, 4995.0 - 3600, 4995.0 - 600]
    highest = [values.high for window in Window if (values := plots[window].values) is not None]
    assert highest == [1000.0, 110.0, 110.0]
    assert [next_window(window) for window in Window] == [Window.HOUR, Window.MINUTES, Window.WHOLE]


def test_a_disk_that_loses_a_little_looks_flat() -> None:
    history = SystemHistory()
    history.add([sample(0)._replace(disk_free_mb=1000.0), sample(5)._replace(disk_free_mb=999.0)])

    plot = plots_of(history)[-1]

    assert plot.values is not None
    assert plot.values.high - plot.values.low > 0.1 * plot.values.low


@pytest.mark.parametrize("width", [20, 79, 120])
def test_foreign_names_fit_and_steer_nothing(width: int) -> None:
    history = SystemHistory()
    history.add([sample(0, gpu(name="\x1b]0;owned\x07[/b]" + "x" * 300)), sample(5, gpu(memory_total_mb=None))])
    found = page(history, host="\x1b[31mbox" * 50, holders={0: ("[@click=app.quit()]" * 20,)}, is_live=False)

    for line in system_lines(found, width):
        assert line_width(line) <= width
        assert "\x1b" not in "".join(span.text for span in line)


class OneGpu:
    """NVML of a machine with one GPU that tells no temperature."""

    NVMLError = RuntimeError
    NVML_TEMPERATURE_GPU = 0
    nvmlDeviceGetCount = staticmethod(lambda: 1)
    nvmlDeviceGetHandleByIndex = staticmethod(lambda index: index)
    nvmlDeviceGetMemoryInfo = staticmethod(lambda handle: SimpleNamespace(total=80 << 30, used=71 << 30))
    nvmlDeviceGetUUID = staticmethod(lambda handle: b"GPU-0")
    nvmlDeviceGetName = staticmethod(lambda handle: "H100")
    nvmlDeviceGetUtilizationRates = staticmethod(lambda handle: SimpleNamespace(gpu=98))
    nvmlDeviceGetPowerUsage = staticmethod(lambda handle: 312_000)

    @staticmethod
    def nvmlDeviceGetTemperature(handle: int, sensor: int) -> int:
        """Not told."""
        raise RuntimeError("not supported")


def test_what_nvml_says_arrives_in_the_tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rftui.supervision.gpus._nvml", lambda: OneGpu)
    home = Home(tmp_path)
    run_dir = make_run(home)
    append(run_dir.supervisor_journal, {"type": "sample", **Telemetry(tmp_path).sample(os.getpid())})
    ingest_all(home)

    text = said(system_lines(read(home, run_dir), 160))

    assert "GPU 0 H100 ████████ 98% ███████░ 71.0/80.0 GB 312 W — no run of this home" in text
