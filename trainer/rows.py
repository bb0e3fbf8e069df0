"""Makes the rows that TRL trains on from a task's examples, lazily: an image is drawn or read when its row is."""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from dataclasses import replace
from typing import Any, NamedTuple

from datasets import Dataset

from evals.task import Example, Examples, Task
from store.config import Method, RunConfig
from trainer.model import ImageFitter
from trainer.reading import CANDIDATES, Fitted, ImageReader

CACHED_EXAMPLES = 256
"""GRPO asks for each row G times in a row; drawing or decoding its image once is enough."""


class _Choice(NamedTuple):
    """What a row lets answer, and which of it is right."""

    options: tuple[str, ...]
    gold: str

    def answer_of(self, other: _Choice) -> str:
        """The other row's gold; where this row does not offer it, the option at the place where that gold stood.

        A gold that nobody can answer would leave every group without a reward, which is no control of learning.
        """
        if not self.options or other.gold in self.options or other.gold not in other.options:
            return other.gold
        return self.options[other.options.index(other.gold) % len(self.options)]


class TrainingRows:
    """Training examples by row number, and TRL's data set over them.

    Row i is a pure function of the configuration, the data and i, whatever was asked before and on whichever rank: an
    example whose images cannot be read is replaced by another row's, and which one follows from i.
    """

    def __init__(self, task: Task, examples: Examples, *, config: RunConfig, fit: ImageFitter) -> None:
        self.task = task
        self.config = config
        self.reader = ImageReader(fit)
        self.examples = examples
        self.length = training_length(config, available=examples.length)
        self.shuffled_golds = self._permuted_golds() if config.shuffle_gold else {}
        self.cache: OrderedDict[int, Fitted] = OrderedDict()

    def __getitem__(self, row: int) -> Fitted:
        if row in self.cache:
            self.cache.move_to_end(row)
            return self.cache[row]
        fitted = self._read(row)
        self.cache[row] = fitted
        if len(self.cache) > CACHED_EXAMPLES:
            self.cache.popitem(last=False)
        return fitted

    def _read(self, row: int) -> Fitted:
        """The row, or the first readable one of its stand-ins. Raises ExamplesUnreadable where there is none."""
        candidates = [row, *self._stand_ins(row)]
        for candidate in candidates:
            if (fitted := self.reader.read(self._example(candidate))) is not None:
                return fitted
        raise self.reader.refusal(len(candidates), what="training")

    def _stand_ins(self, row: int) -> list[int]:
        """Other rows in an order that is the row's own."""
        rng = random.Random(f"stand-in/{self.config.seed}/{row}")
        rows = rng.sample(range(self.length), min(self.length, CANDIDATES))
        return [other for other in rows if other != row][: CANDIDATES - 1]

    def _example(self, row: int) -> Example:
        example = self.examples[row]
        return replace(example, gold=self.shuffled_golds[row]) if row in self.shuffled_golds else example

    def _permuted_golds(self) -> dict[int, str]:
        """Gold answers permuted among the rows of each question type."""
        rng = random.Random(self.config.seed)
        rows_by_kind: dict[str, list[int]] = {}
        choices: dict[int, _Choice] = {}
        for row in range(self.length):
            example = self.examples[row]
            rows_by_kind.setdefault(example.kind, []).append(row)
            choices[row] = _Choice(example.options, example.gold)
        permuted: dict[int, str] = {}
        for rows in rows_by_kind.values():
            shuffled = rng.sample(rows, len(rows))
            permuted |= {row: choices[row].answer_of(choices[other]) for row, other in zip(rows, shuffled, strict=True)}
        return permuted

    def dataset(self) -> Dataset:
        """TRL's data set: a column of row numbers that becomes prompts and images when rows are read."""
        as_row = self._grpo_row if self.config.method is Method.GRPO else self._sft_row

        def rows_of(batch: dict[str, list[int]]) -> dict[str, list[Any]]:
            rows = [as_row(row) for row in batch["row"]]
            return {key: [row[key] for row in rows] for key in rows[0]}

        return Dataset.from_dict({"row": list(range(self.length))}).with_transform(rows_of)

    def _grpo_row(self, row: int) -> dict[str, Any]:
        fitted = self[row]
        text = self.task.user_text(fitted.example, self.config.prompt.value)
        # plain string content beside an images column is the form TRL handles for every model
        return {
            "prompt": [{"role": "user", "content": text}],
            "images": [item.image for item in fitted.images],
            "row": row,
        }

    def _sft_row(self, row: int) -> dict[str, Any]:
        fitted = self[row]
        completion = self.task.reference_completion(
            fitted.example, self.config.prompt.value, target=self.config.sft_target
        )
        return self._grpo_row(row) | {"completion": [{"role": "assistant", "content": completion}]}


def training_length(config: RunConfig, *, available: int | None) -> int:
    """Rows to train on; `available` is None where examples are generated without end.

    A generated set is as large as the steps consume, so that no example comes twice.
    """
    if config.method is Method.GRPO:
        prompts_a_generation = config.completions_per_generation // config.num_generations
        generations = math.ceil(config.rollouts_through(config.max_steps) / config.completions_per_generation)
        consumed = generations * prompts_a_generation
    elif config.method is Method.SUIT:
        consumed = config.suit.prompts
    else:
        consumed = config.max_steps * int(config.examples_per_step)
    wanted = config.train_examples or (consumed if available is None else available)
    return wanted if available is None else min(wanted, available)
