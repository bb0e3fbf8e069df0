"""A run differs from the pinned one over the same examples, asked the same way, or there is no difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rftui.runs.base_reads import BaseReader
from rftui.runs.versus import KnownDifferences, Pinned, VersusBase
from store.layout import Home
from store.runs import RunSummary
from tests.listed_runs import summary, write_listed
from tests.store_runs import append, eval_result, eval_sample, ingest_all


def write_run(home: Home, name: str, uid: int, *, right: int, n: int = 10, step: int = 20, **asked: Any) -> RunSummary:
    """A run with the answers of its last evaluation, of which the first are right."""
    settings = {"difficulty": asked.pop("difficulty")} if "difficulty" in asked else {}
    write_listed(home, name, uid=uid, **settings)
    way = {key: value for key, value in asked.items() if key in ("prompt", "decoding", "split")}
    samples = [
        eval_sample(step, index, **{"correct": index < right, **way, **asked.get("sample", {})}) for index in range(n)
    ]
    source = {"source": asked["source"]} if "source" in asked else {}
    append(home.run(name).journal(0, 1), *samples, eval_result(step, correct=right, n=n, **way, **source))
    return summary(name)


def read_one(home: Home, base: RunSummary, run: RunSummary) -> VersusBase | None:
    ingest_all(home)
    return BaseReader(home).read(Pinned(1, base), {2: run})[2]


def test_the_difference_is_paired_over_the_same_examples(tmp_path: Path) -> None:
    home = Home(tmp_path)
    base, run = write_run(home, "sat-grpo-1", 1, right=1), write_run(home, "sat-grpo-2", 2, right=5)

    versus = read_one(home, base, run)

    # 4 of 10 pairs changed, all for the better: two proportions apart would be [-.02, .69] (Newcombe)
    assert versus is not None
    assert versus[:4] == pytest.approx((0.4, 0.1, 0.7, 10))
    assert versus.is_narrow, "four examples flipped"


@pytest.mark.parametrize(
    "other",
    [
        {"n": 5},  # fewer of them
        {"split": "val"},
        {"prompt": "direct"},
        {"decoding": "sampled"},
        {"source": {"kind": "real", "name": "sat", "detail": ""}},
        {"sample": {"question": "Who is it?"}},  # the same uids stand for others
        {"difficulty": 0.9},
    ],
)
def test_there_is_no_difference_between_other_examples(tmp_path: Path, other: dict[str, Any]) -> None:
    home = Home(tmp_path)
    base = write_run(home, "sat-grpo-1", 1, right=1, step=30)
    run = write_run(home, "sat-grpo-2", 2, right=5, step=30, **other)

    assert read_one(home, base, run) is None


def test_runs_without_answers_or_of_another_task_have_no_difference(tmp_path: Path) -> None:
    home = Home(tmp_path)
    base, run = write_run(home, "sat-grpo-1", 1, right=1), write_run(home, "sat-grpo-2", 2, right=5, n=0)

    assert read_one(home, base, run) is None
    assert read_one(home, base, run._replace(task="banner")) is None


def test_differences_to_another_pinned_run_are_forgotten_and_a_live_one_is_read_again() -> None:
    base, run = summary("sat-grpo-1"), summary("sat-grpo-2")
    known = KnownDifferences()
    known.pin(Pinned(1, base))
    assert known.is_behind(2, run) and not known.is_behind(1, base)

    known.take(Pinned(1, base), {2: run}, {2: None})
    assert known.is_known(2) and not known.is_behind(2, run)
    assert known.is_behind(2, run._replace(step=301))

    known.pin(Pinned(1, base._replace(step=301)))
    assert known.is_known(2) and known.is_behind(2, run)
    known.pin(Pinned(3, run))
    known.take(Pinned(1, base), {2: run}, {2: None})
    assert not known.is_known(2)
