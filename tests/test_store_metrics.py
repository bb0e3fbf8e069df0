"""Curves and their roll-ups equal what the points say, however long the curve and in whatever order it came."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.database import open_for_reading
from store.layout import Home
from store.metric_rows import ROLLUP_STEPS, MetricRows, Point, kind_of
from store.metrics import (
    CurveMemory,
    MetricPoint,
    curve,
    curve_between,
    evaluation_points,
    last_values,
    metric_names,
    milestones,
    outline,
    sketch,
    step_times,
)
from store.migrations import CATALOGUE
from store.runs import open_catalogue
from tests.store_runs import PATIENTLY, append, eventful_run, ingest_all, make_run, metrics, start

RUN, KEY = 1, 7
numbers = st.floats(allow_nan=True, allow_infinity=True, width=32)
logged = st.lists(st.tuples(st.integers(0, 3 * ROLLUP_STEPS), numbers), max_size=60)


@contextmanager
def catalogue() -> Iterator[sqlite3.Connection]:
    """An empty catalogue with one run, one metric and two attempts."""
    with closing(open_for_reading(Path("/nonexistent/catalogue.db"), CATALOGUE)) as connection:
        connection.execute(
            "INSERT INTO run (id, name, task, method, model, state, reason, attempt, step, total_steps, created_at, "
            "config) VALUES (?, 'run', '', '', '', '', '', 0, 0, 0, 0, '')",
            (RUN,),
        )
        connection.execute("INSERT INTO metric_key VALUES (?, 'loss')", (KEY,))
        connection.executemany(
            "INSERT INTO attempt (run, number, state, reason) VALUES (?,?,'','')", [(RUN, 1), (RUN, 2)]
        )
        yield connection


def store(connection: sqlite3.Connection, logged: Sequence[tuple[int, float]], *, attempt: int = 1) -> None:
    """Stores values as one read of a journal does."""
    MetricRows(connection, run=RUN).store(
        [
            Point(RUN, attempt, KEY, step, value if math.isfinite(value) else None, kind_of(value), 0.0)
            for step, value in logged
        ]
    )


def rollups_of(points: dict[int, float]) -> set[tuple[float, ...]]:
    """Roll-ups computed directly from the value that each step has in the end."""
    found: set[tuple[float, ...]] = set()
    for bucket in {step // ROLLUP_STEPS for step in points}:
        part = sorted((s, v) for s, v in points.items() if s // ROLLUP_STEPS == bucket and math.isfinite(v))
        if part:
            low = min(part, key=lambda point: (point[1], point[0]))
            high = max(part, key=lambda point: (point[1], -point[0]))
            found.add((bucket, *part[0], *low, *high, *part[-1]))
    return found


@PATIENTLY
@given(st.lists(logged, max_size=4))
def test_rollups_and_last_values_equal_a_direct_computation(reads: list[list[tuple[int, float]]]) -> None:
    with catalogue() as connection:
        for read in reads:
            store(connection, read)
        stored = connection.execute(
            "SELECT bucket, first_step, first, min_step, min, max_step, max, last_step, last FROM metric_rollup"
        )
        found = set(stored)
        last = last_values(connection, "run")

    points = {step: value for read in reads for step, value in read}
    assert found == rollups_of(points)
    assert last == pytest.approx({"loss": points[max(points)]} if points else {}, nan_ok=True)


@PATIENTLY
@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=6, unique=True), st.integers(10, 400))
def test_spikes_survive_a_curve_reduced_to_the_screen(spikes: list[int], max_points: int) -> None:
    with catalogue() as connection:
        values = {step: 0.5 + (step % 7) / 100 for step in range(0, 20_001, 9)}
        values |= {step: 1_000.0 + step for step in spikes}
        store(connection, list(values.items()))
        reduced = curve(connection, "run", "loss", max_points=max_points)

    highest = max(spikes)
    assert MetricPoint(highest, 1_000.0 + highest) in reduced
    assert {point.step: point.value for point in reduced}.items() <= values.items()
    assert [point.step for point in reduced] == sorted({point.step for point in reduced})
    # four a stretch, and the stretches at both ends may be cut
    assert len(reduced) <= max_points + 8
    assert (reduced[0].step, reduced[-1].step) == (min(values), max(values))


@PATIENTLY
@given(st.integers(1, 700), st.integers(1, 1400), st.integers(10, 60))
def test_a_reduced_curve_over_a_resume_shows_only_what_counts(resumed_at: int, end: int, max_points: int) -> None:
    with catalogue() as connection:
        store(connection, [(step, -float(step)) for step in range(1, 701)])
        store(connection, [(step, float(step)) for step in range(resumed_at, resumed_at + end)], attempt=2)
        connection.execute("UPDATE attempt SET superseded_from=? WHERE number=1", (resumed_at,))
        whole = curve(connection, "run", "loss")
        reduced = curve(connection, "run", "loss", max_points=max_points)

    expected = [-step for step in range(1, resumed_at)] + list(range(resumed_at, resumed_at + end))
    assert whole == [(abs(value), value) for value in expected]
    assert set(reduced) <= set(whole)
    assert max(whole, key=lambda point: point.value) in reduced
    assert min(whole, key=lambda point: point.value) in reduced


def test_a_short_curve_comes_whole_with_what_is_not_finite() -> None:
    values = [(1, 0.5), (2, math.inf), (3, -math.inf), (4, math.nan)]
    with catalogue() as connection:
        store(connection, values)
        points = curve(connection, "run", "loss", max_points=100)

    assert [point.step for point in points] == [1, 2, 3, 4]
    assert [repr(point.value) for point in points] == [repr(value) for _, value in values]


def test_a_curve_that_is_not_there_is_empty(tmp_path: Path) -> None:
    home = Home(tmp_path)
    append(make_run(home).journal(0, 1), start(), metrics(1, loss=1.0))
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        assert curve(connection, "sat-grpo-1", "nope", max_points=10) == []
        assert curve(connection, "nope", "loss") == []
        assert metric_names(connection, "sat-grpo-1") == ["epoch", "loss"]


def test_names_with_the_same_hash_stay_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.metric_rows.zlib.crc32", lambda name: 3)
    with catalogue() as connection:
        first, second = MetricRows(connection, run=RUN), MetricRows(connection, run=RUN)
        first.store(first.points({"step": 1, "time": 0.0, "values": {"a": 1.0, "b": 2.0}}, attempt=1))
        second.store(second.points({"step": 2, "time": 0.0, "values": {"b": 4.0, "a": 3.0}}, attempt=1))

        assert curve(connection, "run", "a") == [(1, 1.0), (2, 3.0)]
        assert curve(connection, "run", "b") == [(1, 2.0), (2, 4.0)]


def test_a_part_of_a_curve_is_that_part() -> None:
    with catalogue() as connection:
        store(connection, [(step, float(step % 50)) for step in range(1000)])

        whole = curve(connection, "run", "loss")
        part = curve_between(connection, "run", "loss", first=300, last=400, max_points=1000)
        reduced = curve_between(connection, "run", "loss", first=300, last=400, max_points=20)

    assert part == whole[300:401]
    assert {point.value for point in reduced} >= {0.0, 49.0}
    assert set(reduced) <= set(part)


def test_a_long_part_comes_from_the_roll_ups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.metrics.POINT_BY_POINT_STEPS", ROLLUP_STEPS)
    with catalogue() as connection:
        store(connection, [(step, 99.0 if step == 700 else 0.0) for step in range(2000)])

        part = curve_between(connection, "run", "loss", first=500, last=1500, max_points=40)

    assert MetricPoint(700, 99.0) in part
    assert all(500 <= point.step <= 1500 for point in part)


def test_a_spike_at_the_edge_of_a_long_part_is_kept_beside_a_larger_one_outside(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("store.metrics.POINT_BY_POINT_STEPS", ROLLUP_STEPS)
    spikes = {4700: 200.0, 5100: 100.0, 15_000: 100.0, 15_300: 200.0}
    with catalogue() as connection:
        store(connection, [(step, spikes.get(step, 0.0)) for step in range(0, 20_000, 10)])

        part = curve_between(connection, "run", "loss", first=5000, last=15_100, max_points=40)

    assert [point for point in part if point.value] == [(5100, 100.0), (15_000, 100.0)]
    assert len(part) < 80


@PATIENTLY
@given(st.lists(st.integers(1, 900), min_size=1, max_size=5), st.integers(20, 200), st.integers(0, 1500))
def test_a_remembered_curve_is_the_curve_however_the_run_grew(
    growth: list[int], max_points: int, resumed_at: int
) -> None:
    memory = CurveMemory("run", max_points=max_points)
    step = 0
    with catalogue() as connection:
        for number, count in enumerate(growth):
            attempt = 1
            if number == 2 and resumed_at < step:
                # the run goes on from an earlier step
                connection.execute("UPDATE attempt SET superseded_from=? WHERE number=1", (resumed_at,))
                step = resumed_at
            if number >= 2 and resumed_at < step + 1:
                attempt = 2
            values = [(at, math.nan if at % 97 == 5 else math.sin(at)) for at in range(step, step + count)]
            store(connection, values, attempt=attempt)
            step += count

            remembered = memory.curve(connection, "loss")

            assert repr(remembered) == repr(curve(connection, "run", "loss", max_points=max_points))


def test_what_is_not_finite_is_kept_in_a_reduced_curve() -> None:
    with catalogue() as connection:
        store(connection, [(step, math.nan if 3000 <= step < 4000 else 1.0) for step in range(10_000)])

        few = curve(connection, "run", "loss", max_points=400)
        fewer = curve(connection, "run", "loss", max_points=40)

    for points in (few, fewer):
        odd = [point.step for point in points if math.isnan(point.value)]
        assert odd[0] == 3000 and all(3000 <= step < 4000 for step in odd) and len(odd) >= 2
        assert [point.step for point in points] == sorted(point.step for point in points)


def test_a_sketch_holds_the_ends_and_spikes_of_a_long_curve_and_is_none_of_a_short_one() -> None:
    with catalogue() as connection:
        values = {step: 99.0 if step == 7777 else step % 7 / 10 for step in range(15_000)}
        store(connection, list(values.items()))

        drawn = sketch(connection, "run", "loss", max_points=800)

        assert drawn is not None and len(drawn) < 300
        assert MetricPoint(7777, 99.0) in drawn
        assert (drawn[0].step, drawn[-1].step) == (0, 14_999)
        assert {point.step: point.value for point in drawn}.items() <= values.items()
        assert sketch(connection, "run", "loss", max_points=10_000) is None
        assert sketch(connection, "run", "none", max_points=800) is None


def test_an_outline_is_the_ends_of_the_roll_ups() -> None:
    with catalogue() as connection:
        store(connection, [(step, 2.0 * step) for step in range(1000)])

        ends = outline(connection, "run", "loss", max_points=100)
        whole = outline(connection, "run", "loss", max_points=1000)

    assert [point.step for point in ends] == [0, 255, 256, 511, 512, 767, 768, 999]
    assert set(ends) <= set(whole) and len(whole) == 1000


def test_times_of_steps_are_those_recorded(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), *[metrics(step, loss=float(step)) for step in range(600)])
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        every = step_times(connection, run_dir.name, "loss", max_points=1000)
        few = step_times(connection, run_dir.name, "loss", max_points=10)

    assert [(item.step, item.time) for item in every] == [(step, 1001.0 + step) for step in range(600)]
    assert len(few) <= 10
    assert set(few) <= set(every)
    assert (few[0], few[-1]) == (every[0], every[-1])


def test_evaluations_and_milestones_are_those_that_count(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = eventful_run(home)
    ingest_all(home)

    with closing(open_catalogue(home)) as connection:
        evaluations = evaluation_points(connection, run_dir.name)
        found = milestones(connection, run_dir.name)

    assert [(item.step, item.accuracy) for item in evaluations] == [(5, 0.1), (10, 0.1), (15, 0.2), (20, 0.2)]
    assert found.checkpoints == (5, 10, 15, 20)
    assert found.attempts == (11,)
