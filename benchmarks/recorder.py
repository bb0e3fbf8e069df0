"""CPU that recording one training step takes: 50 metrics and 64 completions of 4 KB, ours and trackio's in turn.

    python benchmarks/recorder.py [--steps 300] [--rounds 3] [--trackio PYTHON | --install-trackio]

Each round runs every recorder once in a fresh process, in alternating order. A process walks the same paced steps
twice, without and with recording, from the same lists of texts and numbers. A step's CPU is the process's (all
threads) between two steps, less the median of the steps without recording; "all" adds what closing takes, and child
processes, divided over the steps. CPU, never wall time: a busy machine slows both alike.

trackio must live in another environment, as it wants an older Pillow: name its python with --trackio, or let
--install-trackio make a temporary one with the version named below.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

TRACKIO = "trackio==0.43.0"
METRICS, GROUPS, GROUP_SIZE, TEXT_BYTES = 50, 8, 8, 4096
WARM_UP_STEPS = 10
TARGET_MS = 5.0


class StepData(NamedTuple):
    """What a trainer has in its hands at the end of a step."""

    values: dict[str, float]
    prompts: list[str]
    texts: list[str]
    rewards: list[tuple[float, float]]


class Peer(NamedTuple):
    """One way to record a step, and how it ends."""

    record: Callable[[int, StepData], None]
    finish: Callable[[], None]


def make_steps(count: int) -> list[StepData]:
    """Distinct steps of random words; the same for every process."""
    chance = random.Random(7)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(4000)]
    words += ["\n", "\u00e9t\u00e9", "<think>", '"left"']

    def text() -> str:
        return " ".join(chance.choices(words, k=TEXT_BYTES // 5))[:TEXT_BYTES]

    texts = [text() for _ in range(512)]
    completions = GROUPS * GROUP_SIZE
    return [
        StepData(
            {f"train/metric_{number:02d}": chance.gauss(0, 1) * (1 + number) for number in range(METRICS)},
            [f"Question {step} {group}: is it left or right of the lamp?" for group in range(GROUPS)],
            chance.sample(texts, completions),
            [(chance.random(), chance.random()) for _ in range(completions)],
        )
        for step in range(count)
    ]


def rftui_peer(folder: Path) -> Peer:
    """The trainer's own recorder, called as a GRPO step calls it."""
    # torch comes with it, which the parent and trackio's environment do without
    from store.layout import RunDir
    from trainer.recorder import Recorder

    recorder = Recorder(RunDir(folder), attempt=1, rank=0, world_size=1, stall_after_s=300.0)

    def record(step: int, data: StepData) -> None:
        for phase in ("generate", "reward", "update"):
            recorder.phase(phase, step=step)
        for number, prompt in enumerate(data.prompts):
            recorder.group(group_fields(step, number, prompt, data))
        recorder.metrics(step, epoch=step / 100, values=data.values)
        recorder.finish_step()

    return Peer(record, recorder.close)


def group_fields(step: int, number: int, prompt: str, data: StepData) -> dict[str, Any]:
    """A group record as the trainer builds it."""
    samples = []
    for sample in range(GROUP_SIZE):
        place = number * GROUP_SIZE + sample
        text, (accuracy, form) = data.texts[place], data.rewards[place]
        samples.append(
            {
                "sample": sample,
                "completion": text,
                "think": None,
                "answer": "left",
                "malformed": None,
                "rewards": {"accuracy": accuracy, "format": form},
                "reward": accuracy + form,
                "advantage": accuracy - 0.5,
                "tokens": 900,
                "think_tokens": 0,
                "stop": "eos",
            }
        )
    return {
        "step": step,
        "policy_step": step - 1,
        "group": number,
        "rank": 0,
        "uid": f"example-{step}-{number}",
        "kind": "relation",
        "question": prompt,
        "options": ["left", "right"],
        "prompt": prompt,
        "prompt_mode": "think",
        "gold": "left",
        "scene": None,
        "images": [],
        "samples": samples,
    }


def trackio_peer(folder: Path) -> Peer:
    """trackio as its documentation has it: a log of the metrics, and a Table of the completions."""
    os.environ.update(TRACKIO_DIR=str(folder), HF_HUB_OFFLINE="1", HF_HOME=str(folder / "hf"))
    import trackio

    with contextlib.redirect_stdout(io.StringIO()):
        trackio.init(project="benchmark", name="run", embed=False, auto_log_gpu=False, auto_log_cpu=False)
    columns = ["step", "sample", "prompt", "completion", "accuracy", "format"]

    def record(step: int, data: StepData) -> None:
        rows = [
            [step, place, data.prompts[place // GROUP_SIZE], text, *data.rewards[place]]
            for place, text in enumerate(data.texts)
        ]
        trackio.log(data.values, step=step)
        trackio.log({"completions": trackio.Table(columns=columns, data=rows)}, step=step)

    def finish() -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            trackio.finish()

    return Peer(record, finish)


PEERS = {"rftui": rftui_peer, "trackio": trackio_peer}


def children_cpu_s() -> float:
    """CPU of child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def walk(steps: list[StepData], period_s: float, record: Callable[[int, StepData], None]) -> list[float]:
    """CPU seconds of each step, its pause included."""
    spent = []
    for number, data in enumerate(steps, 1):
        before = time.process_time()
        record(number, data)
        time.sleep(period_s)
        spent.append(time.process_time() - before)
    return spent


def measure(peer_name: str, folder: Path, *, steps: int, period_s: float) -> dict[str, Any]:
    """What one process of one peer costs, in milliseconds a step."""
    data = make_steps(steps + WARM_UP_STEPS)
    peer = PEERS[peer_name](folder)
    walk(data[:WARM_UP_STEPS], period_s, peer.record)
    idle = statistics.median(walk(data[WARM_UP_STEPS:], period_s, lambda number, data: None))
    before, children_before = time.process_time(), children_cpu_s()
    spent = [cpu - idle for cpu in walk(data[WARM_UP_STEPS:], period_s, peer.record)]
    peer.finish()
    whole = time.process_time() - before + children_cpu_s() - children_before
    return {"steps": [1000 * cpu for cpu in spent], "all": 1000 * (whole - idle * steps) / steps}


def in_fresh_process(peer: str, python: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [python, __file__, "--peer", peer, "--folder", folder]
        command += ["--steps", str(arguments.steps), "--period", str(arguments.period)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        raise SystemExit(f"{peer} failed:\n{finished.stderr[-3000:]}")
    return dict(json.loads(finished.stdout.strip().splitlines()[-1]))


def install_trackio(folder: str) -> str:
    """The python of a new environment with trackio in it."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(Path(folder) / "bin" / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", TRACKIO], check=True)
    return python


def summary(name: str, rounds: list[dict[str, Any]]) -> tuple[float, float]:
    """Prints a peer's line and returns its median and its whole cost."""
    steps = sorted(cpu for one in rounds for cpu in one["steps"])
    median, p95 = statistics.median(steps), steps[int(0.95 * len(steps))]
    whole = statistics.median(one["all"] for one in rounds)
    print(f"{name:8} median {median:6.2f} ms  p95 {p95:6.2f} ms  all {whole:6.2f} ms a step  ({len(steps)} steps)")
    return median, whole


def compare(pythons: dict[str, str], arguments: argparse.Namespace) -> None:
    """Runs the rounds and prints each peer, the target and the ratios."""
    rounds: dict[str, list[dict[str, Any]]] = {peer: [] for peer in pythons}
    for number in range(arguments.rounds):
        for peer in list(pythons)[:: 1 if number % 2 == 0 else -1]:
            rounds[peer].append(in_fresh_process(peer, pythons[peer], arguments))
    print(f"CPU a step of {METRICS} metrics and {GROUPS * GROUP_SIZE} completions of {TEXT_BYTES} bytes, all threads")
    found = {peer: summary(peer, rounds[peer]) for peer in pythons}
    median, whole = found["rftui"]
    print(f"target   median {'within' if median <= TARGET_MS else 'above'} {TARGET_MS} ms")
    if "trackio" in found:
        ratios = (median / found["trackio"][0], whole / found["trackio"][1])
        print(f"ratio    rftui / trackio: median {ratios[0]:.2f}, all {ratios[1]:.2f}")


def main() -> None:
    """Measures one peer as a child, or all of them as the parent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--period", type=float, default=0.03, help="seconds between two steps")
    parser.add_argument("--trackio", metavar="PYTHON", help="python of an environment that has trackio")
    parser.add_argument("--install-trackio", action="store_true", help=f"make one with {TRACKIO}")
    parser.add_argument("--peer", choices=sorted(PEERS), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        print(json.dumps(measure(arguments.peer, arguments.folder, steps=arguments.steps, period_s=arguments.period)))
        return
    with tempfile.TemporaryDirectory() as folder:
        pythons = {"rftui": sys.executable}
        if arguments.install_trackio:
            pythons["trackio"] = install_trackio(folder)
        elif arguments.trackio:
            pythons["trackio"] = arguments.trackio
        compare(pythons, arguments)


if __name__ == "__main__":
    main()
