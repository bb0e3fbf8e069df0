"""Evidence that memory ran out: the control group's counter, the kernel's log, and what the trainer said."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

_TEXT_EVIDENCE = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|torch\.(?:cuda\.)?OutOfMemoryError|HIP out of memory"
    r"|DefaultCPUAllocator: can't allocate memory|not enough memory: you tried to allocate|std::bad_alloc"
    r"|^MemoryError\b",
    re.MULTILINE,
)
_KERNEL_LINE = re.compile(r"(?:Killed process|oom_reaper: reaped process) (\d+)")


def control_group_kills() -> int | None:
    """How many processes of this control group the kernel has killed for memory; None where it does not count."""
    for path in _event_files():
        try:
            text = path.read_text(encoding="ascii")
        except OSError:
            continue
        for line in text.splitlines():
            name, _, value = line.partition(" ")
            if name == "oom_kill":
                return int(value)
    return None


def _event_files() -> list[Path]:
    root = Path("/sys/fs/cgroup")
    files = []
    try:
        memberships = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        memberships = []
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            files.append(root / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            files.append(root / "memory" / path.lstrip("/") / "memory.oom_control")
    # inside a container the path above may be the host's; the container's own group is mounted at the root
    return [*files, root / "memory.events", root / "memory" / "memory.oom_control"]


def kernel_log_names(pids: set[int]) -> bool:
    """Whether the kernel's log says that it killed one of these processes for memory; False where unreadable."""
    try:
        descriptor = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        while True:
            try:
                line = os.read(descriptor, 8192).decode("utf-8", "replace")
            except BlockingIOError:
                return False
            except BrokenPipeError:
                continue  # overwritten while we read; the next read goes on with the oldest that is left
            except OSError:
                return False
            if not line:
                return False
            if (match := _KERNEL_LINE.search(line)) and int(match[1]) in pids:
                return True
    finally:
        os.close(descriptor)


def text_evidence(text: str | None) -> str | None:
    """The phrase in a traceback that says memory ran out."""
    match = _TEXT_EVIDENCE.search(text or "")
    return match[0] if match else None


def memory_evidence(
    *, traceback: str | None, was_sigkilled: bool, kills_before: int | None, pids: set[int]
) -> dict[str, Any] | None:
    """What shows that memory ran out, or None. A kernel kill is SIGKILL, so the counter only counts after one."""
    if phrase := text_evidence(traceback):
        return {"kind": "allocation", "detail": phrase}
    if not was_sigkilled:
        return None
    if kernel_log_names(pids):
        return {"kind": "kernel", "detail": "the kernel's log names the trainer"}
    kills = control_group_kills()
    if kills is not None and kills_before is not None and kills > kills_before:
        return {"kind": "control group", "detail": f"oom_kill went from {kills_before} to {kills} during the attempt"}
    return None
