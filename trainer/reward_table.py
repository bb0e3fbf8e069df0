"""Applies a run's rewards to completions, and makes the records that the journal keeps of them."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from evals.parsing import parse
from evals.rewards import Response, WeightedReward, number_or_none
from evals.task import Example
from trainer.errors import RewardsFailed
from trainer.rows import TrainingRows

TRACEBACK_CHARACTERS = 2000
"""The end of a reward's traceback that is kept; its last lines say what happened."""


class Scored(NamedTuple):
    """One completion on this rank after rewards, before advantages."""

    row: int
    response: Response
    rewards: dict[str, float | None]
    errors: dict[str, str]


def think_lengths(tokenizer: Any, thoughts: Sequence[str | None]) -> list[int]:
    """Tokens of each thought; 0 where there is none."""
    written = [thought for thought in thoughts if thought]
    encoded = iter(tokenizer(written, add_special_tokens=False)["input_ids"] if written else [])
    return [len(next(encoded)) if thought else 0 for thought in thoughts]


class RewardTable:
    """Applies the run's rewards to one generation at a time and keeps what they said.

    TRL calls one function a reward; all of them read completions that were parsed once, in `begin`.
    """

    def __init__(self, rewards: Sequence[WeightedReward], *, rows: TrainingRows, tokenizer: Any) -> None:
        self.rewards = rewards
        self.rows = rows
        self.tokenizer = tokenizer
        self.scored: list[Scored] = []

    def begin(
        self, rows: Sequence[int], texts: Sequence[str], *, lengths: Sequence[int], stops: Sequence[str], mode: str
    ) -> None:
        """Parses the completions of one generation to the prompt `mode`; the four sequences are of this rank."""
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


def sample_record(scored: Scored, reward: float | None, *, sample: int, advantage: float | None) -> dict[str, Any]:
    """One completion as a group's record holds it; without an advantage where nothing is trained."""
    response = scored.response
    record: dict[str, Any] = {
        "sample": sample,
        "completion": response.text,
        "think": response.think,
        "answer": response.answer,
        "malformed": response.malformed,
        "rewards": scored.rewards,
        "reward": reward,
        "advantage": advantage,
        "tokens": response.tokens,
        "think_tokens": response.think_tokens,
        "stop": response.stop,
    }
    if scored.errors:
        record["errors"] = scored.errors
    return record


def prompt_fields(example: Example, user_text: str, *, mode: str) -> dict[str, Any]:
    """The fields of a group's record that its prompt decides, but for the images."""
    return {
        "uid": example.uid,
        "kind": example.kind,
        "question": example.question,
        "options": list(example.options),
        "prompt": user_text,
        "prompt_mode": mode,
        "gold": example.gold,
        "scene": example.scene,
    }


def failed_rewards(all_scored: Sequence[Scored], *, failed: int, total: int, step: int, limit: float) -> RewardsFailed:
    """The error for a step of which too many completions had a reward that raised."""
    errors = [item for scored in all_scored for item in scored.errors.items()]
    said = [f"{name} said {text.strip().splitlines()[-1]}" for name, text in errors]
    example = said[0] if said else "the failures were on other ranks"
    return RewardsFailed(
        f"rewards raised for {failed} of {total} completions at step {step}: {example}",
        expected=f"at most {limit:.0%}",
        fix="read the traceback beside the rollouts of that step, mend the reward, then resume",
    )
