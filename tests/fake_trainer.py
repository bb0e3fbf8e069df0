"""Plays `python -m trainer` by the journal contract, without torch: for tests of everything around training.

`install(folder)` makes a package `trainer` there for PYTHONPATH. How it behaves is read from the file that
FAKE_TRAINER names, a JSON object: step_s, crash_at, exit_at, hang_at, exit_code, sigterm_is_ignored, start_delay_s,
due_s, traceback, check, walks, quick_steps, leases (a folder where it says what it holds).
"""

from __future__ import annotations

import json
import math
import os
import random
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

PACKAGE_FILES = {"__init__.py": "", "__main__.py": "from fake_trainer import main\n\nmain()\n"}


def install(folder: Path) -> str:
    """Makes the package and returns what PYTHONPATH must hold."""
    package = folder / "trainer"
    package.mkdir(parents=True)
    for name, text in PACKAGE_FILES.items():
        (package / name).write_text(text)
    return os.pathsep.join([str(folder), str(Path(__file__).parent)])


class Journal:
    """Rank 0's journal, written line by line."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.file = path.open("ab", buffering=0)
        self.seq = 0

    def write(self, kind: str, /, **fields: Any) -> None:
        record = {"v": 1, "seq": self.seq, "time": time.time(), "type": kind, **fields}
        self.file.write(json.dumps(record).encode() + b"\n")
        self.seq += 1


def main() -> None:
    """The entry point of the fake package."""
    behaviour: dict[str, Any] = {}
    if path := os.environ.get("FAKE_TRAINER"):
        behaviour = json.loads(Path(path).read_text())
    arguments = sys.argv[1:]
    if "--check" in arguments:
        said = {"ok": True, "errors": [], "warnings": [], "versions": {}, **behaviour.get("check", {})}
        for _ in [argument for argument in arguments if not argument.startswith("--")]:
            print(json.dumps(said))
        sys.exit(0)
    run_dir = Path(arguments[0])
    attempt = int(arguments[arguments.index("--attempt") + 1])
    config = tomllib.loads((run_dir / "config.toml").read_text())
    time.sleep(behaviour.get("start_delay_s", 0))
    if folder := behaviour.get("leases"):
        claim_leases(Path(folder), run_dir.name)
    train(run_dir, config, behaviour, attempt=attempt, resume="--resume" in arguments)


def held_locks() -> list[str]:
    """Locks of slots and GPUs that this process inherited, by file name."""
    held = []
    for entry in os.scandir("/proc/self/fd"):
        try:
            path = Path(os.readlink(entry.path))
        except OSError:
            continue
        if path.suffix == ".lock":
            held.append(path.name)
    return sorted(held)


def claim_leases(folder: Path, name: str) -> None:
    """Writes down what this process holds, and whether a process that still lives holds any of it, too."""
    me = f"{os.getpid()} {started_at(os.getpid())}"
    held = held_locks()
    others = {}
    for lock in held:
        claim = folder / f"{lock}.claim"
        if claim.exists():
            pid, ticks = claim.read_text().split()
            if started_at(int(pid)) == ticks and f"{pid} {ticks}" != me:
                others[lock] = int(pid)
        partial = folder / f"{lock}.{os.getpid()}"
        partial.write_text(me)
        os.replace(partial, claim)
    with (folder / "started.jsonl").open("a") as file:
        record = {"run": name, "pid": os.getpid(), "time": time.time(), "held": held, "doubly": others}
        file.write(json.dumps(record) + "\n")


def started_at(pid: int) -> str:
    """Start time of a living process in ticks since boot; empty for one that is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def newest_checkpoint(run_dir: Path) -> int:
    """Step of the newest complete checkpoint, 0 without one."""
    marks = (run_dir / "checkpoints").glob("checkpoint-*/rftui-complete.json")
    return max((int(mark.parent.name.rpartition("-")[2]) for mark in marks), default=0)


def save(run_dir: Path, step: int) -> None:
    """A complete checkpoint of one small file."""
    folder = run_dir / "checkpoints" / f"checkpoint-{step}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights").write_text(str(step))
    size = (folder / "weights").stat().st_size
    (folder / "rftui-complete.json").write_text(json.dumps({"step": step, "files": {"weights": size}}))


def is_asked_to_stop(run_dir: Path, attempt: int) -> bool:
    """Whether control.json asks this attempt to stop."""
    try:
        request = json.loads((run_dir / "control.json").read_text())
    except (OSError, ValueError):
        return False
    return bool(request["request"] == "stop" and request["attempt"] == attempt)


def group_fields(step: int) -> dict[str, Any]:
    """One prompt with two completions, one of them hostile."""
    samples = [
        {
            "sample": number,
            "completion": f"<think>step {step}\x1b]0;owned\x07</think><answer>left</answer>",
            "think": f"step {step}\x1b]0;owned\x07",
            "answer": "left",
            "malformed": None,
            "rewards": {"accuracy": float(number), "format": 1.0},
            "reward": 1.0 + number,
            "advantage": number - 0.5,
            "tokens": 9,
            "think_tokens": 4,
            "stop": "eos",
        }
        for number in range(2)
    ]
    return {
        "step": step,
        "policy_step": step - 1,
        "group": 0,
        "rank": 0,
        "uid": f"train-{step}",
        "kind": "left/right",
        "question": "Is it left?",
        "options": ["left", "right"],
        "prompt": "Is it left? [/b]",
        "prompt_mode": "think",
        "gold": "left",
        "images": [{"hash": "00" * 32, "width": 48, "height": 48, "tokens": 4}],
        "scene": "s",
        "samples": samples,
    }


def eval_fields(step: int) -> dict[str, Any]:
    """One evaluation of four examples."""
    return {
        "step": step,
        "prompt": "think",
        "decoding": "greedy",
        "split": "heldout",
        "source": {"kind": "generated", "name": "sat", "detail": "fake"},
        "n": 4,
        "correct": 3,
        "accuracy": 0.75,
        "low": 0.3,
        "high": 0.95,
        "level": 0.95,
        "method": "wilson",
        "unparsed": 0,
        "mean_tokens": 9.0,
        "mean_think_tokens": 4.0,
        "clipped": 0,
        "by_kind": {"left/right": {"n": 4, "correct": 3, "accuracy": 0.75, "low": 0.3, "high": 0.95}},
        "seconds": 0.1,
        "temperature": 0.0,
        "seed": 0,
    }


def train(run_dir: Path, config: dict[str, Any], behaviour: dict[str, Any], *, attempt: int, resume: bool) -> None:
    """All steps, with whatever the behaviour asks for on the way."""
    journal = Journal(run_dir / "journal" / f"rank0-attempt{attempt}.jsonl")
    first = newest_checkpoint(run_dir) + 1 if resume else 1
    last = config["max_steps"]
    due_s = behaviour.get("due_s", 60)
    journal.write(
        "start",
        attempt=attempt,
        rank=0,
        world_size=1,
        pid=os.getpid(),
        host="test",
        first_step=first,
        total_steps=last,
        resumed_from=f"checkpoints/checkpoint-{first - 1}" if first > 1 else None,
        method=config["method"],
        task=config["task"],
        model={"name": "tiny", "parameters": 1, "trainable": 1, "device": "cpu", "dtype": "float32"},
        source={"kind": "generated", "name": "sat", "detail": "fake"},
        versions={"torch": "0"},
    )
    if first == 1:
        journal.write("eval_result", **eval_fields(0))
    for step in range(first, last + 1):
        journal.write("phase", phase="generate", step=step, due_s=due_s)
        misbehave(behaviour, step=step, attempt=attempt)
        if step > behaviour.get("quick_steps", 0):
            time.sleep(behaviour.get("step_s", 0.01))
        journal.write("group", **group_fields(step))
        journal.write("metrics", step=step, epoch=step / last, values=metric_values(behaviour, step=step, last=last))
        print(f"step {step}/{last}", flush=True)
        if config["save_steps"] and step % config["save_steps"] == 0:
            save(run_dir, step)
            journal.write(
                "checkpoint", step=step, path=f"checkpoints/checkpoint-{step}", bytes=1, seconds=0.0, kind="checkpoint"
            )
        if is_asked_to_stop(run_dir, attempt):
            save(run_dir, step)
            journal.write("end", outcome="stopped", step=step, error=None)
            return
    journal.write("eval_result", **eval_fields(last))
    journal.write("end", outcome="finished", step=last, error=None)


def metric_values(behaviour: dict[str, Any], *, step: int, last: int) -> dict[str, Any]:
    """A step's metrics: the few of every run, or noisy ones of the names in `walks`."""
    if "walks" not in behaviour:
        return {"reward": step / last, "completions/mean_length": 9.0, "rewards/accuracy/mean": 0.5, "loss": "NaN"}
    return {name: math.sin(step / 30) + random.gauss(0, 0.3) for name in behaviour["walks"]}


def misbehave(behaviour: dict[str, Any], *, step: int, attempt: int) -> None:
    """Ends, hangs or raises at the step that the behaviour names, in the first attempt only."""
    if attempt != behaviour.get("attempt", 1):
        return
    if step == behaviour.get("exit_at"):
        sys.exit(behaviour.get("exit_code", 0))
    if step == behaviour.get("crash_at"):
        raise RuntimeError(behaviour.get("message", "the reward [/b] exploded"))
    if step == behaviour.get("hang_at"):
        time.sleep(behaviour.get("hang_s", 3600))
