"""Homes and runs with the fake trainer, for tests of the supervisor and the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rftui.queueing.guard import queue_lock
from rftui.queueing.markers import mark, queue_dir
from rftui.queueing.records import keep_environment, write_new
from rftui.supervision.ledger import read_ledger
from rftui.supervision.processes import run_processes
from store.config import config_toml, parse_config
from store.layout import Home, RunDir
from store.states import State, is_live
from tests import fake_trainer

PATIENCE_S = 20.0
QUICK: dict[str, Any] = {
    "max_steps": 5,
    "save_steps": 2,
    "per_device_train_batch_size": 8,
    "num_generations": 8,
    "dtype": "float32",
}


class Bench:
    """A home in a temporary folder, and an environment in which `trainer` is the fake one."""

    def __init__(self, folder: Path, **behaviour: Any) -> None:
        self.home = Home(folder / "home")
        self.behaviour = folder / "behaviour.json"
        self.behave(**behaviour)
        fake = fake_trainer.install(folder / "fake")
        root = str(Path(__file__).parents[1])
        self.environment = {
            **{key: value for key, value in os.environ.items() if key not in ("RFTUI_RUN_ID", "RFTUI_ATTEMPT")},
            "PYTHONPATH": os.pathsep.join([fake, *filter(None, [os.environ.get("PYTHONPATH")]), root]),
            "FAKE_TRAINER": str(self.behaviour),
            "RFTUI_HOME": str(self.home.path),
            "COLUMNS": "100",
        }

    def behave(self, **behaviour: Any) -> None:
        """Tells the fake trainer what to do from its next start on."""
        self.behaviour.write_text(json.dumps(behaviour))

    def make_run(self, name: str = "sat-grpo-1", **settings: Any) -> RunDir:
        """A run directory as a launch leaves it, without a supervisor."""
        config = parse_config({"name": name, **QUICK, **settings})
        run_dir = self.home.run(name)
        run_dir.path.mkdir(parents=True)
        run_dir.config.write_text(config_toml(config))
        launch = {
            "v": 1,
            "uid": int.from_bytes(os.urandom(6), "big"),
            "name": name,
            "created_at": time.time() - 60,
            "rftui_version": "0.1.0",
            "python": sys.executable,
            "command": [],
            "env": {},
            "backend": "local",
            "origins": {"max_steps": "--set"},
            "git": None,
            "hardware": {},
            "versions": {},
        }
        run_dir.launch.write_text(json.dumps(launch))
        return run_dir

    def queue_run(self, name: str, *, gpus_any: bool = False, after: tuple[str, ...] = (), **settings: Any) -> RunDir:
        """A run as a launch leaves it in the queue; nobody serves it yet. `priority` and `held` are the queue's."""
        asked = {"priority": settings.pop("priority", 0), "held": settings.pop("held", False)}
        run_dir = self.make_run(name, **settings)
        waited_for = [{"name": other, "uid": uid_of(self.home.run(other))} for other in after]
        launch = json.loads(run_dir.launch.read_text())
        launch["queue"] = {**asked, "after": waited_for, "gpus_any": gpus_any}
        run_dir.launch.write_text(json.dumps(launch))
        write_new(run_dir)
        keep_environment(run_dir, self.environment)
        mark(self.home, name)
        return run_dir

    def supervise(self, run_dir: RunDir, *arguments: str) -> subprocess.Popen[bytes]:
        """A supervisor as a launch starts it."""
        return subprocess.Popen(
            [sys.executable, "-m", "rftui.supervision.supervisor", str(run_dir.path), *arguments],
            env=self.environment,
            cwd=run_dir.path,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(run_dir.path / "supervisor.log").open("ab"),
            start_new_session=True,
        )

    def rftui(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command line in a process of its own, without a terminal."""
        return subprocess.run(
            [sys.executable, "-m", "rftui", *arguments],
            env=self.environment,
            cwd=self.behaviour.parent,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json; it must succeed."""
        finished = self.rftui(*arguments, "--json")
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    def clean_up(self) -> None:
        """Ends whatever is left of this home's runs, and who would start more of them."""
        shutil.rmtree(queue_dir(self.home), ignore_errors=True)
        if (dispatcher := dispatcher_pid(self.home)) is not None:
            kill(dispatcher)
        for name in self.home.runs():
            run_dir = self.home.run(name)
            if not run_dir.config.exists():
                continue
            supervisor = read_ledger(run_dir).supervisor
            for pid in run_processes(uid_of(run_dir)):
                kill(pid)
            if supervisor is not None and Path(f"/proc/{supervisor.pid}/cmdline").exists():
                command = Path(f"/proc/{supervisor.pid}/cmdline").read_bytes()
                if str(run_dir.path).encode() in command:
                    kill(supervisor.pid)


def dispatcher_pid(home: Home) -> int | None:
    """The process that serves the queue of a home, where there is one."""
    try:
        pid = int(queue_lock(home).read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"rftui.queueing.dispatcher" in command and str(home.path).encode() in command else None


def kill(pid: int) -> None:
    """kill -9, if it is still there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def uid_of(run_dir: RunDir) -> int:
    """The run's RFTUI_RUN_ID."""
    return int(json.loads(run_dir.launch.read_text())["uid"])


def states_of(run_dir: RunDir) -> list[str]:
    """Every state that was recorded, in order."""
    lines = run_dir.supervisor_journal.read_text().splitlines()
    return [record["state"] for line in lines if (record := json.loads(line))["type"] == "state"]


def wait_for(condition: Callable[[], Any], *, what: str, patience_s: float = PATIENCE_S) -> Any:
    """The condition's first true value. Fails after a while."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {patience_s:.0f} s for {what}")


def trainer_pid(run_dir: RunDir) -> int:
    """The trainer's pid, once it trains."""

    def find() -> int | None:
        ledger = read_ledger(run_dir)
        identity = ledger.attempt(ledger.current_attempt).identity
        return identity.pid if identity is not None and ledger.state is State.RUNNING else None

    pid: int = wait_for(find, what="a running trainer")
    return pid


def final_state(run_dir: RunDir) -> tuple[str, str]:
    """The final state and its reason, once it is written."""

    def find() -> tuple[str, str] | None:
        ledger = read_ledger(run_dir)
        return (ledger.state.value, ledger.reason) if ledger.state and not is_live(ledger.state) else None

    found: tuple[str, str] = wait_for(find, what="a final state")
    return found
