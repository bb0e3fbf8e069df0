"""What is remembered of a run's curves is used while it is still so, and not longer."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from rftui.charts.curve_reads import AS_IT_IS, RunMemory, memory_of, read_curves
from rftui.runs.preview import MAX_POINTS, read_preview
from store.ingest import ingest_run
from store.layout import Home
from store.metrics import CurveMemory
from store.runs import find_run, open_catalogue
from tests.store_runs import append, make_run, metrics, start

RUN = "sat-grpo-1"
VERSION = 1000


@pytest.mark.parametrize(
    ("version", "is_live", "is_known"),
    [
        (VERSION, False, True),
        (VERSION, True, True),
        (VERSION + 1, False, False),  # it went on
        (AS_IT_IS, False, True),  # it had ended, and nobody has looked since
        (AS_IT_IS, True, False),  # it has surely gone on
    ],
)
def test_a_run_is_known_while_it_did_not_go_on(tmp_path: Path, version: int, is_live: bool, is_known: bool) -> None:
    found = read_curves(Home(tmp_path), RUN, ())._replace(is_live=is_live)
    memory = RunMemory(RUN)
    memory.keep(VERSION, found)
    memory.keep(AS_IT_IS, found._replace(names=("read before anybody looked",)))

    known = memory.known_at(version)

    assert known == (found if is_known else None)


def test_a_run_opened_again_shows_what_came_meanwhile(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home, RUN)
    append(run_dir.journal(0, 1), start(), *[metrics(step) for step in range(1, 31)])
    ingest_run(home, RUN)
    first = read_curves(home, RUN, ["reward"], memory=memory_of(home.path, RUN).curves)
    append(run_dir.journal(0, 1), *[metrics(step) for step in range(31, 41)])
    ingest_run(home, RUN)

    again = read_curves(home, RUN, ["reward"], memory=memory_of(home.path, RUN).curves)

    assert [point.step for point in first.curves["reward"]] == list(range(1, 31))
    assert again.curves == read_curves(home, RUN, ["reward"]).curves
    assert again.curves["reward"][-1].step == 40


def test_the_preview_of_a_run_that_goes_on_is_the_same_with_a_memory(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home, RUN)
    memory = CurveMemory(RUN, max_points=MAX_POINTS)
    append(run_dir.journal(0, 1), start())
    # more than are shown one by one, too
    for first, last in ((1, 30), (31, 40), (41, 400)):
        append(run_dir.journal(0, 1), *[metrics(step) for step in range(first, last + 1)])
        ingest_run(home, RUN)
        with closing(open_catalogue(home)) as connection:
            run = find_run(connection, RUN)

        found = read_preview(home, 11, run, memory=memory)

        assert found.curves == read_preview(home, 11, run).curves
        assert found.curves.curves["reward"][-1].step == last
