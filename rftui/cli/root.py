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
    evaluations,
    interacting,
    knowing,
    launching,
    listing,
    queueing,
    reading,
    rebinding,
    reporting,
    rewarding,
    serving,
    steering,
    storing,
    studying,
    suiting,
    tasks,
)
from rftui.cli.homes import remember_named
from rftui.cli.options import examples
from rftui.cli.output import narrate
from rftui.cli.problems import Problem, problem_of, report
from rftui.errors import UsageProblem

INTERRUPTED = 130
READERS = frozenset(
    {"runs", "show", "logs", "curves", "rollouts", "compare", "tasks", "recipes", "doctor", "keys", "serve"}
    | {"rewards", "evals", "interaction", "queue", "study", "report"}
)
"""Commands that leave a home as it is where it is read-only; any other is refused with --read-only. Those of `study`
that change something refuse by themselves."""
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
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only",
            envvar="RFTUI_READ_ONLY",
            help="Change nothing: no run is stopped, adopted, indexed or annotated; for homes of other people.",
        ),
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Without a command: the list of runs, live on a terminal and printed elsewhere."""
    remember_named(home)
    if home is not None:
        # every command, and every process that a command starts, means the same home
        os.environ["RFTUI_HOME"] = str(home)
    if read_only:
        os.environ["RFTUI_READ_ONLY"] = "1"
        _refuse_changes(context.invoked_subcommand)
    else:
        # it may say 0 or no, which only the option above understands
        os.environ.pop("RFTUI_READ_ONLY", None)
    if context.invoked_subcommand is None:
        listing.open_run_list()


def _refuse_changes(command: str | None) -> None:
    """Raises UsageProblem for a command that is not known to only read."""
    if command is not None and command not in READERS:
        raise UsageProblem(
            f"rftui {command} may change something, and --read-only was asked for",
            found=f"--read-only, or RFTUI_READ_ONLY in the environment, with {command}",
            expected=f"one of {', '.join(sorted(READERS))}",
            fix="leave --read-only out",
        )


listing.register(app)
launching.register(app)
cloning.register(app)
evaluating.register(app)
evaluations.register(app)
suiting.register(app)
interacting.register(app)
reading.register(app)
comparing.register(app)
steering.register(app)
queueing.register(app)
annotating.register(app)
tasks.register(app)
knowing.register(app)
rewarding.register(app)
rebinding.register(app)
serving.register(app)
storing.register(app)
studying.register(app)
reporting.register(app)


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
