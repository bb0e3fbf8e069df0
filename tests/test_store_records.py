"""Whatever a journal line says, its neighbours are taken in and values come back as they were logged."""

from __future__ import annotations

import math
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.apply_catalogue import CatalogueWriter
from store.apply_rollouts import RolloutsWriter
from store.database import open_for_reading
from store.ingest import index_pending, ingest_run
from store.journal import encode, read_chunk
from store.layout import Home
from store.metrics import curve
from store.migrations import CATALOGUE, ROLLOUTS
from store.rollouts import iter_rollouts, search
from store.runs import open_catalogue, run_detail
from tests.store_runs import (
    PATIENTLY,
    append,
    checkpoint,
    eval_result,
    eval_sample,
    group,
    make_run,
    metrics,
    rows,
    start,
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_foreign_line_is_counted_kept_and_reported(home: Home) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1))
    with run_dir.journal(0, 1).open("ab") as file:
        file.write(b"Segmentation fault \xff\n")
    append(run_dir.journal(0, 1), metrics(2))

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (3, 1)
    assert rows(home, "SELECT text FROM foreign_line") == [("Segmentation fault �",)]
    with closing(open_catalogue(home)) as connection:
        assert run_detail(connection, run_dir.name).counts.foreign_lines == 1
        assert [point.step for point in curve(connection, run_dir.name, "reward")] == [1, 2]


BROKEN: list[dict[str, Any]] = [
    {"type": "metrics", "step": "one", "values": {"reward": 1.0}},
    {"type": "metrics", "step": 1 << 80, "values": {"reward": 1.0}},
    {"type": "metrics", "step": -1, "values": {"reward": 1.0}},
    {"type": "metrics", "step": [1], "values": {"reward": 1.0}},
    {"type": "metrics", "step": 1, "values": [1.0]},
    {"type": "metrics", "step": 1, "values": {"reward": 10**400}},  # beyond every float
    {"type": "metrics", "step": 1, "values": {"name \ud800": 1.0}},
    {"type": "metrics", "values": {"reward": 1.0}},
    {"type": "group", "step": 1, "policy_step": 0},
    {**group(1), "policy_step": 1 << 70},
    {**group(1), "samples": None},
    {**group(1), "samples": [{"sample": 1}]},
    {**group(1), "step": 1 << 30},  # beyond what an id holds
    {**group(1), "group": float("inf")},
    {**eval_sample(1), "tokens": 1 << 64},
    {**eval_sample(1), "index": None},
    {**eval_result(1), "low": "NaN"},
    {**eval_result(1), "n": {"all": 1}},
    {**checkpoint(1), "bytes": -1},
    {"type": "start", "first_step": None},
    {"type": "start", "first_step": 1, "total_steps": 3},  # no source
    {"type": "note", "level": "info"},
    {"type": "gap"},
    {"type": "end", "outcome": "finished", "step": "last"},
]


@pytest.mark.parametrize("record", BROKEN)
def test_a_record_with_our_form_and_wrong_fields_stops_nothing(home: Home, record: dict[str, Any]) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1, good=1.0), record, metrics(2, good=2.0))

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (3, 1)
    with closing(open_catalogue(home)) as connection:
        assert run_detail(connection, run_dir.name).counts.foreign_lines == 1
        assert curve(connection, run_dir.name, "good") == [(1, 1.0), (2, 2.0)]
        assert curve(connection, run_dir.name, "reward") == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=()), max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
SOUND: list[dict[str, Any]] = [
    start(),
    metrics(1),
    group(1),
    eval_sample(1),
    eval_result(1),
    checkpoint(1),
    {"type": "note", "level": "info", "text": "x"},
    {"type": "gap", "dropped": {}, "reason": ""},
    {"type": "end", "outcome": "finished", "step": 1},
    {"type": "attempt_start", "attempt": 1},
    {"type": "attempt_end", "attempt": 1, "exit_code": 0, "signal": None, "oom": None, "traceback": None},
    {"type": "state", "attempt": 1, "state": "running", "reason": ""},
    {"type": "sample", "cpu_percent": 1.0, "rss_mb": 1.0, "gpus": []},
]


@settings(PATIENTLY, max_examples=150)
@given(st.data())
def test_no_value_in_any_field_of_any_record_stops_a_writer(data: st.DataObject) -> None:
    record = dict(data.draw(st.sampled_from(SOUND)))
    for name in data.draw(st.sets(st.sampled_from(sorted(set(record) - {"type"})), min_size=1, max_size=3)):
        record[name] = data.draw(anything)
    # as a journal carries it
    line = encode({"v": 1, "seq": 5, "time": 2.0, **record})
    nowhere = Path("/nonexistent/x.db")

    with (
        tempfile.NamedTemporaryFile() as file,
        closing(open_for_reading(nowhere, CATALOGUE)) as catalogue,
        closing(open_for_reading(nowhere, ROLLOUTS)) as rollouts,
    ):
        file.write(line)
        file.flush()
        records = read_chunk(Path(file.name), 0, 1 << 20).records
        for attempt in (None, 1):
            refused = CatalogueWriter(catalogue, run=1).apply(records, file="j", attempt=attempt, rank=0)
            assert refused in ([], [0])
        assert RolloutsWriter(rollouts).apply(records, attempt=1) in ([], [0])


SUPERVISOR_BROKEN: list[dict[str, Any]] = [
    {"type": "state", "attempt": "first", "state": "running"},
    {"type": "state", "attempt": 1},
    {"type": "attempt_end", "attempt": 1 << 70},
    {"type": "attempt_end", "attempt": 1, "exit_code": "bad"},
    {"type": "attempt_start"},
]


@pytest.mark.parametrize("record", SUPERVISOR_BROKEN)
def test_a_wrong_supervisor_record_stops_nothing(home: Home, record: dict[str, Any]) -> None:
    run_dir = make_run(home)
    append(run_dir.supervisor_journal, record, {"type": "state", "attempt": 1, "state": "running", "reason": ""})

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (1, 1)
    assert rows(home, "SELECT state FROM run") == [("running",)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.1, -0.0, 5e-324, 1.7976931348623157e308])
def test_a_metric_comes_back_as_it_was_logged(home: Home, value: float) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1, loss=value))

    ingest_run(home, run_dir.name)

    with closing(open_catalogue(home)) as connection:
        (point,) = curve(connection, run_dir.name, "loss")
    assert point.value == value or (math.isnan(value) and math.isnan(point.value))


def test_hostile_text_is_stored_and_found_again(home: Home) -> None:
    run_dir = make_run(home)
    texts = ["cr\r\nlf nul\x00 \u2028 \x85", "lone \ud800 surrogate", "é" * 100_000]
    append(run_dir.journal(0, 1), start(), group(1, texts=texts, question="\udfff?", images=[{"hash": "\ud801"}]))

    report = ingest_run(home, run_dir.name)
    index_pending(home, run_dir.name)

    assert report.foreign == 0
    stored = [rollout.completion for rollout in iter_rollouts(home, run_dir.name)]
    assert stored == [texts[0], "lone \\ud800 surrogate", texts[2]]
    assert len(search(home, run_dir.name, "surrogate")) == 1


def test_a_ten_megabyte_completion_is_taken_in(home: Home) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), group(1, texts=["x" * 10_000_000]), metrics(1))

    report = ingest_run(home, run_dir.name)

    assert (report.records, report.foreign) == (3, 0)
    assert [len(rollout.completion) for rollout in iter_rollouts(home, run_dir.name)] == [10_000_000]
