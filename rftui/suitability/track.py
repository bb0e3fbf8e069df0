"""How forecasts came out: what they predicted against what finished studies measured, as a rank correlation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rftui.reports.findings import answers
from rftui.reports.forecasts import ABOUT, Foreseen, read_forecasts
from rftui.reports.measured import read_measured
from rftui.studies.places import StudyPlace, study_names
from rftui.studies.progress import read_study
from store.layout import Home

LEAST_PAIRS = 5
"""Fewer say nothing: of four, the best possible order still comes by chance in one of 24."""
DECODING = "greedy"
"""The evaluations whose gains are taken, those that a study's table shows."""


class Pair(NamedTuple):
    """One forecast and what happened."""

    study: str
    place: str
    about: str
    """What was forecast, in words."""
    outlook: str
    predicted: float
    """As a share; what it stands for is in docs/suitability.md."""
    measured: float
    low: float
    high: float
    came_out: str


class Track(NamedTuple):
    """The forecasts of one kind together."""

    about: str
    n: int
    rank_correlation: float | None
    """Spearman's; None where there are too few, or all are alike."""
    p: float | None
    """Two-sided."""
    why_not: str
    """Why there is none; empty where there is one."""


def read_pairs(home: Home) -> list[Pair]:
    """Every forecast that was made before its study trained, and that finished studies measured."""
    pairs: list[Pair] = []
    for name in study_names(home):
        view = read_study(home, name)
        # a study that still runs may yet say something else
        if not view.cells or not all(cell.is_finished for cell in view.cells):
            continue
        measured = read_measured(home, view)
        made = read_forecasts(StudyPlace(home, name), measured, answers(measured, decoding=DECODING)).made
        pairs += _pairs(name, (row for each in made if each.was_before for row in each.rows))
    return pairs


def _pairs(study: str, rows: Iterable[Foreseen]) -> list[Pair]:
    found = []
    for row in rows:
        if row.predicted is None or row.happened is None:
            continue
        difference = row.happened.found
        found.append(
            Pair(
                study,
                row.place,
                row.about,
                row.outlook,
                row.predicted,
                difference.difference,
                difference.low,
                difference.high,
                row.came_out,
            )
        )
    return found


def track_record(pairs: Sequence[Pair]) -> list[Track]:
    """One line a kind of forecast, in the order in which forecasts give them."""
    return [_track(about, [pair for pair in pairs if pair.about == about]) for about, _ in ABOUT.values()]


def _track(about: str, pairs: Sequence[Pair]) -> Track:
    predicted, measured = [pair.predicted for pair in pairs], [pair.measured for pair in pairs]
    if len(pairs) < LEAST_PAIRS:
        return Track(about, len(pairs), None, None, f"not enough: a rank correlation takes {LEAST_PAIRS}")
    if len(set(predicted)) == 1 or len(set(measured)) == 1:
        return Track(about, len(pairs), None, None, "all alike, so there is no order to compare")
    # scipy.stats costs a second
    from scipy.stats import spearmanr

    found = spearmanr(predicted, measured)
    return Track(about, len(pairs), float(found.statistic), float(found.pvalue), "")


def track_lines(pairs: Sequence[Pair]) -> list[str]:
    """The record for people."""
    if not pairs:
        return ["earlier forecasts: none that a finished study measured, so how good they are is not known here"]
    lines = ["earlier forecasts against what finished studies measured (rank correlation, Spearman)"]
    for each in track_record(pairs):
        said = each.why_not if each.rank_correlation is None else f"{each.rank_correlation:+.2f}, p = {each.p:.3f}"
        lines.append(f"  {each.about}: {said} (n = {each.n})")
    return lines
