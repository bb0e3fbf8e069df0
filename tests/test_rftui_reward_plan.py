"""What a run says of its rewards before it starts: every parameter they go by, and settings that come to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evals.rewards import formula
from rftui.planning.plan import LaunchPlan, LaunchRequest, plan_launch
from rftui.planning.reward_plan import reward_plan
from rftui.planning.reward_settings import reward_setting_findings
from store.config import config_toml, parse_config, read_config
from store.layout import Home
from tests.store_runs import make_run


def planned(home: Path, *assignments: str, method: str = "grpo") -> LaunchPlan:
    return plan_launch(Home(home), LaunchRequest(method, {}, recipe="tiny", assignments=assignments))


def test_the_reading_of_the_length_reward_is_written_down_although_nobody_chose_one(tmp_path: Path) -> None:
    plan = planned(tmp_path, "rewards.length.weight=0.5", "rewards.length.params.target=64")

    params = plan.config.rewards["length"].params
    assert params == {
        "form": "relative",
        "target": 64,
        "alpha": 1.0,
        "centre": 1.0,
        "counted": "completion",
        "gate": "none",
    }
    assert plan.origins["rewards.length.params.form"] == "the reward's default"
    assert plan.origins["rewards.length.params.target"] == "--set"


def test_a_form_without_a_centre_is_written_without_one(tmp_path: Path) -> None:
    plan = planned(tmp_path, "rewards.length.params.form=ratio")

    assert "centre" not in plan.config.rewards["length"].params
    assert formula("length", plan.config.rewards["length"].params) == "sigmoid(1 x tokens / 512)"


def test_what_a_reward_does_not_take_is_left_for_preflight(tmp_path: Path) -> None:
    plan = planned(tmp_path, "rewards.length.params.tarket=64", "rewards.unheard.weight=1")

    assert plan.config.rewards["length"].params == {"tarket": 64}
    assert plan.config.rewards["unheard"].params == {}


def test_parameters_of_a_users_own_reward_stay_what_was_given(tmp_path: Path) -> None:
    plan = planned(tmp_path, "rewards.mine.function=mine.py:f", "rewards.mine.params.x=1")

    assert plan.config.rewards["mine"].params == {"x": 1}
    assert plan.origins["rewards.mine.params.x"] == "--set"


def test_a_written_configuration_tells_the_reading(tmp_path: Path) -> None:
    plan = planned(tmp_path, "rewards.length.params.form=difference")
    path = tmp_path / "config.toml"
    path.write_text(config_toml(plan.config), encoding="utf-8")

    assert read_config(path).rewards["length"].params["form"] == "difference"


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        (
            {"multi_objective_aggregation": "normalize_then_sum", "scale_rewards": "none"},
            "scale_rewards=none does nothing: normalize_then_sum scales each reward by its group, "
            "and their sum by the batch",
        ),
        (
            {"rewards": {"soft_overlong": {}}, "max_completion_length": 700},
            "soft_overlong begins after 768 tokens, and no completion has more than 700",
        ),
        ({"rewards": {"soft_overlong": {"params": {"max_completion_len": 48, "soft_punish_cache": 8}}}}, ""),
        (
            {"rewards": {"length": {"params": {"form": "difference", "target": 64}}}, "max_completion_length": 48},
            "length (difference, target 64) pays 0.000 for 1 token and 0.000 for 48, the most that a completion has: "
            "it hardly tells lengths apart",
        ),
        (
            {"rewards": {"length": {"params": {"target": 5000}}}},
            "length (relative, target 5000) pays 0.269 for 1 token and 0.273 for 100, the most that a completion has: "
            "it hardly tells lengths apart",
        ),
        ({"rewards": {"length": {"params": {"form": "difference", "target": 24}}}, "max_completion_length": 48}, ""),
        ({"rewards": {"length": {"params": {"target": 50}}}}, ""),
        ({"rewards": {"length": {"params": {"target": 0}}}}, ""),  # an error, which the check of the task says
        ({"multi_objective_aggregation": "normalize_then_sum"}, ""),
        ({"scale_rewards": "none"}, ""),
        ({"method": "sft", "scale_rewards": "none", "multi_objective_aggregation": "normalize_then_sum"}, ""),
    ],
)
def test_reward_settings_that_do_nothing_are_told(settings: dict[str, Any], found: str) -> None:
    config = parse_config({"name": "x", "max_completion_length": 100, **settings})

    assert [finding.found for finding in reward_setting_findings(config)] == ([found] if found else [])


def test_a_check_of_a_run_takes_over_what_decides_its_rewards_and_no_more(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run_dir = make_run(home, "made")
    config = parse_config(
        {
            "name": "made",
            "method": "sft",
            "per_device_train_batch_size": 3,
            "task": "sat",
            "prompt": "direct",
            "max_completion_length": 33,
            "rewards": {"format": {"weight": 2.0}},
        }
    )
    run_dir.config.write_text(config_toml(config), encoding="utf-8")

    plan = reward_plan(home, "made", flags={}, assignments=["rewards.format.weight=3"], python=None)

    assert (plan.config.prompt.value, plan.config.max_completion_length) == ("direct", 33)
    assert {name: reward.weight for name, reward in plan.config.rewards.items()} == {"format": 3.0}
    assert plan.config.per_device_train_batch_size != 3
