"""Turns a plan into a run: the run directory, whole or not at all, and its supervisor."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import rftui
from rftui.errors import StoreTrouble, UsageProblem
from rftui.planning.plan import LaunchPlan, next_name
from rftui.queueing.markers import mark
from rftui.queueing.records import write_new
from rftui.queueing.request import QueueRequest
from rftui.queueing.waiting import asked_facts, start_or_wait
from rftui.supervision.gpus import visible_gpus
from rftui.supervision.processes import host_name, identify
from store.config import RunConfig, config_toml
from store.layout import Home, RunDir

DIFF_CHARACTERS = 1 << 20
GIT_PATIENCE_S = 5.0


def start_run(
    plan: LaunchPlan,
    *,
    versions: dict[str, Any],
    queue: QueueRequest = QueueRequest(),
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> RunDir:
    """Creates the run and starts it where its resources are free; else it waits for them in the queue.

    `extra` stands in launch.json beside what every launch writes there. Raises RftuiError where either fails.
    """
    run_dir = create_run(plan, versions=versions, queue=queue, extra=extra)
    start_or_wait(run_dir)
    return run_dir


def create_run(
    plan: LaunchPlan,
    *,
    versions: dict[str, Any],
    queue: QueueRequest = QueueRequest(),
    extra: Mapping[str, Any] = MappingProxyType({}),
) -> RunDir:
    """The run directory, queued from its first moment on; it appears under its name only when all is written.

    Raises RftuiError where a run to wait for is not there, or the home cannot be written.
    """
    given = {"versions": versions, "queue": queue_facts(plan, queue), **extra}
    runs = plan.home.runs_dir
    partial = runs / f".launching-{plan.uid}"
    try:
        partial.mkdir(parents=True)
        write_new(RunDir(partial))
        return _fill_and_publish(plan, partial, given)
    except OSError as error:
        raise StoreTrouble(
            f"cannot create a run in {runs}",
            found=str(error),
            expected="a home that can be written",
            fix="name another with --home or RFTUI_HOME, or free space there",
        ) from error
    finally:
        if partial.exists():
            shutil.rmtree(partial, ignore_errors=True)


def queue_facts(plan: LaunchPlan, queue: QueueRequest) -> dict[str, Any]:
    """What launch.json keeps for the queue. Raises NotFound for a run to wait for that is not there."""
    return {
        **asked_facts(plan.home, queue),
        "gpus_wanted": len(plan.config.gpus),
        # nobody named them: whichever are free when it starts
        "gpus_any": plan.origins.get("gpus") == "hardware",
        "gpus_allowed": [gpu.index for gpu in visible_gpus()] if plan.config.gpus else None,
    }


def _fill_and_publish(plan: LaunchPlan, partial: Path, given: Mapping[str, Any]) -> RunDir:
    config = plan.config
    while True:
        current = plan._replace(config=config)
        facts = {**given, **_launch_facts(current)}
        (partial / "config.toml").write_text(config_toml(config), encoding="utf-8")
        (partial / "launch.json").write_text(json.dumps(facts, indent=1), encoding="utf-8")
        run_dir = plan.home.run(config.name)
        mark(plan.home, config.name)
        try:
            os.rename(partial, run_dir.path)
        except OSError:
            if not run_dir.path.exists():
                raise
            if plan.has_given_name:
                raise UsageProblem(
                    f"a run named {config.name} exists",
                    found=config.name,
                    expected="a new name",
                    fix="choose another --name",
                ) from None
            config = _renamed(plan.home, config)
        else:
            # once more: a marker without a run may have been taken for a leftover
            mark(plan.home, config.name)
            return run_dir


def _renamed(home: Home, config: RunConfig) -> RunConfig:
    """The configuration under the next counted name: another launch was quicker."""
    return config.model_copy(update={"name": next_name(home, config)})


def _launch_facts(plan: LaunchPlan) -> dict[str, Any]:
    me = identify(os.getpid())
    assert me is not None, "this process is in /proc"
    return {
        "v": 1,
        "uid": plan.uid,
        "name": plan.config.name,
        "created_at": time.time(),
        "rftui_version": rftui.__version__,
        "python": plan.python,
        "command": plan.command.arguments,
        "env": plan.command.environment,
        "backend": "local",
        "origins": plan.origins,
        "git": git_state(Path.cwd()),
        "hardware": hardware_facts(),
        "hides_gpus": plan.hides_gpus,
        "launcher": me._asdict(),
    }


def hardware_facts() -> dict[str, Any]:
    """What this machine is, for the record."""
    # 60 ms, and only a launch needs it
    import psutil

    return {
        "host": host_name(),
        "cpus": os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total >> 20,
        "gpus": [{"index": gpu.index, "name": gpu.name, "memory_mb": gpu.memory_total_mb} for gpu in visible_gpus()],
    }


def git_state(directory: Path) -> dict[str, Any] | None:
    """Commit and uncommitted changes of the repository that the launch was typed in; None outside of one."""
    commit = _git(directory, "rev-parse", "HEAD")
    if commit is None:
        return None
    diff = _git(directory, "diff", "HEAD") or ""
    return {"commit": commit.strip(), "dirty": bool(diff), "diff": diff[:DIFF_CHARACTERS]}


def _git(directory: Path, *arguments: str) -> str | None:
    try:
        finished = subprocess.run(
            ["git", "-C", str(directory), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return finished.stdout.decode("utf-8", "replace") if finished.returncode == 0 else None
