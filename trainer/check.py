"""`python -m trainer --check RUN_DIR`: whether this interpreter could train that run, as one JSON object on stdout.

Runs in the interpreter that will train, so that versions, packages and argument classes are the real ones. Loads the
processor but no weights, starts no distributed process group, and writes nothing.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig
from transformers import AutoConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from trl import GRPOConfig, SFTConfig

import trainer
from evals.checking.facts import Level
from evals.checking.faults import blame, told
from evals.checking.samples import sampled_problems
from evals.errors import EvalsError, TaskError
from evals.rewards import build_rewards
from evals.task import Examples, Source, Task
from evals.tasks import is_task_file, load_task
from store.config import Method, RunConfig
from store.layout import RunDir
from trainer.errors import ModelError, OptionsError, TrainerError
from trainer.model import adapter_base, image_fitter, load_processor, model_location
from trainer.options import is_generation_boundary, lora_arguments, trl_arguments, zero_settings
from trainer.reading import CANDIDATES, Fitted, ImageReader
from trainer.reward_check import refused_rewards
from trainer.session import installed_versions

FULL_TUNING_LR = 1e-4
"""Under this learning rate a pure bfloat16 update is mostly rounded away: bfloat16 keeps 8 bits of mantissa."""


def report(config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    """All findings: `ok` is false when any error was found."""
    errors: list[dict[str, str]] = []
    warnings = _warnings(config)
    facts: dict[str, Any] = {}
    data = _TrainingData(config)
    of_data = (partial(_check_task, data), partial(_check_rewards, data))
    for check in (_check_arguments, _check_lora, _check_zero, _check_vllm, _check_model, *of_data):
        try:
            found = check(config, run_dir)
            warnings += found.pop("warnings", [])
            facts |= found
        except (TrainerError, EvalsError) as error:
            found_text = told(error) if isinstance(error, EvalsError) else error.found
            finding = {"found": found_text, "expected": error.expected, "fix": error.fix}
            # two checks may trip over the same model
            errors += [finding] if finding not in errors else []
        # a task of the user's own may raise anything; from elsewhere it is a bug, and stays a traceback
        except Exception as error:
            if not is_task_file(config.task):
                raise
            finding = {
                "found": f"task {config.task} raised {blame(error)}",
                "expected": "a task that answers",
                "fix": "mend it there; `rftui tasks check` looks at every example",
            }
            errors += [finding] if finding not in errors else []
    return {
        "ok": not errors,
        "rftui_version": installed_versions().get("rftui"),
        "trainer_path": str(Path(trainer.__file__).parent),
        "python": sys.executable,
        "versions": installed_versions(),
        "device": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu",
        "gpus": torch.cuda.device_count(),
        "errors": errors,
        "warnings": warnings,
        **facts,
    }


def _refused(make: Callable[[], Any], *, by: str) -> Any:
    """The result of `make`, with any refusal turned into an OptionsError that names who refused."""
    try:
        return make()
    except (TypeError, ValueError, ImportError, RuntimeError, NotImplementedError) as error:
        raise OptionsError(
            f"{by} refuses the settings: {error}", expected="settings it accepts", fix="change the setting it names"
        ) from error


def _check_arguments(config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    on_gpu = torch.cuda.is_available()
    with tempfile.TemporaryDirectory() as scratch:
        arguments = trl_arguments(config, output_dir=Path(scratch), on_gpu=on_gpu)
        # DeepSpeed would start a process group here; it is checked on its own below
        arguments["deepspeed"] = None
        # the class divides by the ranks it sees, and this check is one rank
        arguments["per_device_train_batch_size"] *= config.ranks
        if config.method is Method.GRPO:
            _refused(lambda: GRPOConfig(**arguments), by="TRL's GRPOConfig")
        else:
            _refused(lambda: SFTConfig(**arguments), by="TRL's SFTConfig")
    if config.save_steps and not is_generation_boundary(config, config.save_steps):
        raise OptionsError(
            f"save_steps={config.save_steps} falls inside a generation that {config.batches_per_generation} x "
            f"{config.num_iterations} batches share",
            expected="checkpoints between generations, so that a resume repeats and shifts nothing",
            fix="make save_steps x gradient_accumulation_steps a multiple of steps_per_generation x num_iterations",
        )
    if on_gpu and config.ranks > torch.cuda.device_count():
        raise OptionsError(
            f"{config.ranks} ranks and {torch.cuda.device_count()} visible GPUs",
            expected="a GPU a rank",
            fix="lower --ranks or name other --gpus",
        )
    return {}


def _check_lora(config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    arguments = lora_arguments(config)
    if arguments is not None:
        _refused(lambda: LoraConfig(**arguments), by="peft's LoraConfig")
    return {}


def _check_zero(config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    if config.zero == 0:
        return {}
    # deepspeed takes seconds to import; only runs that use it should wait

    def validate() -> None:
        from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

        settings = zero_settings(config.zero, bf16=config.dtype == "bfloat16")["zero_optimization"]
        DeepSpeedZeroConfig(**{key: value for key, value in settings.items() if value != "auto"})

    _refused(validate, by="DeepSpeed")
    return {}


def _check_vllm(config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    if config.vllm.mode == "off":
        return {}
    from trl.import_utils import is_vllm_available

    if not is_vllm_available():
        raise OptionsError(
            f"vllm.mode={config.vllm.mode} and no vLLM in {sys.executable}",
            expected="an environment with vLLM, torch and transformers that fit each other",
            fix="name that environment with --python, or set vllm.mode=off",
        )
    return {}


def _check_model(config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    location = model_location(config)
    base = adapter_base(location)
    if base is not None:
        if config.trains:
            raise ModelError(
                f"{location} is a LoRA adapter of {base}",
                expected="a whole model to train; adapters can be evaluated",
                fix=f"name {base}, or merge the adapter into it first",
            )
        location = base
    try:
        settings = AutoConfig.from_pretrained(location, trust_remote_code=config.trust_remote_code)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"no model configuration at {location} ({str(error).splitlines()[0]})",
            expected="a directory or Hub name of an image-text-to-text model",
            fix="check --model, or download the model first where the machine is offline",
        ) from error
    if settings.model_type not in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES and not config.trust_remote_code:
        raise ModelError(
            f"{location} is a {settings.model_type}",
            expected="a model that transformers loads as image-text-to-text",
            fix="name a vision-language model with --model",
        )
    folder = Path(location)
    if folder.is_dir() and not list(folder.glob("*.safetensors")):
        raise ModelError(
            f"no safetensors weights in {folder}",
            expected="*.safetensors; pickled weights can run code and are never loaded",
            fix="convert the weights to safetensors",
        )
    return {"model": {"location": location, "type": settings.model_type}}


class _TrainingData:
    """What the run trains on, opened once: listing a large folder takes seconds. Each may raise TaskError."""

    def __init__(self, config: RunConfig) -> None:
        self.config = config

    @cached_property
    def task(self) -> Task:
        """The task, whose file is run here where it is the user's own."""
        return load_task(self.config.task, self.config.task_options)

    @cached_property
    def source(self) -> Source:
        """Where its examples come from."""
        return self.task.source(self.config.source)

    @cached_property
    def examples(self) -> Examples:
        """The training split."""
        config = self.config
        return self.task.examples("train", seed=config.seed, difficulty=config.difficulty, source=self.source)


def _check_task(data: _TrainingData, config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    """Builds rewards, reads one example and encodes it, so that the prompt can be shown with its length."""
    task = data.task
    if config.uses_rewards:
        settings = {name: reward.model_dump() for name, reward in config.rewards.items()}
        build_rewards(settings, task)
    source, examples = data.source, data.examples
    processor = load_processor(config)
    reader = ImageReader(image_fitter(processor, config))
    example, fitted = _first_readable(examples, reader)
    text = task.user_text(example, config.prompt.value)
    content = [*({"type": "image"} for _ in fitted), {"type": "text", "text": text}]
    prompt = processor.apply_chat_template(
        [{"role": "user", "content": content}], add_generation_prompt=True, tokenize=False
    )
    encoded = processor(text=[prompt], images=[[item.image for item in fitted]] if fitted else None)
    warnings = [f"training example {uid} cannot be read ({reason})" for uid, reason in reader.reasons.items()]
    held_out = task.examples("heldout", seed=config.evaluation.seed, difficulty=config.difficulty, source=source)
    if config.method is not Method.SUIT and config.evaluation.examples and held_out.length == 0:
        warnings.append("there are no held-out examples, so nothing will be evaluated; `rftui tasks check` shows why")
    problems = list(sampled_problems(task, examples, held_out))
    for problem in problems:
        # an evaluation or a sampling trains on nothing
        if problem.level is Level.ERROR and config.trains:
            raise TaskError(problem.found, expected=problem.expected, fix=problem.fix)
    return {
        "source": source._asdict(),
        "data": [source.detail, *task.remarks(source)],
        "available_examples": examples.length,
        "warnings": [*warnings, *(problem.found for problem in problems)],
        "sample": {
            "prompt": prompt,
            "tokens": len(encoded["input_ids"][0]),
            "image_tokens": [item.tokens for item in fitted],
            "image_sizes": [list(item.image.size) for item in fitted],
        },
    }


def _check_rewards(data: _TrainingData, config: RunConfig, run_dir: RunDir) -> dict[str, Any]:
    """Whether the rewards pay for an answer that names no label or several."""
    if config.method is not Method.GRPO:
        return {}
    return {"warnings": refused_rewards(config, data.task, data.source, data.examples)}


def _first_readable(examples: Examples, reader: ImageReader) -> Fitted:
    """The first example that can be read. Raises ExamplesUnreadable where none of the first ones can."""
    tried = CANDIDATES if examples.length is None else min(CANDIDATES, examples.length)
    for index in range(tried):
        if (fitted := reader.read(examples[index])) is not None:
            return fitted
    raise reader.refusal(tried, what="training")


def _warnings(config: RunConfig) -> list[str]:
    found = []
    is_full_tuning = config.lora.r == 0 and config.trains
    if is_full_tuning and config.dtype == "bfloat16" and config.zero == 0 and config.learning_rate < FULL_TUNING_LR:
        found.append(
            f"all weights train in pure bfloat16 at learning rate {config.learning_rate:g}: most updates are smaller "
            "than bfloat16 can add; use --zero 2 (which keeps float32 copies), dtype=float32, or LoRA"
        )
    if config.attention == "flash_attention_2" and not torch.cuda.is_available():
        found.append("attention=flash_attention_2 needs a GPU, and this machine shows none")
    return found
