"""What recording costs a GRPO step: rftui's trainer against plain TRL, interleaved, as a ratio of median step times.

    python benchmarks/overhead.py [--pairs 10] [--steps 20] [--batch 64]

Each pair trains the embedded model twice from the same configuration in fresh processes, once by `python -m trainer`
and once by a bare GRPOTrainer with the same rows and rewards, in alternating order. A step is the wall time between two
logs. The first three steps of each process are left out (allocator and caches warm up).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from store.config import RunConfig, config_toml, parse_config, read_config
from store.layout import RunDir

WARM_UP_STEPS = 3


def benchmark_config(*, steps: int, batch: int) -> RunConfig:
    """The configuration both sides train."""
    return parse_config(
        {
            "name": "overhead",
            "task": "sat",
            "source": "generated",
            "max_steps": steps,
            "per_device_train_batch_size": batch,
            "num_generations": 8,
            "learning_rate": 1e-4,
            "max_completion_length": 48,
            "dtype": "float32",
            "gradient_checkpointing": False,
            "threads": 1,
            "image_min_pixels": 2304,
            "image_max_pixels": 2304,
            "save_steps": 0,
            "evaluation": {"examples": 0},
        }
    )


def recorded_steps(run_dir: RunDir) -> list[float]:
    """Step times of rftui's trainer, in seconds."""
    lines = run_dir.journal(0, 1).read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    return [
        record["values"]["time/since_last_log_s"]
        for record in records
        if record["type"] == "metrics" and "reward" in record["values"]
    ]


def train_plainly(run_dir: RunDir) -> None:
    """Trains with a bare GRPOTrainer and prints its step times as JSON."""
    # torch and TRL only in the child processes; the parent only measures
    import torch
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback, set_seed
    from trl import GRPOConfig, GRPOTrainer

    from evals.parsing import parse
    from evals.rewards import Response, build_rewards
    from evals.tasks import load_task
    from trainer.model import image_fitter, load_model, load_processor
    from trainer.options import grpo_arguments
    from trainer.rows import TrainingRows

    config = read_config(run_dir.config)
    torch.set_num_threads(config.threads)
    set_seed(config.seed)
    task = load_task(config.task, config.task_options)
    processor = load_processor(config)
    examples = task.examples("train", seed=config.seed, difficulty=config.difficulty, source=task.source(config.source))
    rows = TrainingRows(task, examples, config=config, fit=image_fitter(processor, config))
    weighted = build_rewards({name: reward.model_dump() for name, reward in config.rewards.items()}, task)

    def function(reward):  # type: ignore[no-untyped-def]
        def apply(completions, completion_ids, row, **_):  # type: ignore[no-untyped-def]
            values = []
            for completion, ids, number in zip(completions, completion_ids, row, strict=True):
                text = completion[0]["content"]
                part = parse(text, config.prompt.value)
                response = Response(
                    text=text,
                    mode=config.prompt.value,
                    think=part.think,
                    answer=part.answer,
                    malformed=part.malformed,
                    tokens=len(ids),
                    think_tokens=0,
                    stop="eos",
                )
                values.append(reward.function(response, rows[number].example))
            return values

        apply.__name__ = reward.name
        return apply

    class StepClock(TrainerCallback):
        def __init__(self) -> None:
            self.times = [time.perf_counter()]

        def on_train_begin(self, *_, **__):  # type: ignore[no-untyped-def]
            self.times = [time.perf_counter()]

        def on_log(self, *_, logs=None, **__):  # type: ignore[no-untyped-def]
            if "reward" in logs:
                self.times.append(time.perf_counter())

    clock = StepClock()
    lazy = rows.dataset()
    arguments = grpo_arguments(config, output_dir=run_dir.checkpoints, on_gpu=False)
    trainer = GRPOTrainer(
        model=load_model(config),
        reward_funcs=[function(reward) for reward in weighted],
        args=GRPOConfig(**arguments),
        train_dataset=Dataset.from_list([lazy[index] for index in range(len(lazy))]),
        processing_class=processor,
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    print(json.dumps([later - earlier for earlier, later in zip(clock.times, clock.times[1:], strict=False)]))


def one_process(kind: str, config: RunConfig) -> list[float]:
    """Step times of one fresh process, warm-up left out."""
    with tempfile.TemporaryDirectory() as scratch:
        run_dir = RunDir(Path(scratch))
        run_dir.config.write_text(config_toml(config), encoding="utf-8")
        command = {
            "rftui": [sys.executable, "-m", "trainer", scratch],
            "trl": [sys.executable, __file__, "--plain", scratch],
        }[kind]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
        finished = subprocess.run(command, cwd=scratch, env=environment, capture_output=True, text=True, check=False)
        if finished.returncode != 0:
            raise SystemExit(f"{kind} failed:\n{finished.stderr[-3000:]}")
        steps = recorded_steps(run_dir) if kind == "rftui" else json.loads(finished.stdout.strip().splitlines()[-1])
    return list(steps[WARM_UP_STEPS:])


def main() -> None:
    """Runs the pairs and prints medians, the ratio and its spread."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--plain", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.plain is not None:
        train_plainly(RunDir(arguments.plain))
        return
    config = benchmark_config(steps=arguments.steps, batch=arguments.batch)
    ratios = []
    for pair in range(arguments.pairs):
        order = ("rftui", "trl") if pair % 2 == 0 else ("trl", "rftui")
        medians = {kind: statistics.median(one_process(kind, config)) for kind in order}
        ratios.append(medians["rftui"] / medians["trl"])
        print(f"pair {pair}: rftui {medians['rftui']:.4f} s  trl {medians['trl']:.4f} s  ratio {ratios[-1]:.3f}")
    print(
        f"median ratio {statistics.median(ratios):.3f}  "
        f"range {min(ratios):.3f} to {max(ratios):.3f}  pairs {len(ratios)}  "
        f"completions a step {arguments.batch}"
    )


if __name__ == "__main__":
    main()
