"""Settings of rewards that do nothing, or something else than they say."""

from __future__ import annotations

from collections.abc import Iterator

from rftui.planning.findings import Finding, Level
from store.config import Method, RunConfig


def reward_setting_findings(config: RunConfig) -> Iterator[Finding]:
    """Warnings; whether the rewards can be gamed is asked in the interpreter that trains."""
    if config.method is not Method.GRPO:
        return
    if config.multi_objective_aggregation == "normalize_then_sum" and config.scale_rewards != "group":
        yield Finding(
            Level.WARNING,
            "rewards",
            f"scale_rewards={config.scale_rewards} does nothing: normalize_then_sum scales each reward by its "
            "group, and their sum by the batch",
            fix="leave scale_rewards out, or multi_objective_aggregation=sum_then_normalize",
        )
    if (reward := config.rewards.get("soft_overlong")) is None or reward.function:
        return
    # evals comes with PIL and costs 0.1 s; only a run with this reward should pay
    from evals.rewards import reward_parameters

    values = reward_parameters("soft_overlong") | reward.params
    free = int(values["max_completion_len"]) - int(values["soft_punish_cache"])
    if free >= config.max_completion_length:
        yield Finding(
            Level.WARNING,
            "rewards",
            f"soft_overlong begins after {free} tokens, and no completion has more than {config.max_completion_length}",
            fix=f"rewards.soft_overlong.params.max_completion_len={config.max_completion_length}, and a shorter "
            "soft_punish_cache",
        )
