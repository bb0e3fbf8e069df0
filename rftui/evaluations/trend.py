"""The plot of held-out accuracy over the steps, one series for each way of asking. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rftui.charts.curves import Point, Range, value_range
from rftui.charts.plot import Mark, Plot, Series
from rftui.evaluations.text import form_name, forms_of
from rftui.formats import fraction
from store.evaluations import HeldOut

MOST_LINES = 4
"""Ways of asking that are drawn."""


def trend_plot(evaluations: Sequence[HeldOut], *, step: int | None, is_ascii: bool) -> Plot | None:
    """Accuracies with their intervals, a cursor at the chosen step; None where nothing was evaluated at two steps."""
    forms = forms_of(evaluations)
    steps = sorted({item.key.step for item in evaluations})
    if len(steps) < 2:
        return None
    series = [_series(form_name(form, list(forms)), forms[form], step) for form in list(forms)[:MOST_LINES]]
    view = Range(steps[0], steps[-1])
    ends = [point.value for one in series for edge in one.edges or () for point in edge]
    values = value_range([*ends, *(point.value for one in series for point in one.points)], is_log=False)
    left_out = len(forms) - len(series)
    title = f"held out ({left_out} more in the list)" if left_out else "held out"
    marks = [Mark(each, "evaluation") for each in steps]
    cursor = None if step is None else float(step)
    return Plot(title, series, view, values, marks=marks, cursor=cursor, is_ascii=is_ascii)


def _series(name: str, items: Sequence[HeldOut], step: int | None) -> Series:
    scored = [item for item in items if item.accuracy is not None]
    points = [Point(item.key.step, item.accuracy or 0.0, item.key.step) for item in scored]
    lows = [Point(item.key.step, item.low, item.key.step) for item in scored]
    highs = [Point(item.key.step, item.high, item.key.step) for item in scored]
    at = next((item for item in scored if item.key.step == step), scored[-1] if scored else None)
    readout = "" if at is None or at.accuracy is None else fraction(at.accuracy)
    return Series(name, points, edges=(lows, highs), has_markers=True, readout=readout)
