"""Starts a supervisor so that nothing of this terminal can reach it.

Own session, stdin from /dev/null, output to a file: with a pipe the first write after a hang-up would kill it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

from rftui.errors import RftuiError
from rftui.planning.command import child_environment
from rftui.supervision.ledger import read_ledger
from store.layout import RunDir

START_PATIENCE_S = 15.0
"""A supervisor reports within a second; a crowded machine may take longer."""


class SupervisorMode(NamedTuple):
    """What a supervisor is to do."""

    arguments: tuple[str, ...]
    inherited: tuple[int, ...] = ()
    """Descriptors that it takes over."""


ADOPT = SupervisorMode(("--adopt",))


def start_supervisor(
    run_dir: RunDir, mode: SupervisorMode, *, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A supervisor of the run in a session of its own, in this environment where none is given.

    Whether it got the run is decided by the run's lock. Raises OSError.
    """
    command = [sys.executable, "-m", "rftui.supervision.supervisor", str(run_dir.path), *mode.arguments]
    with (run_dir.supervisor_log).open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=run_dir.path,
            env=child_environment({"PYTHONSAFEPATH": "1"}, base=environment),
            start_new_session=True,
            pass_fds=mode.inherited,
        )


def wait_until_supervised(run_dir: RunDir, process: subprocess.Popen[bytes]) -> None:
    """Returns once the supervisor has written itself down. Raises RftuiError when it ended before that."""
    deadline = time.monotonic() + START_PATIENCE_S
    while time.monotonic() < deadline:
        supervisor = read_ledger(run_dir).supervisor
        if supervisor is not None and supervisor.pid == process.pid:
            return
        if process.poll() is not None:
            break
        time.sleep(0.03)
    raise RftuiError(
        f"the supervisor of {run_dir.name} did not start",
        found=_last_lines(run_dir) or f"exit code {process.poll()} and nothing said",
        expected="a supervisor that takes the run",
        fix=f"read {run_dir.path / 'supervisor.log'}; the queue tries it again (`rftui queue`)",
    )


def _last_lines(run_dir: RunDir) -> str:
    log = run_dir.supervisor_log
    with log.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 2000))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else ""
