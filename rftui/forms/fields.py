"""The fields of the launch form, made from the run configuration: group, meaning, what is expected, and choices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum, StrEnum
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from evals.tasks import is_task_file
from store.config import RUN_NAME_RULE, Method, RewardSetting, RunConfig, Section


class Group(StrEnum):
    """The parts of the form, in order."""

    WHAT = "what"
    """Method, task, data, model, recipe, name."""
    TASK = "options of the task"
    """What can be set about the task that is chosen, of the shipped ones."""
    TRAINING = "training"
    """Steps, batch, optimizer, loss, checkpoints."""
    GENERATION = "generation"
    """How rollouts are sampled."""
    REWARDS = "rewards"
    """Weights and parameters."""
    EVALUATION = "evaluation"
    """Held-out evaluation."""
    HARDWARE = "hardware"
    """Where and how it runs."""


class Field(NamedTuple):
    """One line of the form."""

    key: str
    """Dotted, as the command line writes it; `more` takes any other setting as key=value."""
    group: Group
    help: str
    expected: str
    """What may be written, in words."""
    choices: tuple[str, ...] = ()
    is_closed: bool = False
    """Whether nothing but the choices is right."""
    is_text: bool = False
    """Whether it is text even where it looks like a number."""
    is_list: bool = False
    """Whether several values stand with commas between."""
    is_fixed: bool = False
    """Whether it is shown only."""
    is_added: bool = False
    """Whether the form knows of it only because somebody set it."""
    default: str = ""
    """What counts where neither the form nor any setting says something: of an option of a task."""


MORE = "more"
"""The line that takes any other setting."""
FLAGS = ("task", "source", "difficulty", "model", "seed", "ranks", "zero")
"""Settings that `rftui launch` takes by an option of their own."""
CLONE_FLAGS = ("seed", "ranks")
"""Those that `rftui clone` does."""
OPTIONS = ("recipe", "name", "python", "gpus")
"""What goes to options and is no plain setting."""

TASK_OPTIONS = "task_options."
"""What keys of a task's own options begin with."""

_GROUPS: dict[Group, tuple[str, ...]] = {
    Group.WHAT: (
        *("method", "recipe", "task", "model", "source", "difficulty", "seed", "name", "prompt", "sft_target"),
        *("train_examples", "shuffle_gold", "trust_remote_code"),
    ),
    Group.TASK: (),
    Group.TRAINING: (
        *("max_steps", "per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate"),
        *("lr_scheduler_type", "warmup_steps", "weight_decay", "max_grad_norm", "optim", "num_iterations", "beta"),
        *("epsilon", "loss_type", "scale_rewards", "multi_objective_aggregation", "use_bias_correction_kl"),
        "mask_truncated_completions",
        *("lora.r", "lora.alpha", "lora.dropout", "lora.targets", "save_steps", "save_total_limit", "logging_steps"),
    ),
    Group.GENERATION: (
        *("num_generations", "steps_per_generation", "max_completion_length", "temperature", "top_p", "top_k"),
        *("vllm.mode", "vllm.gpu_memory_utilization", "vllm.server_base_url", "vllm.group_port"),
    ),
    Group.REWARDS: ("reward_failure_limit", "allow_unsafe_rewards"),
    Group.EVALUATION: (),
    Group.HARDWARE: (),
}
"""The order within each group; what is not named goes to the group of its table, else to the hardware."""

_GRPO_ONLY = frozenset(
    {
        *("num_iterations", "beta", "epsilon", "loss_type", "scale_rewards", "multi_objective_aggregation"),
        *("use_bias_correction_kl", "mask_truncated_completions", "num_generations", "steps_per_generation"),
        *("temperature", "top_p", "top_k", "allow_unsafe_rewards"),
        *("vllm.mode", "vllm.gpu_memory_utilization", "vllm.server_base_url", "vllm.group_port"),
        "reward_failure_limit",
    }
)
_SFT_ONLY = frozenset({"sft_target"})
_SUIT_ONLY = frozenset({"suit.prompts", "suit.prompts_per_batch"})
_SAMPLED = frozenset({"num_generations", "temperature", "top_p", "top_k", "reward_failure_limit"})
"""What a sampling before training has in common with GRPO."""
_OWN = {"grpo": _GRPO_ONLY, "sft": _SFT_ONLY, "suit": _SUIT_ONLY | _SAMPLED}
"""Which of these a method uses."""
TRAINED = ("grpo", "sft")
"""Methods that can be launched."""


def form_fields(
    *, method: str, task: str, tasks: Sequence[str], recipes: Sequence[str], rewards: Sequence[str], is_clone: bool
) -> list[Field]:
    """Every field that a method and a task use, in order. `rewards` are the names that the settings have."""
    found = [*_option_fields(recipes, is_clone=is_clone), *_setting_fields(RunConfig, ""), *_task_fields(task)]
    if method in (Method.GRPO, Method.SUIT):
        found += _reward_fields(rewards)
    hidden = _GRPO_ONLY | _SFT_ONLY | _SUIT_ONLY
    hidden -= _OWN.get(method, frozenset())
    shown = [_adapted(field, tasks, is_clone=is_clone) for field in found if field.key not in hidden]
    shown.sort(key=_place)
    return [*shown, _MORE_TASK_FIELD if is_task_file(task) else _MORE_FIELD]


_MORE_FIELD = Field(
    MORE,
    Group.HARDWARE,
    "Any other setting, such as a reward of your own: it becomes a line of its own.",
    'key=value, as --set takes it, for example rewards.short.function="my_rewards.py:short"',
)
_MORE_TASK_FIELD = _MORE_FIELD._replace(
    help="Any other setting, such as an option of your own task: it becomes a line of its own.",
    expected="key=value, as --set takes it, for example task_options.side=96",
)


def _option_fields(recipes: Sequence[str], *, is_clone: bool) -> Iterator[Field]:
    """What the command line takes besides settings."""
    yield Field(
        "recipe",
        Group.WHAT,
        "The settings that it started from. A clone keeps them; launch afresh for another recipe."
        if is_clone
        else "Settings to start from; what you write stays. Empty takes the first that fits this machine.",
        f"one of {', '.join(recipes)}",
        choices=tuple(recipes),
        is_closed=True,
        is_fixed=is_clone,
    )
    yield Field(
        "name", Group.WHAT, "Name of the run. Empty takes task, method and a counter.", f"{RUN_NAME_RULE}, and new"
    )
    yield Field(
        "python",
        Group.HARDWARE,
        "Interpreter that trains. Empty takes the one of the original, while it is there."
        if is_clone
        else "Interpreter that trains. Empty takes the one that runs this dashboard.",
        "a Python with rftui[train], by path or name",
    )
    yield Field(
        "gpus",
        Group.HARDWARE,
        "GPU indices, one a rank. Empty takes free ones; none trains on the CPU.",
        "indices with commas, or none",
        choices=("none",),
    )


def _setting_fields(section: type[Section], prefix: str) -> Iterator[Field]:
    for name, info in section.model_fields.items():
        key = prefix + name
        annotation = info.annotation
        if isinstance(annotation, type) and issubclass(annotation, Section):
            yield from _setting_fields(annotation, f"{key}.")
        elif key not in (*OPTIONS, "rewards", "task_options"):
            choices = _choices(annotation)
            is_list = get_origin(annotation) is tuple
            yield Field(
                key,
                _group(key),
                _help(info),
                _expected(info, choices, is_list=is_list),
                choices=choices,
                is_closed=bool(choices) and not is_list,
                is_text=annotation is str,
                is_list=is_list,
            )


def _task_fields(task: str) -> Iterator[Field]:
    """The options of a shipped task; a user's own file is not run here, so its options go into the line for more."""
    # a task's module costs what its own data needs, which only this form needs to pay
    from evals.tasks import task_class, task_names

    if task not in task_names():
        return
    for name, info in task_class(task).options_type.model_fields.items():
        choices = _choices(info.annotation)
        yield Field(
            f"{TASK_OPTIONS}{name}",
            Group.TASK,
            _help(info),
            _expected(info, choices, is_list=False),
            choices=choices,
            is_closed=bool(choices),
            is_text=isinstance(info.default, str),
            default=_text_of(info.default),
        )


def _text_of(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _reward_fields(names: Sequence[str]) -> Iterator[Field]:
    """Weight and parameters of each reward, shipped or in the settings; the parameters where it is in use."""
    # scipy comes with evals: 0.2 s that only this form needs to pay
    from evals.rewards import CHOICES, REWARDS, reward_parameters

    weight = RewardSetting.model_fields["weight"]
    for name in dict.fromkeys([*names, *REWARDS]):
        is_on = name in names
        off = "" if is_on else " A weight switches it on."
        what = f"Weight of the reward {name}: {_help(weight)[:1].lower()}{_help(weight)[1:]}"
        yield Field(f"rewards.{name}.weight", Group.REWARDS, what + off, "a number; 0 only records it")
        if name not in REWARDS:
            place = "a reward of your own as file.py:function"
            key = f"rewards.{name}.function"
            yield Field(key, Group.REWARDS, f"Where the reward {name} is.", place, is_text=True)
        elif is_on:
            for parameter, default in reward_parameters(name).items():
                choices = CHOICES.get(parameter, ())
                yield Field(
                    f"rewards.{name}.params.{parameter}",
                    Group.REWARDS,
                    f"Parameter of the reward {name}; {default} where it is empty.",
                    f"one of {', '.join(choices)}" if choices else "a number",
                    choices=choices,
                    is_closed=bool(choices),
                )


def _adapted(field: Field, tasks: Sequence[str], *, is_clone: bool) -> Field:
    """A field with what only the moment knows: names of tasks, and what a clone may not change."""
    if field.key == "task":
        return field._replace(choices=tuple(tasks), expected=f"one of {', '.join(tasks)}, or a Python file of your own")
    if field.key == "model":
        return field._replace(choices=("tiny",), expected="tiny, a directory, or a name on the Hub")
    if field.key == "source":
        return field._replace(choices=("auto", "generated"), expected="auto, generated, or a path to real data")
    if field.key == "method":
        help_ = "A clone keeps it; launch afresh for another method." if is_clone else field.help
        return field._replace(choices=TRAINED, expected="grpo or sft", is_fixed=is_clone, help=help_)
    return field


def _place(field: Field) -> tuple[int, int]:
    order = _GROUPS[field.group]
    if field.group is Group.REWARDS and field.key in order:
        # the rewards themselves come first
        return list(Group).index(field.group), len(order) + 1 + order.index(field.key)
    return list(Group).index(field.group), order.index(field.key) if field.key in order else len(order)


def _group(key: str) -> Group:
    for group, keys in _GROUPS.items():
        if key in keys:
            return group
    table = key.partition(".")[0]
    tables = {"evaluation": Group.EVALUATION, "lora": Group.TRAINING, "suit": Group.GENERATION}
    return tables.get(table, Group.HARDWARE)


def _help(info: FieldInfo) -> str:
    return " ".join((info.description or "").split())


def _choices(annotation: Any) -> tuple[str, ...]:
    """What may stand there, where that can be counted."""
    if annotation is bool:
        return ("true", "false")
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return tuple(str(member.value) for member in annotation)
    if get_origin(annotation) is Literal:
        return tuple(str(value) for value in get_args(annotation))
    if get_origin(annotation) in (tuple, Union, UnionType):
        return _choices(get_args(annotation)[0])
    return ()


def _expected(info: FieldInfo, choices: Sequence[str], *, is_list: bool) -> str:
    """What is right, in words."""
    if choices:
        return f"{'any of' if is_list else 'one of'} {', '.join(choices)}{', with commas between' if is_list else ''}"
    kinds: dict[Any, str] = {int: "a whole number", float: "a number"}
    kind = kinds.get(info.annotation, "text")
    bounds = [words for item in info.metadata if (words := _bound(item))]
    return ", ".join([kind, *bounds])


def _bound(item: Any) -> str:
    match item:
        case Ge(ge=least):
            return f"at least {least}"
        case Gt(gt=least):
            return f"above {least}"
        case Le(le=most):
            return f"at most {most}"
        case Lt(lt=most):
            return f"below {most}"
    return ""
