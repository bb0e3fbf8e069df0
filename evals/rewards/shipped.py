"""The rewards that rftui ships, each a plain function of one response and its example.

None raises for bad model text. What a task's rule cannot grade gives None where the reward depends on being right.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from evals.choices import graded
from evals.rewards.response import Response
from evals.task import Example, Task


class LengthForm(StrEnum):
    """The three readings of the normalised length reward that arXiv 2504.05682, equation 4, leaves open."""

    RELATIVE = "relative"
    """sigmoid(alpha * (tokens / target - centre)); with centre 1 the same as alpha * (tokens - target) / target."""
    RATIO = "ratio"
    """sigmoid(alpha * tokens / target), from 0.5 up."""
    DIFFERENCE = "difference"
    """sigmoid(alpha * (tokens - target)), with alpha 1 a step ten tokens wide."""


class Counted(StrEnum):
    """Which tokens a length reward counts."""

    COMPLETION = "completion"
    """All of them, the end token too."""
    THINK = "think"
    """Those inside <think>."""


class Gate(StrEnum):
    """Whom a length reward pays."""

    NONE = "none"
    """Every completion."""
    CORRECT = "correct"
    """Right answers only; wrong ones get 0."""


def accuracy(response: Response, example: Example, *, task: Task) -> float | None:
    """1.0 for a right answer, 0.0 for any other, None where the gold cannot be graded."""
    correct = graded(task, response.answer, example)
    return None if correct is None else float(correct)


def form(response: Response, example: Example, *, task: Task) -> float:
    """1.0 for exactly the form that the prompt asks for, else 0.0."""
    return float(response.malformed is None)


def length(
    response: Response,
    example: Example,
    *,
    task: Task,
    form: str = LengthForm.RELATIVE.value,
    target: float = 512.0,
    alpha: float = 1.0,
    centre: float = 1.0,
    counted: str = Counted.COMPLETION.value,
    gate: str = Gate.NONE.value,
) -> float | None:
    """Normalised length, between 0 and 1: the sigmoid of what `form` makes of the tokens; `centre` is relative's own.

    Source: arXiv 2504.05682, equation 4, with its alpha of 1. The paper says neither the form nor the target; 512 is
    half its longest completion.
    """
    if (shut := _shut(response, example, task=task, gate=gate)) is not None:
        return shut.pay
    return length_pay(_tokens(response, counted), form=form, target=target, alpha=alpha, centre=centre)


def length_pay(tokens: int, *, form: str, target: float, alpha: float, centre: float) -> float:
    """What `length` pays for so many tokens."""
    exponent = _exponent(tokens, form=form, target=target, alpha=alpha, centre=centre)
    # of two equal forms the one whose exponential cannot overflow
    return 1 / (1 + math.exp(-exponent)) if exponent >= 0 else math.exp(exponent) / (1 + math.exp(exponent))


def _exponent(tokens: int, *, form: str, target: float, alpha: float, centre: float) -> float:
    if form == LengthForm.RATIO:
        return alpha * (tokens / target)
    if form == LengthForm.DIFFERENCE:
        return alpha * (tokens - target)
    return alpha * (tokens / target - centre)


def length_per_token(
    response: Response,
    example: Example,
    *,
    task: Task,
    rate: float = 0.001,
    counted: str = Counted.COMPLETION.value,
    gate: str = Gate.NONE.value,
) -> float | None:
    """`rate` for each token, without bound.

    Source: VisualThinker-R1-Zero (arXiv 2503.05132), which pays 0.001 a token of the completion's text; its count
    lacks the end token.
    """
    if (shut := _shut(response, example, task=task, gate=gate)) is not None:
        return shut.pay
    return rate * _tokens(response, counted)


def soft_overlong(
    response: Response,
    example: Example,
    *,
    task: Task,
    max_completion_len: int = 1024,
    soft_punish_cache: int = 256,
) -> float:
    """0 up to `soft_punish_cache` tokens before the longest, from there down to -1 at it, and -1 beyond.

    Source: DAPO (arXiv 2503.14476), equation 13; names and values as TRL's get_soft_overlong_punishment.
    """
    free = max_completion_len - soft_punish_cache
    if response.tokens <= free:
        return 0.0
    if response.tokens > max_completion_len:
        return -1.0
    return (free - response.tokens) / soft_punish_cache


def repetition(
    response: Response, example: Example, *, task: Task, ngram_size: int = 3, max_penalty: float = -1.0
) -> float:
    """`max_penalty` times the share of n-grams that occurred before; 0 where there are fewer than n words.

    Words in lower case, divided at white space, as in open-r1's get_repetition_penalty_reward; TRL's of that name takes
    tokens. Source: arXiv 2502.03373, appendix C.2.
    """
    words = response.text.lower().split()
    ngrams = list(zip(*(words[start:] for start in range(ngram_size)), strict=False))
    if not ngrams:
        return 0.0
    repeated = 1 - len(set(ngrams)) / len(ngrams)
    return max_penalty * repeated if repeated else 0.0


class _Shut:
    """What a gate that is shut pays instead."""

    def __init__(self, pay: float | None) -> None:
        self.pay = pay


def _shut(response: Response, example: Example, *, task: Task, gate: str) -> _Shut | None:
    """None where the gate lets the response through; a gold that cannot be graded leaves nothing to say."""
    if gate != Gate.CORRECT:
        return None
    correct = graded(task, response.answer, example)
    return None if correct else _Shut(None if correct is None else 0.0)


def _tokens(response: Response, counted: str) -> int:
    return response.think_tokens if counted == Counted.THINK else response.tokens


REWARDS: dict[str, Callable[..., float | None]] = {
    "accuracy": accuracy,
    "format": form,
    "length": length,
    "length_per_token": length_per_token,
    "soft_overlong": soft_overlong,
    "repetition": repetition,
}
"""Rewards by the name that configurations use."""
