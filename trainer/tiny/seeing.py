"""Teaches the vision encoder by itself to see what is in the pictures of all tasks, before the language model.

A picture is nine tokens for the encoder and some two hundred, with its questions, for the language model: seeing is
learned twenty times as cheaply here. Linear heads say what stands in each cell or in the picture as a whole, from the
mean of its visual tokens, which is what attention will find there; the heads are then thrown away. Each token also says
which cell it is: without that the language model learned to name aircraft, but neither to find objects nor to read
rows, in 600 steps.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from trainer.tiny.optimizers import make_optimizers, step_all
from trainer.tiny.pictures import patches
from trainer.tiny.subjects import PLACES, Subject

if TYPE_CHECKING:
    from PIL.Image import Image

logger = logging.getLogger(__name__)

REPORT_EVERY = 100
USES = 4
"""How often a picture is looked at: drawing takes as long as learning from it."""
POOL = 1000
"""Pictures of a subject that are kept to be looked at again."""


class Pool:
    """Pictures of one subject; at each step some new ones take the places of old ones."""

    def __init__(self, subject: Subject, rng: random.Random) -> None:
        self.subject = subject
        self._rng = rng
        self._kept: list[tuple[Image, dict[str, tuple[str, ...]]]] = []

    def take(self, count: int) -> list[tuple[Image, dict[str, tuple[str, ...]]]]:
        """So many pictures, each with what is seen in it."""
        for _ in range(-(-count // USES) if self._kept else POOL // USES):
            sample = self.subject.sample(self._rng)
            new = (self.subject.draw(sample), self.subject.seen(sample))
            if len(self._kept) < POOL:
                self._kept.append(new)
            else:
                self._kept[self._rng.randrange(POOL)] = new
        return self._rng.sample(self._kept, count)


class Heads(torch.nn.Module):
    """A linear map from visual tokens to the values of each fact."""

    def __init__(self, subjects: Sequence[Subject], width: int) -> None:
        super().__init__()
        self.maps = torch.nn.ModuleDict(
            {
                f"{subject.name}-{name}": torch.nn.Linear(width, len(fact.values))
                for subject in subjects
                for name, fact in subject.facts.items()
            }
        )
        self.maps["where"] = torch.nn.Linear(width, PLACES["cell"])

    def where(self, tokens: torch.Tensor) -> torch.Tensor:
        """How badly tokens (pictures, 9, width) tell which cell they are: a cross entropy."""
        cells = torch.arange(PLACES["cell"]).expand(len(tokens), -1)
        logits: torch.Tensor = self.maps["where"](tokens)
        return functional.cross_entropy(logits.flatten(0, 1), cells.flatten())

    def forward(self, subject: Subject, name: str, tokens: torch.Tensor) -> torch.Tensor:
        """Logits (pictures, places, values) from tokens (pictures, 9, width)."""
        places = PLACES[subject.facts[name].place]
        pictures, count, width = tokens.shape
        means = tokens.view(pictures, places, count // places, width).mean(dim=2)
        logits: torch.Tensor = self.maps[f"{subject.name}-{name}"](means)
        return logits


def visual_tokens(vision: Any, images: Sequence[Image]) -> torch.Tensor:
    """What the language model will see, (pictures, 9, width)."""
    pixel_values, grid = patches(images)
    tokens: torch.Tensor = vision(pixel_values, grid_thw=grid).pooler_output
    return tokens.view(len(images), 9, -1)


def learn_to_see(
    model: Any, subjects: Sequence[Subject], counts: Sequence[int], *, steps: int, seed: int
) -> dict[str, float]:
    """Trains the model's encoder on so many pictures of each subject a step; the last shares of facts told right."""
    vision = model.model.visual
    vision.train()
    torch.manual_seed(seed)
    heads = Heads(subjects, model.config.text_config.hidden_size)
    optimizers = make_optimizers(torch.nn.ModuleList([vision, heads]))
    rng = random.Random(f"seeing/{seed}")
    began = time.perf_counter()
    right: dict[str, float] = {}
    pools = [Pool(subject, rng) for subject in subjects]
    for step in range(1, steps + 1):
        taken = [pool.take(count) for pool, count in zip(pools, counts, strict=True)]
        images = [image for own in taken for image, _ in own]
        tokens = visual_tokens(vision, images)
        loss = heads.where(tokens)
        for subject, own, seen in zip(subjects, taken, tokens.split(list(counts)), strict=True):
            for name, fact in subject.facts.items():
                gold = torch.tensor([[fact.values.index(value) for value in one[name]] for _, one in own])
                logits = heads(subject, name, seen)
                loss = loss + functional.cross_entropy(logits.flatten(0, 1), gold.flatten()) / len(subject.facts)
                key = f"{subject.name}/{name}"
                # places where nothing is say little about what can be seen
                is_something = gold > 0 if fact.values[0] == "none" else gold >= 0
                share = (logits.argmax(-1) == gold)[is_something].float().mean().item()
                right[key] = 0.95 * right.get(key, 0.0) + 0.05 * share
        loss.backward()
        step_all(optimizers, step=step, factor=min(1.0, 4 * (1 - (step - 1) / steps)))
        if step % REPORT_EVERY == 0:
            shares = "  ".join(f"{key} {share:.2f}" for key, share in right.items())
            logger.info("seeing, step %d  %.0f s  %s", step, time.perf_counter() - began, shares)
    return right
