"""What is wrong with a machine, an environment or a home, each with its fix. Looks only; changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from rftui import __version__
from rftui.planning.environments import OUR_PACKAGES, missing_packages, name_taken, probe, version_findings
from rftui.planning.findings import Finding, Level
from rftui.planning.preflight import check_home
from rftui.supervision.gpu_locks import is_held
from rftui.supervision.gpus import installed_gpus
from rftui.supervision.processes import run_id_of, start_ticks
from store.layout import Home


def examine(home: Home, *, python: str) -> list[Finding]:
    """All findings, facts included."""
    return [
        Finding(Level.FACT, "rftui", f"rftui {__version__} in {sys.executable}"),
        *_names(),
        *_interpreter(python),
        *_gpus(),
        *_home(home),
        *_orphans(home),
    ]


def _names() -> Iterator[Finding]:
    """Whether another distribution owns one of our four generic names."""
    owners = metadata.packages_distributions()
    for name in OUR_PACKAGES:
        strangers = sorted(set(owners.get(name, [])) - {"rftui"})
        if strangers:
            yield name_taken(name, strangers, sys.executable)


def _interpreter(python: str) -> Iterator[Finding]:
    try:
        answer = probe(python)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        yield Finding(Level.ERROR, "python", f"{python}: {error}", expected="a Python that answers", fix="name another")
        return
    versions = {name: version for name, version in answer["versions"].items() if version}
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Finding(Level.FACT, "python", f"{python}: Python {answer['python']}, {said}")
    yield from missing_packages(python, answer, level=Level.WARNING)
    yield from version_findings(python, answer)


def _gpus() -> Iterator[Finding]:
    gpus = installed_gpus()
    if not gpus:
        yield Finding(Level.FACT, "gpus", "no GPU found (NVML): runs train on the CPU")
    for gpu in gpus:
        use = "held by a run" if is_held(gpu.uuid) else f"{gpu.memory_used_mb} MB in use"
        yield Finding(Level.FACT, "gpus", f"GPU {gpu.index}: {gpu.name}, {gpu.memory_total_mb} MB, {use}")


def _home(home: Home) -> Iterator[Finding]:
    existing = next(parent for parent in [home.path.absolute(), *home.path.absolute().parents] if parent.exists())
    yield Finding(Level.FACT, "home", f"{home.path}, {len(home.runs())} runs")
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            Level.ERROR,
            "home",
            f"{existing} cannot be written",
            expected="a home of your own",
            fix="--home or RFTUI_HOME",
        )
    yield from check_home(home)


def _orphans(home: Home) -> Iterator[Finding]:
    """Training processes of runs that this home does not hold."""
    known = set()
    for name in home.runs():
        try:
            known.add(str(json.loads(home.run(name).launch.read_text(encoding="utf-8"))["uid"]))
        except (OSError, ValueError, KeyError):
            yield Finding(
                Level.WARNING,
                "runs",
                f"{name} has no readable launch.json",
                expected="a run directory that rftui made",
                fix=f"restore it, or move {home.run(name).path} away",
            )
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        run_id = run_id_of(int(entry.name))
        if run_id is not None and run_id not in known and start_ticks(int(entry.name)) is not None:
            yield Finding(
                Level.WARNING,
                "processes",
                f"pid {entry.name} trains a run that is not in this home (RFTUI_RUN_ID={run_id})",
                expected="a run of this home",
                fix="look in the other home with --home",
            )
