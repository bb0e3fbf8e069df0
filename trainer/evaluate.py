"""rftui's own held-out evaluation: the same examples under each prompt, greedily and, when asked, sampled.

TRL's `evaluate` samples and scores by reward, so it is never used. Every answer goes to the journal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from trl.models.utils import unwrap_model_for_generation

from evals.parsing import parse
from evals.scoring import Scored, score
from evals.task import Example, Source, Task
from store.config import PromptMode, RunConfig
from trainer.capture import think_lengths
from trainer.model import FittedImage, ImageFitter
from trainer.reading import CANDIDATES, Fitted, ImageReader, UnreadableExamples
from trainer.recorder import Recorder

LEVEL = 0.95
"""Confidence level of the intervals."""


class Asked(NamedTuple):
    """One held-out example about to be answered."""

    example_index: int
    counts: bool
    """False for one that only fills a batch."""
    fitted: Fitted


class Answered(NamedTuple):
    """One held-out example with what the model said."""

    example_index: int
    example: Example
    images: tuple[FittedImage, ...]
    user_text: str
    completion: str
    tokens: int
    stop: str


class Decoding(NamedTuple):
    """How answers are decoded."""

    name: str
    """greedy or sampled"""
    temperature: float
    """1.0 for greedy, where it means nothing."""

    @property
    def generate_arguments(self) -> dict[str, Any]:
        """Arguments of `generate`."""
        if self.name == "greedy":
            return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
        return {"do_sample": True, "temperature": self.temperature, "top_p": 1.0, "top_k": 0}


class HeldOutEvaluation:
    """Evaluates a model on the run's held-out examples, over all ranks together."""

    def __init__(
        self,
        config: RunConfig,
        *,
        task: Task,
        source: Source,
        processor: Any,
        fit: ImageFitter,
        recorder: Recorder,
        accelerator: Accelerator,
        ends: Sequence[int],
    ) -> None:
        self.config = config
        self.task = task
        self.source = source
        self.processor = processor
        self.reader = ImageReader(fit)
        self.unreadable = UnreadableExamples(recorder, what="held-out", consequence="no evaluation counts it")
        self.recorder = recorder
        self.accelerator = accelerator
        self.ends = list(ends)
        settings = config.evaluation
        self.examples = task.examples("heldout", seed=settings.seed, difficulty=config.difficulty, source=source)
        available = self.examples.length
        self.count = settings.examples if available is None else min(settings.examples, available)
        self.batch_size = settings.batch_size
        self.max_new_tokens = settings.max_new_tokens or config.max_completion_length
        self.decodings = [Decoding("greedy", 1.0)]
        if settings.sampled:
            self.decodings.append(Decoding("sampled", settings.temperature))

    def __call__(self, model: Any, *, step: int) -> dict[str, float]:
        """Evaluates after `step` updates under every configured prompt and decoding.

        Returns metrics `heldout/<prompt>/<decoding>/...`; samples and results are in the journal by then.
        """
        if self.count == 0:
            return {}
        metrics: dict[str, float] = {}
        was_training = model.training
        model.eval()
        try:
            for mode in self.config.evaluation.prompts:
                for decoding in self.decodings:
                    result = self._evaluate(model, step=step, mode=mode, decoding=decoding)
                    prefix = f"heldout/{mode.value}/{decoding.name}"
                    metrics |= {f"{prefix}/{name}": result[name] for name in ("accuracy", "mean_tokens", "unparsed")}
        finally:
            model.train(was_training)
        if self.unreadable.noted:
            metrics["heldout/unreadable_examples"] = len(self.unreadable.noted)
        return metrics

    def _evaluate(self, model: Any, *, step: int, mode: PromptMode, decoding: Decoding) -> dict[str, Any]:
        began = time.perf_counter()
        own: list[Scored] = []
        with self._generating(model) as generator:
            for batch in self._batches():
                self.recorder.phase("eval", step=step)
                answered = self._answer(generator, self._readable(batch), mode=mode, decoding=decoding)
                own += self._record(answered, step=step, mode=mode, decoding=decoding)
        everything = gather_object(own) if self.recorder.world_size > 1 else own
        totals = score(everything, level=LEVEL)
        unreadable = self.count - len(everything)
        if unreadable:
            self.unreadable.note(self.reader.reasons)
        result = {
            "step": step,
            "prompt": mode.value,
            "decoding": decoding.name,
            "split": "heldout",
            "source": self.source._asdict(),
            **totals.as_record(),
            "unreadable": unreadable,
            "seconds": round(time.perf_counter() - began, 3),
            "temperature": decoding.temperature if decoding.name == "sampled" else 0.0,
            "seed": self.config.evaluation.seed,
        }
        self.recorder.eval_result(result)
        self.recorder.finish_step()
        return result

    @contextmanager
    def _generating(self, model: Any) -> Iterator[Any]:
        """The bare model ready to generate, with training's random state put back afterwards."""
        devices = [self.accelerator.device] if self.accelerator.device.type == "cuda" else []
        with (
            torch.random.fork_rng(devices=devices),
            unwrap_model_for_generation(model, self.accelerator) as generator,
            torch.no_grad(),
        ):
            torch.manual_seed(self.config.evaluation.seed * 1000 + self.recorder.rank)
            yield generator

    def _batches(self) -> Iterator[list[tuple[int, bool]]]:
        """Example indices of this rank in batches, each with whether it counts.

        Every rank gets as many batches of the same sizes, repeating its last example where it has fewer, because
        sharded weights (ZeRO-3) only generate when all ranks do.
        """
        world = self.recorder.world_size
        longest = -(-self.count // world)
        own = list(range(self.recorder.rank, self.count, world))
        filler = own[-1] if own else 0
        padded = [(index, True) for index in own] + [(filler, False)] * (longest - len(own))
        for first in range(0, longest, self.batch_size):
            yield padded[first : first + self.batch_size]

    def _readable(self, batch: Sequence[tuple[int, bool]]) -> list[Asked]:
        """The batch without examples that cannot be read, and never empty: every rank must take part in generating.

        Raises ExamplesUnreadable where the next ones cannot be read either.
        """
        asked = [
            Asked(index, counts, fitted)
            for index, counts in batch
            if (fitted := self.reader.read(self.examples[index])) is not None
        ]
        if asked:
            return asked
        tried = min(CANDIDATES, self.count)
        for offset in range(tried):
            index = (batch[0][0] + offset) % self.count
            if (fitted := self.reader.read(self.examples[index])) is not None:
                return [Asked(index, False, fitted)]
        raise self.reader.refusal(tried, what="held-out")

    def _answer(
        self, generator: Any, batch: Sequence[Asked], *, mode: PromptMode, decoding: Decoding
    ) -> list[Answered]:
        texts = [self.task.user_text(asked.fitted.example, mode.value) for asked in batch]
        inputs = encode_prompts(self.processor, texts, [asked.fitted.images for asked in batch]).to(
            self.accelerator.device
        )
        output = generator.generate(
            **inputs,
            **decoding.generate_arguments,
            max_new_tokens=self.max_new_tokens,
            synced_gpus=self.config.zero == 3,
        )
        prompt_length = inputs["input_ids"].shape[1]
        token_ids = [self._until_end(ids) for ids in output[:, prompt_length:].tolist()]
        completions = self.processor.batch_decode(token_ids, skip_special_tokens=True)
        return [
            Answered(
                example_index=asked.example_index,
                example=asked.fitted.example,
                images=asked.fitted.images,
                user_text=text,
                completion=completion,
                tokens=len(ids),
                stop="eos" if ids and ids[-1] in self.ends else "length",
            )
            for asked, text, completion, ids in zip(batch, texts, completions, token_ids, strict=True)
            if asked.counts
        ]

    def _until_end(self, ids: list[int]) -> list[int]:
        """Token ids up to and including the first end token."""
        for position, token in enumerate(ids):
            if token in self.ends:
                return ids[: position + 1]
        return ids

    def _record(self, answered: Sequence[Answered], *, step: int, mode: PromptMode, decoding: Decoding) -> list[Scored]:
        """Writes one record an answer and returns what the totals need."""
        parsed = [parse(item.completion, mode.value) for item in answered]
        think_tokens = think_lengths(self.processor.tokenizer, [part.think for part in parsed])
        scored: list[Scored] = []
        for item, part, thought in zip(answered, parsed, think_tokens, strict=True):
            correct = self.task.grade(part.answer, item.example)
            self.recorder.eval_sample(
                {
                    "step": step,
                    "prompt": mode.value,
                    "decoding": decoding.name,
                    "split": "heldout",
                    "index": item.example_index,
                    "uid": item.example.uid,
                    "kind": item.example.kind,
                    "question": item.example.question,
                    "options": list(item.example.options),
                    "user_text": item.user_text,
                    "gold": item.example.gold,
                    "images": self.recorder.images(item.images),
                    "scene": item.example.scene,
                    "completion": item.completion,
                    "think": part.think,
                    "answer": part.answer,
                    "malformed": part.malformed,
                    "correct": correct,
                    "tokens": item.tokens,
                    "think_tokens": thought,
                    "stop": item.stop,
                }
            )
            scored.append(
                Scored(
                    kind=item.example.kind,
                    correct=correct,
                    is_parsed=part.answer is not None,
                    tokens=item.tokens,
                    think_tokens=thought,
                    is_clipped=item.stop == "length",
                )
            )
        return scored


def encode_prompts(processor: Any, texts: Sequence[str], images: Sequence[Sequence[FittedImage]]) -> Any:
    """Model inputs of one user turn each, padded left; images stand before the text, as TRL puts them."""
    prompts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [*({"type": "image"} for _ in fitted), {"type": "text", "text": text}]}],
            add_generation_prompt=True,
            tokenize=False,
        )
        for text, fitted in zip(texts, images, strict=True)
    ]
    pictures = [[item.image for item in fitted] for fitted in images]
    return processor(text=prompts, images=pictures if any(pictures) else None, padding=True, return_tensors="pt")
