"""What a reward is given and what it is: one completion, taken apart, and a function of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from evals.task import Example


@dataclass(frozen=True)
class Response:
    """One completion with everything a reward may look at."""

    text: str
    mode: str
    """The prompt it answers: think or direct."""
    think: str | None
    answer: str | None
    malformed: str | None
    tokens: int
    """Tokens of the whole completion, end token included."""
    think_tokens: int
    """Tokens of the reasoning."""
    stop: str
    """eos or length"""


Reward = Callable[[Response, Example], float | None]


class WeightedReward(NamedTuple):
    """A reward ready to be applied."""

    name: str
    weight: float
    function: Reward
