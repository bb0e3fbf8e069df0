"""Time to the end of a run: by the pace of its last steps, and by what its evaluations took."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rftui.runs.time_left import Evaluations, seconds_left
from rftui.runs.watch import RunWatch, evaluation_every
from rftui.supervision.follower import Follower
from store.layout import Home
from store.metrics import StepTime
from tests.comparisons import compared_run
from tests.store_runs import append, ingest_all, metrics

TOOK_S = 30.0


def run_of(steps: int, *, every: int, step_s: float = 2.0, at_start: bool = True) -> tuple[list[StepTime], Evaluations]:
    """A run as it is recorded: each evaluation comes before the record of its step."""
    now, times, took = 0.0, [], {0: TOOK_S} if at_start else {}
    for step in range(1, steps + 1):
        now += step_s
        if every and step % every == 0:
            now, took[step] = now + TOOK_S, TOOK_S
        times.append(StepTime(step, now))
    return times, Evaluations(every, took)


def test_time_left_is_the_pace_of_the_last_steps_of_this_attempt() -> None:
    times = [StepTime(1, 0.0), StepTime(2, 500.0), StepTime(3, 502.0), StepTime(4, 504.0)]

    assert seconds_left(times, since=400.0, step=4, total=10) == 12.0
    assert seconds_left(times[:2], since=400.0, step=2, total=10) is None


@pytest.mark.parametrize(
    ("steps", "total", "every", "to_come"),
    [
        (10, 200, 50, 4),  # 50, 100, 150 and the end, which is one of them
        (60, 210, 50, 4),  # 100, 150, 200 and the end besides
        (50, 200, 50, 3),  # the one of this step is over
        (30, 100, 0, 1),  # only the end
        (199, 200, 50, 1),
    ],
)
def test_evaluations_to_come_are_counted_by_what_earlier_ones_took(
    steps: int, total: int, every: int, to_come: int
) -> None:
    times, evaluations = run_of(steps, every=every)

    left = seconds_left(times, since=None, step=steps, total=total, evaluations=evaluations)

    assert left == pytest.approx(2.0 * (total - steps) + to_come * TOOK_S)


def test_nothing_is_left_at_the_end() -> None:
    times, evaluations = run_of(100, every=50)

    assert seconds_left(times, since=None, step=100, total=100, evaluations=evaluations) == 0.0


def test_before_an_evaluation_was_measured_none_is_guessed() -> None:
    times, evaluations = run_of(10, every=50, at_start=False)

    assert seconds_left(times, since=None, step=10, total=200, evaluations=evaluations) == pytest.approx(380.0)


def test_one_evaluation_that_took_long_moves_the_others_little() -> None:
    evaluations = Evaluations(10, {0: 30.0, 10: 30.0, 20: 900.0})

    assert evaluations.spent_s(20, 40, total=100) == 60.0
    assert evaluations.spent_s(10, 20, total=100) == 900.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[evaluation]\nevery = 25\nexamples = 9\n", 25),
        ("[evaluation]\nevery = 25\nexamples = 0\n", None),  # switched off
        ("[evaluation]\nevery = 'x'\n", None),
        ("evaluation = 3\n", None),
        ("[evaluation\n", None),
        ("\x00", None),
        (None, None),  # no file
    ],
)
def test_when_a_run_evaluates_is_read_of_its_settings(tmp_path: Path, text: str | None, expected: int | None) -> None:
    path = tmp_path / "config.toml"
    if text is not None:
        path.write_text(text)

    assert evaluation_every(path) == expected


def test_the_watch_of_a_live_run_counts_its_evaluations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rftui.runs.reads.attend", lambda run_dir: None)
    home = Home(tmp_path)
    run_dir = compared_run(home, "sat-1", uid=1, steps=20, state="running", evaluation={"every": 100})
    watch = RunWatch(home, "sat-1")
    before = watch.look()

    append(run_dir.journal(0, 1), metrics(0, **{"time/eval_s": 1000.0}))
    ingest_all(home)
    after = watch.look()
    watch.close()

    assert before is not None and before.left_s is not None
    assert after is not None and after.left_s is not None
    # three hundred steps: at 100, 200 and 300
    assert after.left_s - before.left_s == pytest.approx(3000.0)


def test_who_follows_a_run_is_told_the_same_time_as_the_dashboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rftui.runs.reads.attend", lambda run_dir: None)
    monkeypatch.setattr("rftui.supervision.follower.attend", lambda run_dir: None)
    home = Home(tmp_path)
    run_dir = compared_run(home, "sat-1", uid=1, steps=20, state="running", evaluation={"every": 100})
    run_dir.launch.write_text(json.dumps({**json.loads(run_dir.launch.read_text()), "python": "python"}))
    append(run_dir.journal(0, 1), metrics(0, **{"time/eval_s": 1000.0}))
    watch = RunWatch(home, "sat-1")
    news = watch.look()
    watch.close()

    seen = Follower(run_dir).look()

    assert news is not None and news.left_s is not None and news.left_s > 3000
    assert seen.seconds_left == pytest.approx(news.left_s)
