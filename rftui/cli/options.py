"""Options that several commands share, with one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def complete_run(incomplete: str) -> list[str]:
    """Names of runs for the shell."""
    # a shell waits for this at every tab; the names need no database
    from store.layout import resolve_home

    return [name for name in [*resolve_home(None).runs(), "@last"] if name.startswith(incomplete)]


def complete_tag(incomplete: str) -> list[str]:
    """Tags that some run has, for the shell."""
    # sqlite3 costs 5 ms, which other completions do without
    from contextlib import closing

    from store.layout import resolve_home
    from store.runs import open_catalogue

    with closing(open_catalogue(resolve_home(None))) as connection:
        rows = connection.execute("SELECT DISTINCT tag FROM tag JOIN run ON run.id = tag.run ORDER BY tag")
        return [tag for (tag,) in rows if tag.startswith(incomplete)]


def complete_recipe(incomplete: str) -> list[str]:
    """Names of recipes for the shell."""
    from rftui.planning.recipes import recipe_names

    return [name for name in recipe_names() if name.startswith(incomplete)]


def complete_task(incomplete: str) -> list[str]:
    """Names of tasks for the shell."""
    from evals.tasks import task_names

    return [name for name in task_names() if name.startswith(incomplete)]


def complete_method(incomplete: str) -> list[str]:
    """Names of methods for the shell."""
    # pydantic comes with the configuration: 0.1 s
    from store.config import Method

    return [method.value for method in Method if method.value.startswith(incomplete)]


RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="Name of a run, a unique beginning of it, @last, or @last:TASK.",
        autocompletion=complete_run,
    ),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        "--data",
        metavar="auto|generated|PATH",
        help="Real data at a path, generated data, or whichever is there.",
    ),
]
UnsafeRewardsOption = Annotated[
    bool,
    typer.Option(
        "--allow-unsafe-rewards",
        help="Train although the rewards pay for no answer or several; see `rftui rewards check`.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; errors become JSON on stderr.")]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where runs are kept; else $RFTUI_HOME, else the XDG data directory."),
]


def allowing(assignments: list[str] | None, *, unsafe_rewards: bool) -> list[str]:
    """The assignments of --set, with the one that --allow-unsafe-rewards stands for."""
    return [*(assignments or []), *(["allow_unsafe_rewards=true"] if unsafe_rewards else [])]


def examples(*lines: str) -> str:
    """The end of a command's help: real command lines, one a paragraph, since typer joins the lines of one."""
    return "\n\n".join(["Examples:", *(f"$ {line}" for line in lines)])
