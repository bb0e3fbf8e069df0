"""The table of a report: accuracy of every way at every place, over its finished seeds. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from evals.study_statistics import SeedMean, Side, mean_over_seeds
from rftui.reports.measured import PROMPTS, Evaluated, Measured, Place, Role, Way


class Number(NamedTuple):
    """One accuracy of the table, with what is behind it."""

    mean: float
    low: float
    high: float
    """95% interval."""
    n: int
    seeds: tuple[int, ...]
    """Empty where nothing was trained."""
    are_seeds_resampled: bool
    unparsed: int
    """Answers of all these seeds that could not be read."""
    mean_tokens: float
    data: str
    """Source and split."""
    steps: tuple[int, ...]
    """At which the evaluations were made, each once."""


class TableRow(NamedTuple):
    """One way at one place."""

    place: str
    label: str
    role: Role
    results: Mapping[str, Number | None]
    """By prompt; None where there is nothing, or nothing that can be averaged."""
    states: Mapping[str, int]
    """How many of its runs are in which state."""
    published: Mapping[str, tuple[float, str]]
    """Numbers of a paper by prompt, each with its source."""


def table(measured: Measured, *, decoding: str) -> list[TableRow]:
    """Every row, in the order of the study."""
    return [_row(measured, place, way, decoding) for place in measured.places for way in place.ways]


def _row(measured: Measured, place: Place, way: Way, decoding: str) -> TableRow:
    states: dict[str, int] = {}
    for cell in way.cells:
        states[cell.state] = states.get(cell.state, 0) + 1
    published = {
        str(number.prompt): (number.value, number.source)
        for number in measured.study.published
        if (number.task, number.regime) == (place.task, way.regime)
    }
    results = {prompt: _number(way.asked(prompt, decoding), is_trained=way.is_trained) for prompt in PROMPTS}
    return TableRow(place.title, way.label, way.role, results, states, published)


def _number(evaluated: tuple[Evaluated, ...], *, is_trained: bool) -> Number | None:
    if not evaluated or len({each.data for each in evaluated}) > 1:
        return None
    try:
        mean: SeedMean = mean_over_seeds(Side([each.grades for each in evaluated], is_trained))
    except ValueError:
        # seeds that were asked different examples have no common mean
        return None
    tokens = [answer.tokens for each in evaluated for answer in each.answers]
    return Number(
        mean=mean.mean,
        low=mean.low,
        high=mean.high,
        n=mean.n,
        seeds=tuple(each.seed for each in evaluated if each.seed is not None),
        are_seeds_resampled=mean.are_seeds_resampled,
        unparsed=sum(each.totals.unparsed for each in evaluated),
        mean_tokens=sum(tokens) / len(tokens),
        data=evaluated[0].data,
        steps=tuple(sorted({each.totals.key.step for each in evaluated})),
    )
