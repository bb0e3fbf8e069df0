"""`rftui rewards` and `rewards check`: which rewards ship, and whether a task's rewards can be gamed."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, SourceOption, complete_run, complete_task, examples
from rftui.cli.output import Cell, Column, narrate, print_json, print_table, say


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(
        help="List the rewards, or attack those of a task or run.",
        invoke_without_command=True,
        epilog=examples("rftui rewards", "rftui rewards check --task sat"),
    )
    group.callback()(rewards)
    group.command(
        epilog=examples(
            "rftui rewards check --task aircraft --data fgvc-aircraft-2013b.tar.gz",
            "rftui rewards check --task sat --set rewards.mine.function=my_rewards.py:mine --json",
        )
    )(check)
    app.add_typer(group, name="rewards")


def rewards(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the rewards that ship, with their formulas and parameters."""
    if context.invoked_subcommand is not None:
        return
    # PIL comes with evals: 0.1 s
    from evals.rewards import REWARDS, formula, reward_parameters

    if as_json:
        print_json(
            [
                {
                    "name": name,
                    "summary": (function.__doc__ or "").partition("\n")[0],
                    "pays": formula(name, {}),
                    "parameters": reward_parameters(name),
                }
                for name, function in REWARDS.items()
            ]
        )
        return
    columns = (Column("reward"), Column("pays, by default"), Column("parameters", can_shrink=True))
    rows: list[list[Cell | str]] = [
        [
            Cell(name, "bold"),
            formula(name, {}),
            " ".join(f"{key}={value}" for key, value in reward_parameters(name).items()),
        ]
        for name in REWARDS
    ]
    print_table(columns, rows)
    say("a reward of your own: --set rewards.NAME.function=my_rewards.py:function")


def check(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Attack this run's rewards.", autocompletion=complete_run)
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task, see `rftui tasks`.", autocompletion=complete_task)] = None,
    source: SourceOption = None,
    difficulty: Annotated[float | None, typer.Option(help="Difficulty of generated examples, 0 to 1.")] = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, as launch takes it: rewards.length.weight=0.5"),
    ] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Interpreter that runs the rewards; this one if absent.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a task's questions by tricks and see what is paid; exit code 1 where something came through."""
    # pydantic and psutil cost 0.2 s, which --help and other commands should not pay
    from rftui.planning.reward_plan import attack, reward_plan
    from store.layout import resolve_home

    plan = reward_plan(
        resolve_home(home),
        run,
        flags={"task": task, "source": source, "difficulty": difficulty},
        assignments=assignments or (),
        python=python,
    )
    if not as_json:
        narrate("attacking the rewards in the interpreter that would train")
    said = attack(plan)
    if as_json:
        print_json(said)
    else:
        _print_page(said)
    if not said["is_clean"]:
        raise typer.Exit(1)


def _print_page(said: dict[str, Any]) -> None:
    from rftui.cli.reward_page import conclusion, heading, tables

    say(heading(said))
    for table in tables(said):
        say()
        say(table.title)
        print_table(table.columns, table.rows)
    say()
    say("\n".join(conclusion(said)))
