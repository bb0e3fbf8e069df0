"""What completions sampled before training say: how often prompts are solved, which groups are mixed, why others not.

A group are the G completions of one prompt. Everything is counted over prompts, of which each is one draw; completions
of one prompt are not independent. What is made of it is in forecast.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from evals.grading import normalized
from evals.lengths import PER_TOKENS, Graded, WithinPrompts, within_prompts
from evals.scoring import wilson
from evals.statistics import mean_interval

ALIKE = 1e-6
"""Rewards that differ by less are the same one."""


class GroupState(StrEnum):
    """What a group is worth to a reward for right answers; each group is exactly one."""

    MIXED = "mixed"
    """Some completions are right and some are not: a right one has an advantage."""
    SOLVED = "solved"
    """All are right: nothing is left to learn."""
    MISSED = "missed"
    """None is right, and an answer could be read of at least one."""
    UNREAD = "unread"
    """None is right, because no answer could be read of any."""


class Completion(NamedTuple):
    """One sampled completion."""

    is_right: bool | None
    """None where it could not be graded."""
    answer: str | None
    """None where none could be read."""
    malformed: str | None
    tokens: int
    think_tokens: int
    is_clipped: bool
    """Whether it met the length limit."""
    reward: float | None
    """Weighted total of the run's rewards."""


class Group(NamedTuple):
    """The completions of one prompt."""

    number: int
    """Of the prompt, the same under both prompts."""
    uid: str
    kind: str
    options: int
    """How many answers it lets choose from; 0 where the answer is open."""
    completions: tuple[Completion, ...]

    @property
    def is_graded(self) -> bool:
        """Whether every completion could be graded."""
        return all(each.is_right is not None for each in self.completions)

    @property
    def right(self) -> int:
        """How many are right."""
        return sum(bool(each.is_right) for each in self.completions)

    @property
    def state(self) -> GroupState:
        """What it is worth to a reward for right answers."""
        if 0 < self.right < len(self.completions):
            return GroupState.MIXED
        if self.right:
            return GroupState.SOLVED
        return GroupState.MISSED if any(each.answer is not None for each in self.completions) else GroupState.UNREAD

    @property
    def is_paid_alike(self) -> bool:
        """Whether all rewards of the run together are equal, so that no completion would have an advantage."""
        rewards = [each.reward for each in self.completions if each.reward is not None]
        return not rewards or max(rewards) - min(rewards) < ALIKE


class Estimate(NamedTuple):
    """A mean or share over prompts with its 95% interval."""

    value: float
    low: float
    high: float


class Guessing(NamedTuple):
    """What picking one of the options at random comes to, over the same prompts."""

    pass_at_1: float
    pass_at_g: float
    mixed: float
    """Share of groups that would be mixed."""


class Measures(NamedTuple):
    """What one prompt (with <think> or without) came to."""

    mode: str
    prompts: int
    """Graded ones; all shares are of these."""
    generations: int
    """Completions a prompt, G."""
    ungraded: int
    """Prompts left out because not all of their completions could be graded."""
    pass_at_1: Estimate
    """How often one completion is right."""
    pass_at_g: Estimate
    """Share of prompts that at least one of G completions solves."""
    headroom: Estimate
    """pass@G less pass@1."""
    majority: Estimate
    """How often the most frequent answer of the G is right; a tie counts in part."""
    majority_gain: Estimate
    """That less pass@1."""
    guessing: Guessing | None
    """None where some prompt shows no options."""
    groups: dict[GroupState, Estimate]
    paid_alike: Estimate
    """Groups in which all rewards of the run together are equal."""
    paid_for_form: Estimate
    """Groups that are not mixed, and whose rewards differ all the same: by form, length or another reward."""
    unread: Estimate
    """Completions of which no answer could be read."""
    unread_by: dict[str, int]
    """Those by what is wrong with their form, the most frequent first."""
    clipped: Estimate
    """Completions that met the length limit."""
    mean_tokens: float
    mean_think_tokens: float
    length: WithinPrompts | None
    """Length against correctness within prompts, over completions that ended by themselves; None where no prompt has
    such completions of different lengths."""
    length_spread: float
    """Standard deviation of those lengths within prompts, in tokens."""
    length_effect: Estimate | None
    """Change in the share of right answers with one such standard deviation more; None without a mixed prompt."""
    curve: tuple[tuple[int, float], ...]
    """pass@k for k = 1, 2, 4 and so on up to G."""


def pass_at_k(n: int, correct: int, k: int) -> float:
    """The chance that one of k completions is right, from n of which `correct` are; unbiased where all n are draws.

    Source: Chen et al., Evaluating Large Language Models Trained on Code (arXiv 2107.03374), equation 1. Raises
    ValueError unless 0 <= correct <= n and 1 <= k <= n.
    """
    if not (0 <= correct <= n and 1 <= k <= n):
        raise ValueError(f"pass@k needs 0 <= correct <= n and 1 <= k <= n; found {correct} of {n}, k = {k}")
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def group_of(record: Mapping[str, Any]) -> Group:
    """The group in a journal's `group` record. Raises KeyError, TypeError or ValueError where it is none."""
    return Group(
        number=int(record["group"]),
        uid=str(record["uid"]),
        kind=str(record["kind"]),
        options=len(record["options"]),
        completions=tuple(_completion(sample) for sample in record["samples"]),
    )


def _completion(sample: Mapping[str, Any]) -> Completion:
    accuracy, reward = _finite(sample["rewards"].get("accuracy")), _finite(sample["reward"])
    return Completion(
        is_right=None if accuracy is None else accuracy >= 1,
        answer=sample["answer"],
        malformed=sample["malformed"],
        tokens=int(sample["tokens"]),
        think_tokens=int(sample["think_tokens"]),
        is_clipped=sample["stop"] == "length",
        reward=reward,
    )


def _finite(value: Any) -> float | None:
    """A number; None for null, and for what a journal writes as text because it is not finite."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def measure(groups: Iterable[Group], *, mode: str) -> Measures | None:
    """What the groups of one prompt come to; None where none could be graded. Raises ValueError where sizes differ."""
    everything = list(groups)
    graded = [group for group in everything if group.is_graded and group.completions]
    if not graded:
        return None
    sizes = {len(group.completions) for group in graded}
    if len(sizes) > 1:
        raise ValueError(f"groups are compared where all have as many completions; found {sorted(sizes)}")
    size = sizes.pop()
    rates = [group.right / size for group in graded]
    solved_once = [float(group.right > 0) for group in graded]
    majorities = [majority_right(group) for group in graded]
    completions = [each for group in graded for each in group.completions]
    return Measures(
        mode=mode,
        prompts=len(graded),
        generations=size,
        ungraded=len(everything) - len(graded),
        pass_at_1=_mean(rates),
        pass_at_g=_share(solved_once),
        headroom=_mean([most - rate for most, rate in zip(solved_once, rates, strict=True)]),
        majority=_mean(majorities),
        majority_gain=_mean([most - rate for most, rate in zip(majorities, rates, strict=True)]),
        guessing=guessing([group.options for group in graded], size),
        groups={state: _share([group.state is state for group in graded]) for state in GroupState},
        paid_alike=_share([group.is_paid_alike for group in graded]),
        paid_for_form=_share([group.state is not GroupState.MIXED and not group.is_paid_alike for group in graded]),
        unread=_mean([_part(group, lambda each: each.answer is None) for group in graded]),
        unread_by=_reasons(completions),
        clipped=_mean([_part(group, lambda each: each.is_clipped) for group in graded]),
        mean_tokens=sum(each.tokens for each in completions) / len(completions),
        mean_think_tokens=sum(each.think_tokens for each in completions) / len(completions),
        **_lengths(graded),
        curve=tuple(
            (k, sum(pass_at_k(size, group.right, k) for group in graded) / len(graded)) for k in _powers_of_two(size)
        ),
    )


def running_means(groups: Iterable[Group]) -> dict[str, float]:
    """The main measures without intervals, for a curve that shows them settle; empty where nothing was graded."""
    graded = [group for group in groups if group.is_graded and group.completions]
    if not graded:
        return {}
    completions = [each for group in graded for each in group.completions]
    return {
        "pass_at_1": sum(bool(each.is_right) for each in completions) / len(completions),
        "pass_at_g": sum(group.right > 0 for group in graded) / len(graded),
        "mixed": sum(group.state is GroupState.MIXED for group in graded) / len(graded),
        "unread": sum(each.answer is None for each in completions) / len(completions),
        "mean_tokens": sum(each.tokens for each in completions) / len(completions),
    }


def _powers_of_two(most: int) -> list[int]:
    """1, 2, 4 and so on below `most`, and `most` itself."""
    return [*(1 << power for power in range(most.bit_length()) if 1 << power < most), most]


def _part(group: Group, holds: Callable[[Completion], bool]) -> float:
    return sum(holds(each) for each in group.completions) / len(group.completions)


def _reasons(completions: Iterable[Completion]) -> dict[str, int]:
    return dict(Counter(str(each.malformed) for each in completions if each.answer is None).most_common())


def _share(flags: Sequence[float]) -> Estimate:
    """A share of prompts; Wilson's interval, which keeps its width where all or none are so."""
    count = int(sum(flags))
    return Estimate(count / len(flags), *wilson(count, len(flags)))


def _mean(values: Sequence[float]) -> Estimate:
    """A mean over prompts with its bootstrap interval; Wilson's where all are 0 or all 1, which resample to nothing."""
    if len(set(values)) == 1 and values[0] in (0.0, 1.0):
        return _share(values)
    return Estimate(*mean_interval(values)[:3])


def majority_right(group: Group) -> float:
    """How often the most frequent answer is right, ties broken at random; 0 where no answer could be read.

    Answers that read alike after the graders' normalisation are one. Source: Wang et al., Self-Consistency Improves
    Chain of Thought Reasoning (arXiv 2203.11171).
    """
    votes: dict[str, list[bool]] = {}
    for each in group.completions:
        if each.answer is not None:
            votes.setdefault(normalized(each.answer), []).append(bool(each.is_right))
    if not votes:
        return 0.0
    most = max(map(len, votes.values()))
    tied = [flags for flags in votes.values() if len(flags) == most]
    # a grader of the user's own may call one of two like answers right
    return sum(sum(flags) / most for flags in tied) / len(tied)


def guessing(options: Sequence[int], generations: int) -> Guessing | None:
    """What random picks among the options come to; None where a prompt shows none."""
    if not options or min(options) < 1:
        return None
    chances = [1 / count for count in options]
    missed = [(1 - chance) ** generations for chance in chances]
    solved = [chance**generations for chance in chances]
    n = len(options)
    return Guessing(sum(chances) / n, 1 - sum(missed) / n, 1 - (sum(missed) + sum(solved)) / n)


def _lengths(groups: Sequence[Group]) -> dict[str, Any]:
    """Length against correctness within prompts, among completions that ended by themselves: the others had no room to
    be longer, and mostly no answer."""
    graded = [
        Graded(group.number, each.tokens, bool(each.is_right))
        for group in groups
        for each in group.completions
        if not each.is_clipped
    ]
    found = within_prompts(graded)
    spread = _spread(graded)
    effect = None
    if found is not None and found.mixed:
        effect = Estimate(*(part * spread / PER_TOKENS for part in (found.slope, found.slope_low, found.slope_high)))
    return {"length": found, "length_spread": spread, "length_effect": effect}


def _spread(completions: Sequence[Graded]) -> float:
    """Standard deviation of lengths around the mean of their prompt; 0 where there is nothing to compare."""
    by_group: dict[int, list[int]] = {}
    for each in completions:
        by_group.setdefault(each.group, []).append(each.tokens)
    squares, freedom = 0.0, 0
    for lengths in by_group.values():
        mean = sum(lengths) / len(lengths)
        squares += sum((length - mean) ** 2 for length in lengths)
        freedom += len(lengths) - 1
    return math.sqrt(squares / freedom) if freedom else 0.0


class Gap(NamedTuple):
    """How much more often a completion with <think> is right than one without, paired over prompts."""

    prompts: int
    """Prompts that were asked and graded both ways."""
    gap: Estimate


def thinking_gap(think: Iterable[Group], direct: Iterable[Group]) -> Gap | None:
    """Pass@1 with <think> less pass@1 without, over the prompts that both have; None where they share none."""
    without = {group.number: group for group in direct if group.is_graded and group.completions}
    pairs = [
        (group, without[group.number])
        for group in think
        if group.is_graded and group.completions and group.number in without
    ]
    if not pairs:
        return None
    differences = [one.right / len(one.completions) - other.right / len(other.completions) for one, other in pairs]
    return Gap(len(pairs), _mean_difference(differences))


def _mean_difference(values: Sequence[float]) -> Estimate:
    """A mean difference; where no prompt differs its interval is that of none changed, either way."""
    if any(values):
        return Estimate(*mean_interval(values)[:3])
    high = wilson(0, len(values)).high
    return Estimate(0.0, -high, high)
