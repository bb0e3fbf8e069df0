"""What the embedded model can do before any training of yours: held-out accuracy on all three tasks.

    python benchmarks/base.py [--model DIR] [--examples 1000] [--difficulty 0 0.5 1] > table

Generated data. Every task at every difficulty, with and without <think>, sampled at temperature 1 and greedy, with
Wilson intervals; chance is one over the answers that can be given. Prints Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForImageTextToText, AutoProcessor

from evals import prompts
from evals.scoring import wilson
from evals.task import chance_level
from trainer.tiny import tiny_model_dir
from trainer.tiny.validation import ValidationSet, accuracy, validation_set

TASKS = ("sat", "aircraft", "banner")


def chance(of: ValidationSet) -> float:
    """Accuracy of guessing: among the options shown, or among all answers where none are."""
    if all(example.options for example in of.examples):
        return chance_level(of.examples)
    return 1 / len(of.task.answer_space(of.task.source("generated")))


def rate(model: Any, processor: Any, of: ValidationSet, *, mode: str, greedy: bool) -> str:
    """`.512 [.481, .543]`"""
    count = len(of.examples)
    correct = round(count * accuracy(model, processor, of, mode=mode, greedy=greedy))
    interval = wilson(correct, count)
    return f"{correct / count:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def main() -> None:
    """Prints the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=tiny_model_dir())
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--difficulty", type=float, nargs="+", default=[0.0, 0.5, 1.0])
    parser.add_argument("--task", nargs="+", choices=TASKS, default=list(TASKS))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    processor = AutoProcessor.from_pretrained(arguments.model, padding_side="left")
    model = AutoModelForImageTextToText.from_pretrained(arguments.model, dtype=torch.float32).eval()
    print("| task | chance | difficulty | prompt | n | sampled, temperature 1 | greedy |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for task in arguments.task:
        for difficulty in arguments.difficulty:
            of = validation_set(task, count=arguments.examples, difficulty=difficulty, split="heldout")
            for mode in (prompts.THINK, prompts.DIRECT):
                rates = [rate(model, processor, of, mode=mode, greedy=greedy) for greedy in (False, True)]
                cells = [task, f"{chance(of):.3f}", f"{difficulty:g}", mode, str(len(of.examples)), *rates]
                print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
