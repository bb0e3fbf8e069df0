"""Rewards as plain functions of one response and its example: those shipped, those of users, and what attacks them.

A reward never raises for bad model text: it returns 0.0, or None when the gold answer cannot be graded.
"""

from evals.rewards.registry import (
    CHOICES,
    NAME_PATTERN,
    build_rewards,
    check_rewards,
    formula,
    number_or_none,
    resolved_parameters,
    reward_names,
    reward_parameters,
)
from evals.rewards.response import Response, Reward, WeightedReward
from evals.rewards.shipped import REWARDS

__all__ = [
    "CHOICES",
    "NAME_PATTERN",
    "REWARDS",
    "Response",
    "Reward",
    "WeightedReward",
    "build_rewards",
    "check_rewards",
    "formula",
    "number_or_none",
    "resolved_parameters",
    "reward_names",
    "reward_parameters",
]
