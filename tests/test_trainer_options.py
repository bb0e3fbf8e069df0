"""Run configuration to TRL arguments: names, batch arithmetic, schedules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.config import RunConfig, parse_config
from trainer.options import grpo_arguments, is_generation_boundary, lora_arguments, sft_arguments, zero_settings

pytestmark = pytest.mark.train

OUTPUT = Path("/nowhere")


def config(**settings: Any) -> RunConfig:
    return parse_config({"name": "options-test", **settings})


def test_every_grpo_argument_is_a_field_of_trls_class() -> None:
    from trl import GRPOConfig

    arguments = grpo_arguments(config(), output_dir=OUTPUT, on_gpu=False)

    assert set(arguments) <= set(GRPOConfig.__dataclass_fields__)


def test_every_sft_argument_is_a_field_of_trls_class() -> None:
    from trl import SFTConfig

    arguments = sft_arguments(config(method="sft"), output_dir=OUTPUT, on_gpu=False)

    assert set(arguments) <= set(SFTConfig.__dataclass_fields__)


def test_the_papers_loss_and_kl_reach_trl() -> None:
    from trl import GRPOConfig

    settings = config(beta=0.04, num_generations=8, dtype="float32", gradient_checkpointing=False)

    accepted = GRPOConfig(**grpo_arguments(settings, output_dir=OUTPUT, on_gpu=False))

    assert (accepted.loss_type, accepted.beta, accepted.use_bias_correction_kl) == ("grpo", 0.04, False)
    assert accepted.scale_rewards == "group"
    assert accepted.temperature == 1.0


def test_trl_never_logs_completions_of_its_own() -> None:
    arguments = grpo_arguments(config(), output_dir=OUTPUT, on_gpu=False)

    assert arguments["log_completions"] is False
    assert arguments["log_multimodal"] is False


def test_sft_never_cuts_image_tokens_off() -> None:
    assert sft_arguments(config(method="sft"), output_dir=OUTPUT, on_gpu=False)["max_length"] is None


def test_reward_weights_follow_the_order_of_the_rewards() -> None:
    settings = config(rewards={"format": {"weight": 0.5}, "accuracy": {"weight": 2.0}})

    assert grpo_arguments(settings, output_dir=OUTPUT, on_gpu=False)["reward_weights"] == [0.5, 2.0]


def test_lora_is_off_at_rank_zero() -> None:
    assert lora_arguments(config()) is None


def test_zero_three_gathers_weights_when_it_saves() -> None:
    optimization = zero_settings(3, bf16=True)["zero_optimization"]

    assert optimization["stage3_gather_16bit_weights_on_model_save"] is True


@pytest.mark.parametrize(
    ("steps_per_generation", "num_iterations", "step", "expected"),
    [
        (0, 1, 3, True),  # one generation a step
        (4, 1, 1, False),  # a generation feeds two steps of two batches
        (4, 1, 2, True),
        (2, 3, 3, True),  # three passes over one generation
        (2, 3, 4, False),
    ],
)
def test_a_generation_boundary_is_where_no_batch_is_half_used(
    steps_per_generation: int, num_iterations: int, step: int, expected: bool
) -> None:
    settings = config(
        gradient_accumulation_steps=2,
        steps_per_generation=steps_per_generation,
        num_iterations=num_iterations,
    )

    assert is_generation_boundary(settings, step) is expected


@pytest.mark.parametrize(
    ("settings", "step", "expected"),
    [
        ({}, 3, 24),  # 8 completions a step
        ({"gradient_accumulation_steps": 4}, 3, 96),
        ({"ranks": 2}, 3, 48),
        ({"num_iterations": 2}, 3, 16),  # two updates a generation: the third step begins the second one
        ({"method": "sft"}, 3, 0),
    ],
)
def test_rollouts_through_a_step_are_exact(settings: dict[str, Any], step: int, expected: int) -> None:
    assert config(**settings).rollouts_through(step) == expected


@pytest.mark.parametrize("model", ["/nowhere/model", "./model", "~nobody-of-that-name/model"])
def test_a_model_by_path_must_be_a_directory(model: str) -> None:
    from trainer.errors import ModelError
    from trainer.model import model_location

    with pytest.raises(ModelError, match="no directory"):
        model_location(config(model=model))


def test_a_model_by_name_is_left_to_the_hub() -> None:
    from trainer.model import model_location

    assert model_location(config(model="Qwen/Qwen2.5-VL-3B-Instruct")) == "Qwen/Qwen2.5-VL-3B-Instruct"
