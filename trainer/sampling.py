"""Samples training prompts before any training, with <think> and without, and forecasts from what came.

A step is one batch of prompts under one of the two prompts: odd steps think, even ones do not, so that what was sampled
until a stop is of both. Each batch has a seed of its own, so a sampling that goes on after a kill takes whole steps
over and ends with the completions of one that was never stopped. What is written are the groups of a GRPO run, without
advantages.

Legend: P prompts of a step on this rank, G completions a prompt; row p*G + g is completion g of prompt p.
"""

from __future__ import annotations

import hashlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from accelerate.utils import gather_object

from evals.forecast import forecast
from evals.rewards import WeightedReward
from evals.suitability import Group, group_of, running_means
from evals.task import Source
from store.config import PromptMode, RunConfig
from store.forecasts import forecast_document, read_launch, write_forecast
from store.layout import RunDir
from store.sampled import Record, Sampled, read_sampled
from trainer.encoding import encode_prompts, until_end
from trainer.errors import EvaluationStopped
from trainer.reading import UnreadableExamples
from trainer.recorder import Recorder
from trainer.reward_table import RewardTable, failed_rewards, prompt_fields, sample_record
from trainer.rows import TrainingRows

logger = logging.getLogger(__name__)

MODES = (PromptMode.THINK.value, PromptMode.DIRECT.value)


class Step(NamedTuple):
    """One batch of prompts under one prompt."""

    number: int
    mode: str
    prompts: range
    """Numbers of the prompts, over all ranks."""


def plan_steps(prompts: int, *, together: int) -> list[Step]:
    """Every step of a sampling; `together` is how many prompts all ranks ask at once."""
    batches = [range(first, min(first + together, prompts)) for first in range(0, prompts, together)]
    return [
        Step(number, mode, batch)
        for number, (batch, mode) in enumerate(((batch, mode) for batch in batches for mode in MODES), start=1)
    ]


def chosen_rows(config: RunConfig, *, available: int) -> list[int]:
    """Which training rows are sampled, in a random order that the seed decides: files are often sorted by class."""
    wanted = min(config.suit.prompts, available)
    return random.Random(f"suit/{config.seed}").sample(range(available), wanted)


def is_whole(earlier: Sampled, step: Step, *, size: int, asked: Callable[[int, str], Record]) -> bool:
    """Whether every group of a step is there with `size` completions, to what would be asked today.

    `asked` gives the fields of a prompt by its number and how it is asked.
    """
    there = earlier.groups.get(step.number, {})
    return all(
        (record := there.get(number)) is not None
        and len(record["samples"]) == size
        and all(record.get(name) == value for name, value in asked(number, step.mode).items())
        for number in step.prompts
    )


class PromptSampling:
    """Samples a model's completions to training prompts, over all ranks together."""

    def __init__(
        self,
        config: RunConfig,
        *,
        run_dir: RunDir,
        rows: TrainingRows,
        source: Source,
        rewards: Sequence[WeightedReward],
        processor: Any,
        recorder: Recorder,
        device: torch.device,
        ends: Sequence[int],
        weights: str,
        is_asked_to_stop: Callable[[], bool],
    ) -> None:
        self.config = config
        self.run_dir = run_dir
        self.rows = rows
        self.source = source
        self.processor = processor
        self.recorder = recorder
        self.device = device
        self.ends = frozenset(ends)
        self.is_asked_to_stop = is_asked_to_stop
        self.reward_table = RewardTable(rewards, rows=rows, tokenizer=processor.tokenizer)
        self.unreadable = UnreadableExamples(recorder, what="training", consequence="another stands in for it")
        self.chosen = chosen_rows(config, available=rows.length)
        self.steps = plan_steps(len(self.chosen), together=config.suit.prompts_per_batch * recorder.world_size)
        self.groups: dict[str, list[Group]] = {mode: [] for mode in MODES}
        """What all ranks have sampled, those of earlier attempts among them."""
        self.first_step = self._take_over(weights)
        self.last_step = self.first_step - 1
        """The last step of which everything is recorded."""

    def _take_over(self, weights: str) -> int:
        """Keeps what earlier attempts sampled in whole steps, and returns the first step that has to be asked."""
        earlier = read_sampled(self.run_dir, before=self.recorder.attempt)
        first = 1
        if earlier.start.get("weights") == weights:
            first = next(
                (
                    step.number
                    for step in self.steps
                    if not is_whole(earlier, step, size=self.config.num_generations, asked=self._prompt)
                ),
                len(self.steps) + 1,
            )
        for step in self.steps[: first - 1]:
            self.groups[step.mode] += [group_of(earlier.groups[step.number][number]) for number in step.prompts]
        return first

    def _prompt(self, number: int, mode: str) -> Record:
        example = self.rows[self.chosen[number]].example
        return prompt_fields(example, self.rows.task.user_text(example, mode), mode=mode)

    def __call__(self, model: Any) -> None:
        """Samples every step that is missing, then writes the forecast. Raises EvaluationStopped or RewardsFailed."""
        model.eval()
        for step in self.steps[self.first_step - 1 :]:
            self._stop_where_asked()
            began = time.perf_counter()
            records = self._sample(model, step)
            if self.recorder.world_size > 1:
                records = gather_object(records)
            self.groups[step.mode] += [group_of(record) for record in records]
            self._record_progress(step, seconds=time.perf_counter() - began)
            self.last_step = step.number
        self._forecast()

    def _stop_where_asked(self) -> None:
        is_asked = self.is_asked_to_stop()
        if any(gather_object([is_asked])) if self.recorder.world_size > 1 else is_asked:
            raise EvaluationStopped(
                "asked to stop before everything was sampled", fix="`rftui resume` goes on from here"
            )

    def _sample(self, model: Any, step: Step) -> list[Record]:
        """This rank's groups of one step, recorded."""
        own = list(step.prompts)[self.recorder.rank :: self.recorder.world_size]
        self.recorder.phase("generate", step=step.number)
        self.reward_table.scored = []
        records = self._groups(model, step, own) if own else []
        for record in records:
            self.recorder.group(record)
        if self.unreadable.has_new(self.rows.reader.reasons) or self.recorder.world_size > 1:
            self.unreadable.note(self.rows.reader.reasons)
        self._refuse_failing_rewards(step)
        return records

    def _groups(self, model: Any, step: Step, numbers: Sequence[int]) -> list[Record]:
        size = self.config.num_generations
        rows = [self.chosen[number] for number in numbers]
        fitted = [self.rows[row] for row in rows]
        texts = [self.rows.task.user_text(item.example, step.mode) for item in fitted]
        token_ids = self._generate(model, step, texts, [item.images for item in fitted])
        self.recorder.phase("reward", step=step.number)
        self.reward_table.begin(
            [row for row in rows for _ in range(size)],
            self.processor.batch_decode(token_ids, skip_special_tokens=True),
            lengths=[len(ids) for ids in token_ids],
            stops=["eos" if ids and ids[-1] in self.ends else "length" for ids in token_ids],
            mode=step.mode,
        )
        for reward in self.reward_table.rewards:
            self.reward_table.column(reward)
        scored = self.reward_table.scored
        return [
            {
                "step": step.number,
                "policy_step": 0,
                "group": number,
                "rank": self.recorder.rank,
                **prompt_fields(item.example, text, mode=step.mode),
                "images": self.recorder.images(item.images),
                "samples": [
                    sample_record(each, self.reward_table.total(each), sample=sample, advantage=None)
                    for sample, each in enumerate(scored[place * size : (place + 1) * size])
                ],
            }
            for place, (number, item, text) in enumerate(zip(numbers, fitted, texts, strict=True))
        ]

    def _generate(self, model: Any, step: Step, texts: Sequence[str], images: Sequence[Any]) -> list[list[int]]:
        """Token ids of G completions to each prompt, prompt by prompt, each up to its end."""
        size = self.config.num_generations
        # each prompt is there G times, since models differ in how they would multiply several images of one prompt
        inputs = encode_prompts(
            self.processor,
            [text for text in texts for _ in range(size)],
            [each for each in images for _ in range(size)],
        ).to(self.device)
        torch.manual_seed(self._seed(step))
        with torch.no_grad():
            output = model.generate(
                **inputs,
                do_sample=True,
                temperature=self.config.temperature,
                top_p=self.config.top_p,
                top_k=self.config.top_k,
                max_new_tokens=self.config.max_completion_length,
            )
        prompt_length = inputs["input_ids"].shape[1]
        return [until_end(ids, self.ends) for ids in output[:, prompt_length:].tolist()]

    def _seed(self, step: Step) -> int:
        """The step's own seed on this rank, the same in every attempt."""
        name = f"suit/{self.config.seed}/{step.number}/{self.recorder.rank}"
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6])

    def _refuse_failing_rewards(self, step: Step) -> None:
        """Raises RewardsFailed on every rank together when too many rewards raised."""
        scored = self.reward_table.scored
        counts = [(sum(bool(each.errors) for each in scored), len(scored))]
        if self.recorder.world_size > 1:
            counts = gather_object(counts)
        failed, total = (sum(column) for column in zip(*counts, strict=True))
        limit = self.config.reward_failure_limit
        if failed > limit * total:
            raise failed_rewards(scored, failed=failed, total=total, step=step.number, limit=limit)

    def _record_progress(self, step: Step, *, seconds: float) -> None:
        """What all prompts so far come to; the mean over them settles as there are more."""
        values: dict[str, float | None] = {"time/generate_s": round(seconds, 6)}
        counts = {f"suit/{step.mode}/{name}": value for name, value in running_means(self.groups[step.mode]).items()}
        self.recorder.metrics(step.number, epoch=None, values=values | counts)
        self.recorder.finish_step()
        if self.recorder.is_main:
            told = ", ".join(f"{name.rpartition('/')[2]} {value:.3g}" for name, value in counts.items())
            logger.info("step %d of %d, %s: %s", step.number, len(self.steps), step.mode, told)

    def _forecast(self) -> None:
        """Writes RUN_DIR/forecast.json, once: what was said before training stays said."""
        if not self.recorder.is_main:
            return
        found = forecast(self.groups["think"], self.groups["direct"], trained_prompt=self.config.prompt.value)
        document = forecast_document(
            found.as_record(),
            config=self.config,
            source=self.source._asdict(),
            launch=read_launch(self.run_dir),
            prompts=len(self.chosen),
            made_at=time.time(),
        )
        if write_forecast(self.run_dir.forecast, document):
            for verdict in found.verdicts:
                logger.info("%s: %s", verdict.about, verdict.outlook.value)
