"""Turns a run configuration into the arguments that TRL, peft and DeepSpeed take. Pure: nothing is loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from store.config import Method, RunConfig

COMMON_NAMES = (
    "max_steps",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "max_grad_norm",
    "optim",
    "logging_steps",
    "seed",
    "gradient_checkpointing",
)
"""Settings that keep their name in both GRPOConfig and SFTConfig."""

GRPO_NAMES = (
    "num_generations",
    "num_iterations",
    "beta",
    "epsilon",
    "loss_type",
    "scale_rewards",
    "multi_objective_aggregation",
    "use_bias_correction_kl",
    "mask_truncated_completions",
    "temperature",
    "top_p",
    "top_k",
    "max_completion_length",
)
"""Settings that keep their name in GRPOConfig."""


def zero_settings(stage: int, *, bf16: bool) -> dict[str, Any]:
    """DeepSpeed's configuration for a ZeRO stage; batch sizes, clipping and buckets are transformers' ("auto")."""
    optimization: dict[str, Any] = {
        "stage": stage,
        "overlap_comm": False,
        "contiguous_gradients": True,
        "reduce_bucket_size": "auto",
        "allgather_bucket_size": 5e8,
    }
    if stage == 3:
        optimization |= {
            "stage3_prefetch_bucket_size": "auto",
            "stage3_param_persistence_threshold": "auto",
            "stage3_gather_16bit_weights_on_model_save": True,
        }
    return {
        "zero_optimization": optimization,
        "bf16": {"enabled": bf16},
        "fp16": {"enabled": False},
        "gradient_clipping": "auto",
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        # the optimizer is transformers' own, which DeepSpeed otherwise refuses
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 10**9,
    }


def common_arguments(config: RunConfig, *, output_dir: Path, on_gpu: bool) -> dict[str, Any]:
    """Arguments shared by GRPOConfig and SFTConfig."""
    bf16 = config.dtype == "bfloat16"
    arguments: dict[str, Any] = {name: getattr(config, name) for name in COMMON_NAMES}
    return arguments | {
        "output_dir": str(output_dir),
        "bf16": bf16,
        "fp16": False,
        "use_cpu": not on_gpu,
        "report_to": [],
        "disable_tqdm": True,
        "eval_strategy": "no",
        "save_strategy": "no" if config.save_steps == 0 else "steps",
        "save_steps": config.save_steps or config.max_steps,
        # checkpoints are pruned after they are known to be complete, which transformers cannot know
        "save_total_limit": None,
        "save_only_model": False,
        "trust_remote_code": config.trust_remote_code,
        "deepspeed": zero_settings(config.zero, bf16=bf16) if config.zero else None,
        # rows are made on access from one column of numbers, which transformers would drop as unused
        "remove_unused_columns": False,
    }


def vllm_arguments(config: RunConfig) -> dict[str, Any]:
    """GRPOConfig's arguments for rollouts by vLLM."""
    if config.vllm.mode == "off":
        return {"use_vllm": False}
    arguments: dict[str, Any] = {
        "use_vllm": True,
        "vllm_mode": config.vllm.mode,
        "vllm_group_port": config.vllm.group_port,
    }
    if config.vllm.mode == "colocate":
        return arguments | {"vllm_gpu_memory_utilization": config.vllm.gpu_memory_utilization}
    return arguments | {"vllm_server_base_url": config.vllm.server_base_url}


def grpo_arguments(config: RunConfig, *, output_dir: Path, on_gpu: bool) -> dict[str, Any]:
    """Arguments of GRPOConfig."""
    arguments = common_arguments(config, output_dir=output_dir, on_gpu=on_gpu)
    arguments |= {name: getattr(config, name) for name in GRPO_NAMES}
    return (
        arguments
        | vllm_arguments(config)
        | {
            "steps_per_generation": config.batches_per_generation,
            "reward_weights": [reward.weight for reward in config.rewards.values()],
            # TRL's own table keeps the last batch of a logging interval only, and gathers every image to make it
            "log_completions": False,
            "log_multimodal": False,
            "shuffle_dataset": True,
        }
    )


def sft_arguments(config: RunConfig, *, output_dir: Path, on_gpu: bool) -> dict[str, Any]:
    """Arguments of SFTConfig."""
    return common_arguments(config, output_dir=output_dir, on_gpu=on_gpu) | {
        # TRL's default of 1024 cuts image placeholder tokens off
        "max_length": None,
        "completion_only_loss": True,
        "shuffle_dataset": True,
    }


def lora_arguments(config: RunConfig) -> dict[str, Any] | None:
    """Arguments of peft's LoraConfig, or None where all weights train."""
    if config.lora.r == 0:
        return None
    return {
        "r": config.lora.r,
        "lora_alpha": config.lora.alpha,
        "lora_dropout": config.lora.dropout,
        "target_modules": config.lora.targets,
        "task_type": "CAUSAL_LM",
    }


def trl_arguments(config: RunConfig, *, output_dir: Path, on_gpu: bool) -> dict[str, Any]:
    """Arguments of the method's TRL configuration class. An evaluation takes SFT's, of which only hardware counts."""
    if config.method is Method.GRPO:
        return grpo_arguments(config, output_dir=output_dir, on_gpu=on_gpu)
    return sft_arguments(config, output_dir=output_dir, on_gpu=on_gpu)


def is_generation_boundary(config: RunConfig, step: int) -> bool:
    """Whether no generated batch is half used after `step`, so that a resume repeats nothing."""
    if config.method is not Method.GRPO:
        return True
    return step * config.gradient_accumulation_steps % (config.batches_per_generation * config.num_iterations) == 0
