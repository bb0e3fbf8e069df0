"""`rftui runs` and `rftui show`, and the run list that `rftui` alone opens."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

from rftui.cli.options import (
    HomeOption,
    JsonOption,
    RunArgument,
    complete_method,
    complete_tag,
    complete_task,
    examples,
)
from rftui.cli.output import Cell, Column, is_ascii, is_terminal, print_json, print_table, say
from rftui.terminal.escape_delay import shorten_escape_delay
from store.states import State

if TYPE_CHECKING:
    from store.layout import Home
    from store.runs import RunSummary

RUN_COLUMNS = (
    Column("run"),
    Column("state"),
    Column("step", is_right=True),
    Column("accuracy"),
    Column("reward", is_right=True),
    Column("model", can_shrink=True),
    Column("age", is_right=True),
    Column("reason", can_shrink=True),
)


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=examples("rftui runs 'task:sat reward>0.5 -state:failed'", "rftui runs --tag paper --json"))(
        runs
    )
    app.command(epilog=examples("rftui show sat-grpo-12", "rftui show @last --json"))(show)


def open_run_list() -> None:
    """The live list where both ends are a terminal; else the printed one."""
    # a browser's dashboard has pipes for a terminal, and a driver of its own
    if (is_terminal() and sys.stdin.isatty()) or os.environ.get("TEXTUAL_DRIVER"):
        shorten_escape_delay()
        # textual costs 0.4 s; nothing but the live list needs it
        from rftui.app import open_app
        from store.layout import resolve_home

        open_app(resolve_home(None))
        return
    runs()


def runs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILTER",
            help="As in the dashboard, quoted: task:sat state:running,queued lr>=1e-6 kl<0.1 age<2d word -tag:x",
            show_default=False,
        ),
    ] = None,
    task: Annotated[str | None, typer.Option(help="Only runs of this task.", autocompletion=complete_task)] = None,
    method: Annotated[
        str | None, typer.Option(help="Only runs of this method.", autocompletion=complete_method)
    ] = None,
    states: Annotated[
        list[State] | None, typer.Option("--state", help="Only runs in this state; repeatable, for any of them.")
    ] = None,
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "--tag",
            metavar="TAG",
            help="Only runs with this tag; repeatable, for all of them.",
            autocompletion=complete_tag,
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many, the newest.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List runs, newest first."""
    from rftui.cli.details import summary_fields
    from rftui.cli.homes import home_to_read

    found, count = _filtered(home_to_read(home), words or [])
    fitting = [
        summary
        for summary in found
        if task in (None, summary.task)
        and method in (None, summary.method)
        and (not states or summary.state in states)
        and set(tags or ()) <= set(summary.tags)
    ][:limit]
    if as_json:
        print_json([summary_fields(summary) for summary in fitting])
    elif fitting:
        _print_runs(fitting)
    elif count:
        say(f"none of the {count} runs fits")
    else:
        say("no runs yet; `rftui launch grpo --task sat` starts one")


def _filtered(home: Home, words: list[str]) -> tuple[list[RunSummary], int]:
    """Runs that the filter lets through, and how many there are in all."""
    if not words:
        from rftui.runs.reads import current_runs

        everything = current_runs(home)
        return everything, len(everything)
    # the language of filters costs 30 ms, which most calls do without
    from rftui.runs.selection import selected_runs

    return selected_runs(home, " ".join(words))


def _print_runs(summaries: list[RunSummary]) -> None:
    """The table, with a column of tags where there are any."""
    now = time.time()
    rows = [run_row(summary, now=now) for summary in summaries]
    if not any(summary.tags for summary in summaries):
        print_table(RUN_COLUMNS, rows)
        return
    tagged = [[*row, Cell(" ".join(summary.tags))] for row, summary in zip(rows, summaries, strict=True)]
    print_table((*RUN_COLUMNS, Column("tags", can_shrink=True)), tagged)


def run_row(summary: RunSummary, *, now: float) -> list[Cell]:
    """One line of the run list."""
    from rftui.formats import ASCII_SYMBOLS, COLOURS, SYMBOLS, duration, interval, model_name, number, steps

    symbol = (ASCII_SYMBOLS if is_ascii() else SYMBOLS).get(summary.state, "?")
    return [
        Cell(summary.name, "bold"),
        Cell(f"{symbol} {summary.state}", COLOURS.get(summary.state, "")),
        Cell(steps(summary.step, summary.total_steps)),
        Cell(interval(summary.accuracy, summary.accuracy_low, summary.accuracy_high)),
        Cell(number(summary.reward, digits=3)),
        Cell(model_name(summary.model)),
        Cell(duration(now - summary.created_at) if summary.created_at else "—"),
        Cell(summary.reason or ""),
    ]


def show(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show one run: state, evaluations, attempts, counts, settings and their origins."""
    from rftui.cli.details import detail_lines, gain_fields, run_fields
    from rftui.cli.homes import home_to_read
    from rftui.runs.reads import current_run

    place = home_to_read(home)
    name = current_run(place, run).name
    fields = run_fields(place, name) | gain_fields(place, name)
    if as_json:
        print_json(fields)
        return
    for line in detail_lines(fields):
        say(line)
