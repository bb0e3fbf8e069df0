"""Length against accuracy: over all answers, and within prompts, where hard prompts cannot confound it.

Hard prompts draw longer answers and fewer right ones, so answers pooled over prompts say little about what length does.
Within a prompt's group of completions only the length differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from evals.scoring import wilson
from evals.statistics import mean_interval

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import NDArray

PER_TOKENS = 100
"""Slopes are in shares per so many tokens."""
RESAMPLES = 1999
"""Of prompts; there may be ten thousand."""
DRAWN_AT_ONCE = 2_000_000
"""Draws that are held in memory together."""


class LengthBin(NamedTuple):
    """Answers of about one length."""

    shortest: int
    longest: int
    """Both ends included, in tokens."""
    n: int
    correct: int
    accuracy: float
    low: float
    high: float
    """Wilson interval."""


class RankBin(NamedTuple):
    """The completions of each prompt that hold one place by length among those of their prompt."""

    place: int
    """0 for the shortest."""
    prompts: int
    completions: int
    difference: float
    """Share of right ones less the share over all completions of the prompt, mean over prompts: how hard a prompt is
    drops out, also where not every prompt has completions at every place."""
    low: float
    high: float
    """Bootstrap interval over prompts."""


class Graded(NamedTuple):
    """One completion of a group."""

    group: int
    """Which completions answer the same prompt at the same step."""
    tokens: int
    is_right: bool


class WithinPrompts(NamedTuple):
    """What length does among the completions of one prompt, over many prompts."""

    prompts: int
    """Prompts whose completions differ in length."""
    mixed: int
    """Those of them with right and wrong completions; the others hold the slope towards 0."""
    completions: int
    slope: float
    """Change in the share of right answers with 100 tokens more at the same prompt."""
    slope_low: float
    slope_high: float
    gap: float | None
    """Tokens by which right completions are longer than wrong ones of the same prompt, mean over the mixed prompts;
    None where there is none."""
    gap_low: float | None
    gap_high: float | None


def by_length(lengths: Sequence[int], correct: Sequence[bool], *, bins: int = 4) -> list[LengthBin]:
    """Accuracy in bins of about as many answers each, shortest first; answers of one length are never parted.

    What is left after a bin and would be less than half of one goes into it.
    Raises ValueError where the two are not of the same number.
    """
    if len(lengths) != len(correct):
        raise ValueError(f"each answer has a length and a grade; found {len(lengths)} and {len(correct)}")
    ordered = sorted(zip(lengths, correct, strict=True))
    found: list[LengthBin] = []
    start = 0
    for number in range(1, bins + 1):
        end = max(start, round(number * len(ordered) / bins))
        while start < end < len(ordered) and ordered[end][0] == ordered[end - 1][0]:
            end += 1
        if len(ordered) - end < len(ordered) / bins / 2:
            end = len(ordered)
        if end > start:
            found.append(_length_bin(ordered[start:end]))
        start = end
    return found


def _length_bin(answers: Sequence[tuple[int, bool]]) -> LengthBin:
    n, correct = len(answers), sum(is_right for _, is_right in answers)
    return LengthBin(answers[0][0], answers[-1][0], n, correct, correct / n, *wilson(correct, n))


def by_rank(completions: Sequence[Graded], *, bins: int = 4, seed: int = 0) -> list[RankBin]:
    """Accuracy against the prompt's own by place within the prompt, shortest completions first.

    Completions of one length share their mean place; a prompt whose completions are all of one length is left out.
    """
    differences: list[list[float]] = [[] for _ in range(bins)]
    counts = [0] * bins
    for members in _groups(completions):
        if len({member.tokens for member in members}) < 2:
            continue
        mean = sum(member.is_right for member in members) / len(members)
        in_bins: list[list[bool]] = [[] for _ in range(bins)]
        for place, member in _mean_places(members):
            in_bins[min(bins - 1, int(bins * place))].append(member.is_right)
        for number, flags in enumerate(in_bins):
            if flags:
                differences[number].append(sum(flags) / len(flags) - mean)
                counts[number] += len(flags)
    return [
        RankBin(number, len(values), count, *mean_interval(values, seed=seed)[:3])
        for number, (values, count) in enumerate(zip(differences, counts, strict=True))
        if values
    ]


def _mean_places(members: Sequence[Graded]) -> list[tuple[float, Graded]]:
    """Each completion with its place by length as a share of the group, 0 to 1; equal lengths share theirs."""
    tokens = sorted(member.tokens for member in members)
    places = {
        length: (tokens.index(length) + tokens.index(length) + tokens.count(length)) / 2 / len(tokens)
        for length in set(tokens)
    }
    return [(places[member.tokens], member) for member in members]


def within_prompts(completions: Sequence[Graded], *, seed: int = 0, level: float = 0.95) -> WithinPrompts | None:
    """Slope of correctness on length within prompts, and how much longer right completions are than wrong ones.

    The slope is the within estimator (a linear model with an intercept for each prompt: Wooldridge, Econometric
    Analysis of Cross Section and Panel Data, 2010, section 10.5), and its interval resamples whole prompts, since the
    completions of one are not independent (Cameron, Gelbach and Miller, Review of Economics and Statistics 90, 2008).
    Linear and not conditional logistic, so that it reads in points of accuracy and prompts that are always or never
    solved count. None where no prompt has completions of different lengths.
    """
    sums: list[tuple[float, float]] = []
    gaps: list[float] = []
    counted = 0
    for members in _groups(completions):
        lengths = [member.tokens for member in members]
        if len(set(lengths)) < 2:
            continue
        counted += len(members)
        sums.append(_cross_products(members))
        if (gap := _gap(members)) is not None:
            gaps.append(gap)
    if not sums:
        return None
    slope, low, high = _ratio(sums, seed=seed, level=level)
    longer = mean_interval(gaps, seed=seed, level=level) if gaps else None
    return WithinPrompts(
        prompts=len(sums),
        mixed=len(gaps),
        completions=counted,
        slope=slope,
        slope_low=low,
        slope_high=high,
        gap=longer.mean if longer else None,
        gap_low=longer.low if longer else None,
        gap_high=longer.high if longer else None,
    )


def _groups(completions: Sequence[Graded]) -> list[list[Graded]]:
    found: dict[int, list[Graded]] = {}
    for completion in completions:
        found.setdefault(completion.group, []).append(completion)
    return list(found.values())


def _cross_products(members: Sequence[Graded]) -> tuple[float, float]:
    """Sums of length times correctness, and of squared length, both centred within the prompt."""
    mean_length = sum(member.tokens for member in members) / len(members)
    mean_right = sum(member.is_right for member in members) / len(members)
    centred = [(member.tokens - mean_length, member.is_right - mean_right) for member in members]
    return sum(x * y for x, y in centred), sum(x * x for x, _ in centred)


def _gap(members: Sequence[Graded]) -> float | None:
    """Mean length of right completions less that of wrong ones; None where all are alike."""
    right = [member.tokens for member in members if member.is_right]
    wrong = [member.tokens for member in members if not member.is_right]
    return sum(right) / len(right) - sum(wrong) / len(wrong) if right and wrong else None


def _ratio(sums: Sequence[tuple[float, float]], *, seed: int, level: float) -> tuple[float, float, float]:
    """The slope per 100 tokens over all prompts, and its percentile interval over resampled prompts."""
    import numpy as np

    products, squares = (np.array(column) for column in zip(*sums, strict=True))
    slope = PER_TOKENS * float(products.sum() / squares.sum())
    rng = np.random.default_rng(seed)
    batch = max(1, DRAWN_AT_ONCE // len(sums))
    drawn: list[NDArray[float64]] = []
    for first in range(0, RESAMPLES, batch):
        chosen: NDArray[intp] = rng.integers(len(sums), size=(min(batch, RESAMPLES - first), len(sums)))
        drawn.append(products[chosen].sum(axis=1) / squares[chosen].sum(axis=1))
    low, high = np.quantile(np.concatenate(drawn), [(1 - level) / 2, (1 + level) / 2])
    return slope, PER_TOKENS * float(low), PER_TOKENS * float(high)
