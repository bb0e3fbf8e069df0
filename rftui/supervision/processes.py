"""Which processes belong to a run, and ending them. Linux only: everything is read from /proc.

A pid alone says nothing: the kernel gives it out again. Identity is pid, start time, boot and, where it can be read,
RFTUI_RUN_ID in the process's environment.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

RUN_ID_VARIABLE = "RFTUI_RUN_ID"
ATTEMPT_VARIABLE = "RFTUI_ATTEMPT"
KILL_PATIENCE_S = 10.0
"""How long a killed process may take to go: one in an uninterruptible read goes when the read ends."""


class Identity(NamedTuple):
    """One process, told apart from every other that has or had its pid."""

    pid: int
    pid_start: int
    """Start time in clock ticks since boot."""
    boot_id: str
    host: str


@cache
def boot_id() -> str:
    """The kernel's name for this boot; empty where /proc does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def host_name() -> str:
    """The name of this machine."""
    return socket.gethostname()


def _stat_fields(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # the name in parentheses may hold spaces and parentheses of its own
    return text.rpartition(")")[2].split()


def start_ticks(pid: int) -> int | None:
    """When `pid` started, in clock ticks since boot; None for a process that is gone or a zombie."""
    fields = _stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    return int(fields[19])


def identify(pid: int) -> Identity | None:
    """The identity of a process, living or not yet reaped; None for one that is gone."""
    fields = _stat_fields(pid)
    return None if fields is None else Identity(pid, int(fields[19]), boot_id(), host_name())


def run_id_of(pid: int) -> str | None:
    """RFTUI_RUN_ID in the environment `pid` was started with; None when absent or unreadable."""
    return _environment_value(pid, RUN_ID_VARIABLE)


def _environment_value(pid: int, name: str) -> str | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None
    prefix = name.encode() + b"="
    for entry in environment.split(b"\0"):
        if entry.startswith(prefix):
            return entry[len(prefix) :].decode(errors="replace")
    return None


def is_alive(identity: Identity, *, run_id: int) -> bool:
    """Whether exactly this process still runs. Say nothing about other hosts: ask `is_here` first."""
    if identity.boot_id != boot_id() or start_ticks(identity.pid) != identity.pid_start:
        return False
    found = run_id_of(identity.pid)
    # another user's environment cannot be read; pid and start time must do then
    return found is None or found == str(run_id)


def is_here(identity: Identity) -> bool:
    """Whether the process was started on this machine, so that /proc can tell about it."""
    return identity.host == host_name()


def run_processes(run_id: int, *, attempt: int | None = None) -> list[int]:
    """Pids of living processes that were started for the run, in no order, this one left out."""
    return [
        pid
        for pid in _all_pids()
        if pid != os.getpid()
        and _environment_value(pid, RUN_ID_VARIABLE) == str(run_id)
        and (attempt is None or _environment_value(pid, ATTEMPT_VARIABLE) == str(attempt))
        and start_ticks(pid) is not None
    ]


def _all_pids() -> Iterator[int]:
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            yield int(entry.name)


def leader_of(pids: list[int]) -> int | None:
    """The process that all the others come from: the one whose parent is not among them, oldest first."""
    roots = [pid for pid in pids if (fields := _stat_fields(pid)) is not None and int(fields[1]) not in pids]
    return min(roots, key=lambda pid: start_ticks(pid) or 0, default=None)


def kill_run(run_id: int, *, leader: Identity | None) -> list[int]:
    """Ends every process of the run with SIGKILL and returns their pids.

    torchrun puts each rank in a session of its own, so the leader's group is not enough. Processes that were
    started meanwhile are found by looking again.
    """
    killed: set[int] = set()
    if leader is not None and is_here(leader) and is_alive(leader, run_id=run_id) and _leads_a_group(leader.pid):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)
            killed.add(leader.pid)
    deadline = time.monotonic() + KILL_PATIENCE_S
    while time.monotonic() < deadline:
        remaining = run_processes(run_id)
        if not remaining:
            break
        for pid in remaining:
            if _kill_if_of_run(pid, run_id):
                killed.add(pid)
        time.sleep(0.05)
    return sorted(killed)


def _leads_a_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


def _kill_if_of_run(pid: int, run_id: int) -> bool:
    """Kills `pid` if it is of the run; the pidfd makes sure that what was checked is what is hit."""
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if run_id_of(pid) != str(run_id):
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGKILL)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
