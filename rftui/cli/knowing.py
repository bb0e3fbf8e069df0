"""`rftui recipes` and `doctor`: what there is, and whether this machine is in order."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, examples
from rftui.cli.output import Cell, Column, print_json, print_table, say

TRAINS = ("grpo", "sft")
"""Methods that a recipe is told of by the size of a step."""


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=examples("rftui recipes", "rftui recipes paper --json"))(recipes)
    app.command(epilog=examples("rftui doctor", "rftui doctor --python ~/venvs/vllm/bin/python --json"))(doctor)


def recipes(
    name: Annotated[str | None, typer.Argument(help="Show the settings of this one.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the recipes and say which one fits this machine."""
    from rftui.planning.recipes import choose_recipe, load_recipe, recipe_names
    from rftui.supervision.gpus import visible_gpus

    if name is not None:
        _show_recipe(load_recipe(name), as_json=as_json)
        return
    choice = choose_recipe(visible_gpus(), *TRAINS)
    all_recipes = [load_recipe(known) for known in recipe_names()]
    if as_json:
        chosen = choice.recipe.name
        print_json([recipe._asdict() | {"chosen_here": recipe.name == chosen} for recipe in all_recipes])
        return
    columns = (Column("recipe"), Column("for"), Column("summary", can_shrink=True))
    print_table(columns, [[Cell(item.name, "bold"), item.hardware, item.summary_of(*TRAINS)] for item in all_recipes])
    say(f"here: {choice.reason}")


def _show_recipe(recipe: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(recipe._asdict())
        return
    import json

    from rftui.planning.settings import flatten

    say(f"{recipe.name}: {recipe.summary_of(*TRAINS)} ({recipe.hardware})")
    for table, settings in recipe.tables.items():
        say(f"\n{'every method' if table == 'settings' else table}")
        for key, value in flatten(settings):
            say(f"  {key} = {json.dumps(value)}")


def doctor(
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Also look at the interpreter that trains.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for what is wrong with this machine, environment and home."""
    from rftui.planning.doctor import examine
    from rftui.planning.plan import find_python
    from store.layout import resolve_home

    findings = examine(resolve_home(home), python=find_python(python))
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            styles = {"error": "red", "warning": "yellow"}
            print_finding(finding, style=styles.get(finding.level, ""))
    if any(finding.level == "error" for finding in findings):
        raise typer.Exit(1)


def print_finding(finding: Any, *, style: str) -> None:
    """One finding on one line, with the fix below."""
    from rftui.terminal.clean import one_line

    say(f"{finding.level:<8} {finding.check:<12} {one_line(finding.found)}")
    if finding.expected:
        say(f"{'':<21} expected {one_line(finding.expected)}")
    if finding.fix:
        say(f"{'':<21} fix: {one_line(finding.fix)}")
