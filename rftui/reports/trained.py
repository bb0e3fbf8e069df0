"""Reads the course of a study's training: accuracy and length by step, and length against correctness within prompts.

Seeds of one way are one line: their mean, and a band from the lowest to the highest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from math import isfinite, sqrt
from typing import NamedTuple

from evals.lengths import PER_TOKENS, Graded, WithinPrompts, by_length, within_prompts
from evals.study_statistics import clustered_share
from rftui.reports.measured import Evaluated, Measured, Place, Role, Way
from store.evaluations import held_out
from store.group_lengths import graded_lengths
from store.layout import Home
from store.metrics import curve
from store.rollouts import open_rollouts
from store.runs import open_catalogue

STRETCHES = 30
"""Points of a curve; each is the mean over a stretch of steps, as long for every seed."""
TRAINING_ACCURACY = "rewards/accuracy/mean"
TRAINING_LENGTH = "completions/mean_length"
BINS = 4
"""Lengths are parted into quarters of the answers."""


Reader = Callable[[str], Mapping[float, float]]
"""Reads one curve of the run of that name: values by step."""


class BandPoint(NamedTuple):
    """Seeds at one step: their mean, lowest and highest."""

    step: float
    mean: float
    low: float
    high: float


class Line(NamedTuple):
    """One way over the steps of its training."""

    label: str
    role: Role
    seeds: int
    points: tuple[BandPoint, ...]


class Course(NamedTuple):
    """The training at one place: each a list of lines over steps."""

    place: Place
    held_out: tuple[Line, ...]
    """Accuracy on held-out examples with <think>; without where nobody was asked so."""
    prompt: str
    """How they were asked."""
    training: tuple[Line, ...]
    """Accuracy over the groups of training, which is not held-out accuracy."""
    length: tuple[Line, ...]
    """Mean tokens of a completion in training."""


class LengthShare(NamedTuple):
    """Answers of about one length."""

    shortest: int
    longest: int
    """Both ends included, in tokens."""
    n: int
    """Answers, over all seeds."""
    accuracy: float
    low: float
    high: float
    """Answers to one example are counted as the one cluster that they are."""


class LengthShares(NamedTuple):
    """Held-out accuracy of one way by the length of its answers, shortest first."""

    place: Place
    label: str
    role: Role
    prompt: str
    bins: tuple[LengthShare, ...]


class WithinTraining(NamedTuple):
    """What length did within the prompts of one way's training, over all its seeds."""

    place: Place
    label: str
    found: WithinPrompts
    spread: float
    """Standard deviation of lengths within prompts, in tokens."""

    @property
    def effect(self) -> tuple[float, float, float]:
        """Change in the share of right answers with one such standard deviation more, and its interval."""
        slope, low, high = (
            part * self.spread / PER_TOKENS for part in (self.found.slope, self.found.slope_low, self.found.slope_high)
        )
        return slope, low, high


def read_courses(home: Home, measured: Measured, *, decoding: str) -> list[Course]:
    """The training at every place. Raises StoreError and sqlite3.Error."""
    return [_course(home, place, decoding) for place in measured.places if any(way.is_trained for way in place.ways)]


def _course(home: Home, place: Place, decoding: str) -> Course:
    trained = [way for way in place.ways if way.is_trained and way.finished]
    prompt = "think" if any(way.asked("think", decoding) for way in place.ways) else "direct"
    start = _training_free(place, trained, prompt, decoding)
    rewarded = [way for way in trained if way.role in (Role.RFT, Role.LONGER)]
    return Course(
        place=place,
        held_out=_lines(trained, lambda run: start | _held_out(home, run, prompt, decoding), stretches=None),
        prompt=prompt,
        training=_lines(rewarded, lambda run: _metric(home, run, TRAINING_ACCURACY), stretches=STRETCHES),
        length=_lines(rewarded, lambda run: _metric(home, run, TRAINING_LENGTH), stretches=STRETCHES),
    )


def _training_free(place: Place, trained: Sequence[Way], prompt: str, decoding: str) -> dict[float, float]:
    """The training-free model as step 0, for runs that were not evaluated there; nothing where it saw other data."""
    base = [each for way in place.of(Role.BASE)[:1] for each in way.asked(prompt, decoding)]
    data = {each.data for way in trained for each in way.asked(prompt, decoding)}
    accuracy = base[0].totals.accuracy if base and data <= {base[0].data} else None
    return {} if accuracy is None else {0.0: accuracy}


def _lines(ways: Sequence[Way], read: Reader, *, stretches: int | None) -> tuple[Line, ...]:
    found = []
    for way in ways:
        curves = [curve for cell in way.finished if (curve := read(cell.run))]
        points = band(curves) if stretches is None else band(averaged(curves, stretches=stretches))
        if points:
            found.append(Line(way.label, way.role, len(curves), tuple(points)))
    return tuple(found)


def _held_out(home: Home, run: str, prompt: str, decoding: str) -> dict[float, float]:
    with closing(open_catalogue(home)) as connection:
        return {
            float(each.key.step): each.accuracy
            for each in held_out(connection, run)
            if (each.key.prompt, each.key.decoding) == (prompt, decoding) and each.accuracy is not None
        }


def _metric(home: Home, run: str, metric: str) -> dict[float, float]:
    with closing(open_catalogue(home)) as connection:
        return {float(point.step): point.value for point in curve(connection, run, metric) if isfinite(point.value)}


def averaged(curves: Sequence[Mapping[float, float]], *, stretches: int) -> list[dict[float, float]]:
    """Each curve as its means over stretches of steps, the same ones for all; a short curve as it is."""
    steps = [step for curve in curves for step in curve]
    if not steps or max(len(curve) for curve in curves) <= stretches:
        return [dict(curve) for curve in curves]
    first, length = min(steps), (max(steps) - min(steps) + 1) / stretches
    found = []
    for one in curves:
        parts: dict[int, list[float]] = {}
        for step, value in one.items():
            parts.setdefault(int((step - first) / length), []).append(value)
        found.append({first + (part + 0.5) * length: sum(v) / len(v) for part, v in sorted(parts.items())})
    return found


def band(curves: Sequence[Mapping[float, float]]) -> list[BandPoint]:
    """Mean, lowest and highest over the curves at each step that all of them have."""
    if not curves:
        return []
    shared = sorted(set.intersection(*(set(curve) for curve in curves)))
    columns = [(step, [curve[step] for curve in curves]) for step in shared]
    return [BandPoint(step, sum(values) / len(values), min(values), max(values)) for step, values in columns]


def length_shares(measured: Measured, *, prompt: str, decoding: str) -> list[LengthShares]:
    """Held-out accuracy by quarters of length, for each way at each place. Pure."""
    found = []
    for place in measured.places:
        for way in place.ways:
            if (evaluated := way.asked(prompt, decoding)) and (bins := _shares(evaluated)):
                found.append(LengthShares(place, way.label, way.role, prompt, tuple(bins)))
    return found


def _shares(evaluated: Sequence[Evaluated]) -> list[LengthShare]:
    graded = [answer for each in evaluated for answer in each.answers if answer.correct is not None]
    bins = by_length([answer.tokens for answer in graded], [bool(answer.correct) for answer in graded], bins=BINS)
    shares = []
    for each in bins:
        clusters: dict[str, list[bool]] = {}
        for answer in graded:
            if each.shortest <= answer.tokens <= each.longest:
                clusters.setdefault(answer.uid, []).append(bool(answer.correct))
        share = clustered_share([(sum(flags), len(flags)) for flags in clusters.values()])
        shares.append(LengthShare(each.shortest, each.longest, each.n, *share))
    return shares


def read_within_training(home: Home, measured: Measured) -> list[WithinTraining]:
    """Length against correctness within the prompts of training, for each way that was rewarded."""
    found = []
    for place in measured.places:
        for way in place.ways:
            if way.role in (Role.RFT, Role.LONGER) and way.finished:
                completions = list(_completions(home, [cell.run for cell in way.finished]))
                within = within_prompts(completions)
                if within is not None:
                    found.append(WithinTraining(place, way.label, within, spread_within(completions)))
    return found


def _completions(home: Home, runs: Sequence[str]) -> Iterable[Graded]:
    numbers: dict[tuple[str, int], int] = {}
    for run in runs:
        with closing(open_rollouts(home, run)) as connection:
            for each in graded_lengths(connection):
                # groups are numbered within a run
                yield Graded(numbers.setdefault((run, each.group), len(numbers)), each.tokens, each.is_right)


def spread_within(completions: Sequence[Graded]) -> float:
    """Standard deviation of lengths around the mean of their prompt; 0 where none can be told."""
    groups: dict[int, list[int]] = {}
    for each in completions:
        groups.setdefault(each.group, []).append(each.tokens)
    means = {group: sum(tokens) / len(tokens) for group, tokens in groups.items()}
    squares = sum((each.tokens - means[each.group]) ** 2 for each in completions)
    freedom = len(completions) - len(groups)
    return sqrt(squares / freedom) if freedom > 0 else 0.0
