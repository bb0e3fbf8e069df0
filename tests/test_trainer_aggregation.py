"""TRL's two ways of adding several rewards up, in real runs: the record holds what was paid, and advantages follow."""

from __future__ import annotations

from math import nan
from pathlib import Path
from typing import Any

import pytest

from store.layout import RunDir
from tests.training_runs import make_run, of_type, records, train

pytestmark = [pytest.mark.train, pytest.mark.slow]

WEIGHTS = {"format": 1.0, "length": 0.5, "picky": 2.0}
EPS = 1e-4
PICKY = '''
from itertools import count

CALLS = count()

def picky(response, example):
    """Grades three of the four completions of a prompt, and of every third prompt none."""
    call = next(CALLS)
    return None if call % 4 == 0 or call // 4 % 3 == 0 else float(call % 7)
'''


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run with three rewards, one of which leaves some completions ungraded."""
    folder = tmp_path_factory.mktemp("aggregated")
    (folder / "mine.py").write_text(PICKY)
    rewards: dict[str, Any] = {name: {"weight": weight} for name, weight in WEIGHTS.items()}
    rewards["picky"]["function"] = f"{folder}/mine.py:picky"
    rewards["length"]["params"] = {"target": 8}
    made = make_run(
        folder,
        max_steps=2,
        per_device_train_batch_size=16,
        rewards=rewards,
        multi_objective_aggregation="normalize_then_sum",
    )
    assert train(made) == 0, made.output.read_text()[-3000:]
    return made


def groups_of(run_dir: RunDir, step: int) -> list[list[dict[str, Any]]]:
    return [group["samples"] for group in of_type(records(run_dir), "group") if group["step"] == step]


def mean_and_spread(values: list[float]) -> tuple[float, float]:
    """Mean and the unbiased spread of the values that are there, which is nan for a single one."""
    mean = sum(values) / len(values) if values else nan
    spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5 if len(values) > 1 else nan
    return mean, spread


def normalized_then_summed(groups: list[list[dict[str, Any]]]) -> list[float]:
    """The advantages of a step by GDPO's rule: each reward by its group, then the weighted sum by the batch."""
    sums = []
    for samples in groups:
        paid = {name: [sample["rewards"][name] for sample in samples] for name in WEIGHTS}
        by_name = {
            name: mean_and_spread([value for value in values if value is not None]) for name, values in paid.items()
        }
        for sample in samples:
            parts = [
                WEIGHTS[name] * (value - by_name[name][0]) / (by_name[name][1] + EPS)
                for name, value in sample["rewards"].items()
                if value is not None
            ]
            sums.append(sum(part for part in parts if part == part))
    mean, spread = mean_and_spread(sums)
    return [(value - mean) / (spread + EPS) for value in sums]


@pytest.mark.parametrize("step", [1, 2])
def test_advantages_are_each_reward_by_its_group_and_their_sum_by_the_batch(run_dir: RunDir, step: int) -> None:
    groups = groups_of(run_dir, step)

    advantages = [sample["advantage"] for samples in groups for sample in samples]

    assert len(groups) == 4 and len(set(advantages)) > 4
    assert advantages == pytest.approx(normalized_then_summed(groups), abs=2e-3)


def test_the_recorded_total_is_the_weighted_sum_of_what_was_paid_whatever_the_advantages_are_made_of(
    run_dir: RunDir,
) -> None:
    samples = [sample for step in (1, 2) for samples in groups_of(run_dir, step) for sample in samples]

    assert any(sample["rewards"]["picky"] is None for sample in samples)
    for sample in samples:
        paid = {name: value for name, value in sample["rewards"].items() if value is not None}
        assert sample["reward"] == pytest.approx(sum(WEIGHTS[name] * value for name, value in paid.items()))


@pytest.mark.parametrize("step", [1, 2])
def test_trls_own_reward_metric_is_the_mean_of_the_recorded_totals(run_dir: RunDir, step: int) -> None:
    totals = [sample["reward"] for samples in groups_of(run_dir, step) for sample in samples]

    (logged,) = [
        record["values"]["reward"]
        for record in of_type(records(run_dir), "metrics")
        if record["step"] == step and "reward" in record["values"]
    ]
    assert logged == pytest.approx(sum(totals) / len(totals), abs=1e-4)


def test_the_log_tells_what_each_reward_pays(run_dir: RunDir) -> None:
    log = run_dir.output.read_text()

    assert "reward format x 1: 1 for the form that the prompt asks for" in log
    assert "reward length x 0.5: sigmoid(1 x (tokens / 8 - 1))" in log
    assert "mine.py:picky" in log


def test_the_run_says_which_way_it_took(run_dir: RunDir, tmp_path: Path) -> None:
    from store.config import read_config

    assert read_config(run_dir.config).multi_objective_aggregation == "normalize_then_sum"


HALF = '''
from itertools import count

CALLS = count()

def half(response, example):
    """Tells the completions of every other prompt apart."""
    call = next(CALLS)
    return float(call % 4) if call // 4 % 2 else 1.0
'''


@pytest.mark.parametrize(
    "settings", [{"multi_objective_aggregation": "normalize_then_sum"}, {"scale_rewards": "batch"}]
)
def test_groups_that_are_paid_alike_are_counted_where_trl_looks_at_the_batch(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    (tmp_path / "mine.py").write_text(HALF)
    rewards = {"half": {"function": f"{tmp_path}/mine.py:half"}, "accuracy": {"weight": 0.0}, "format": {"weight": 0.0}}
    made = make_run(tmp_path, max_steps=1, per_device_train_batch_size=16, rewards=rewards, **settings)

    assert train(made) == 0, made.output.read_text()[-3000:]

    shares = [record["values"].get("frac_reward_zero_std") for record in of_type(records(made), "metrics")]
    assert 0.5 in shares


@pytest.mark.parametrize(
    ("parts", "summed", "each"),
    [
        ([[1.0, 0.0]] * 4, 1.0, 1.0),
        ([[1.0, 0.0], [1.0, 0.0], [1.0, 0.5], [1.0, 0.0]], 0.5, 0.5),
        ([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [1.0, 1.0]], 1.0, 0.5),  # equal sums of unlike rewards
        ([[nan, 1.0], [nan, 1.0], [nan, nan], [nan, nan]], 1.0, 1.0),  # what nobody grades teaches nothing
        ([[0.0, nan], [nan, 0.0], [0.0, nan], [1.0, nan]], 0.5, 0.5),
    ],
)
def test_a_group_is_dead_where_all_of_it_is_paid_alike(parts: list[list[float]], summed: float, each: float) -> None:
    # torch costs seconds, which collecting tests should not pay
    from torch import tensor

    from trainer.capture import dead_share

    assert dead_share(tensor(parts), group_size=2, is_summed_first=True) == summed
    assert dead_share(tensor(parts), group_size=2, is_summed_first=False) == each
