"""Trains the embedded model from nothing and stops by validation accuracy: able, but far from solved.

First the vision encoder learns to see by itself, then the whole model describes and answers. A task whose validation
accuracy has reached its band gets fewer questions until the others are there too. No wrong labels, no poor
demonstrator: what GRPO can gain later is what an early stop left open.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from trainer.tiny.curriculum import SUBJECTS, Lesson, Share, lessons
from trainer.tiny.optimizers import make_optimizers, step_all
from trainer.tiny.pictures import patches
from trainer.tiny.seeing import learn_to_see
from trainer.tiny.validation import BANDS, validate, validation_set

logger = logging.getLogger(__name__)

BATCH_LESSONS = 24
SEEING_STEPS = 500
SEEING_PICTURES = {"sat": 6, "aircraft": 24, "banner": 40}
"""A step."""
DESCRIPTION_STEPS = 300
"""Steps of descriptions alone, before questions come."""
QUESTIONS = 0.75
"""Share of turns that are questions, once questions begin."""
QUESTIONS_IN_BAND, WEIGHT_IN_BAND = 0.2, 0.4
"""For a task that has reached its band, so that it keeps what it can."""
VALIDATE_EVERY = 100
VALIDATION_EXAMPLES = 300
IGNORED = -100


class Pretraining:
    """The training loop of the embedded model."""

    def __init__(self, model: Any, processor: Any, *, seed: int) -> None:
        self.model = model
        self.processor = processor
        self.seed = seed
        self.rng = random.Random(1000 + seed)
        self.end_token = processor.tokenizer.convert_tokens_to_ids("<|im_end|>")
        self.image_token = processor.tokenizer.convert_tokens_to_ids("<|image_pad|>")
        self.token_cache: dict[str, list[int]] = {}
        self.shares = {subject.name: Share(1.0, QUESTIONS) for subject in SUBJECTS}
        self.sets = [validation_set(subject.name, count=VALIDATION_EXAMPLES) for subject in SUBJECTS]

    def see(self) -> None:
        """Trains the vision encoder alone."""
        counts = [SEEING_PICTURES[subject.name] for subject in SUBJECTS]
        learn_to_see(self.model, self.processor.tokenizer, SUBJECTS, counts, steps=SEEING_STEPS, seed=self.seed)

    def run(self, *, most_steps: int, snapshots: Path | None = None) -> int:
        """Trains until every validation accuracy is in its band and returns the step.

        With `snapshots`, the weights of every validation are kept in folders there. Raises RuntimeError where the
        bands are never reached.
        """
        optimizers = make_optimizers(self.model)
        began = time.perf_counter()
        self.model.train()
        for step in range(1, most_steps + 1):
            loss = self._loss(with_questions=step > DESCRIPTION_STEPS)
            loss.backward()
            step_all(optimizers, step=step)
            if step % VALIDATE_EVERY or step <= DESCRIPTION_STEPS:
                continue
            reached = validate(self.model, self.processor, self.sets)
            told = "  ".join(f"{name} {rates['think']:.3f} {rates['direct']:.3f}" for name, rates in reached.items())
            logger.info("step %d  loss %.3f  %s  %.0f s", step, loss.item(), told, time.perf_counter() - began)
            if snapshots is not None:
                save(self.model, self.processor, snapshots / f"step-{step}")
            if self._share_out(reached):
                return step
        raise RuntimeError(f"validation never reached {BANDS} in {most_steps} steps; try another seed")

    def _share_out(self, reached: dict[str, dict[str, float]]) -> bool:
        """Gives tasks that are in their bands fewer questions; whether all are."""
        missing = 0
        for name, rates in reached.items():
            is_there = min(rates.values()) >= BANDS[name].low
            missing += not is_there or max(rates.values()) > BANDS[name].high
            self.shares[name] = Share(WEIGHT_IN_BAND, QUESTIONS_IN_BAND) if is_there else Share(1.0, QUESTIONS)
        return not missing

    def _loss(self, *, with_questions: bool) -> torch.Tensor:
        """Cross entropy of the targets of one batch."""
        shares = self.shares if with_questions else {name: Share(1.0, 0.0) for name in self.shares}
        inputs, labels = self._batch(lessons(self.rng, shares, count=BATCH_LESSONS))
        hidden = self.model.model(**inputs).last_hidden_state[:, :-1]
        counts = labels[:, 1:] != IGNORED
        # four tokens of five are no targets: their logits are never needed
        return functional.cross_entropy(self.model.lm_head(hidden[counts]), labels[:, 1:][counts])

    def _batch(self, batch: Sequence[Lesson]) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        """Model inputs and labels, padded right; labels cover the targets and their end tokens only."""
        pixel_values, grid = patches([item.image for item in batch])
        sequences = [self.tokens(item) for item in batch]
        longest = max(len(ids) for ids, _ in sequences)
        ids = torch.full((len(batch), longest), self.processor.tokenizer.pad_token_id)
        labels = torch.full((len(batch), longest), IGNORED)
        mask = torch.zeros((len(batch), longest), dtype=torch.long)
        for row, (tokens, targets) in enumerate(sequences):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            labels[row, : len(tokens)] = torch.tensor(targets)
            mask[row, : len(tokens)] = 1
        inputs = {
            "input_ids": ids,
            "attention_mask": mask,
            "mm_token_type_ids": (ids == self.image_token).long(),
            "pixel_values": pixel_values,
            "image_grid_thw": grid,
        }
        return inputs, labels

    def tokens(self, item: Lesson) -> tuple[list[int], list[int]]:
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
