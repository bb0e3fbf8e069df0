"""The command tree, and the one place where errors become messages and exit codes.

Exit codes: 0 done, 1 the thing asked for failed, 2 usage or bad input, 3 not found, 4 the store is unreadable,
130 interrupted.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

import rftui
from rftui.cli import (
    annotating,
    cloning,
    comparing,
    evaluating,
    knowing,
    launching,
    listing,
    reading,
    steering,
    storing,
)
from rftui.cli.options import examples
from rftui.cli.output import narrate
from rftui.cli.problems import Problem, problem_of, report

INTERRUPTED = 130
# the class that typer's own usage errors share; typer does not export it by name
UsageError: type[Exception] = typer.BadParameter.__bases__[0]

app = typer.Typer(
    name="rftui",
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Experiment manager for reinforcement fine-tuning of vision-language models.",
    epilog=examples("rftui launch grpo --task sat", "rftui runs --json"),
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        print(f"rftui {rftui.__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home", metavar="DIR", help="Where runs are kept; else $RFTUI_HOME, else the XDG data directory."
        ),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Without a command: the list of runs, live on a terminal and printed elsewhere."""
    if home is not None:
        # every command, and every process that a command starts, means the same home
        os.environ["RFTUI_HOME"] = str(home)
    if context.invoked_subcommand is None:
        listing.open_run_list()


listing.register(app)
launching.register(app)
cloning.register(app)
evaluating.register(app)
reading.register(app)
comparing.register(app)
steering.register(app)
annotating.register(app)
knowing.register(app)
storing.register(app)


def run(arguments: list[str]) -> int:
    """The exit code of one command line."""
    as_json = "--json" in arguments
    try:
        code = app(args=arguments, prog_name="rftui", standalone_mode=False)
    except BrokenPipeError:
        # the reader of a pipe had enough; a second flush at exit must not fail again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except typer.Abort:
        narrate("aborted")
        return 1
    except UsageError as error:
        if not as_json:
            error.show()  # type: ignore[attr-defined]
            return 2
        message = str(error.format_message())  # type: ignore[attr-defined]
        return report(Problem(message, message, "a command line as in --help", "rftui --help", 2), as_json=True)
    except Exception as error:
        # the boundary of the program: what is known becomes a message, anything else is a bug and stays a traceback
        problem = problem_of(error)
        if problem is None:
            raise
        return report(problem, as_json=as_json)
    return code if isinstance(code, int) else 0


def main() -> NoReturn:
    """The console script."""
    sys.exit(run(sys.argv[1:]))
