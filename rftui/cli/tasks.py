"""`rftui tasks`, `tasks TASK`, `tasks check`, `tasks write`: which tasks there are, their options, what is in one."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from rftui.cli.options import JsonOption, SourceOption, complete_task, examples
from rftui.cli.output import Cell, Column, narrate, print_json, print_table, say
from rftui.cli.task_writing import write

PRINTED_LINES = 20
"""Of what a task's own code prints."""


class _Group(TyperGroup):
    """`rftui tasks folder` is short for `rftui tasks show folder`."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The subcommand; a word that names none is the task to show."""
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            args = ["show", *args]
        return super().resolve_command(ctx, args)


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(
        cls=_Group,
        help="List the tasks, show the options of one, or look at what is in one.",
        invoke_without_command=True,
        epilog=examples("rftui tasks", "rftui tasks folder", "rftui tasks check folder --data my_photos"),
    )
    group.callback()(tasks)
    group.command(epilog=examples("rftui tasks show folder", "rftui tasks jsonl --json"))(show)
    group.command(
        epilog=examples(
            "rftui tasks check folder --data my_photos",
            "rftui tasks check jsonl --data questions.csv --set task_options.image_root=photos",
            "rftui tasks check my_task.py --all --json",
        )
    )(check)
    group.command(
        epilog=examples(
            "rftui tasks write aircraft --to aircraft.tar.gz",
            "rftui tasks write aircraft --to aircraft --variants 100 --side 448",
        )
    )(write)
    app.add_typer(group, name="tasks")


def tasks(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the tasks, with their rewards and where their data comes from."""
    if context.invoked_subcommand is not None:
        return
    # PIL and pydantic come with evals: 0.2 s
    from evals.tasks import task_class, task_names

    found = [_fields(task_class(name)) for name in task_names()]
    if as_json:
        print_json(found)
        return
    columns = (Column("task"), Column("rewards"), Column("summary", can_shrink=True))
    print_table(columns, [[Cell(item["name"], "bold"), " ".join(item["rewards"]), item["summary"]] for item in found])
    say("options of one: rftui tasks TASK; a task of your own: --task folder, --task jsonl, or --task my_task.py")


def show(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Task by name.", autocompletion=complete_task)],
    as_json: JsonOption = False,
) -> None:
    """Show what can be set about a task, with what it means and its default."""
    # PIL and pydantic come with evals: 0.2 s
    from evals.tasks import task_class, task_names
    from rftui.planning.preflight import unknown

    if task not in task_names():
        raise unknown("task", task, task_names())
    found = _fields(task_class(task))
    if as_json:
        print_json(found)
        return
    say(f"{found['name']}: {found['summary']}")
    say(f"rewards: {' '.join(found['rewards'])}")
    if not found["options"]:
        say("it has no options")
        return
    say("options, each as --set task_options.NAME=VALUE")
    for option in found["options"]:
        say(f"  {option['name']} = {option['default']!r}")
        say(f"      {option['meaning']}{_expected(option)}")


def _fields(task: Any) -> dict[str, Any]:
    """A task's class as scripts read it."""
    schema = task.options_type.model_json_schema().get("properties", {})
    return {
        "name": task.name,
        "summary": task.summary,
        "rewards": list(task.default_rewards),
        "options": [
            {
                "name": name,
                "default": field.default,
                "meaning": " ".join((field.description or "").split()),
                "choices": schema[name].get("enum", []),
            }
            for name, field in task.options_type.model_fields.items()
        ],
    }


def _expected(option: dict[str, Any]) -> str:
    return f" One of {', '.join(option['choices'])}." if option["choices"] else ""


def check(
    task: Annotated[
        str,
        typer.Argument(metavar="TASK", help="Task by name, or a Python file.", autocompletion=complete_task),
    ],
    source: SourceOption = None,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="One setting, as launch takes it: task_options.question=TEXT"),
    ] = None,
    shown: Annotated[int, typer.Option("--examples", min=0, max=5, help="Examples a split that are shown.")] = 5,
    images: Annotated[
        int, typer.Option("--images", min=1, help="Examples a split whose images are read; the rest is not opened.")
    ] = 200,
    is_all: Annotated[bool, typer.Option("--all", help="Read every image.")] = False,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Interpreter that runs the task; this one if absent.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at what is in a task before anything is trained on it; exit code 1 where a launch would fail."""
    # psutil and pydantic cost 0.2 s, which --help and other commands should not pay
    from rftui.planning.task_check import CheckRequest
    from rftui.planning.task_check import check as ask

    if not as_json:
        narrate(f"reading {'all' if is_all else f'up to {images:,}'} examples' images a split")
    said, printed = ask(
        CheckRequest(
            task=task,
            source=source,
            assignments=assignments or (),
            images=None if is_all else images,
            python=python,
        )
    )
    for line in printed.splitlines()[-PRINTED_LINES:]:
        narrate(f"{task}: {line}")
    if as_json:
        print_json(said)
    else:
        _print_page(said, shown=shown)
    if not said["ok"]:
        raise typer.Exit(1)


def _print_page(said: dict[str, Any], *, shown: int) -> None:
    from rftui.cli import task_page as page

    say("\n".join(page.heading(said)))
    if said["splits"]:
        say()
        print_table(*page.split_table(said))
        for title, lines in (("answers", page.balance_lines(said)), ("images", page.image_lines(said))):
            if found := list(lines):
                say(f"\n{title}")
                say("\n".join(found))
        if examples_found := list(page.example_lines(said, count=shown)):
            say("\n".join(examples_found))
    say()
    say("\n".join([*page.problem_lines(said), page.conclusion(said)]))
