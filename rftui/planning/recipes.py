"""Recipes: named sets of settings that ship as TOML, and which of them fits a machine."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from rftui.errors import NotFound
from rftui.supervision.gpus import Gpu

RECIPE_DIRECTORY = Path(__file__).parent.parent / "recipes"
CHOICE_ORDER = ("paper", "lora-80gb", "lora-24gb", "tiny")
"""The first whose needs the machine meets is chosen. paper-literal is only ever asked for by name."""

SAMPLED = ("num_generations", "temperature", "top_p", "top_k", "max_completion_length", "prompt", "rewards")
"""Settings of GRPO that decide what is sampled and what it is paid."""


class Recipe(NamedTuple):
    """One recipe file."""

    name: str
    summary: str
    """What it trains and how, whatever the method."""
    hardware: str
    gpus: int
    """GPUs it needs at least."""
    gpu_memory_gb: float
    """Memory that each of them needs at least."""
    tables: dict[str, dict[str, Any]]
    """Settings by table: `settings` for every method, then one table a method."""

    def settings(self, method: str) -> dict[str, Any]:
        """The nested settings it makes for a method; what is sampled before training is what GRPO would sample."""
        own = self.tables.get(method, {})
        sampled = {key: value for key, value in self.tables.get("grpo", {}).items() if key in SAMPLED}
        below = _merged(sampled, own) if method == "suit" else own
        return _merged(self.tables.get("settings", {}), below)

    def summary_of(self, *methods: str) -> str:
        """The summary, and what a step of these methods consumes; nothing is added for one that does not train."""
        return "; ".join([self.summary, *filter(None, map(self._step, methods))])

    def _step(self, method: str) -> str:
        settings = self.settings(method)
        sizes = [
            settings.get(key, 1) for key in ("per_device_train_batch_size", "ranks", "gradient_accumulation_steps")
        ]
        if method == "sft":
            return f"SFT with {prod(sizes)} examples a step"
        if method == "grpo":
            group = settings["num_generations"]
            return f"GRPO with {prod(sizes) // group} prompts x {group} completions a step"
        return ""


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Two nested tables as one; `above` wins key by key."""
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        merged[key] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return merged


@cache
def recipe_names() -> tuple[str, ...]:
    """Names of the recipes that ship."""
    return tuple(sorted(path.stem for path in RECIPE_DIRECTORY.glob("*.toml")))


def load_recipe(name: str) -> Recipe:
    """The recipe of that name. Raises NotFound that names the nearest."""
    if name not in recipe_names():
        nearest = difflib.get_close_matches(name, recipe_names(), n=1, cutoff=0.4)
        raise NotFound(
            f"no recipe {name}",
            found=name,
            expected=f"one of {', '.join(recipe_names())}",
            fix=f"--recipe {nearest[0]}" if nearest else "`rftui recipes` lists them",
        )
    content = tomllib.loads((RECIPE_DIRECTORY / f"{name}.toml").read_text(encoding="utf-8"))
    needs = content.get("needs", {})
    return Recipe(
        name=name,
        summary=content["summary"],
        hardware=content["hardware"],
        gpus=needs.get("gpus", 0),
        gpu_memory_gb=needs.get("gpu_memory_gb", 0.0),
        tables={key: value for key, value in content.items() if key in ("settings", "grpo", "sft", "eval", "suit")},
    )


class Choice(NamedTuple):
    """A recipe and why it was taken, in one line."""

    recipe: Recipe
    reason: str


def choose_recipe(gpus: Sequence[Gpu], *methods: str) -> Choice:
    """The first recipe whose needs these GPUs meet; the reason tells what a step of these methods consumes."""
    for name in CHOICE_ORDER:
        recipe = load_recipe(name)
        if fits(recipe, gpus):
            return Choice(recipe, f"{describe_gpus(gpus)}: recipe {name}, {recipe.summary_of(*methods)}")
    raise AssertionError("tiny needs nothing")


def fits(recipe: Recipe, gpus: Sequence[Gpu]) -> bool:
    """Whether these GPUs meet what a recipe needs."""
    return sum(gpu.memory_total_mb / 1024 >= recipe.gpu_memory_gb for gpu in gpus) >= recipe.gpus


def describe_gpus(gpus: Sequence[Gpu]) -> str:
    """`8 x NVIDIA H100 80GB HBM3`, or that there are none."""
    if not gpus:
        return "no GPU found"
    names = {gpu.name for gpu in gpus}
    return f"{len(gpus)} x {names.pop()}" if len(names) == 1 else ", ".join(gpu.name for gpu in gpus)
