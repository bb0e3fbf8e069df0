"""Who takes in one run again and again with everything open gets the same rows, also where files are swapped below."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest

from store.errors import JournalError
from store.ingest import ingest_run
from store.ingester import RunIngester
from store.layout import Home
from store.rebuild import check, rebuild
from tests.store_runs import append, dump_home, eventful_run, group, ingest_all, make_run, metrics, rows, start

RUN = "sat-grpo-1"
LOSS = "FROM metric_point JOIN metric_key ON metric_key.id = key WHERE name = 'loss'"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_a_growing_run_gives_the_rows_of_one_reading(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    eventful_run(other)
    ingest_all(other)
    run_dir = eventful_run(home)
    whole = {path: path.read_bytes() for path in sorted(run_dir.path.rglob("*.jsonl"))}
    for path in whole:
        path.write_bytes(b"")

    ingester = RunIngester(home, RUN)
    for path in sorted(whole, key=lambda path: (path.name != "supervisor.jsonl", path.name[::-1])):
        for end in [*range(3000, len(whole[path]), 3000), len(whole[path])]:
            path.write_bytes(whole[path][:end])
            ingester.take_in()
    again = ingester.take_in()
    ingester.close()
    ingest_all(home)

    assert again.records == 0
    assert dump_home(home) == dump_home(other)


def test_a_rebuilt_store_is_taken_up_and_not_harmed(home: Home) -> None:
    journal = make_run(home).journal(0, 1)
    append(journal, start(), metrics(1, loss=1.0), group(1))
    ingester = RunIngester(home, RUN)
    ingester.take_in()

    rebuild(home)
    append(journal, metrics(2, loss=2.0), group(2))
    report = ingester.take_in()
    ingester.close()
    ingest_all(home)

    assert report.records == 2
    assert rows(home, f"SELECT step, value {LOSS} ORDER BY step") == [(1, 1.0), (2, 2.0)]
    problems = [finding.problem for finding in check(home) if finding.is_fault]
    # the group of these tests names a picture that nobody wrote
    assert problems == ["1 of 1 images are missing"]


def test_another_run_of_the_same_name_takes_the_place(home: Home) -> None:
    append(make_run(home).journal(0, 1), start(), metrics(1, loss=1.0))
    ingester = RunIngester(home, RUN)
    ingester.take_in()

    shutil.rmtree(home.run(RUN).path)
    append(make_run(home, uid=12).journal(0, 1), start(), metrics(7, loss=7.0))
    ingester.take_in()
    ingester.close()

    assert rows(home, "SELECT id FROM run") == [(12,)]
    assert rows(home, f"SELECT step {LOSS}") == [(7,)]


def test_a_run_that_could_not_be_read_is_read_when_it_can(home: Home) -> None:
    run_dir = make_run(home)
    append(run_dir.journal(0, 1), start(), metrics(1, loss=1.0))
    ingester = RunIngester(home, RUN)
    kept = run_dir.launch.read_text()
    run_dir.launch.unlink()

    with pytest.raises(JournalError, match=r"launch\.json"):
        ingester.take_in()
    run_dir.launch.write_text(kept)

    assert ingester.take_in().records == 2
    ingester.close()


def test_any_thread_takes_in_also_beside_another_reader_and_after_the_end(home: Home) -> None:
    journal = make_run(home).journal(0, 1)
    append(journal, start())
    ingester = RunIngester(home, RUN)
    for step in range(1, 10):
        append(journal, metrics(step, loss=float(step)))
        if step % 3 == 0:
            ingest_run(home, RUN)
        if step == 8:
            ingester.close()
        thread = threading.Thread(target=ingester.take_in)
        thread.start()
        thread.join()

    assert rows(home, f"SELECT count(*), sum(value) {LOSS}") == [(9, 45.0)]
