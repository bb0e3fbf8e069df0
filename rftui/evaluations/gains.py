"""What training changed: a run's last held-out evaluation against its first, over the same examples, paired."""

from __future__ import annotations

from typing import NamedTuple

from store.layout import Home
from store.rollouts import eval_samples
from store.runs import Evaluation


class Gain(NamedTuple):
    """Change in accuracy between two evaluations of one run, in shares."""

    prompt: str
    decoding: str
    split: str
    from_step: int
    to_step: int
    n: int
    """Examples that both evaluations graded."""
    gain: float
    low: float
    high: float
    method: str
    """How the 95% interval was made."""
    gained: int
    """Examples that were wrong before and right after."""
    lost: int
    """Examples that were right before and wrong after."""
    p: float
    """McNemar's test, exact and two-sided."""
    is_interval_narrow: bool
    """Whether so few examples flipped that the interval is too narrow, and the p-value is what counts."""


def gains(home: Home, run: str, evaluations: tuple[Evaluation, ...]) -> list[Gain]:
    """The gain under each prompt and decoding that was evaluated at two steps or more, in the order given."""
    steps_by_kind: dict[tuple[str, str, str], list[int]] = {}
    for evaluation in evaluations:
        kind = (evaluation.prompt, evaluation.decoding, evaluation.split)
        steps_by_kind.setdefault(kind, []).append(evaluation.step)
    found = [
        _gain(home, run, kind, from_step=min(steps), to_step=max(steps))
        for kind, steps in steps_by_kind.items()
        if len(steps) > 1
    ]
    return [gain for gain in found if gain is not None]


def _gain(home: Home, run: str, kind: tuple[str, str, str], *, from_step: int, to_step: int) -> Gain | None:
    """None where the two evaluations share no graded example."""
    prompt, decoding, split = kind
    before, after = (_graded(home, run, kind, step=step) for step in (from_step, to_step))
    shared = [uid for uid in before if uid in after]
    if not shared:
        return None
    # numpy and scipy cost 0.5 s, which runs that were evaluated once should not pay
    from evals.statistics import paired

    change = paired([before[uid] for uid in shared], [after[uid] for uid in shared])
    return Gain(
        prompt=prompt,
        decoding=decoding,
        split=split,
        from_step=from_step,
        to_step=to_step,
        n=change.n,
        gain=change.difference,
        low=change.low,
        high=change.high,
        method="paired bootstrap over examples",
        gained=change.gained,
        lost=change.lost,
        p=change.p,
        is_interval_narrow=change.is_interval_narrow,
    )


def _graded(home: Home, run: str, kind: tuple[str, str, str], *, step: int) -> dict[str, bool]:
    """Whether each example was right, by uid; examples whose gold cannot be graded are left out."""
    prompt, decoding, split = kind
    samples = eval_samples(home, run, step=step, prompt=prompt, decoding=decoding)
    return {sample.uid: sample.correct for sample in samples if sample.split == split and sample.correct is not None}
