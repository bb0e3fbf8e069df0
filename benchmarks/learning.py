"""What GRPO gains on the embedded model: sampled held-out accuracy before and after, paired, over seeds, and a control.

    python benchmarks/learning.py [--seeds 0 1 2] [--home DIR]

Launches real runs through the command line, one by one: GRPO with `<think>` for each seed, then one with shuffled
gold answers, then SFT on the answers. Reads every held-out answer back from the runs' journals. Prints one table.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from evals.scoring import wilson
from evals.statistics import paired_difference


class Plan(NamedTuple):
    """One run of the table."""

    label: str
    method: str
    prompt: str
    seed: int
    settings: tuple[str, ...] = ()


def plans(seeds: list[int]) -> list[Plan]:
    """GRPO a seed, the shuffled-gold control, and answer-only SFT."""
    first = seeds[0]
    return [
        *(Plan("GRPO", "grpo", "think", seed) for seed in seeds),
        Plan("GRPO, shuffled gold", "grpo", "think", first, ("shuffle_gold=true",)),
        Plan("SFT, answers only", "sft", "direct", first),
    ]


def launch(plan: Plan, *, home: Path) -> tuple[Path, float]:
    """The finished run's directory and how long it took, in seconds."""
    name = f"{plan.method}-{plan.seed}" + ("-control" if plan.settings else "")
    command = [sys.executable, "-m", "rftui", "--home", str(home), "launch", plan.method, "--task", "sat"]
    command += ["--recipe", "tiny", "--source", "generated", "--seed", str(plan.seed), "--name", name, "--wait"]
    for setting in plan.settings:
        command += ["--set", setting]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return home / "runs" / name, time.perf_counter() - began


def answers(run: Path, *, prompt: str, decoding: str) -> dict[int, list[bool]]:
    """Whether each held-out example was right, in the order of examples, by step."""
    by_step: dict[int, dict[int, bool]] = {}
    for journal in sorted((run / "journal").glob("rank*.jsonl")):
        for line in journal.read_text(encoding="utf-8").splitlines():
            record: dict[str, Any] = json.loads(line)
            if record["type"] == "eval_sample" and (record["prompt"], record["decoding"]) == (prompt, decoding):
                by_step.setdefault(record["step"], {})[record["index"]] = bool(record["correct"])
    return {step: [right for _, right in sorted(rows.items())] for step, rows in sorted(by_step.items())}


def row(plan: Plan, run: Path, *, decoding: str, seconds: float) -> str:
    """One line of the table."""
    by_step = answers(run, prompt=plan.prompt, decoding=decoding)
    before, after = by_step[min(by_step)], by_step[max(by_step)]
    start, end = wilson(sum(before), len(before)), wilson(sum(after), len(after))
    gain = paired_difference(before, after, seed=0)
    return (
        f"| {plan.label} | {plan.seed} | {plan.prompt} | {decoding} | {len(before)} "
        f"| {sum(before) / len(before):.3f} [{start.low:.3f}, {start.high:.3f}] "
        f"| {sum(after) / len(after):.3f} [{end.low:.3f}, {end.high:.3f}] "
        f"| {100 * gain.mean:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}] | {seconds:.0f} |"
    )


def main() -> None:
    """Trains every plan and prints the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--home", type=Path, default=None, help="keep the runs here; a temporary folder otherwise")
    arguments = parser.parse_args()
    home = arguments.home or Path(tempfile.mkdtemp(prefix="rftui-learning-"))
    print("generated data, tiny model; held-out examples, 95% intervals; gain in points, paired over the examples\n")
    print("| run | seed | prompt | decoding | n | before | after | gain | wall s |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for plan in plans(arguments.seeds):
        run, seconds = launch(plan, home=home)
        for decoding in ("sampled", "greedy"):
            print(row(plan, run, decoding=decoding, seconds=seconds), flush=True)


if __name__ == "__main__":
    main()
