"""What each cell of a study would be as a run: its resolved plan, worked out without doing it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rftui.errors import UsageProblem
from rftui.planning.plan import LaunchPlan, LaunchRequest, plan_launch
from rftui.planning.recipes import choose_recipe, load_recipe
from rftui.planning.settings import Layer, merge, nest, table_layer
from rftui.studies.cells import Cell, cell_settings, is_share, share_of
from rftui.studies.definition import Study
from rftui.supervision.gpus import visible_gpus
from store.layout import Home

NOT_SET_HERE = ("name", "method", "recipe", "gpus")
"""Settings of a run that a study says in other places, or that are found when it starts."""


def plan_cell(
    home: Home, study: Study, cell: Cell, *, name: str, python: str | None = None, gpus: str | None = None
) -> LaunchPlan:
    """The plan of a cell's run. Raises UsageProblem, NotFound or RunConfigError; touches nothing."""
    return plan_launch(home, launch_request(study, cell, name=name, python=python, gpus=gpus))


def launch_request(
    study: Study, cell: Cell, *, name: str, python: str | None = None, gpus: str | None = None
) -> LaunchRequest:
    """What a cell asks for, as a launch would. Raises UsageProblem or NotFound."""
    method = study.regime(cell.regime).method.value
    recipe = study.recipe or choose_recipe(visible_gpus(), method).recipe.name
    asked = table_layer(f"study {study.name}", nest(cell_settings(study, cell)))
    _refuse_misplaced(study, asked.values)
    values = _in_numbers(asked.values, recipe=recipe, method=method)
    return LaunchRequest(
        method=method,
        flags={},
        recipe=recipe,
        name=name,
        python=python,
        gpus=gpus,
        base=Layer(asked.origin, values),
    )


def _refuse_misplaced(study: Study, values: Mapping[str, Any]) -> None:
    for key in NOT_SET_HERE:
        if key in values:
            raise UsageProblem(
                f"the study {study.name} sets {key} among its settings",
                found=f"{key} = {values[key]!r}",
                expected="name, method and recipe in their own places, and GPUs as they are free",
                fix=f"take {key} out of the settings or the sweep",
            )


def _in_numbers(values: Mapping[str, Any], *, recipe: str, method: str) -> dict[str, Any]:
    """The settings with every multiple of another setting worked out; that other one may be the recipe's."""
    plain = {key: value for key, value in values.items() if not is_share(value)}
    shares = {key: value for key, value in values.items() if is_share(value)}
    if not shares:
        return dict(values)
    layers = [table_layer(f"recipe {recipe}", load_recipe(recipe).settings(method)), Layer("study", plain)]
    settings = {key: setting.value for key, setting in merge(layers).items()}
    return plain | {key: share_of(value, settings, key=key) for key, value in shares.items()}
