"""Kills a real training run with SIGKILL again and again, and checks states, rollouts and resume after each.

    python benchmarks/kills.py [--kills 20] [--steps 240] [--seed 0]

Turns: the trainer, its supervisor, both at once. After each kill the state that `rftui runs` shows is compared with
what happened, every complete journal line that was on disk at the moment of the kill must still be there, and the run
is resumed (or adopted) and goes on. At the end the run must be finished at its configured last step with steps x
completions rollouts in SQLite, each once. Exits 1 on the first thing that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

NAME = "kills"
COMPLETIONS = 16
EXPECTED_STATES = {
    "trainer": {"killed"},
    "supervisor": {"running", "finished"},
    "both": {"lost"},
}


class Disagreement(SystemExit):
    """Something was not as promised."""


def rftui(home: Path, *arguments: str) -> str:
    """stdout of one command; raises when it fails."""
    command = [sys.executable, "-m", "rftui", "--home", str(home), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def shown(home: Path) -> dict[str, Any]:
    """What `rftui runs` says of the run."""
    runs: list[dict[str, Any]] = json.loads(rftui(home, "runs", "--json"))
    return next(run for run in runs if run["name"] == NAME)


def wait_until(home: Path, *, states: set[str], timeout_s: float = 180) -> dict[str, Any]:
    """The run once it is in one of these states."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        run = shown(home)
        if run["state"] in states:
            return run
        time.sleep(0.5)
    raise Disagreement(f"expected {sorted(states)}, found {run['state']} ({run['reason']})")


def supervisor_records(run_dir: Path, kind: str) -> list[dict[str, Any]]:
    """The supervisor's records of one type."""
    lines = (run_dir / "supervisor.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for record in map(json.loads, lines) if record["type"] == kind]


def journal_lines(run_dir: Path) -> dict[str, list[str]]:
    """Complete lines of every journal."""
    return {
        path.name: path.read_text(encoding="utf-8").rpartition("\n")[0].split("\n")
        for path in sorted((run_dir / "journal").glob("rank*.jsonl"))
    }


def strike(run_dir: Path, victim: str) -> dict[str, list[str]]:
    """Kills and returns what had been handed to the kernel just before."""
    trainer = supervisor_records(run_dir, "attempt_start")[-1]["pid"]
    supervisor = supervisor_records(run_dir, "supervisor_start")[-1]["pid"]
    before = journal_lines(run_dir)
    for pid in {"trainer": [trainer], "supervisor": [supervisor], "both": [supervisor, trainer]}[victim]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            raise Disagreement(
                f"{victim} {pid} was gone before it was killed; if the run finished, give it more --steps"
            ) from None
    return before


def check_kept(run_dir: Path, before: dict[str, list[str]]) -> None:
    """Every line that was complete before the kill is still there."""
    after = journal_lines(run_dir)
    for name, lines in before.items():
        if after[name][: len(lines)] != lines:
            raise Disagreement(f"{name}: lines that were on disk before the kill are gone")


def rollouts(home: Path) -> list[tuple[int, int, int]]:
    """(step, group, sample) of every current rollout in SQLite."""
    lines = rftui(home, "rollouts", NAME, "--json").splitlines()
    return [(r["step"], r["group"], r["sample"]) for r in map(json.loads, lines)]


def main() -> None:
    """Launches, kills, resumes, counts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    home = Path(tempfile.mkdtemp(prefix="rftui-kills-"))
    run_dir = home / "runs" / NAME
    settings = [f"max_steps={arguments.steps}", "save_steps=4", f"per_device_train_batch_size={COMPLETIONS}"]
    settings += ["evaluation.examples=0", "num_generations=8"]
    flags = [flag for setting in settings for flag in ("--set", setting)]
    rftui(home, "launch", "grpo", "--task", "sat", "--recipe", "tiny", "--name", NAME, "--detach", *flags)
    for number in range(1, arguments.kills + 1):
        victim = ("trainer", "supervisor", "both")[(number - 1) % 3]
        run = wait_until(home, states={"running", "finished"})
        if run["state"] == "finished":
            raise Disagreement(f"finished after {number - 1} kills; give it more --steps")
        time.sleep(rng.uniform(0.0, 6.0))
        before = strike(run_dir, victim)
        run = wait_until(home, states=EXPECTED_STATES[victim], timeout_s=30)
        check_kept(run_dir, before)
        print(f"kill {number}: {victim} -> {run['state']} ({run['reason'] or 'no reason needed'}), step {run['step']}")
        if victim != "supervisor":
            rftui(home, "resume", NAME, "--detach")
    run = wait_until(home, states={"finished"}, timeout_s=600)
    found = rollouts(home)
    if run["step"] != arguments.steps or len(found) != arguments.steps * COMPLETIONS or len(set(found)) != len(found):
        raise Disagreement(f"step {run['step']}, {len(found)} rollouts, {len(set(found))} distinct")
    rftui(home, "store", "check")
    print(f"{arguments.kills} kills: finished at step {run['step']} with {len(found)} rollouts, each once; store sound")


if __name__ == "__main__":
    main()
