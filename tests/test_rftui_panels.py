"""Which charts a run gets, how they are looked at, and how a run reads in words."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rftui.actions import ACTIONS, PLACES
from rftui.charts.chart_plots import Look, moved_cursor, plot_of, steps_in, whole_of
from rftui.charts.curve_reads import RunCurves
from rftui.charts.curves import Axis, Range, Scale
from rftui.charts.panels import Panel, Trace, matching, metrics_of, preset, single
from rftui.key_names import help_rows
from rftui.runs.texts import config_lines, header_text, own_first
from store.metrics import EvaluationPoint, MetricPoint, Milestones
from store.runs import RunSummary

GRPO = (
    "reward",
    "reward_std",
    "rewards/accuracy/mean",
    "rewards/format/mean",
    "heldout/think/greedy/accuracy",
    "heldout/think/sampled/accuracy",
    "kl",
    "entropy",
    "frac_reward_zero_std",
    "grad_norm",
    "step_time",
    "completions/mean_length",
    "completions/clipped_ratio",
    "other",
)
SUMMARY = RunSummary(
    "sat-1", "sat", "grpo", "tiny", None, "running", "", 50, 200, 0.0, 0.0, None, None, None, None, None, ()
)


def data_of(curves: dict[str, Sequence[tuple[int, float]]], **changed: object) -> RunCurves:
    """A run of 100 steps of 2 s."""
    read = RunCurves(
        names=tuple(curves),
        curves={name: [MetricPoint(*point) for point in points] for name, points in curves.items()},
        scales={Axis.RELATIVE: Scale([(0, 0.0), (100, 200.0)])},
        evaluations=(),
        milestones=Milestones((50,), (60,)),
        steps=Range(0, 100),
    )
    return read._replace(**changed)  # type: ignore[arg-type]


def titles(method: str, names: Sequence[str]) -> list[str]:
    """Titles of the charts of a method."""
    return [panel.title for panel in preset(method, names)]


def test_grpo_has_its_charts_in_order() -> None:
    assert titles("grpo", GRPO) == [
        "reward",
        "reward parts",
        "accuracy",
        "length in tokens",
        "clipped",
        "KL",
        "entropy",
        "dead groups",
        "gradient norm",
        "step time in s",
    ]


def test_sft_has_its_charts_in_order() -> None:
    names = ("loss", "mean_token_accuracy", "learning_rate", "heldout/direct/greedy/accuracy", "grad_norm")

    assert titles("sft", names) == ["loss", "token accuracy", "accuracy", "learning rate"]


def test_training_and_held_out_accuracy_are_never_one_curve() -> None:
    accuracy = next(panel for panel in preset("grpo", GRPO) if panel.title == "accuracy")

    assert [(trace.label, trace.is_held_out) for trace in accuracy.traces] == [
        ("training groups", False),
        ("held out", True),
    ]


def test_only_metrics_that_exist_have_charts() -> None:
    assert titles("grpo", ("entropy", "kl")) == ["KL", "entropy"]
    assert titles("grpo", ()) == []
    assert titles("grpo", ("strange/metric",)) == ["strange/metric"]


def test_many_reward_parts_stay_told_apart() -> None:
    names = [f"rewards/part{number}/mean" for number in range(6)]

    parts = [panel for panel in preset("grpo", names) if panel.title == "reward parts"]

    assert [len(panel.traces) for panel in parts] == [4, 2]


def test_a_search_finds_words_in_any_order() -> None:
    assert matching("ACC held", GRPO) == ["heldout/think/greedy/accuracy", "heldout/think/sampled/accuracy"]
    assert matching("", ("b", "a")) == ["a", "b"]


def test_panels_read_their_spread_too() -> None:
    assert metrics_of([Panel("reward", (Trace("reward", "reward", "reward_std"),))]) == {"reward", "reward_std"}


def test_a_held_out_curve_has_markers_and_the_recorded_interval() -> None:
    name = "heldout/think/greedy/accuracy"
    recorded = (EvaluationPoint(20, "think", "greedy", "test", 0.5, 0.4, 0.6),)
    plot = plot_of(single(name), data_of({name: [(20, 0.5)]}, evaluations=recorded), Look())

    held_out = plot.series[0]

    assert held_out.has_markers
    assert held_out.edges is not None
    assert [edge[0].value for edge in held_out.edges] == [0.4, 0.6]
    assert held_out.readout == ".500 [.40, .60]"
    assert plot.values == Range(0.4, 0.6)


def test_the_cursor_reads_the_value_there_and_the_end_without_one() -> None:
    data = data_of({"loss": [(step, step / 10) for step in range(101)]})

    assert plot_of(single("loss"), data, Look()).series[0].readout == "10"
    assert plot_of(single("loss"), data, Look(cursor=25)).series[0].readout == "2.5"


def test_no_weight_draws_the_points_bright() -> None:
    data = data_of({"loss": [(step, float(step % 2)) for step in range(101)]})

    assert plot_of(single("loss"), data, Look(weight=0.0)).series[0].smooth == []
    assert len(plot_of(single("loss"), data, Look(weight=0.9)).series[0].smooth) == 101


def test_marks_follow_the_axis() -> None:
    data = data_of({"loss": [(0, 1.0), (100, 2.0)]})

    marks = plot_of(single("loss"), data, Look(axis=Axis.RELATIVE)).marks

    assert [(mark.x, mark.kind) for mark in marks] == [(100.0, "checkpoint"), (120.0, "attempt")]
    assert whole_of(data, Axis.RELATIVE) == Range(0.0, 200.0)


def test_steps_of_a_part_of_time_are_found() -> None:
    data = data_of({"loss": [(step, 1.0) for step in range(101)]})

    assert steps_in(data, Axis.RELATIVE, Range(20.0, 40.0)) == Range(10, 21)
    assert steps_in(data, Axis.RELATIVE, Range(500.0, 600.0)) is None


@pytest.mark.parametrize(
    ("cursor", "cells", "expected"),
    [
        (None, -1, 100),  # it starts at the end
        (None, -(10**6), 0),
        (50, 1, 51),  # a column is less than a step: still one step
        (50, -10, 45),
        (0, -1, 0),
        (99, 10**6, 100),
    ],
)
def test_the_cursor_moves_by_columns_but_at_least_a_step(cursor: int | None, cells: int, expected: int) -> None:
    data = data_of({"loss": [(step, 1.0) for step in range(101)]})

    assert moved_cursor(data, Look(cursor=cursor), cells=cells, width=201) == expected


def test_a_header_fits_its_width_and_keeps_the_state() -> None:
    failed = SUMMARY._replace(state="failed", reason="out of memory " * 20)

    text = header_text(failed, left_s=None, width=60, is_ascii=False)

    assert len(text) <= 60
    assert "✗ failed" in text
    assert "out of memory" in text


def test_a_live_header_says_how_far_and_how_long() -> None:
    text = header_text(SUMMARY, left_s=3700.0, width=100, is_ascii=True)

    assert text == "sat-1  * running  step 50/200  #####---------------  1h01m left"


def test_a_header_says_which_data_where_there_is_room() -> None:
    generated = SUMMARY._replace(source={"kind": "generated", "name": "scenes", "detail": ""})

    wide, narrow = (header_text(generated, left_s=None, width=width, is_ascii=True) for width in (80, 60))

    assert wide.endswith("---------------  generated data")
    assert narrow.endswith("---------------")


def test_settings_come_with_their_origins_and_cleaned() -> None:
    fields = {
        "config": {"max_steps": 5, "peft": {"r": 8}, "name": "\x1b[31mred"},
        "origins": {"max_steps": "--set", "peft.r": "default", "name": "default"},
        "command": ["rftui", "launch"],
        "directory": "d",
        "git": {"commit": "abc", "dirty": True},
        "versions": {"trl": "1.16"},
    }

    text = "\n".join(config_lines(fields))

    assert "max_steps = 5  # --set" in text
    assert "peft.r = 8  # default" in text
    assert "commit abc, dirty True" in text
    assert "trl 1.16" in text
    assert "\x1b" not in text


def test_settings_of_the_user_come_before_those_of_the_recipe() -> None:
    origins = {"lr": "recipe paper", "seed": "form", "dtype": "default", "steps": "config file x", "r": "recipe paper"}

    assert own_first(origins) == ["seed", "steps", "lr", "r"]


def test_every_key_is_explained_once_a_place() -> None:
    keys = [(action.place, key) for action in ACTIONS for key in action.keys.split(",")]

    assert len(keys) == len(set(keys))
    assert {action.place for action in ACTIONS} == set(PLACES)
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert all(action.tooltip for action in ACTIONS)
    assert ("2", "Show the tab Rollouts") in dict(help_rows())["a run"]
