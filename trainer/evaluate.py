"""rftui's own held-out evaluation: the same examples under each prompt, greedily and, when asked, sampled.

TRL's `evaluate` samples and scores by reward, so it is never used. Every answer goes to the journal. Which questions
are answered together is fixed, and each batch has a seed of its own, so an evaluation that goes on after a kill takes
whole batches over and ends with the answers of one that was never stopped.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from trl.models.utils import unwrap_model_for_generation

from evals.checking.samples import sampled_problems
from evals.choices import graded, rotations
from evals.class_names import names_of
from evals.parsing import parse
from evals.scoring import circular_score, score
from evals.task import Example, Source, Task
from evals.unmatched import Given, unmatched_record
from store.config import PromptMode, RunConfig
from trainer.earlier_answers import EarlierAnswers
from trainer.encoding import encode_prompts, until_end
from trainer.errors import EvaluationStopped
from trainer.held_out_records import SPLIT, Question, Record, Way, question_fields, scored, verdicts
from trainer.model import FittedImage, ImageFitter
from trainer.reading import CANDIDATES, Fitted, ImageReader, UnreadableExamples
from trainer.recorder import Recorder
from trainer.reward_table import think_lengths

LEVEL = 0.95
"""Confidence level of the intervals."""


class Asked(NamedTuple):
    """One question about to be answered."""

    question: Question
    counts: bool
    """False for one that only fills a batch."""
    fitted: Fitted


class Answered(NamedTuple):
    """One question with what the model said."""

    question: Question
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
        earlier: EarlierAnswers,
        is_asked_to_stop: Callable[[], bool] = lambda: False,
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
        self.earlier = earlier
        self.is_asked_to_stop = is_asked_to_stop
        """Looked at before each batch; where it says so, EvaluationStopped is raised."""
        settings = config.evaluation
        self.examples = task.examples(SPLIT, seed=settings.seed, difficulty=config.difficulty, source=source)
        available = self.examples.length
        self.count = settings.examples if available is None else min(settings.examples, available)
        self.batch_size = settings.batch_size
        self.max_new_tokens = settings.max_new_tokens or config.max_completion_length
        self.decodings = [Decoding("greedy", 1.0)]
        if settings.sampled:
            self.decodings.append(Decoding("sampled", settings.temperature))
        self._note_problems()

    def _note_problems(self) -> None:
        """Notes in the run what the launch warned of: images that are trained on too, answers that cannot be graded."""
        if not self.recorder.is_main:
            return
        config = self.config
        trained = self.task.examples("train", seed=config.seed, difficulty=config.difficulty, source=self.source)
        for problem in sampled_problems(self.task, trained, self.examples):
            self.recorder.note("warning", problem.found)

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
                    if (circular := result["circular"]) is not None:
                        metrics[f"{prefix}/circular/mean"] = circular["mean"]
                        metrics[f"{prefix}/circular/every"] = circular["every"]["accuracy"]
        finally:
            model.train(was_training)
        if self.unreadable.noted:
            metrics["heldout/unreadable_examples"] = len(self.unreadable.noted)
        return metrics

    def _evaluate(self, model: Any, *, step: int, mode: PromptMode, decoding: Decoding) -> dict[str, Any]:
        began = time.perf_counter()
        way = Way(step, mode.value, decoding.name)
        with self._generating(model) as generator:
            plain = self._ask(generator, [Question(index) for index in range(self.count)], way, decoding)
            rotated = self._ask(generator, self._rotated_questions(), way, decoding)
        unreadable = self.count - len(plain.records)
        if unreadable:
            self.unreadable.note(self.reader.reasons)
        result = {
            **way._asdict(),
            "split": SPLIT,
            "source": self.source._asdict(),
            **score([scored(record) for record in plain.records], level=LEVEL).as_record(),
            "circular": self._circular(plain, rotated),
            "unmatched": unmatched_record(
                [Given(record["answer"], record["correct"], record["options"]) for record in plain.records],
                self.task.answer_space(self.source),
                names=names_of(self.examples[0]),
            ),
            "unreadable": unreadable,
            "taken_over": plain.taken_over + rotated.taken_over,
            "seconds": round(time.perf_counter() - began, 3),
            "temperature": decoding.temperature if decoding.name == "sampled" else 0.0,
            "seed": self.config.evaluation.seed,
        }
        self.recorder.eval_result(result)
        self.recorder.finish_step()
        return result

    def _rotated_questions(self) -> list[Question]:
        """Every example with its options turned, where circular evaluation was asked for."""
        if not self.config.evaluation.circular:
            return []
        counts = [len(self.examples[index].options) for index in range(self.count)]
        return [
            Question(index, rotation)
            for rotation in range(1, max(counts, default=0))
            for index, count in enumerate(counts)
            if rotation < count
        ]

    def _circular(self, plain: _Round, rotated: _Round) -> dict[str, Any] | None:
        if not self.config.evaluation.circular:
            return None
        found: dict[str, dict[int, bool | None]] = {}
        counts: dict[str, int] = {}
        for verdict in verdicts([*plain.records, *rotated.records]):
            found.setdefault(str(verdict.example), {})[verdict.rotation] = verdict.correct
            counts[str(verdict.example)] = verdict.rotations
        circular = circular_score(found, counts)
        return None if circular is None else circular.as_record()

    @contextmanager
    def _generating(self, model: Any) -> Iterator[Any]:
        """The bare model ready to generate, with training's random state put back afterwards."""
        devices = [self.accelerator.device] if self.accelerator.device.type == "cuda" else []
        with (
            torch.random.fork_rng(devices=devices),
            unwrap_model_for_generation(model, self.accelerator) as generator,
            torch.no_grad(),
        ):
            yield generator

    def _ask(self, generator: Any, questions: Sequence[Question], way: Way, decoding: Decoding) -> _Round:
        """The records of all ranks' answers, those of earlier attempts among them. Raises EvaluationStopped."""
        own: list[Record] = []
        taken_over = 0
        world = self.recorder.world_size
        for number, first in enumerate(range(0, len(questions), world * self.batch_size)):
            together = questions[first : first + world * self.batch_size]
            known = self._known(together, way)
            if known is not None:
                for question, record in known[self.recorder.rank :: world]:
                    self.recorder.eval_answer(question.kind, record)
                    own.append(record)
                taken_over += len(known)
                continue
            self._stop_where_asked()
            self.recorder.phase("eval", step=way.step)
            torch.manual_seed(self._batch_seed(way, together, number))
            answered = self._answer(generator, self._readable(self._share(together)), way=way, decoding=decoding)
            own += self._record(answered, way)
        everything = gather_object(own) if world > 1 else own
        return _Round(everything, taken_over)

    def _known(self, questions: Sequence[Question], way: Way) -> list[tuple[Question, Record]] | None:
        """What earlier attempts recorded of the answers to a batch; None where one of them is missing.

        Batches are taken over whole: a completion depends, in its last bits, on those it was made with.
        """
        found: list[tuple[Question, Record]] = []
        for question in questions:
            example = self._example(question)
            fields = question_fields(way, question, example, self.task.user_text(example, way.prompt))
            record = self.earlier.find(way, question, fields)
            if record is None:
                return None
            found.append((question, record))
        return found

    def _example(self, question: Question) -> Example:
        example = self.examples[question.example]
        return rotations(example)[question.rotation] if question.rotation else example

    def _stop_where_asked(self) -> None:
        is_asked = self.is_asked_to_stop()
        if any(gather_object([is_asked])) if self.recorder.world_size > 1 else is_asked:
            raise EvaluationStopped("asked to stop in mid-evaluation", fix="`rftui resume` goes on from here")

    def _batch_seed(self, way: Way, questions: Sequence[Question], number: int) -> int:
        """The batch's own seed on this rank, the same at every step and in every attempt."""
        name = f"{self.config.evaluation.seed}/{way.prompt}/{questions[0].rotation}/{number}/{self.recorder.rank}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])

    def _share(self, questions: Sequence[Question]) -> list[tuple[Question, bool]]:
        """This rank's part of the questions that all ranks answer together, each with whether it counts.

        Every rank gets as many, repeating its last one, or the first of all, where it has fewer, because sharded
        weights (ZeRO-3) only generate when all ranks do.
        """
        world = self.recorder.world_size
        longest = -(-len(questions) // world)
        own = list(questions[self.recorder.rank :: world])
        filler = own[-1] if own else questions[0]
        return [*((question, True) for question in own), *[(filler, False)] * (longest - len(own))]

    def _readable(self, batch: Sequence[tuple[Question, bool]]) -> list[Asked]:
        """The batch without examples that cannot be read, and never empty: every rank must take part in generating.

        Raises ExamplesUnreadable where the next ones cannot be read either.
        """
        asked = [
            Asked(question, counts, fitted)
            for question, counts in batch
            if (fitted := self._fitted(question)) is not None
        ]
        if asked:
            return asked
        tried = min(CANDIDATES, self.count)
        for offset in range(tried):
            question = Question((batch[0][0].example + offset) % self.count)
            if (fitted := self._fitted(question)) is not None:
                return [Asked(question, False, fitted)]
        raise self.reader.refusal(tried, what="held-out")

    def _fitted(self, question: Question) -> Fitted | None:
        """The question with its images; None where they cannot be read, which is said once for all rotations."""
        plain = self.reader.read(self.examples[question.example])
        if plain is None or question.rotation == 0:
            return plain
        return Fitted(self._example(question), plain.images)

    def _answer(self, generator: Any, batch: Sequence[Asked], *, way: Way, decoding: Decoding) -> list[Answered]:
        texts = [self.task.user_text(asked.fitted.example, way.prompt) for asked in batch]
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
        token_ids = [until_end(ids, self.ends) for ids in output[:, prompt_length:].tolist()]
        completions = self.processor.batch_decode(token_ids, skip_special_tokens=True)
        return [
            Answered(
                question=asked.question,
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

    def _record(self, answered: Sequence[Answered], way: Way) -> list[Record]:
        """Writes one record an answer, and returns them."""
        parsed = [parse(item.completion, way.prompt) for item in answered]
        think_tokens = think_lengths(self.processor.tokenizer, [part.think for part in parsed])
        records: list[Record] = []
        for item, part, thought in zip(answered, parsed, think_tokens, strict=True):
            record = question_fields(way, item.question, item.example, item.user_text) | {
                "images": self.recorder.images(item.images),
                "completion": item.completion,
                "think": part.think,
                "answer": part.answer,
                "malformed": part.malformed,
                "correct": graded(self.task, part.answer, item.example),
                "tokens": item.tokens,
                "think_tokens": thought,
                "stop": item.stop,
            }
            self.recorder.eval_answer(item.question.kind, record)
            records.append(record)
        return records


class _Round(NamedTuple):
    """The answers to some questions under one prompt and decoding, of all ranks."""

    records: list[Record]
    """Of the questions whose images can be read."""
    taken_over: int
    """Answers of earlier attempts among them."""
