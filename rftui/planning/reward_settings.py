"""Settings of rewards that do nothing, or something else than they say."""

from __future__ import annotations

from collections.abc import Iterator

from rftui.planning.findings import Finding, Level
from store.config import Method, RunConfig

LEAST_LENGTH_SPREAD = 0.05
"""Of a length reward between the shortest and the longest completion; a right answer is paid 1."""


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
    yield from _flat_length(config)
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


def _flat_length(config: RunConfig) -> Iterator[Finding]:
    """A length reward that no completion, short or long, can move."""
    reward = config.rewards.get("length")
    if reward is None or reward.function or not reward.weight:
        return
    # evals comes with PIL and costs 0.1 s; only a run with this reward should pay
    from evals.errors import EvalsError
    from evals.rewards import check_rewards, reward_parameters
    from evals.rewards.shipped import length_pay

    try:
        check_rewards({"length": reward.model_dump()})
    except EvalsError:
        # the check of the task says what is wrong with it
        return
    values = reward_parameters("length") | reward.params
    target, form, longest = float(values["target"]), str(values["form"]), config.max_completion_length
    alpha, centre = float(values["alpha"]), float(values["centre"])
    least, most = sorted(
        length_pay(tokens, form=form, target=target, alpha=alpha, centre=centre) for tokens in (1, longest)
    )
    if most - least < LEAST_LENGTH_SPREAD:
        yield Finding(
            Level.WARNING,
            "rewards",
            f"length ({form}, target {target:g}) pays {least:.3f} for 1 token and {most:.3f} for {longest}, the most "
            "that a completion has: it hardly tells lengths apart",
            fix=f"rewards.length.params.target={max(1, longest // 2)}, or a larger max_completion_length",
        )
