"""How the embedded model does on the validation split of all three tasks, under both prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch

from evals import prompts
from evals.parsing import parse
from evals.task import Example, Task
from evals.tasks import load_task
from trainer.encoding import encode_prompts
from trainer.evaluate import Decoding
from trainer.model import FittedImage

BATCH = 250
ANSWER_TOKENS = 56
"""Room for the longest reference reasoning of any task."""


class ValidationSet(NamedTuple):
    """Some examples of a task with their pictures, drawn once."""

    task: Task
    examples: tuple[Example, ...]
    images: tuple[tuple[FittedImage, ...], ...]


def validation_set(name: str, *, count: int, difficulty: float = 0.5, split: str = "validation") -> ValidationSet:
    """The first examples of a task."""
    task = load_task(name)
    examples = task.examples(split, seed=0, difficulty=difficulty, source=task.source("generated"))
    chosen = tuple(examples[index] for index in range(count))
    images = tuple(tuple(FittedImage(image, None) for image in example.images) for example in chosen)
    return ValidationSet(task, chosen, images)


@torch.no_grad()
def completions(model: Any, processor: Any, of: ValidationSet, *, mode: str, greedy: bool, seed: int) -> list[str]:
    """What the model says to each example."""
    texts: list[str] = []
    decoding = Decoding("greedy" if greedy else "sampled", 1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for first in range(0, len(of.examples), BATCH):
            asked = [of.task.user_text(example, mode) for example in of.examples[first : first + BATCH]]
            inputs = encode_prompts(processor, asked, of.images[first : first + BATCH])
            output = model.generate(**inputs, **decoding.generate_arguments, max_new_tokens=ANSWER_TOKENS)
            texts += processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
    return texts


def accuracy(model: Any, processor: Any, of: ValidationSet, *, mode: str, greedy: bool = False, seed: int = 0) -> float:
    """Share of right answers, sampled at temperature 1 or greedy."""
    was_training = model.training
    model.eval()
    said = completions(model, processor, of, mode=mode, greedy=greedy, seed=seed)
    model.train(was_training)
    graded = [of.task.grade(parse(text, mode).answer, example) for text, example in zip(said, of.examples, strict=True)]
    return sum(bool(right) for right in graded) / len(graded)


def validate(model: Any, processor: Any, sets: Sequence[ValidationSet]) -> dict[str, dict[str, float]]:
    """Accuracy by task and prompt, sampled."""
    return {
        of.task.name: {mode: accuracy(model, processor, of, mode=mode) for mode in (prompts.THINK, prompts.DIRECT)}
        for of in sets
    }
