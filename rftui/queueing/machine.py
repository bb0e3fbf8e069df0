"""What of this machine is free at this moment, and who has the rest: locks of runs, and GPUs that others keep busy."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from rftui.queueing.order import Free
from rftui.queueing.settings import QueueSettings
from rftui.queueing.slots import held_slots, take_slot
from rftui.supervision.gpu_locks import gpu_holder, hold_gpus, release
from rftui.supervision.gpus import Activity, Gpu, gpu_activity, installed_gpus
from rftui.supervision.spawn import SupervisorMode
from store.layout import Home

MOST_NAMED = 3
"""Processes named in a sentence."""


@dataclass(frozen=True)
class GpuUse:
    """One GPU and who has it."""

    index: int
    uuid: str
    name: str
    holder: str | None
    """The run that holds it, empty where it did not say; None where no run does."""
    others: str
    """What somebody else does on it, in words; empty where nobody does."""

    @property
    def is_free(self) -> bool:
        """Whether a run could start on it."""
        return self.holder is None and not self.others

    @property
    def taken_by(self) -> str:
        """Who has it: `held by sat-grpo-3`."""
        return self.others if self.holder is None else f"held by {self.holder or 'another run'}"


class Machine(NamedTuple):
    """Everything that runs wait for."""

    settings: QueueSettings
    slots: Mapping[int, str]
    """Slots that are taken, and by whom."""
    gpus: tuple[GpuUse, ...] = ()

    @property
    def free(self) -> Free:
        """What the policy may give away."""
        return Free(
            gpus=frozenset(gpu.index for gpu in self.gpus if gpu.is_free),
            slots=max(0, self.settings.slots - len(self.slots)),
            installed=frozenset(gpu.index for gpu in self.gpus),
        )


class Lease(NamedTuple):
    """Locks that a supervisor is given; they are let go when every copy of the descriptors is closed."""

    descriptors: tuple[int, ...]
    gpus: tuple[int, ...] = ()
    slot: int | None = None

    def close(self) -> None:
        """Lets go of this process's share."""
        release(self.descriptors)


def handed_over(lease: Lease, *, lock: int, resumes: bool) -> SupervisorMode:
    """How a supervisor is told what it takes over: the run's own lock and what it was leased."""
    numbers = ",".join(str(number) for number in lease.descriptors)
    arguments = ["--lock", str(lock), "--leases", numbers]
    if lease.gpus:
        arguments += ["--gpus", ",".join(str(index) for index in lease.gpus)]
    if lease.slot is not None:
        arguments += ["--slot", str(lease.slot)]
    if resumes:
        arguments.append("--resume")
    return SupervisorMode(tuple(arguments), (lock, *lease.descriptors))


def look(home: Home, settings: QueueSettings, *, with_gpus: bool) -> Machine:
    """The machine as it is; asking NVML costs milliseconds, so only where a run wants a GPU."""
    gpus = tuple(_use(gpu, settings) for gpu in installed_gpus()) if with_gpus else ()
    return Machine(settings, held_slots(home), gpus)


def take(home: Home, machine: Machine, gpus: tuple[int, ...], *, holder: str) -> Lease | None:
    """Holds these GPUs, or a slot where there are none; None where somebody was quicker."""
    if not gpus:
        slot = take_slot(home, machine.settings.slots, holder=holder)
        return None if slot is None else Lease((slot[1],), slot=slot[0])
    uuids = [gpu.uuid for gpu in machine.gpus if gpu.index in gpus]
    held = hold_gpus(uuids, holder=holder)
    return None if held is None else Lease(tuple(held), gpus=gpus)


def _use(gpu: Gpu, settings: QueueSettings) -> GpuUse:
    holder = gpu_holder(gpu.uuid)
    # what a run of ours does on its own GPU is no news
    others = busy_with(gpu_activity(gpu), settings) if holder is None else ""
    return GpuUse(gpu.index, gpu.uuid, gpu.name, holder, others)


def busy_with(activity: Activity, settings: QueueSettings) -> str:
    """What somebody who is no run does on a GPU that no run holds; empty where it may be taken."""
    if settings.busy_processes and activity.pids:
        names = [_process(pid) for pid in activity.pids[:MOST_NAMED]]
        more = len(activity.pids) - len(names)
        return f"used by {', '.join(names)}{f' and {more} more' if more else ''}"
    if activity.memory_percent > settings.busy_memory_percent:
        return f"{activity.memory_percent:.0f}% of its memory used by somebody NVML does not name"
    if (activity.utilization_percent or 0) > settings.busy_utilization_percent:
        return f"kept {activity.utilization_percent:.0f}% busy by somebody NVML does not name"
    return ""


def _process(pid: int) -> str:
    """`python of ann (pid 4711)` as far as this machine tells."""
    name, owner = "", ""
    with suppress(OSError):
        name = Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    with suppress(OSError, KeyError):
        owner = Path(f"/proc/{pid}").owner()
    return f"{name or 'a process'}{f' of {owner}' if owner else ''} (pid {pid})"
