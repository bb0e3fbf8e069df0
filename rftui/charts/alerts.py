"""What is wrong with the course of a run, judged from the metrics it wrote; each alarm names its evidence. Pure.

Averages are over the last steps before an alarm, so that one bad step raises none; of a long curve that comes reduced
the first, smallest, largest and last of each stretch stand for the rest.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from statistics import median
from typing import NamedTuple

from rftui.formats import counted, interval, number
from store.metrics import EvaluationPoint, MetricPoint

DEAD, CLIPPED, KL, ENTROPY, REWARD = "frac_reward_zero_std", "completions/clipped_ratio", "kl", "entropy", "reward"
FINITE = ("loss", "grad_norm", "reward", "kl", "entropy")
"""Metrics that are numbers in any healthy run."""
WATCHED = frozenset({DEAD, CLIPPED, *FINITE})
"""Every metric that alarms are made from."""

WINDOW = 20
"""Steps of an average."""
DEAD_SHARE = 0.6
"""From here on most of a batch teaches nothing: groups whose rewards are all equal have no advantage."""
CLIPPED_SHARE = 0.25
"""Completions cut at the limit have no answer, and are punished for what they never got to say."""
CALM_AGAIN = 0.8
"""An alarm ends below this part of the threshold that raised it."""
BLOW_UP = 10.0
"""Times the median of the steps before."""
LEAST_KL = 0.1
"""A divergence below is harmless whatever it was before."""
COLLAPSED = 0.1
"""Of the entropy at the start."""


class Kind(StrEnum):
    """What may be wrong."""

    DEAD_GROUPS = "dead groups"
    """Most groups have no reward spread."""
    CLIPPED = "clipped"
    """Many completions are cut at the limit."""
    KL = "KL"
    """The policy jumped away from the reference."""
    NOT_FINITE = "not finite"
    """A metric is NaN or infinite."""
    ENTROPY = "entropy"
    """The policy hardly samples any more."""
    REWARD_ONLY = "reward only"
    """Reward rises while held-out accuracy falls."""


class Alert(NamedTuple):
    """One alarm."""

    step: int
    """Where it was raised."""
    kind: Kind
    text: str
    """What is so, in a sentence with its numbers."""
    metric: str
    """Whose curve shows it."""


def alerts_of(
    curves: Mapping[str, Sequence[MetricPoint]], evaluations: Sequence[EvaluationPoint] = ()
) -> tuple[Alert, ...]:
    """Every alarm of a run, by step."""
    found = [
        *_dead_groups(curves.get(DEAD, ())),
        *_clipped(curves.get(CLIPPED, ())),
        *_kl(curves.get(KL, ())),
        *_collapsed(curves.get(ENTROPY, ())),
        *_reward_only(curves.get(REWARD, ()), evaluations),
    ]
    for metric in FINITE:
        found += _not_finite(metric, curves.get(metric, ()))
    return tuple(sorted(found))


def watched_in(
    curves: Mapping[str, Sequence[MetricPoint]], evaluations: Sequence[EvaluationPoint] = ()
) -> dict[str, bool]:
    """What alarms look at in words, and whether the run measured it."""
    steps = {item.step for item in evaluations}
    return {
        "loss and gradients": any(curves.get(metric) for metric in ("loss", "grad_norm")),
        "groups": bool(curves.get(DEAD)),
        "lengths": bool(curves.get(CLIPPED)),
        "KL": bool(curves.get(KL)),
        "entropy": bool(curves.get(ENTROPY)),
        "reward against held-out accuracy": bool(curves.get(REWARD)) and len(steps) > 1,
    }


def alert_lines(alerts: Sequence[Alert], watched: Mapping[str, bool]) -> Iterator[str]:
    """Alarms for people, one a line; where there is none, what was looked at. Last what was not measured."""
    measured = [name for name, is_measured in watched.items() if is_measured]
    if alerts:
        yield f"{counted(len(alerts), 'alarm')} (a in Curves goes to each)"
        for alert in alerts:
            yield f"  ! step {alert.step}: {alert.text}  ({alert.metric})"
    elif measured:
        yield f"no alarm from {', '.join(measured)}"
    else:
        yield "no alarm, but nothing was measured yet that one could be raised by"
    if measured and len(measured) < len(watched):
        yield f"not measured: {', '.join(name for name in watched if name not in measured)}"


def _dead_groups(points: Sequence[MetricPoint]) -> Iterator[Alert]:
    for high in _high(points, DEAD_SHARE):
        text = f"{high.mean:.0%} of groups have no reward spread {high.when}: they teach nothing"
        yield Alert(high.raised, Kind.DEAD_GROUPS, text, DEAD)


def _clipped(points: Sequence[MetricPoint]) -> Iterator[Alert]:
    for high in _high(points, CLIPPED_SHARE):
        text = f"{high.mean:.0%} of completions are cut at the length limit {high.when}"
        yield Alert(high.raised, Kind.CLIPPED, text, CLIPPED)


class _High(NamedTuple):
    """A stretch of steps over which the average was high."""

    raised: int
    first: int
    last: int
    mean: float
    is_over: bool

    @property
    def when(self) -> str:
        """Its steps in words."""
        return f"from step {self.first} to {self.last}" if self.is_over else f"since step {self.first}"


def _high(points: Sequence[MetricPoint], threshold: float) -> Iterator[_High]:
    """Where the average over a window went to a threshold, until it fell well below it."""
    window: deque[MetricPoint] = deque()
    inside: list[float] = []
    raised = first = last = 0
    for point in points:
        if not math.isfinite(point.value):
            continue
        window.append(point)
        while point.step - window[0].step >= WINDOW:
            window.popleft()
        mean = sum(each.value for each in window) / len(window)
        is_full = point.step - points[0].step >= WINDOW - 1
        if not inside and is_full and mean >= threshold:
            raised, first = point.step, window[0].step
            inside = [each.value for each in window]
        elif inside and mean < threshold * CALM_AGAIN:
            yield _High(raised, first, last, sum(inside) / len(inside), is_over=True)
            inside = []
        elif inside:
            inside.append(point.value)
        last = point.step
    if inside:
        yield _High(raised, first, last, sum(inside) / len(inside), is_over=False)


def _kl(points: Sequence[MetricPoint]) -> Iterator[Alert]:
    """The first step of each jump: what follows it is part of it."""
    before: deque[float] = deque(maxlen=WINDOW)
    is_out = False
    for point in points:
        if not math.isfinite(point.value):
            continue
        usual = median(before) if len(before) >= WINDOW // 2 else math.inf
        was_out, is_out = is_out, point.value >= max(LEAST_KL, BLOW_UP * usual)
        if is_out and not was_out:
            text = f"KL is {number(point.value, digits=2)} at step {point.step}, the median before it is {usual:.2g}"
            yield Alert(point.step, Kind.KL, text, KL)
        before.append(point.value)


def _collapsed(points: Sequence[MetricPoint]) -> Iterator[Alert]:
    finite = [point for point in points if math.isfinite(point.value)]
    if not finite:
        return
    start = [point.value for point in finite if point.step - finite[0].step < WINDOW]
    level = sum(start) / len(start) * COLLAPSED
    later = [point for point in finite if point.step - finite[0].step >= WINDOW]
    low = [MetricPoint(point.step, float(point.value <= level)) for point in later]
    for high in _high(low, 0.9) if level > 0 else ():
        text = f"entropy is below a tenth of its start ({level / COLLAPSED:.2g}) {high.when}"
        yield Alert(high.raised, Kind.ENTROPY, text, ENTROPY)


def _not_finite(metric: str, points: Sequence[MetricPoint]) -> Iterator[Alert]:
    """One alarm a metric, at its first step: whoever looks there sees the rest."""
    odd = [point for point in points if not math.isfinite(point.value)]
    if odd:
        more = "" if len(odd) == 1 else f" and at {len(odd) - 1} or more others"
        yield Alert(odd[0].step, Kind.NOT_FINITE, f"{metric} is {odd[0].value} at step {odd[0].step}{more}", metric)


def _reward_only(points: Sequence[MetricPoint], evaluations: Sequence[EvaluationPoint]) -> Iterator[Alert]:
    """Reward up and held-out accuracy down by more than chance, between the best evaluation of a kind and the last."""
    kinds: dict[tuple[str, str, str], list[EvaluationPoint]] = {}
    for item in evaluations:
        if item.accuracy is not None:
            kinds.setdefault((item.prompt, item.decoding, item.split), []).append(item)
    for (prompt, decoding, _), items in kinds.items():
        best, last = max(items, key=lambda item: item.accuracy or 0.0), items[-1]
        then, now = _mean_before(points, best.step), _mean_before(points, last.step)
        if last.step <= best.step or last.high >= best.low or then is None or now is None or now <= then:
            continue
        text = (
            f"reward rose from {number(then, digits=3)} to {number(now, digits=3)} while held-out accuracy "
            f"({prompt}, {decoding}) fell from {interval(best.accuracy, best.low, best.high)} at step {best.step} "
            f"to {interval(last.accuracy, last.low, last.high)}"
        )
        yield Alert(last.step, Kind.REWARD_ONLY, text, f"heldout/{prompt}/{decoding}/accuracy")


def _mean_before(points: Sequence[MetricPoint], step: int) -> float | None:
    """The mean over the window that ends at a step; over the first one for the evaluation before training."""
    first = points[0].step if points else 0
    end = max(step, first + WINDOW - 1)
    values = [point.value for point in points if end - WINDOW < point.step <= end and math.isfinite(point.value)]
    return sum(values) / len(values) if values else None
