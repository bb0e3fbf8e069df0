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
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from trl import GRPOTrainer

from evals.rewards import WeightedReward
from store.config import RunConfig
from trainer.recorder import Recorder
from trainer.reward_table import RewardTable, failed_rewards, prompt_fields, sample_record
from trainer.rows import TrainingRows

ALIKE = 1e-6
"""Rewards that differ by less are the same one."""


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
            mode=self.run_config.prompt.value,
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
            samples_by_group[group].append(
                sample_record(scored, self.reward_table.total(scored), sample=index % size, advantage=advantage)
            )
        for group, samples in samples_by_group.items():
            self.recorder.group(self._group_record(row_of_group[group], group=group, samples=samples))
        made = len(scored_rows) * self.recorder.world_size // size
        self.groups_of_step = (step, first_group + made)
        self.stopwatch.add("record", time.perf_counter() - began)

    def _group_record(self, row: int, *, group: int, samples: list[dict[str, Any]]) -> dict[str, Any]:
        fitted = self.rows[row]
        mode = self.run_config.prompt.value
        return {
            "step": self.generating_step,
            "policy_step": int(self.state.global_step),
            "group": group,
            "rank": self.recorder.rank,
            **prompt_fields(fitted.example, self.rows.task.user_text(fitted.example, mode), mode=mode),
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
        raise failed_rewards(
            self.reward_table.scored,
            failed=all_failed,
            total=total,
            step=self.generating_step,
            limit=self.run_config.reward_failure_limit,
        )
