"""Curves of several runs: lines are told apart, seeds become a mean with a band, and what did not change is kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.charts.chart_plots import Look
from rftui.charts.curve_reads import RunCurves
from rftui.charts.curves import Axis, Point, Range, Scale
from rftui.charts.panels import Panel, Trace, single
from rftui.charts.plot import LABEL_WIDTH, SERIES, Layers, Plot, Row, Series, draw_plot, ink_of, sample_of
from rftui.comparing.curves import (
    NOT_THERE,
    Overlay,
    Shown,
    Strand,
    axes_of,
    moved_place,
    overlay_panels,
    places_of,
    readout,
    seed_groups,
    seed_mean,
    steady,
    step_at,
    strands_of,
    whole_of_all,
)
from store.metrics import EvaluationPoint, MetricPoint, Milestones
from tests.store_runs import PATIENTLY

HELD_OUT = "heldout/think/greedy/accuracy"
RAW = Look(weight=0.0)


def run_of(values: Sequence[float], *, metric: str = "reward", seconds: float | None = 2.0) -> RunCurves:
    """A run with one metric from step 1 on, each step so many seconds; None for a run without times."""
    points = [MetricPoint(step, value) for step, value in enumerate(values, 1)]
    scales = {} if seconds is None else {Axis.RELATIVE: Scale([(step, seconds * step) for step, _ in points])}
    return RunCurves((metric,), {metric: points}, scales, (), Milestones((), ()), Range(1, max(2, len(points))))


def shown_of(curves: dict[str, RunCurves], *, look: Look = RAW, cursor: float | None = None) -> Shown:
    """Every run as a line of its own."""
    strands = [Strand(letter, (letter,)) for letter in curves]
    return Shown(strands, curves, look, whole_of_all(curves.values(), look.axis), cursor)


def text(rows: Sequence[Row]) -> list[str]:
    """Rows as plain lines."""
    return ["".join(cell.text for cell in row) for row in rows]


def line(values: Sequence[float], *, first: int = 0, has_markers: bool = False) -> Series:
    """A line at x = first, first + 1, …"""
    points = [Point(float(x), value, x) for x, value in enumerate(values, first)]
    return Series("reward", points, has_markers=has_markers)


def test_runs_that_differ_only_by_seed_stand_together() -> None:
    settings: dict[str, dict[str, Any]] = {
        "a": {"lr": 1, "seed": 1, "gpus": [0]},
        "b": {"lr": 2, "seed": 1},
        "c": {"lr": 1, "seed": 2, "gpus": [1]},
        "d": {"lr": 1, "seed": 1, "gpus": [0]},
        "e": {},
        "f": {},
    }

    groups = seed_groups(settings)

    # a second run of the same seed is no further seed, and nothing is known of runs without settings
    assert sorted(groups) == [("a", "c"), ("b",), ("d",), ("e",), ("f",)]


def test_lines_keep_the_order_of_their_letters() -> None:
    letters = {"one": "A", "two": "B", "three": "C"}

    strands = strands_of(letters, [("two",), ("one", "three")])

    assert [(strand.letter, strand.is_seeds) for strand in strands] == [("A+C", True), ("B", False)]


def test_a_group_of_many_seeds_has_a_short_sign() -> None:
    letters = {name: name.upper() for name in "abcdef"}

    assert [strand.letter for strand in strands_of(letters, [tuple("abcdef")])] == ["A+5"]


def test_a_range_over_seeds_is_not_written_like_an_interval() -> None:
    mean = seed_mean([line([0.78], has_markers=True), line([0.8], has_markers=True)])

    assert mean is not None
    assert readout(mean, None, is_mean=True) == "mean .790 (.78 to .80)"
    assert readout(mean, None) == ".790 [.78, .80]"


@pytest.mark.parametrize("is_ascii", [False, True])
def test_a_line_of_seeds_ends_in_the_letters_of_all(is_ascii: bool) -> None:
    curves = {name: run_of([float(number)] * 20) for number, name in enumerate("ABC")}
    shown = shown_of(curves, look=RAW._replace(is_ascii=is_ascii))
    shown = shown._replace(strands=[Strand("A+C", ("A", "C")), Strand("B", ("B",))])

    drawn = text(draw_plot(Overlay().plot(single("reward"), shown), width=70, height=16))

    # both means are 1: their signs stand above each other
    assert "A+C mean 1" in drawn[0]
    assert sum("A+C" in row for row in drawn[1:]) == 1 and sum("B" in row for row in drawn[1:]) == 1


def test_charts_hold_one_metric_and_shared_ones_come_first() -> None:
    grpo = {"reward", "rewards/accuracy/mean", "rewards/format/mean", "kl", HELD_OUT}
    sft = {"loss", HELD_OUT}

    panels = overlay_panels([("grpo", grpo), ("sft", sft)])

    assert [panel.title for panel in panels] == [
        "held-out accuracy, think",
        "reward",
        "accuracy of training groups",
        "reward: format",
        "KL",
        "loss",
    ]
    assert all(len(panel.traces) == 1 and panel.traces[0].spread is None for panel in panels)


def test_the_mean_of_seeds_lies_between_lowest_and_highest() -> None:
    mean = seed_mean([line([0.0, 1.0, 2.0]), line([2.0, 3.0, 4.0]), line([4.0, 2.0, 0.0])])

    assert mean is not None and mean.edges is not None
    assert [point.value for point in mean.points] == [2.0, 2.0, 2.0]
    assert [point.value for point in mean.edges[0]] == [0.0, 1.0, 0.0]
    assert [point.value for point in mean.edges[1]] == [4.0, 3.0, 4.0]


def test_the_mean_ends_where_the_first_seed_ends() -> None:
    mean = seed_mean([line([1.0] * 10), line([3.0] * 4)])

    assert mean is not None
    assert [point.x for point in mean.points] == [0, 1, 2, 3]
    assert {point.value for point in mean.points} == {2.0}


def test_seeds_that_log_at_other_steps_meet_on_straight_lines() -> None:
    often, seldom = line([0.0, 1.0, 2.0, 3.0, 4.0]), Series("reward", [Point(0, 0, 0), Point(4, 8, 4)])

    mean = seed_mean([often, seldom])

    assert mean is not None
    assert [point.value for point in mean.points] == [0.0, 1.5, 3.0, 4.5, 6.0]


def test_evaluations_are_averaged_only_where_all_seeds_were_evaluated() -> None:
    mean = seed_mean([line([0.5, 0.6], has_markers=True), line([0.7, 0.8], first=1, has_markers=True)])

    assert mean is not None and mean.has_markers
    assert [point.x for point in mean.points] == [1.0]
    assert mean.points[0].value == pytest.approx(0.65)


@pytest.mark.parametrize("other", [Series("reward", ()), Series("reward", [Point(0, math.nan, 0)])])
def test_there_is_no_mean_with_a_seed_that_has_nothing(other: Series) -> None:
    assert seed_mean([line([1.0]), other]) is None


def test_a_long_mean_is_thinned_and_keeps_its_end() -> None:
    mean = seed_mean([line([0.0] * 3000), line([1.0] * 3000)])

    assert mean is not None
    assert len(mean.points) <= 401
    assert mean.points[-1].x == 2999


def test_sixteen_lines_differ_in_colour_or_dashes() -> None:
    looks = {(ink_of(number), sample_of(number, is_ascii=False)) for number in range(SERIES)}

    assert len(looks) == SERIES


def test_every_line_ends_in_its_letter() -> None:
    curves = {letter: run_of([float(number)] * 20) for number, letter in enumerate("ABCDEF")}

    rows = text(draw_plot(Overlay().plot(single("reward"), shown_of(curves)), width=70, height=24))

    drawn = [row[LABEL_WIDTH + 1 :] for row in rows[1:-2]]
    assert sorted("".join(letter for row in drawn for letter in row if letter in "ABCDEF")) == list("ABCDEF")


def test_letters_at_one_place_stand_above_each_other() -> None:
    curves = {letter: run_of([1.0] * 20) for letter in "ABC"}

    rows = text(draw_plot(Overlay().plot(single("reward"), shown_of(curves)), width=70, height=16))

    columns = {row.index(letter) for row in rows[1:] for letter in "ABC" if letter in row[LABEL_WIDTH + 1 :]}
    assert len(columns) == 1


def test_ascii_draws_a_line_of_its_letter() -> None:
    curves = {"A": run_of([0.0] * 20), "B": run_of([1.0] * 20), "C": run_of([1.0] * 3)}
    look = RAW._replace(is_ascii=True)
    plot = Overlay().plot(single("reward"), shown_of(curves, look=look, cursor=15.0))

    rows = text(draw_plot(plot, width=70, height=16))

    assert "".join(rows).isascii()
    assert any("aaaaaaaa" in row for row in rows) and any("bbbbbbbb" in row for row in rows)


def test_a_legend_of_many_runs_goes_on_below() -> None:
    curves = {letter: run_of([1.0, 2.5]) for letter in "ABCDEFGHIJKL"}

    plot = Overlay().plot(single("reward"), shown_of(curves))
    high, low = (text(draw_plot(plot, width=46, height=height)) for height in (20, 7))

    assert all(f"{letter} 2.5" in "".join(high[:4]) for letter in curves)
    assert len(high) == 20 and len(low) == 7
    assert low[0].endswith("…")


def test_the_value_of_every_run_is_read_out_at_the_cursor() -> None:
    curves = {"A": run_of([float(step) for step in range(1, 31)]), "B": run_of([7.0] * 10)}

    at_five, at_thirty, without = (
        [series.readout for series in Overlay().plot(single("reward"), shown_of(curves, cursor=cursor)).series]
        for cursor in (5.0, 30.0, None)
    )

    assert at_five == ["5", "7"]
    # a run that never came so far has no value there
    assert at_thirty == ["30", NOT_THERE]
    assert without == ["30", "7"]


def test_a_held_out_value_comes_with_its_interval() -> None:
    evaluated = run_of([0.5], metric=HELD_OUT)._replace(
        evaluations=(EvaluationPoint(1, "think", "greedy", "test", 0.5, 0.4, 0.6),)
    )
    plot = Overlay().plot(single(HELD_OUT), shown_of({"A": evaluated, "B": evaluated}))

    assert [series.readout for series in plot.series] == [".500 [.40, .60]"] * 2
    # intervals that lie on each other cannot be read
    assert plot.series[0].points[0].x < plot.series[1].points[0].x


def test_a_run_without_the_metric_has_no_line_and_the_others_keep_their_letters() -> None:
    curves = {"A": run_of([1.0, 2.0], metric="loss"), "B": run_of([1.0, 2.0])}

    plot = Overlay().plot(single("reward"), shown_of(curves))

    assert [(series.letter, series.readout) for series in plot.series] == [("A", NOT_THERE), ("B", "2")]
    assert text(draw_plot(plot, width=60, height=12))[0].split() == ["reward", "B", "2"]


def test_a_run_without_times_is_not_placed_by_its_steps() -> None:
    curves = {"A": run_of([1.0, 2.0]), "B": run_of([1.0, 2.0], seconds=None)}
    look = RAW._replace(axis=Axis.RELATIVE)

    plot = Overlay().plot(single("reward"), shown_of(curves, look=look))

    assert axes_of(curves.values()) == [Axis.STEP, Axis.RELATIVE]
    assert [series.readout for series in plot.series] == ["2", NOT_THERE]


def test_only_the_run_that_went_on_is_drawn_again() -> None:
    overlay, layers = Overlay(), Layers()
    curves = {"A": run_of([0.0, 4.0]), "B": run_of([1.0, 2.0, 3.0])}
    before = overlay.plot(single("reward"), shown_of(curves))
    first = draw_plot(before, width=60, height=12, layers=layers)
    curves["B"] = run_of([1.0, 2.0, 2.0])

    after = overlay.plot(single("reward"), shown_of(curves))
    second = draw_plot(after, width=60, height=12, layers=layers)

    assert after.series[0].points is before.series[0].points
    assert after.series[1].points is not before.series[1].points
    assert first != second == draw_plot(after, width=60, height=12)


def test_smoothing_is_read_out_too_and_hides_raw_points_of_several_runs() -> None:
    noisy = [0.0, 1.0] * 10
    curves = {"A": run_of(noisy), "B": run_of(noisy)}

    plot = Overlay().plot(single("reward"), shown_of(curves, look=Look(weight=0.9)))
    alone = Overlay().plot(single("reward"), shown_of({"A": run_of(noisy)}, look=Look(weight=0.9)))

    assert all(not series.smooth for series in plot.series)
    assert 0.4 < float(plot.series[0].readout) < 0.6
    assert alone.series[0].smooth


def test_the_axis_stands_still_while_runs_go_on() -> None:
    ends = {whole_of_all([run_of([0.0] * steps)], Axis.STEP).high for steps in range(101, 109)}

    assert len(ends) == 1
    assert ends.pop() > 108


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_a_steady_range_holds_the_values_and_little_more(one: float, other: float) -> None:
    low, high = sorted((one, other))
    if high - low <= abs(high) * 1e-9:
        return

    opened = steady(Range(low, high), is_log=False)

    assert opened is not None
    slack = 1e-6 * max(abs(low), abs(high))
    assert opened.low <= low + slack and opened.high >= high - slack
    assert opened.high - opened.low <= 2 * (high - low) + slack


def test_a_value_within_the_opened_range_moves_nothing() -> None:
    assert steady(Range(0.0, 0.81), is_log=False) == steady(Range(0.01, 0.85), is_log=False)


def test_a_live_value_is_read_as_exactly_as_the_chart_shows_it() -> None:
    live = run_of([0.0, 0.777, 1.0, 0.7749])._replace(is_live=True)

    plots = [Overlay().plot(single("reward"), shown_of({"A": run}, cursor=at)) for run in (live,) for at in (None, 4.0)]
    ended = Overlay().plot(single("reward"), shown_of({"A": live._replace(is_live=False)}))

    assert [plot.series[0].readout for plot in plots] == ["0.75", "0.775"]
    assert ended.series[0].readout == "0.775"


def test_a_letter_stays_while_its_line_ends_a_row_beside_it() -> None:
    layers = Layers()

    def place(end: float) -> tuple[int, int]:
        plot = Overlay().plot(single("reward"), shown_of({"A": run_of([0.0, 16.0, *[end] * 30])}))
        rows = text(draw_plot(plot, width=60, height=20, layers=layers))
        return next((y, row.index("A", LABEL_WIDTH)) for y, row in enumerate(rows) if "A" in row[LABEL_WIDTH:] and y)

    first = place(8.0)

    assert place(8.9) == first
    assert place(12.0) != first


def test_runs_without_a_step_have_an_axis_all_the_same() -> None:
    empty = RunCurves((), {}, {}, (), Milestones((), ()), None)

    assert whole_of_all([empty], Axis.STEP) == Range(0.0, 1.0)
    assert Overlay().plot(single("reward"), shown_of({"A": empty})).values is None


def test_the_cursor_stands_where_any_run_has_a_point() -> None:
    places = places_of([run_of([0.0] * 4), run_of([0.0] * 2)], Axis.RELATIVE)

    assert places == [2.0, 4.0, 6.0, 8.0]


@pytest.mark.parametrize(
    ("at", "cells", "expected"),
    [
        (None, -1, 90.0),  # the first press shows where it is
        (None, -10, 80.0),
        (50.0, 1, 60.0),  # at least one place
        (50.0, -1, 40.0),
        (50.0, 25, 80.0),
        (90.0, 1, 90.0),
        (0.0, -(10**6), 0.0),
    ],
)
def test_the_cursor_moves_by_cells_and_at_least_one_place(at: float | None, cells: int, expected: float) -> None:
    places = [float(place) for place in range(0, 100, 10)]

    assert moved_place(places, at, Range(0.0, 100.0), cells=cells, width=101) == expected


def test_without_points_there_is_no_cursor() -> None:
    assert moved_place([], None, Range(0.0, 1.0), cells=1, width=40) is None


@pytest.mark.parametrize(("x", "expected"), [(0.0, 1), (3.4, 2), (100.0, 3)])
def test_a_place_is_the_nearest_step_of_a_run(x: float, expected: int) -> None:
    assert step_at(run_of([0.0] * 3), Axis.RELATIVE, x) == expected


def test_a_line_of_one_point_is_read_out_there_and_nowhere_else() -> None:
    one = line([3.0], first=5)

    assert [readout(one, cursor) for cursor in (None, 5.0, 6.0)] == ["3", "3", NOT_THERE]


@PATIENTLY
@given(
    st.lists(st.lists(st.floats(width=32), max_size=30), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0.0, 0.9]),
    st.integers(1, 60),
    st.integers(1, 14),
)
def test_every_overlay_fills_exactly_its_cells(
    runs: list[list[float]], is_ascii: bool, is_log: bool, weight: float, width: int, height: int
) -> None:
    curves = {"ABCDEF"[number]: run_of(values) for number, values in enumerate(runs)}
    look = Look(weight=weight, is_log=is_log, is_ascii=is_ascii)
    plot: Plot = Overlay().plot(Panel("reward", (Trace("reward", "reward"),)), shown_of(curves, look=look, cursor=2.0))

    rows = draw_plot(plot, width=width, height=height)

    assert {len(row) for row in rows} == {width}
    assert len(rows) in (1, height)
