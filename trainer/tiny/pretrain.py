"""Trains the embedded model from nothing and stops by validation accuracy: able, but far from solved.

Muon on matrices and AdamW on the rest; descriptions first, then questions too. No wrong labels, no poor demonstrator:
what GRPO can gain later is what an early stop left open.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch.nn import functional

from evals import prompts
from evals.generated.scenes import draw
from evals.parsing import parse
from evals.task import Example
from evals.tasks import load_task
from trainer.evaluate import encode_prompts
from trainer.model import FittedImage
from trainer.tiny.curriculum import Lesson, lesson

logger = logging.getLogger(__name__)

BATCH_LESSONS = 24
DESCRIPTION_STEPS = 500
"""Steps of descriptions alone; mixed from the start, nothing is learned to see."""
WARM_UP_STEPS = 40
MATRIX_RATE = 3e-3
OTHER_RATE = 3e-3
WEIGHT_DECAY = 0.01
VALIDATE_EVERY = 100
VALIDATION_EXAMPLES = 500
VALIDATION_BATCH = 250
ANSWER_TOKENS = 48
IGNORED = -100


class Band(NamedTuple):
    """Where training stops: the first validation with think and direct at least here."""

    think: float
    direct: float


class Validation(NamedTuple):
    """Sampled accuracy on the validation split at difficulty 0.5."""

    think: float
    direct: float


class Pretraining:
    """The training loop of the embedded model."""

    def __init__(self, model: Any, processor: Any, *, seed: int) -> None:
        self.model = model
        self.processor = processor
        self.rng = random.Random(1000 + seed)
        self.seed = seed
        self.end_token = processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
        self.image_token = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self.optimizers = _optimizers(model)
        self.token_cache: dict[str, list[int]] = {}
        self.task = load_task("sat")
        source = self.task.source("generated")
        examples = self.task.examples("validation", seed=0, difficulty=0.5, source=source)
        self.validation = [examples[index] for index in range(VALIDATION_EXAMPLES)]

    def run(self, *, band: Band, most_steps: int, snapshots: Path | None = None) -> int:
        """Trains until validation reaches the band and returns the step. Raises RuntimeError where it never does.

        With `snapshots`, the weights of every validation are kept in folders there.
        """
        began = time.perf_counter()
        self.model.train()
        for step in range(1, most_steps + 1):
            loss = self._step(step)
            if step % VALIDATE_EVERY or step <= DESCRIPTION_STEPS:
                continue
            reached = self.validate()
            logger.info(
                "step %d  loss %.3f  think %.3f  direct %.3f  %.0f s",
                step,
                loss,
                reached.think,
                reached.direct,
                time.perf_counter() - began,
            )
            if snapshots is not None:
                save(self.model, self.processor, snapshots / f"step-{step}")
            if reached.think >= band.think and reached.direct >= band.direct:
                return step
        raise RuntimeError(f"validation never reached {band} in {most_steps} steps; try another seed")

    def validate(self) -> Validation:
        """Sampled accuracy with and without reasoning."""
        self.model.eval()
        rates = [
            sampled_accuracy(self.model, self.processor, self.validation, mode=mode, seed=self.seed)
            for mode in (prompts.THINK, prompts.DIRECT)
        ]
        self.model.train()
        return Validation(*rates)

    def _step(self, step: int) -> float:
        lessons = [lesson(self.rng, with_questions=step > DESCRIPTION_STEPS) for _ in range(BATCH_LESSONS)]
        inputs, labels = self._batch(lessons)
        logits = self.model(**inputs).logits
        loss = functional.cross_entropy(
            logits[:, :-1].reshape(-1, logits.shape[-1]), labels[:, 1:].reshape(-1), ignore_index=IGNORED
        )
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * min(1.0, step / WARM_UP_STEPS)
            optimizer.step()
        return float(loss.item())

    def _batch(self, lessons: Sequence[Lesson]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Model inputs and labels, padded right; labels cover the targets and their end tokens only."""
        pixels = self.processor.image_processor(images=[draw(item.scene) for item in lessons], return_tensors="pt")
        sequences = [self._tokens(item) for item in lessons]
        longest = max(len(ids) for ids, _ in sequences)
        padding = self.processor.tokenizer.pad_token_id
        ids = torch.full((len(lessons), longest), padding)
        labels = torch.full((len(lessons), longest), IGNORED)
        mask = torch.zeros((len(lessons), longest), dtype=torch.long)
        for row, (tokens, targets) in enumerate(sequences):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            labels[row, : len(tokens)] = torch.tensor(targets)
            mask[row, : len(tokens)] = 1
        inputs = {
            "input_ids": ids,
            "attention_mask": mask,
            "mm_token_type_ids": (ids == self.image_token).long(),
            "pixel_values": pixels["pixel_values"],
            "image_grid_thw": pixels["image_grid_thw"],
        }
        return inputs, labels

    def _tokens(self, item: Lesson) -> tuple[list[int], list[int]]:
        """Token ids of a lesson as the chat template would lay it out, and its labels."""
        ids: list[int] = []
        labels: list[int] = []
        for number, turn in enumerate(item.turns):
            asked = self._asked(turn.asked, is_first=number == 0)
            target = [*self._encoded(turn.target), self.end_token]
            ids += [*asked, *target]
            labels += [*([IGNORED] * len(asked)), *target]
        return ids, labels

    def _asked(self, text: str, *, is_first: bool) -> list[int]:
        if not is_first:
            return self._encoded(f"\n<|im_start|>user\n{text}<|im_end|>\n<|im_start|>assistant\n")
        content = [{"type": "image"}, {"type": "text", "text": text}]
        prompt = self.processor.apply_chat_template(
            [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
        )
        return self._encoded(prompt.replace("<|image_pad|>", "<|image_pad|>" * 9))

    def _encoded(self, text: str) -> list[int]:
        if text not in self.token_cache:
            self.token_cache[text] = self.processor.tokenizer(text, add_special_tokens=False)["input_ids"]
        return self.token_cache[text]


def save(model: Any, processor: Any, folder: Path) -> None:
    """Writes weights (safetensors), tokenizer and processor in the standard layout."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def _optimizers(model: Any) -> list[torch.optim.Optimizer]:
    """Muon for the hidden matrices, AdamW for embeddings, norms and biases."""
    matrices = [
        parameter for name, parameter in model.named_parameters() if parameter.ndim == 2 and "embed" not in name
    ]
    chosen = {id(parameter) for parameter in matrices}
    others = [parameter for parameter in model.parameters() if id(parameter) not in chosen]
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Muon(matrices, lr=MATRIX_RATE, weight_decay=WEIGHT_DECAY, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(others, lr=OTHER_RATE, betas=(0.9, 0.98), weight_decay=WEIGHT_DECAY, fused=True),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["initial_lr"] = group["lr"]
    return optimizers


@torch.no_grad()
def sampled_accuracy(model: Any, processor: Any, examples: Sequence[Example], *, mode: str, seed: int) -> float:
    """Share of right answers at temperature 1."""
    task = load_task("sat")
    correct = 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for first in range(0, len(examples), VALIDATION_BATCH):
            batch = examples[first : first + VALIDATION_BATCH]
            images = [[FittedImage(image, None) for image in example.images] for example in batch]
            inputs = encode_prompts(processor, [task.user_text(example, mode) for example in batch], images)
            output = model.generate(
                **inputs, do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=ANSWER_TOKENS
            )
            texts = processor.batch_decode(output[:, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
            graded = [task.grade(parse(t, mode).answer, e) for t, e in zip(texts, batch, strict=True)]
            correct += sum(bool(answer) for answer in graded)
    return correct / len(examples)
