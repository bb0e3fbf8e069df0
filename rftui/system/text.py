"""What a run's machine does, as lines: GPUs with who holds them, CPU, memory, disk, and the energy of the run. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator

from rftui.formats import bar, duration, number
from rftui.system.history import LONGEST_STEP_S, Energy
from rftui.system.reads import SystemPage
from rftui.terminal.spans import Line, Role, Span, fitted, flowed
from rftui.terminal.wrapping import drawable_line
from store.system_samples import GpuSample, SystemSample

BAR_WIDTH = 8
ROOM_FOR_BARS = 110
NO_SAMPLE = "no sample yet: the supervisor takes one every 5 s while the run's process lives"
NO_GPU = (
    "NVML shows no GPU on the run's machine (none is there, or no driver), so there is nothing to say of utilisation, "
    "GPU memory, power, temperature and energy"
)


def system_lines(page: SystemPage, width: int) -> list[Line]:
    """Everything that is said in words above the charts."""
    sample = page.last
    if sample is None:
        return [(Span(NO_SAMPLE, Role.MUTED),)]
    lines = [*_head(page, sample, width), *_host(sample, width)]
    if not sample.gpus:
        lines += flowed([(Span(word, Role.MUTED),) for word in NO_GPU.split(" ")], width, gap=" ")
    for gpu in sample.gpus:
        lines.append(_gpu_line(gpu, page, width))
    return lines + list(energy_lines(page, width))


def _head(page: SystemPage, sample: SystemSample, width: int) -> Iterator[Line]:
    where = drawable_line(page.host) if page.host else "the run's machine"
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(sample.time))
    said = f"sample of {when}" if page.is_live else f"last sample, {when}: no process of the run lives"
    yield fitted((Span(where, Role.STRONG), Span(f"  {said}, {page.samples} samples in all", Role.MUTED)), width)


def _host(sample: SystemSample, width: int) -> list[Line]:
    pieces: list[Line] = [
        (Span("CPU, 100 a core, ", Role.MUTED), Span(_with(sample.cpu_percent, "%"), Role.STRONG)),
        (Span("run's memory ", Role.MUTED), Span(gigabytes(sample.rss_mb), Role.STRONG)),
        (Span("machine's memory ", Role.MUTED), *_of(sample.host_memory_used_mb, sample.host_memory_total_mb)),
        (Span("disk free ", Role.MUTED), Span(gigabytes(sample.disk_free_mb))),
    ]
    return flowed(pieces, width)


def _of(used_mb: float | None, total_mb: float | None) -> Line:
    amount = Span(f"{gigabytes(used_mb)} of {gigabytes(total_mb)}")
    if not used_mb or not total_mb:
        return (amount,)
    return amount, Span(f" {bar(used_mb / total_mb, width=BAR_WIDTH, is_ascii=False)}", Role.BAR)


def _gpu_line(gpu: GpuSample, page: SystemPage, width: int) -> Line:
    has_room = width >= ROOM_FOR_BARS
    used, total = gpu.memory_used_mb, gpu.memory_total_mb
    busy = _with(gpu.utilization_percent, "%")
    memory = f"{_gigabyte_number(used)}/{_gigabyte_number(total)} GB"
    parts: list[Span] = [
        Span(f"GPU {gpu.nvml_index} ", Role.STRONG),
        Span(f"{drawable_line(gpu.name)[:24]:<24} " if has_room else "", Role.MUTED),
    ]
    if has_room and gpu.utilization_percent is not None:
        parts.append(Span(bar(gpu.utilization_percent / 100, width=BAR_WIDTH, is_ascii=False), Role.BAR))
    parts += [Span(f" {busy:>4}  ", Role.STRONG)]
    if has_room and used is not None and total:
        parts.append(Span(bar(used / total, width=BAR_WIDTH, is_ascii=False), Role.BAR))
    parts += [
        Span(f" {memory:>13}"),
        Span(f"  {_with(gpu.power_w, ' W'):>6}"),
        Span(f"  {_with(gpu.temperature_c, ' °C'):>5}  "),
        _holder(gpu.nvml_index, page),
    ]
    return fitted(tuple(parts), width)


def _holder(index: int, page: SystemPage) -> Span:
    """Which run of this home has the GPU."""
    is_own = index in page.own
    if is_own and page.is_live:
        return Span("this run", Role.STRONG)
    others = [drawable_line(name) for name in page.holders.get(index, ())]
    was = "was this run's" if is_own else ""
    held = f"now {', '.join(others)}" if others and is_own else ", ".join(others)
    text = ", ".join(filter(None, (was, held)))
    return Span(text or "no run of this home", Role.MUTED if not others else Role.PLAIN)


def energy_lines(page: SystemPage, width: int) -> Iterator[Line]:
    """The energy of the run with how it was worked out, or why there is none."""
    if page.last is None or not (page.energies or page.last.gpus):
        return
    if page.hides_gpus:
        yield fitted((Span("energy  the run uses no GPU, so none of their energy is its own", Role.MUTED),), width)
        return
    energies = [item.energy for item in page.energies]
    if not any(energy.seconds for energy in energies):
        said = "energy  not known: NVML told no power in two neighbouring samples"
        yield fitted((Span(said, Role.MUTED),), width)
        return
    joules = sum(energy.joules for energy in energies)
    longest = max(energies, key=lambda energy: energy.seconds)
    pieces: list[Line] = [
        (Span("energy ", Role.MUTED), Span(f"{number(joules / 3.6e6, digits=3)} kWh", Role.STRONG)),
        (Span(f"mean {joules / longest.seconds:.0f} W over {duration(longest.seconds)}"),),
        *((Span(text, Role.MUTED),) for text in _method(page, longest)),
    ]
    yield from flowed(pieces, width, hang="  ", gap=", ")


def _method(page: SystemPage, longest: Energy) -> Iterator[str]:
    indices = ", ".join(str(item.gpu) for item in page.energies)
    whose = "the run's" if page.own else "every GPU of the machine, since the run names none:"
    yield f"board power of {whose} GPU {indices} by NVML"
    yield f"trapezoids over {longest.samples} samples"
    if longest.first is not None and longest.last is not None:
        clock = [time.strftime("%H:%M:%S", time.localtime(at)) for at in (longest.first, longest.last)]
        yield f"{clock[0]} to {clock[1]}"
    if longest.pauses:
        yield f"{longest.pauses} pauses over {LONGEST_STEP_S:.0f} s ({duration(longest.paused_s)}) left out"
    if missing := sum(item.energy.without_power for item in page.energies):
        yield f"{missing} samples without a power left out"
    yield "CPU and memory not counted"


def gigabytes(megabytes: float | None) -> str:
    """`71.0 GB` of 2^30 bytes; a dash for nothing."""
    return "—" if megabytes is None else f"{megabytes / 1024:.1f} GB"


def _gigabyte_number(megabytes: float | None) -> str:
    return "—" if megabytes is None else f"{megabytes / 1024:.1f}"


def _with(value: float | None, unit: str) -> str:
    return "—" if value is None else f"{value:.0f}{unit}"
