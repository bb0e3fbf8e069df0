"""Alarms: each is raised by a synthetic case of what it warns of, names its evidence, and stays quiet otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from rftui.charts.alerts import WATCHED, Kind, alert_lines, alerts_of, watched_in
from store.metrics import EvaluationPoint, MetricPoint

DEAD, CLIPPED = "frac_reward_zero_std", "completions/clipped_ratio"


def curve(value: Callable[[int], float], *, steps: int = 200) -> list[MetricPoint]:
    return [MetricPoint(step, value(step)) for step in range(1, steps + 1)]


def evaluation(step: int, accuracy: float, *, prompt: str = "think") -> EvaluationPoint:
    return EvaluationPoint(step, prompt, "greedy", "test", accuracy, accuracy - 0.04, accuracy + 0.04)


def test_a_sound_run_raises_no_alarm() -> None:
    sound = {
        DEAD: curve(lambda step: 0.3 + 0.4 * (step % 5 == 0)),
        CLIPPED: curve(lambda step: 0.05),
        "kl": curve(lambda step: 0.001 * step),
        "entropy": curve(lambda step: 1.0 - step / 400),
        "loss": curve(lambda step: 0.0),
        "reward": curve(lambda step: step / 200),
    }

    assert alerts_of(sound, [evaluation(0, 0.5), evaluation(100, 0.55), evaluation(200, 0.53)]) == ()
    assert alerts_of({}) == ()
    assert set(sound) <= WATCHED


def test_only_what_was_measured_looks_sound() -> None:
    watched = watched_in({"entropy": curve(lambda step: 2.0), "loss": curve(lambda step: 0.1)})

    assert list(alert_lines((), watched)) == [
        "no alarm from loss and gradients, entropy",
        "not measured: groups, lengths, KL, reward against held-out accuracy",
    ]
    assert list(alert_lines((), watched_in({}))) == [
        "no alarm, but nothing was measured yet that one could be raised by"
    ]


def test_dead_groups_that_stay_are_told_with_their_share_and_first_step() -> None:
    points = curve(lambda step: 0.2 if step < 150 else 0.6 + 0.1 * (step % 2))

    (alert,) = alerts_of({DEAD: points})

    assert (alert.kind, alert.metric) == (Kind.DEAD_GROUPS, DEAD)
    assert alert.text == "63% of groups have no reward spread since step 148: they teach nothing"
    assert alert.step == 167


def test_an_alarm_ends_when_it_is_calm_again_and_may_come_back() -> None:
    points = curve(lambda step: 0.9 if step < 50 or step >= 120 else 0.1)

    first, second = alerts_of({CLIPPED: points})

    assert "are cut at the length limit from step 1 to" in first.text
    assert "since step 1" in second.text and first.step < 50 < 120 < second.step


def test_one_bad_step_raises_no_alarm_of_averages() -> None:
    assert (
        alerts_of({DEAD: curve(lambda step: float(step == 77)), CLIPPED: curve(lambda step: float(step == 77))}) == ()
    )


def test_a_jump_of_kl_is_one_alarm_at_its_first_step() -> None:
    (alert,) = alerts_of({"kl": curve(lambda step: 0.02 if step < 90 else 3.0)})

    assert (alert.step, alert.text) == (90, "KL is 3 at step 90, the median before it is 0.02")


def test_kl_that_is_small_may_multiply() -> None:
    assert alerts_of({"kl": curve(lambda step: 1e-6 if step < 90 else 1e-3)}) == ()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_an_alarm_where_it_came_first(value: float) -> None:
    (alert,) = alerts_of({"grad_norm": curve(lambda step: value if step in (40, 60) else 1.0)})

    assert (alert.step, alert.kind) == (40, Kind.NOT_FINITE)
    assert alert.text == f"grad_norm is {value} at step 40 and at 1 or more others"


def test_entropy_that_collapses_is_told() -> None:
    (alert,) = alerts_of({"entropy": curve(lambda step: 2.0 if step < 100 else 0.01)})

    assert (alert.kind, alert.text) == (Kind.ENTROPY, "entropy is below a tenth of its start (2) since step 98")


def test_reward_that_rises_while_accuracy_falls_is_told_with_both_intervals() -> None:
    evaluations = [
        evaluation(0, 0.5),
        evaluation(100, 0.62),
        evaluation(200, 0.48),
        evaluation(200, 0.62, prompt="direct"),
    ]

    (alert,) = alerts_of({"reward": curve(lambda step: step / 100)}, evaluations)

    assert (alert.step, alert.metric) == (200, "heldout/think/greedy/accuracy")
    assert "fell from .620 [.580, .660] at step 100 to .480 [.440, .520]" in alert.text
    assert alert.text.startswith("reward rose from 0.905 to 1.9 while held-out accuracy (think, greedy)")


def test_accuracy_that_falls_within_its_interval_is_no_alarm() -> None:
    evaluations = [evaluation(0, 0.55), evaluation(200, 0.5)]

    assert alerts_of({"reward": curve(lambda step: step / 100)}, evaluations) == ()


def test_alarms_come_by_step() -> None:
    alerts = alerts_of(
        {"loss": curve(lambda step: math.nan if step == 150 else 0.0), "kl": curve(lambda step: 9.0 * (step > 60))}
    )

    assert [alert.step for alert in alerts] == [61, 150]
