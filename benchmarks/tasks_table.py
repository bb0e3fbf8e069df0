"""SFT and GRPO on all three tasks with three seeds, from the embedded model: one table of what each run gained.

    python benchmarks/tasks_table.py --home DIR [--only task=sat --only run=grpo-think] [--seeds 0 1 2] [--print-only]

Generated data. Runs are launched through the command line, one by one, into DIR; those that are finished there are not
done again, so an interrupted table goes on where it stopped. Each run is evaluated at its end on the same held-out
examples as the untrained model, with and without <think>, greedily and sampled; gains are paired over the examples.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.scoring import wilson
from evals.statistics import paired_difference

TASKS = ("sat", "aircraft", "banner")
EXAMPLES = 500
PROMPTS = ("think", "direct")
DECODINGS = ("sampled", "greedy")
GRPO_STEPS, SFT_STEPS = 60, 100


class Training(NamedTuple):
    """One way to train."""

    label: str
    method: str
    settings: tuple[str, ...]


TRAININGS = {
    "sft": Training("SFT, answers", "sft", (f"max_steps={SFT_STEPS}", "sft_target=answer", "prompt=direct")),
    "grpo-think": Training("GRPO, with `<think>`", "grpo", (f"max_steps={GRPO_STEPS}", "prompt=think")),
}
EVALUATION = (
    f"evaluation.examples={EXAMPLES}",
    "evaluation.every=0",
    "evaluation.at_start=false",
    "evaluation.sampled=true",
)


class Plan(NamedTuple):
    """One run of the table, or with no training the evaluation of the untrained model."""

    task: str
    training: str | None
    seed: int

    @property
    def name(self) -> str:
        """Name of its run."""
        return f"{self.task}-{self.training}-{self.seed}" if self.training else f"{self.task}-base"

    def command(self, home: Path) -> list[str]:
        """What launches it."""
        base = [sys.executable, "-m", "rftui", "--home", str(home)]
        common = ["--task", self.task, "--source", "generated", "--name", self.name, "--wait"]
        settings = ["save_steps=10000", "evaluation.batch_size=250"]
        if self.training is None:
            common += ["--examples", str(EXAMPLES), "--sampled"]
            return [*base, "eval", "tiny", *common, *_assigned(settings[1:])]
        training = TRAININGS[self.training]
        settings += [*EVALUATION, *training.settings]
        launch = [*base, "launch", training.method, "--recipe", "tiny", "--seed", str(self.seed)]
        return [*launch, *common, *_assigned(settings)]


def _assigned(settings: Sequence[str]) -> list[str]:
    return [part for setting in settings for part in ("--set", setting)]


def plans(*, only: dict[str, set[str]], seeds: Sequence[int]) -> Iterator[Plan]:
    """The untrained model and every run of each task asked for, the first seed of all before the second."""
    tasks = [task for task in TASKS if task in only.get("task", {task})]
    trainings = [name for name in TRAININGS if name in only.get("run", {name})]
    yield from (Plan(task, None, 0) for task in tasks)
    yield from (Plan(task, name, seed) for seed in seeds for task in tasks for name in trainings)


def is_done(plan: Plan, home: Path) -> bool:
    """Whether its run has every answer."""
    answers = read_answers(plan, home)
    return all(len(answers.get((prompt, decoding), {})) == EXAMPLES for prompt in PROMPTS for decoding in DECODINGS)


def read_answers(plan: Plan, home: Path) -> dict[tuple[str, str], dict[int, bool]]:
    """Whether each held-out example was right, by prompt and decoding, at the last step there is."""
    last: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], dict[int, bool]] = {}
    for journal in sorted((home / "runs" / plan.name / "journal").glob("rank*.jsonl")):
        for line in journal.read_text(encoding="utf-8").splitlines():
            record: dict[str, Any] = json.loads(line)
            if record["type"] != "eval_sample":
                continue
            way = (record["prompt"], record["decoding"])
            if record["step"] > last.get(way, -1):
                last[way], found[way] = record["step"], {}
            found[way][record["index"]] = bool(record["correct"])
    return found


def run(plan: Plan, home: Path) -> None:
    """Launches it and waits. Raises RuntimeError where an unfinished run of its name is in the way."""
    place = home / "runs" / plan.name
    if place.exists():
        raise RuntimeError(f"{place} is unfinished; resume it (rftui resume {plan.name}) or remove it, then go on")
    began = time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(plan.command(home), check=True, stdout=subprocess.DEVNULL, env=environment)
    print(f"{plan.name}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def row(plan: Plan, home: Path, *, prompt: str, decoding: str) -> str:
    """One line of the table: the same examples before and after."""
    assert plan.training is not None
    before, after = (
        [right for _, right in sorted(read_answers(of, home)[prompt, decoding].items())]
        for of in (Plan(plan.task, None, 0), plan)
    )
    gain = paired_difference(before, after, seed=0)
    cells = (plan.task, TRAININGS[plan.training].label, str(plan.seed), prompt, decoding, str(len(before)))
    gained = f"{100 * gain.mean:+.1f} [{100 * gain.low:+.1f}, {100 * gain.high:+.1f}]"
    return f"| {' | '.join(cells)} | {_rate(before)} | {_rate(after)} | {gained} |"


def _rate(right: Sequence[bool]) -> str:
    interval = wilson(sum(right), len(right))
    return f"{sum(right) / len(right):.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def table(done: Sequence[Plan], home: Path) -> str:
    """The whole table in Markdown."""
    lines = [
        "Generated data, embedded model, difficulty 0.5, held-out examples; 95% intervals (Wilson; gains: paired "
        "bootstrap, points).",
        f"SFT {SFT_STEPS} steps of 64 examples; GRPO {GRPO_STEPS} steps of 16 prompts x 8 completions.",
        "",
        "| task | trained by | seed | asked | decoding | n | base | after | gain |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    trained = sorted(
        (plan for plan in done if plan.training),
        key=lambda plan: (TASKS.index(plan.task), list(TRAININGS).index(str(plan.training)), plan.seed),
    )
    lines += [
        row(plan, home, prompt=prompt, decoding=decoding)
        for plan in trained
        for prompt in PROMPTS
        for decoding in DECODINGS
    ]
    return "\n".join(lines)


def main() -> None:
    """Runs what is missing and prints the table of what is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, required=True, help="runs are kept here")
    parser.add_argument("--only", action="append", default=[], metavar="task=T|run=R", help="can be given again")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--print-only", action="store_true", help="start nothing; print what is done")
    arguments = parser.parse_args()
    only: dict[str, set[str]] = {}
    for choice in arguments.only:
        key, _, value = choice.partition("=")
        known = {"task": TASKS, "run": tuple(TRAININGS)}.get(key, ())
        if value not in known:
            parser.error(f"--only {choice}: expected task= one of {', '.join(TASKS)}, or run= {', '.join(TRAININGS)}")
        only.setdefault(key, set()).add(value)
    wanted = list(plans(only=only, seeds=arguments.seeds))
    for plan in wanted:
        if not arguments.print_only and not is_done(plan, arguments.home):
            run(plan, arguments.home)
    print(table([plan for plan in wanted if is_done(plan, arguments.home)], arguments.home))


if __name__ == "__main__":
    main()
