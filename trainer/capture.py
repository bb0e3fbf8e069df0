"""TRL's GRPO trainer with every completion recorded: rewards by name, advantage, lengths, stop reason, right step.

Two private methods of TRL 1.16 are wrapped, `_calculate_rewards` and `_generate_and_score_completions`; both keep
rows in their original order, and the second returns this rank's advantages in that order (it shuffles later). To what
TRL averages over a step in `_metrics` one metric is added, completions/p95_length, and frac_reward_zero_std counts
groups also where TRL looks at the batch as a whole.

Legend: n rows on this rank (completions of one generation), G completions a prompt; row i of rank r is completion
(r*n + i) % G of group (r*n + i) // G.
"""

from __future__ import annotations

import time
import traceback
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from trl import GRPOTrainer

from evals.parsing import parse
from evals.rewards import Response, WeightedReward, number_or_none
from store.config import RunConfig
from trainer.errors import RewardsFailed
from trainer.recorder import Recorder
from trainer.rows import TrainingRows

ALIKE = 1e-6
"""Rewards that differ by less are the same one."""
TRACEBACK_CHARACTERS = 2000
"""The end of a reward's traceback that is kept; its last lines say what happened."""


class Scored(NamedTuple):
    """One completion on this rank after rewards, before advantages."""

    row: int
    response: Response
    rewards: dict[str, float | None]
    errors: dict[str, str]


class Stopwatch:
    """Seconds spent in each phase since they were last read."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def add(self, phase: str, seconds: float) -> None:
        """Counts `seconds` to `phase`."""
        self.seconds[phase] += seconds

    def read(self) -> dict[str, float]:
        """Metrics `time/<phase>_s` since the last read."""
        read = {f"time/{phase}_s": round(seconds, 6) for phase, seconds in self.seconds.items()}
        self.seconds.clear()
        return read


def think_lengths(tokenizer: Any, thoughts: Sequence[str | None]) -> list[int]:
    """Tokens of each thought; 0 where there is none."""
    written = [thought for thought in thoughts if thought]
    encoded = iter(tokenizer(written, add_special_tokens=False)["input_ids"] if written else [])
    return [len(next(encoded)) if thought else 0 for thought in thoughts]


def dead_share(parts: torch.Tensor, *, group_size: int, is_summed_first: bool) -> float:
    """The share of groups that are paid alike throughout, by the sum or else by each reward: they teach nothing.

    `parts` (completions of all ranks, rewards) are weighted, and nan where a reward does not apply.
    """
    if is_summed_first:
        is_unpaid = parts.isnan().all(dim=1, keepdim=True)
        parts = parts.nansum(dim=1, keepdim=True).masked_fill(is_unpaid, torch.nan)
    grouped = parts.view(-1, group_size, parts.shape[1])
    is_nan = grouped.isnan()
    highest = grouped.masked_fill(is_nan, -torch.inf).amax(dim=1)
    lowest = grouped.masked_fill(is_nan, torch.inf).amin(dim=1)
    return (highest - lowest < ALIKE).all(dim=1).float().mean().item()


class RewardTable:
    """Applies the run's rewards to one generation at a time and keeps what they said.

    TRL calls one function a reward; all of them read completions that were parsed once, in `begin`.
    """

    def __init__(self, rewards: Sequence[WeightedReward], *, rows: TrainingRows, tokenizer: Any) -> None:
        self.rewards = rewards
        self.rows = rows
        self.tokenizer = tokenizer
        self.scored: list[Scored] = []

    def begin(self, rows: Sequence[int], texts: Sequence[str], *, lengths: Sequence[int], stops: Sequence[str]) -> None:
        """Parses the completions of one generation; the four sequences run over this rank's n rows."""
        mode = self.rows.config.prompt.value
        parsed = [parse(text, mode) for text in texts]
        thought_tokens = think_lengths(self.tokenizer, [part.think for part in parsed])
        self.scored = [
            Scored(
                row,
                Response(
                    text=text,
                    mode=mode,
                    think=part.think,
                    answer=part.answer,
                    malformed=part.malformed,
                    tokens=length,
                    think_tokens=think_tokens,
                    stop=stop,
                ),
                {},
                {},
            )
            for row, text, part, length, think_tokens, stop in zip(
                rows, texts, parsed, lengths, thought_tokens, stops, strict=True
            )
        ]

    def column(self, reward: WeightedReward) -> list[float | None]:
        """That reward of every completion, a finite number; None where it cannot be graded or the reward raised.

        A reward that returns something else (text, NaN, infinity) counts as one that raised.
        """
        for scored in self.scored:
            example = self.rows[scored.row].example
            try:
                scored.rewards[reward.name] = number_or_none(reward.function(scored.response, example))
            # a reward may be the user's own code: its failure is recorded and counted, see RewardsFailed
            except Exception:
                scored.rewards[reward.name] = None
                scored.errors[reward.name] = traceback.format_exc()[-TRACEBACK_CHARACTERS:]
        return [scored.rewards[reward.name] for scored in self.scored]

    def total(self, scored: Scored) -> float | None:
        """Weighted sum over the rewards that applied, as TRL 1.16 sums them; None when none did.

        The same for both values of multi_objective_aggregation, and what TRL averages to its metric `reward`; only the
        advantages tell them apart. Either way TRL leaves a completion without any reward out of all means and spreads
        and gives it the advantage 0, so it moves nothing.

        sum_then_normalize: so does a group with fewer than two completions that have a reward; where only some rewards
        are None the others are summed alone, and that completion competes with less. normalize_then_sum: a reward that
        is None counts as its group's mean, and so does one that a single completion of the group has; the sums are
        centred over the batch.
        """
        parts = [
            reward.weight * value for reward in self.rewards if (value := scored.rewards.get(reward.name)) is not None
        ]
        return sum(parts) if parts else None

    def trl_functions(self) -> list[Callable[..., list[float | None]]]:
        """One function a reward, named as TRL will name its metrics."""
        return [self._trl_function(reward) for reward in self.rewards]

    def _trl_function(self, reward: WeightedReward) -> Callable[..., list[float | None]]:
        def apply(**_: Any) -> list[float | None]:
            return self.column(reward)

        apply.__name__ = reward.name
        return apply


class RecordedGRPOTrainer(GRPOTrainer):
    """GRPOTrainer that hands every completion to a Recorder."""

    def __init__(
        self,
        *args: Any,
        config: RunConfig,
        rewards: Sequence[WeightedReward],
        rows: TrainingRows,
        recorder: Recorder,
        stopwatch: Stopwatch,
        tokenizer: Any,
        **kwargs: Any,
    ) -> None:
        self.run_config = config
        self.rows = rows
        self.recorder = recorder
        self.stopwatch = stopwatch
        self.reward_table = RewardTable(rewards, rows=rows, tokenizer=tokenizer)
        self.paid = torch.empty(0)
        """What every reward said of every rank's completions in the last generation, nan for None."""
        self.groups_of_step = (0, 0)
        """The step that last generated, and how many groups it has over all ranks."""
        super().__init__(*args, reward_funcs=self.reward_table.trl_functions(), **kwargs)

    @property
    def generating_step(self) -> int:
        """The step that completions generated now belong to: one past the finished updates."""
        return int(self.state.global_step) + 1

    def _generate(self, prompts: list[Any]) -> Any:
        self.recorder.phase("generate", step=self.generating_step)
        began = time.perf_counter()
        generated = super()._generate(prompts)
        self.stopwatch.add("generate", time.perf_counter() - began)
        return generated

    def _calculate_rewards(
        self, inputs: list[dict[str, Any]], prompts: Any, completions: Any, completion_ids_list: list[list[int]]
    ) -> torch.Tensor:
        self.recorder.phase("reward", step=self.generating_step)
        began = time.perf_counter()
        ends = set(self.eos_token_ids)
        self.reward_table.begin(
            [item["row"] for item in inputs],
            [completion[0]["content"] for completion in completions],
            lengths=[len(ids) for ids in completion_ids_list],
            stops=["eos" if ids and ids[-1] in ends else "length" for ids in completion_ids_list],
        )
        self.paid = super()._calculate_rewards(inputs, prompts, completions, completion_ids_list)
        self.stopwatch.add("reward", time.perf_counter() - began)
        return self.paid

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self._measure_longest()
        self._measure_dead_groups()
        self._record_groups(output["advantages"].tolist())
        self._refuse_failing_rewards()
        self.recorder.phase("update", step=self.generating_step)
        return output

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        before = sum(self.stopwatch.seconds.values())
        began = time.perf_counter()
        loss = super().training_step(*args, **kwargs)
        # generation and rewards happen inside the training step and are counted on their own
        inside = sum(self.stopwatch.seconds.values()) - before
        self.stopwatch.add("update", time.perf_counter() - began - inside)
        return loss

    def _record_groups(self, advantages: Sequence[float]) -> None:
        began = time.perf_counter()
        scored_rows = self.reward_table.scored
        step = self.generating_step
        size = self.run_config.num_generations
        rank_offset = self.recorder.rank * len(scored_rows)
        first_group = self.groups_of_step[1] if self.groups_of_step[0] == step else 0
        samples_by_group: dict[int, list[dict[str, Any]]] = defaultdict(list)
        row_of_group: dict[int, int] = {}
        for index, (scored, advantage) in enumerate(zip(scored_rows, advantages, strict=True), start=rank_offset):
            group = first_group + index // size
            row_of_group[group] = scored.row
            samples_by_group[group].append(self._sample_record(scored, sample=index % size, advantage=advantage))
        for group, samples in samples_by_group.items():
            self.recorder.group(self._group_record(row_of_group[group], group=group, samples=samples))
        made = len(scored_rows) * self.recorder.world_size // size
        self.groups_of_step = (step, first_group + made)
        self.stopwatch.add("record", time.perf_counter() - began)

    def _sample_record(self, scored: Scored, *, sample: int, advantage: float) -> dict[str, Any]:
        response = scored.response
        record: dict[str, Any] = {
            "sample": sample,
            "completion": response.text,
            "think": response.think,
            "answer": response.answer,
            "malformed": response.malformed,
            "rewards": scored.rewards,
            "reward": self.reward_table.total(scored),
            "advantage": advantage,
            "tokens": response.tokens,
            "think_tokens": response.think_tokens,
            "stop": response.stop,
        }
        if scored.errors:
            record["errors"] = scored.errors
        return record

    def _group_record(self, row: int, *, group: int, samples: list[dict[str, Any]]) -> dict[str, Any]:
        fitted = self.rows[row]
        example = fitted.example
        mode = self.run_config.prompt.value
        return {
            "step": self.generating_step,
            "policy_step": int(self.state.global_step),
            "group": group,
            "rank": self.recorder.rank,
            "uid": example.uid,
            "kind": example.kind,
            "question": example.question,
            "options": list(example.options),
            "prompt": self.rows.task.user_text(example, mode),
            "prompt_mode": mode,
            "gold": example.gold,
            "scene": example.scene,
            "images": self.recorder.images(fitted.images),
            "samples": samples,
        }

    def _measure_longest(self) -> None:
        """Adds the length that 95% of all ranks' completions do not exceed, beside TRL's mean and maximum."""
        own = torch.tensor([scored.response.tokens for scored in self.reward_table.scored], dtype=torch.float32)
        lengths = self.accelerator.gather(own.to(self.accelerator.device))
        p95 = torch.quantile(lengths, 0.95, interpolation="higher").item()
        self._metrics["train"]["completions/p95_length"].append(p95)

    def _measure_dead_groups(self) -> None:
        """Puts the share of dead groups under TRL's name for it where TRL itself looks at the batch as a whole."""
        config = self.run_config
        is_summed_first = config.multi_objective_aggregation == "sum_then_normalize"
        if is_summed_first and config.scale_rewards != "batch":
            return
        parts = self.paid * self.reward_weights.to(self.paid.device)
        share = dead_share(parts, group_size=config.num_generations, is_summed_first=is_summed_first)
        self._metrics["train"]["frac_reward_zero_std"][-1] = share

    def _refuse_failing_rewards(self) -> None:
        """Raises RewardsFailed on every rank together when too many rewards raised."""
        failed = sum(bool(scored.errors) for scored in self.reward_table.scored)
        counts = torch.tensor([failed, len(self.reward_table.scored)], device=self.accelerator.device)
        if self.recorder.world_size > 1:
            counts = self.accelerator.gather(counts).view(-1, 2).sum(dim=0)
        all_failed, total = (int(value) for value in counts.tolist())
        if all_failed <= self.run_config.reward_failure_limit * total:
            return
        errors = [item for scored in self.reward_table.scored for item in scored.errors.items()]
        said = [f"{name} said {text.strip().splitlines()[-1]}" for name, text in errors]
        example = said[0] if said else "the failures were on other ranks"
        raise RewardsFailed(
            f"rewards raised for {all_failed} of {total} completions at step {self.generating_step}: {example}",
            expected=f"at most {self.run_config.reward_failure_limit:.0%}",
            fix="read the traceback beside the rollouts of that step, mend the reward, then resume",
        )
