"""The configuration of one run: every setting with its meaning, frozen, checked, and written as TOML.

Names that TRL or transformers have are theirs, unchanged; ours stand beside them. This file knows nothing of
tasks, rewards or hardware: whether a task or a reward of that name exists is preflight's question.
"""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from store.errors import RunConfigError

RUN_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
RUN_NAME_RULE = "a name of at most 80 letters, digits, dots, dashes and underscores that begins with a letter or digit"
"""The pattern in words."""


class Method(StrEnum):
    """What a run does."""

    GRPO = "grpo"
    """Group relative policy optimisation with verifiable rewards."""
    SFT = "sft"
    """Supervised fine-tuning on the gold answers, or on reasoning traces."""
    EVAL = "eval"
    """Held-out evaluation only; no weights change."""
    SUIT = "suit"
    """Samples training prompts under both prompts, to see what training could gain; no weights change."""


class PromptMode(StrEnum):
    """Which of a task's two prompts is asked."""

    THINK = "think"
    """Reason inside <think>, then answer inside <answer>."""
    DIRECT = "direct"
    """Answer inside <answer> at once."""


class Section(BaseModel):
    """A frozen table of settings that refuses keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class LoraSettings(Section):
    """Low-rank adapters; off while `r` is 0."""

    r: int = Field(0, ge=0, le=1024)
    """Rank; 0 trains all weights."""
    alpha: int = Field(128, ge=1)
    """Scale; the update is multiplied by alpha / r."""
    dropout: float = Field(0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    targets: str = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
    """Regular expression over module names. The default keeps to the language model; q_proj alone hits vision too."""


class VllmSettings(Section):
    """Rollouts by vLLM; needs an environment of its own, see the README."""

    mode: Literal["off", "colocate", "server"] = "off"
    """off generates with transformers; colocate shares the training GPUs; server talks to a running vLLM."""
    gpu_memory_utilization: float = Field(0.3, gt=0, le=1)
    """Share of each GPU that a colocated vLLM may take."""
    server_base_url: str = "http://127.0.0.1:8000"
    """Where the vLLM server answers, in server mode."""
    group_port: int = Field(51216, ge=1, le=65535)
    """Port for weight updates; two runs on one node need two."""


class RewardSetting(Section):
    """One reward: how much it counts and its own parameters."""

    weight: float = 1.0
    """Factor in the weighted total."""
    function: str = ""
    """A reward of your own as file.py:function; empty takes the shipped reward of that name."""
    params: dict[str, float | int | str | bool] = {}
    """Parameters of that reward, by its own names."""


class EvaluationSettings(Section):
    """rftui's own held-out evaluation, beside training."""

    every: int = Field(50, ge=0)
    """Evaluate each so many steps, besides the end; 0 only at start and end."""
    at_start: bool = True
    """Evaluate before the first update."""
    examples: int = Field(500, ge=0)
    """How many held-out examples, or all there are if fewer; 0 switches evaluation off."""
    prompts: tuple[PromptMode, ...] = (PromptMode.THINK, PromptMode.DIRECT)
    """Which prompts are asked, each over the same examples."""
    sampled: bool = False
    """Also decode at `temperature`, besides greedily."""
    temperature: float = Field(1.0, gt=0)
    """Temperature of the sampled decoding."""
    batch_size: int = Field(16, ge=1)
    """Examples decoded at once on each rank."""
    circular: bool = False
    """Also ask each example with its options in every rotation; accuracy stays that of the order as it is."""
    seed: int = 0
    """Chooses the examples and seeds sampled decoding; keep it equal over runs that are compared."""
    max_new_tokens: int = Field(0, ge=0)
    """Longest answer in tokens; 0 takes max_completion_length."""


class SuitSettings(Section):
    """Sampling before training, by which `rftui suit` forecasts what it could gain."""

    prompts: int = Field(200, ge=1, lt=1 << 18)
    """How many training prompts are sampled, or all there are if fewer; each with <think> and without."""
    prompts_per_batch: int = Field(4, ge=1)
    """Prompts whose completions a rank samples at once, num_generations of each."""


class RunConfig(Section):
    """Everything that decides what a run does. Written to RUN_DIR/config.toml."""

    name: str = Field(pattern=RUN_NAME_PATTERN)
    """Name of the run, unique in its home."""
    method: Method = Method.GRPO
    """What the run does."""
    task: str = "sat"
    """Name of a task, see `rftui tasks`, or a Python file that defines one."""
    source: str = "auto"
    """auto takes real data where it is present and otherwise generates; generated; or a path to real data."""
    task_options: dict[str, float | int | str | bool] = {}
    """Options of that task, by its own names, see `rftui tasks TASK`."""
    difficulty: float = Field(0.5, ge=0, le=1)
    """Difficulty of generated examples; ignored for real data."""
    model: str = "tiny"
    """tiny (the embedded model), a directory, or a name on the Hub."""
    recipe: str = ""
    """Recipe these settings started from."""
    seed: int = Field(0, ge=0, lt=2**31)
    """Seeds data order, sampling and initialisation of adapters."""
    prompt: PromptMode = PromptMode.THINK
    """Which prompt training uses. Evaluation asks its own list."""
    sft_target: Literal["answer", "trace"] = "answer"
    """What SFT imitates: the gold answer alone, or a reasoning trace and the answer (needs a task with traces)."""
    train_examples: int = Field(0, ge=0)
    """Training examples drawn; 0 takes all of a real data set, or as many generated ones as the steps consume."""
    shuffle_gold: bool = False
    """Control experiment: permute the gold answers of the training examples within each question type."""
    trust_remote_code: bool = False
    """Run code that ships with a model. Only ever set by the user."""

    max_steps: int = Field(300, ge=1)
    """Optimizer steps."""
    per_device_train_batch_size: int = Field(8, ge=1)
    """Completions (GRPO) or examples (SFT) a rank holds at once."""
    gradient_accumulation_steps: int = Field(1, ge=1)
    """Batches summed into one step."""
    num_generations: int = Field(8, ge=2)
    """Completions a prompt, G."""
    steps_per_generation: int = Field(0, ge=0)
    """Batches made by one generation; 0 takes gradient_accumulation_steps."""
    num_iterations: int = Field(1, ge=1)
    """Updates from each generation, mu."""
    learning_rate: float = Field(1e-6, gt=0)
    """Peak learning rate."""
    lr_scheduler_type: str = "linear"
    """Schedule, by transformers' name."""
    warmup_steps: int = Field(0, ge=0)
    """Steps of linear warm-up."""
    weight_decay: float = Field(0.0, ge=0)
    """Decoupled weight decay."""
    max_grad_norm: float = Field(1.0, gt=0)
    """Gradients are clipped to this norm."""
    optim: str = "adamw_torch_fused"
    """Optimizer, by transformers' name."""

    beta: float = Field(0.0, ge=0)
    """KL coefficient; 0 loads no reference model."""
    epsilon: float = Field(0.2, gt=0)
    """Clipping range of the probability ratio."""
    loss_type: str = "grpo"
    """Loss aggregation, by TRL's name."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """What the centred rewards are divided by."""
    multi_objective_aggregation: Literal["sum_then_normalize", "normalize_then_sum"] = "sum_then_normalize"
    """Sum the weighted rewards and normalise the sum, or normalise each reward in its group first (GDPO)."""
    use_bias_correction_kl: bool = False
    """TRL's importance-corrected KL. Off is the plain estimator of the DeepSeekMath paper."""
    mask_truncated_completions: bool = False
    """Leave completions that hit the length limit out of the loss."""
    temperature: float = Field(1.0, gt=0)
    """Sampling temperature of training rollouts."""
    top_p: float = Field(1.0, gt=0, le=1)
    """Nucleus sampling of training rollouts."""
    top_k: int = Field(0, ge=0)
    """Top-k sampling of training rollouts; 0 is off."""
    max_completion_length: int = Field(1024, ge=1)
    """Longest completion in tokens."""
    reward_failure_limit: float = Field(0.05, ge=0, le=1)
    """Share of a step's completions whose reward may raise before the run ends with an error."""
    rewards: dict[str, RewardSetting] = {"accuracy": RewardSetting(), "format": RewardSetting()}
    """Rewards by name, see `rftui rewards`."""
    allow_unsafe_rewards: bool = False
    """Launch although the rewards pay for an answer that names no label or several; see `rftui rewards check`."""

    dtype: Literal["float32", "bfloat16"] = "bfloat16"
    """Type the weights are loaded in."""
    attention: Literal["eager", "sdpa", "flash_attention_2"] = "sdpa"
    """Attention kernel."""
    gradient_checkpointing: bool = True
    """Recompute activations to save memory."""
    image_min_pixels: int = Field(3136, ge=1)
    """Smallest image area in pixels; smaller images are enlarged."""
    image_max_pixels: int = Field(401408, ge=1)
    """Largest image area in pixels; larger images are shrunk before anything sees them."""
    lora: LoraSettings = LoraSettings()
    """Low-rank adapters."""
    vllm: VllmSettings = VllmSettings()
    """Rollouts by vLLM."""
    zero: Literal[0, 1, 2, 3] = 0
    """DeepSpeed ZeRO stage; 0 does without DeepSpeed."""
    ranks: int = Field(1, ge=1)
    """Training processes on this machine."""
    gpus: tuple[int, ...] = ()
    """GPU indices, one a rank; empty trains on the CPU when no GPU is found."""
    threads: int = Field(0, ge=0)
    """torch threads a rank; 0 leaves torch's own choice."""

    evaluation: EvaluationSettings = EvaluationSettings()
    """Held-out evaluation."""
    suit: SuitSettings = SuitSettings()
    """Sampling before training."""
    logging_steps: int = Field(1, ge=1)
    """Metrics are averaged over so many steps and then written. Rollouts are written at every step all the same."""
    save_steps: int = Field(50, ge=0)
    """A checkpoint each so many steps, besides the end; 0 only at the end."""
    save_total_limit: int = Field(2, ge=1)
    """Complete checkpoints kept."""
    stall_after_s: float = Field(300.0, gt=0)
    """Seconds without a sign of life that count as stalled, where a phase does not ask for more."""

    @model_validator(mode="after")
    def _gpus_and_ranks_agree(self) -> RunConfig:
        if self.gpus and len(self.gpus) != self.ranks:
            raise ValueError(f"gpus names {len(self.gpus)} and ranks is {self.ranks}; give one GPU a rank")
        if len(set(self.gpus)) != len(self.gpus):
            raise ValueError(f"gpus names one twice: {list(self.gpus)}; give each rank its own")
        return self

    @model_validator(mode="after")
    def _groups_fit_the_batch(self) -> RunConfig:
        if self.method is Method.GRPO and self.completions_per_generation % self.num_generations:
            raise ValueError(
                f"one generation makes {self.completions_per_generation} completions "
                f"({self.per_device_train_batch_size} a rank x {_counted(self.ranks, 'rank', 'ranks')} x "
                f"{_counted(self.batches_per_generation, 'batch', 'batches')}), "
                f"which num_generations={self.num_generations} does not divide; "
                f"set per_device_train_batch_size to a multiple of {self.num_generations}"
            )
        return self

    @property
    def trains(self) -> bool:
        """Whether weights change."""
        return self.method in (Method.GRPO, Method.SFT)

    @property
    def uses_rewards(self) -> bool:
        """Whether completions are rewarded."""
        return self.method in (Method.GRPO, Method.SUIT)

    @property
    def batches_per_generation(self) -> int:
        """Batches that one generation call fills."""
        return self.steps_per_generation or self.gradient_accumulation_steps

    @property
    def completions_per_generation(self) -> int:
        """Completions that one generation call makes over all ranks."""
        return self.per_device_train_batch_size * self.ranks * self.batches_per_generation

    @property
    def examples_per_step(self) -> float:
        """Completions (GRPO) or examples (SFT) that one optimizer step consumes over all ranks."""
        return self.per_device_train_batch_size * self.ranks * self.gradient_accumulation_steps

    def rollouts_through(self, step: int) -> int:
        """Distinct completions generated by the end of `step`, over all ranks; 0 unless GRPO."""
        if self.method is not Method.GRPO:
            return 0
        batches = step * self.gradient_accumulation_steps
        return (
            math.ceil(batches / (self.batches_per_generation * self.num_iterations)) * self.completions_per_generation
        )


def known_keys(section: type[Section] = RunConfig, prefix: str = "") -> list[str]:
    """Every settable key in dotted form; `rewards.*` stands for any reward name."""
    keys: list[str] = []
    for field_name, field in section.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            keys += known_keys(annotation, f"{prefix}{field_name}.")
        elif field_name == "rewards":
            keys += ["rewards.*.weight", "rewards.*.function", "rewards.*.params.*"]
        elif field_name == "task_options":
            keys.append("task_options.*")
        else:
            keys.append(prefix + field_name)
    return keys


class SettingProblem(NamedTuple):
    """What is wrong with one setting, or with several that do not go together."""

    key: str
    """Dotted; empty where several settings do not go together."""
    message: str
    found: str
    expected: str


def setting_problems(settings: Mapping[str, Any]) -> list[SettingProblem]:
    """What is wrong with nested settings, each setting by itself; settings that do not go together come after those."""
    try:
        RunConfig.model_validate(dict(settings))
    except ValidationError as error:
        return [
            SettingProblem(_key(detail), _explain(detail), _found(detail), _expected(detail))
            for detail in error.errors()
        ]
    return []


def parse_config(settings: Mapping[str, Any]) -> RunConfig:
    """The run configuration made of nested settings.

    Raises RunConfigError that names each wrong key, its value, and the nearest known key.
    """
    try:
        return RunConfig.model_validate(dict(settings))
    except ValidationError as error:
        details = error.errors()
        raise RunConfigError(
            "; ".join(_explain(detail) for detail in details),
            found=", ".join(_found(detail) for detail in details),
            expected="; ".join(dict.fromkeys(_expected(detail) for detail in details)),
            fix="correct the setting; `rftui launch grpo --dry-run` lists the keys",
        ) from None


def _key(detail: ErrorDetails) -> str:
    return ".".join(str(part) for part in detail["loc"])


def _explain(detail: ErrorDetails) -> str:
    key = _key(detail)
    if detail["type"] == "extra_forbidden":
        return unknown_key_message(key)
    if detail["type"] == "missing":
        return f"{key} is missing"
    if not key:
        return detail["msg"].removeprefix("Value error, ")
    if key == "name" and detail["type"] == "string_pattern_mismatch":
        return f"{detail['input']!r} is no name for a run"
    return f"{key} is {detail['input']!r}; {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _found(detail: ErrorDetails) -> str:
    key = _key(detail)
    return f"{key} = {detail['input']!r}" if key and detail["type"] not in ("missing", "extra_forbidden") else key


def _expected(detail: ErrorDetails) -> str:
    key = _key(detail)
    if detail["type"] == "extra_forbidden":
        return "a setting of the run configuration"
    if detail["type"] == "missing":
        return f"a value for {key}"
    if not key:
        return "settings that go together"
    if key == "name" and detail["type"] == "string_pattern_mismatch":
        return RUN_NAME_RULE
    return f"for {key}: {detail['msg'].removeprefix('Input should be ').partition(', unable')[0]}"


def unknown_key_message(key: str) -> str:
    """Says that `key` is unknown and names the nearest known one."""
    known = known_keys()
    if key.startswith("rewards.") and key.count(".") > 1:
        # rewards go by names of the user's choice; the one that was written is meant
        known = [pattern.replace("*", key.split(".")[1], 1).removesuffix(".*") for pattern in known]
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"unknown setting {key}{hint}"


def read_config(path: Path) -> RunConfig:
    """The run configuration in a TOML file. Raises RunConfigError with the file's name."""
    try:
        return parse_config(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RunConfigError(
            f"{path}: {error}",
            expected="a readable TOML file",
            fix="restore it from the run's launch.json or launch again",
        ) from error
    except RunConfigError as error:
        raise RunConfigError(
            f"{path}: {error.message}", found=error.found, expected=error.expected, fix=error.fix
        ) from None


def config_toml(config: RunConfig) -> str:
    """The configuration as TOML, every key written out."""
    return tomli_w.dumps(config.model_dump(mode="json"))


def _counted(count: int, one: str, more: str) -> str:
    return f"{count} {one if count == 1 else more}"
