"""What a launch would do, worked out without doing it: configuration, origins, interpreter, command, environment."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from evals.tasks import is_task_file
from rftui.errors import UsageProblem
from rftui.planning.command import TrainerCommand, trainer_command
from rftui.planning.data_places import data_folder, settled_source
from rftui.planning.recipes import Recipe, choose_recipe, load_recipe
from rftui.planning.settings import Layer, file_layer, resolve, set_layer, table_layer
from rftui.supervision.gpu_locks import is_held
from rftui.supervision.gpus import Gpu, visible_gpus
from store.config import Method, RewardSetting, RunConfig
from store.layout import Home, default_home

UID_BITS = 48
PARAMETERLESS = ("accuracy", "format")
"""Shipped rewards, those of most runs, that have no parameters to write down."""
NO_GPUS = "none"
"""What --gpus takes to train on the CPU of a machine that has GPUs."""


class LaunchRequest(NamedTuple):
    """What the user asked for."""

    method: str
    flags: Mapping[str, Any]
    """Settings given as options of their own, by dotted key."""
    recipe: str | None = None
    config_file: Path | None = None
    assignments: Sequence[str] = ()
    name: str | None = None
    python: str | None = None
    gpus: str | None = None
    """Indices with commas, `none`, or None to choose."""
    base: Layer | None = None
    """Settings taken over from another run."""


def command_line(request: LaunchRequest, *, home: Home, clone_of: str | None = None) -> list[str]:
    """The words of the command that asks for the same; the home is named where it is not the default one."""
    words = ["rftui", "clone", clone_of] if clone_of is not None else ["rftui", "launch", request.method]
    options = {
        **({"recipe": request.recipe} if clone_of is None else {}),
        **request.flags,
        "config": request.config_file,
        "name": request.name,
        "python": request.python,
        "gpus": request.gpus,
        "home": None if home.path == default_home().path else home.path,
    }
    for option, value in options.items():
        if value is not None:
            words += [f"--{option}", str(value)]
    for assignment in request.assignments:
        words += ["--set", assignment]
    return words


class LaunchPlan(NamedTuple):
    """Everything that a launch needs."""

    home: Home
    config: RunConfig
    origins: dict[str, str]
    recipe_line: str
    """Which recipe was taken and why."""
    uid: int
    python: str
    has_given_name: bool
    """Whether the user chose the name; a counted name moves on when it is taken."""
    hides_gpus: bool
    """Whether the run must not see the GPUs that the machine has."""

    @property
    def directory(self) -> Path:
        """Where the run will live."""
        return self.home.run(self.config.name).path

    @property
    def command(self) -> TrainerCommand:
        """What starts the first attempt."""
        config = self.config
        return trainer_command(
            self.directory,
            python=self.python,
            uid=self.uid,
            attempt=1,
            resume=False,
            ranks=config.ranks,
            zero=config.zero,
            gpus=None if self.hides_gpus else config.gpus,
        )


def plan_launch(home: Home, request: LaunchRequest) -> LaunchPlan:
    """Resolves a request. Raises UsageProblem, NotFound or RunConfigError; touches nothing."""
    gpus = visible_gpus()
    asked = asked_settings(request, gpus)
    layers = [*asked.layers, gpu_layer(request.gpus, gpus, asked.layers)]
    named = Layer("flag --name" if request.name else "counter", {"name": request.name or "unnamed"})
    resolved = resolve([*layers, named])
    config = resolved.config
    # the trainer runs in the run directory, so a path must not depend on where it was typed
    paths = {key: os.path.abspath(os.path.expanduser(text)) for key, text in _local_paths(config)}
    rewards = whole_rewards(_absolute_rewards(config.rewards)) if config.uses_rewards else config.rewards
    if config.method is Method.SUIT and "accuracy" not in rewards:
        # which completions are right is asked of it; without a weight it pays nothing
        rewards["accuracy"] = RewardSetting(weight=0.0)
    source = settled_source(home, config)
    looked = data_folder(home) / config.task
    found = f"auto: {looked}" if source == str(looked) else f"auto: nothing at {looked}"
    origins = {} if source == config.source else {"source": found}
    config = config.model_copy(update={"source": source, **paths, "rewards": rewards})
    if request.name is None:
        config = config.model_copy(update={"name": next_name(home, config)})
    else:
        check_name(home, request.name)
    return LaunchPlan(
        home=home,
        config=config,
        origins=_reward_origins(rewards) | resolved.origins | origins,
        recipe_line=asked.recipe_line,
        uid=int.from_bytes(os.urandom(UID_BITS // 8), "big") or 1,
        python=find_python(request.python),
        has_given_name=request.name is not None,
        hides_gpus=request.gpus == NO_GPUS,
    )


class AskedSettings(NamedTuple):
    """What a request asks for, before GPUs and name are found."""

    layers: list[Layer]
    """The lowest first."""
    recipe_line: str
    """Which recipe was taken and why."""


def asked_settings(request: LaunchRequest, gpus: Sequence[Gpu]) -> AskedSettings:
    """The settings of recipe, base, file, assignments and flags, unchecked. Raises UsageProblem or NotFound."""
    recipe, recipe_line = _recipe(request.recipe, gpus, request.method)
    layers = [table_layer(f"recipe {recipe.name}", recipe.settings(request.method))]
    if request.base is not None:
        layers.append(request.base)
    if request.config_file is not None:
        layers.append(file_layer(request.config_file))
    if request.assignments:
        layers.append(set_layer(request.assignments))
    layers.append(Layer("flag", {key: value for key, value in request.flags.items() if value is not None}))
    layers.append(Layer("command line", {"method": request.method, "recipe": recipe.name}))
    return AskedSettings(layers, recipe_line)


def _local_paths(config: RunConfig) -> list[tuple[str, str]]:
    """Settings that name something on this disk; a task does so only as a Python file."""
    return [
        (key, text)
        for key, text in (("model", config.model), ("source", config.source), ("task", config.task))
        if text not in ("tiny", "auto", "generated")
        and (key != "task" or is_task_file(text))
        and os.path.exists(os.path.expanduser(text))
    ]


def _absolute_rewards(rewards: Mapping[str, RewardSetting]) -> dict[str, RewardSetting]:
    """The rewards with their own files by absolute path; a form that is no file.py:function stays for preflight."""
    absolute = dict(rewards)
    for name, reward in rewards.items():
        path, colon, function = reward.function.rpartition(":")
        if path and colon:
            place = f"{os.path.abspath(os.path.expanduser(path))}:{function}"
            absolute[name] = reward.model_copy(update={"function": place})
    return absolute


REWARD_ORIGIN = "the reward's default"
"""Origin of a parameter that nobody gave; unlike other defaults it is shown, since a paper may mean another."""


def whole_rewards(rewards: Mapping[str, RewardSetting]) -> dict[str, RewardSetting]:
    """The rewards with every parameter that the shipped ones go by, so that the run itself says what they paid.

    What a reward does not take stays as it is, for preflight to refuse.
    """
    whole = dict(rewards)
    if all(reward.function or name in PARAMETERLESS for name, reward in rewards.items()):
        return whole
    # PIL comes with evals: 0.1 s that only a run with such a reward needs to pay
    from evals.errors import RewardError
    from evals.rewards import resolved_parameters

    for name, reward in rewards.items():
        if not reward.function:
            with suppress(RewardError):
                whole[name] = reward.model_copy(update={"params": resolved_parameters(name, reward.params)})
    return whole


def _reward_origins(rewards: Mapping[str, RewardSetting]) -> dict[str, str]:
    """An origin for each parameter; that of one that was given stands over it."""
    return {
        f"rewards.{name}.params.{key}": REWARD_ORIGIN
        for name, reward in rewards.items()
        if not reward.function
        for key in reward.params
    }


def _recipe(name: str | None, gpus: Sequence[Gpu], method: str) -> tuple[Recipe, str]:
    if name is not None:
        recipe = load_recipe(name)
        return recipe, f"recipe {name} (as asked): {recipe.summary_of(method)}"
    choice = choose_recipe(gpus, method)
    return choice.recipe, choice.reason


def gpu_layer(asked: str | None, gpus: Sequence[Gpu], layers: Sequence[Layer]) -> Layer:
    """Which GPUs the run gets: those asked for, or the first free ones, one a rank."""
    settings = {key: value for layer in layers for key, value in layer.values.items()}
    if asked == NO_GPUS:
        return Layer("flag --gpus", {"gpus": []})
    if asked is not None:
        indices = parse_gpus(asked)
        has_asked_ranks = any("ranks" in layer.values for layer in layers if layer.origin in ("flag", "--set"))
        return Layer("flag --gpus", {"gpus": indices} if has_asked_ranks else {"gpus": indices, "ranks": len(indices)})
    ranks = int(settings.get("ranks", 1))
    if settings.get("gpus") or ranks > len(gpus):
        # too few GPUs for the ranks: preflight says so, and --dry-run still shows the rest
        return Layer("hardware", {})
    by_need = sorted(gpus, key=lambda gpu: (is_held(gpu.uuid), gpu.index))
    return Layer("hardware", {"gpus": sorted(gpu.index for gpu in by_need[:ranks])} if gpus else {})


def parse_gpus(text: str) -> list[int]:
    """The indices in `0,1`. Raises UsageProblem for anything else."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise UsageProblem(
            f"--gpus {text} names no GPUs",
            found=text,
            expected=f"indices with commas, or {NO_GPUS}",
            fix="for example --gpus 0,1",
        ) from None


def check_name(home: Home, name: str) -> None:
    """Raises UsageProblem for the name of a run that is there."""
    if name in home.runs():
        raise UsageProblem(
            f"a run named {name} exists",
            found=name,
            expected="a new name",
            fix=f"choose another --name, or `rftui rm {name}` first",
        )


def find_python(option: str | None) -> str:
    """The interpreter that will train: ours, or the one named. Not resolved: a venv is known by its own path."""
    if option is None:
        return sys.executable
    found = shutil.which(option) or (str(Path(option)) if os.access(option, os.X_OK) else None)
    if found is None or Path(found).is_dir():
        raise UsageProblem(
            f"no interpreter at {option}",
            found=option,
            expected="a Python executable",
            fix="for example --python ~/venvs/vllm/bin/python",
        )
    return os.path.abspath(found)


_COUNTER = re.compile(r"-(\d+)$")


_OWN_DATA = ("folder", "jsonl")
"""Tasks that are about whatever data they are given, so that runs are named by it."""
_STEM_LENGTH = 50


def next_name(home: Home, config: RunConfig) -> str:
    """`<task>-<method>-<counter>`; the counter goes over all runs of the home, those in the trash too.

    A task of the user's own goes by the name of its Python file, and the tasks for any data by that of the data.
    """
    trashed = [path.name.rpartition("-")[0] for path in home.trash.iterdir()] if home.trash.is_dir() else []
    counters = [int(match[1]) for name in [*home.runs(), *trashed] if (match := _COUNTER.search(name))]
    task = config.task
    if is_task_file(task):
        task = Path(task).stem
    elif task in _OWN_DATA and os.path.isabs(config.source):
        data = Path(config.source)
        task = data.name if data.is_dir() else data.stem
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", task)[:_STEM_LENGTH].strip("._-")
    return f"{stem or 'run'}-{config.method.value}-{max(counters, default=0) + 1}"


def nearest_name(name: str, known: Sequence[str]) -> str | None:
    """The known name that looks most like this one."""
    matches = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return matches[0] if matches else None
