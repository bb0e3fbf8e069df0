"""Teaches the vision encoder by itself to see what is in the pictures of all tasks, before the language model.

A picture is nine tokens for the encoder and some two hundred, with its questions, for the language model: seeing is
learned twenty times as cheaply here. Heads say what stands in each cell or in the picture as a whole, from the
mean of its visual tokens, which is what attention will find there; each token also says which cell it is. A fact is
told by the embeddings of its words, so that the language model finds pictures written in words it has: with heads of
their own it learned to name aircraft, but neither to find objects nor to read rows, in 600 steps.
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
    """Tells the value of each fact from visual tokens by the language model's own embeddings of the values' words."""

    def __init__(self, model: Any, tokenizer: Any, subjects: Sequence[Subject]) -> None:
        super().__init__()
        self.embedding = model.get_input_embeddings()
        self.where_map = torch.nn.Linear(self.embedding.embedding_dim, PLACES["cell"])
        self._ids = {
            (subject.name, name): [tokenizer(f" {value}")["input_ids"] for value in fact.values]
            for subject in subjects
            for name, fact in subject.facts.items()
        }

    def where(self, tokens: torch.Tensor) -> torch.Tensor:
        """How badly tokens (pictures, 9, width) tell which cell they are: a cross entropy."""
        cells = torch.arange(PLACES["cell"]).expand(len(tokens), -1)
        logits: torch.Tensor = self.where_map(tokens)
        return functional.cross_entropy(logits.flatten(0, 1), cells.flatten())

    def forward(self, subject: Subject, name: str, tokens: torch.Tensor) -> torch.Tensor:
        """Logits (pictures, places, values) from tokens (pictures, 9, width)."""
        places = PLACES[subject.facts[name].place]
        pictures, count, width = tokens.shape
        means = tokens.view(pictures, places, count // places, width).mean(dim=2)
        words = [self.embedding.weight[ids].mean(dim=0) for ids in self._ids[subject.name, name]]
        return means @ torch.stack(words).T


def share_words(model: Any, tokenizer: Any) -> None:
    """Gives a word the same embedding at the start of a text as after a space."""
    vocabulary = tokenizer.get_vocab()
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        for word, spaced in ((token[1:], token) for token in vocabulary if token.startswith("Ġ")):
            if word in vocabulary:
                weight[vocabulary[word]] = weight[vocabulary[spaced]]


def visual_tokens(vision: Any, images: Sequence[Image]) -> torch.Tensor:
    """What the language model will see, (pictures, 9, width)."""
    pixel_values, grid = patches(images)
    tokens: torch.Tensor = vision(pixel_values, grid_thw=grid).pooler_output
    # the language model's layers begin with the same norm
    return functional.rms_norm(tokens, tokens.shape[-1:]).view(len(images), 9, -1)


def learn_to_see(
    model: Any, tokenizer: Any, subjects: Sequence[Subject], counts: Sequence[int], *, steps: int, seed: int
) -> dict[str, float]:
    """Trains the model's encoder and embeddings on so many pictures of each subject a step.

    Returns which shares of the facts were told right at the end.
    """
    vision = model.model.visual
    vision.train()
    torch.manual_seed(seed)
    share_words(model, tokenizer)
    heads = Heads(model, tokenizer, subjects)
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
