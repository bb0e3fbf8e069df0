"""`rftui queue`: which runs wait for a GPU or a slot, in order, and what is said about them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, complete_run, examples
from rftui.cli.output import Cell, Column, narrate, print_json, print_table, say

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rftui.queueing.request import QueueRequest
    from rftui.queueing.view import QueueView
    from store.layout import Home, RunDir

QUEUE_COLUMNS = (
    Column("#", is_right=True),
    Column("run"),
    Column("state"),
    Column("priority", is_right=True),
    Column("wants"),
    Column("waits", is_right=True),
    Column("for", can_shrink=True),
)
PriorityOption = Annotated[
    int, typer.Option("--priority", metavar="N", help="Runs of a higher one start first; 0 is usual.")
]
AfterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--after",
        metavar="RUN",
        help="Start when this run has finished; repeatable. Held where it fails.",
        autocompletion=complete_run,
    ),
]
HoldOption = Annotated[bool, typer.Option("--hold", help="Queue it until `rftui queue release`.")]

app = typer.Typer(invoke_without_command=True, help="Show which runs wait, in order, and for what.")


def register(root: typer.Typer) -> None:
    """Adds the commands."""
    root.add_typer(app, name="queue", epilog=examples("rftui queue", "rftui queue --json"))
    app.command(epilog=examples("rftui queue hold sat-grpo-12", "rftui queue hold @last --json"))(hold)
    app.command(epilog=examples("rftui queue release sat-grpo-12", "rftui queue release @last:sat"))(release)
    app.command(epilog=examples("rftui queue priority sat-grpo-12 5", "rftui queue priority @last -- -1"))(priority)
    app.command(epilog=examples("rftui queue slots", "rftui queue slots 4"))(slots)


@app.callback()
def queue(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show which runs wait, in order, and for what."""
    if context.invoked_subcommand is not None:
        return
    # what starts runs costs 30 ms, which --help should not pay
    from rftui.cli.homes import home_to_read
    from rftui.queueing.view import queue_fields, read_queue

    place = home_to_read(home)
    _see_to_all(place)
    view = read_queue(place)
    if as_json:
        print_json(queue_fields(view))
        return
    _print_queue(view)


def _see_to_all(home: Home) -> None:
    """Makes what is recorded true, as `rftui runs` does: runs that lost their place in the index get it back."""
    from rftui.queueing.guard import ensure_dispatcher
    from rftui.runs.reads import current_runs

    current_runs(home)
    ensure_dispatcher(home)


def _print_queue(view: QueueView) -> None:
    from rftui.formats import counted, duration
    from rftui.queueing.view import row_fields, wants_text

    now = time.time()
    if view.rows:
        rows: list[Sequence[Cell | str]] = [
            [
                str(row.position),
                Cell(row.entry.name, "bold"),
                row_fields(row)["state"],
                str(row.entry.priority),
                wants_text(row),
                duration(max(0.0, now - row.entry.since)),
                row.reason,
            ]
            for row in view.rows
        ]
        print_table(QUEUE_COLUMNS, rows)
    else:
        say("nothing is queued")
    settings, taken = view.machine.settings, view.machine.slots
    by = f": {', '.join(holder or 'a run that did not say' for holder in taken.values())}" if taken else ""
    say(f"{len(taken)} of {counted(settings.slots, 'slot')} taken ({settings.slots_origin}){by}")
    for gpu in view.machine.gpus:
        say(f"GPU {gpu.index} {gpu.name}: {'free' if gpu.is_free else gpu.taken_by}")


def hold(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Keep a queued run from starting until it is released."""
    from rftui.queueing import changing

    _change(run, home, changing.hold, as_json=as_json)


def release(run: RunArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Let a held run start in its turn; runs that did not finish are waited for no more."""
    from rftui.queueing import changing

    _change(run, home, changing.release, as_json=as_json)


def priority(
    run: RunArgument,
    number: Annotated[
        int, typer.Argument(metavar="N", min=-1_000_000, max=1_000_000, help="Higher ones start first; 0 is usual.")
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a queued run another priority."""
    from rftui.queueing import changing

    _change(run, home, lambda run_dir: changing.set_priority(run_dir, number), as_json=as_json)


def _change(run: str, home: Path | None, change: Callable[[RunDir], str], *, as_json: bool) -> None:
    from rftui.cli.homes import home_to_read
    from rftui.queueing.view import read_queue, row_fields
    from rftui.runs.reads import run_dir_of

    place = _writable(home_to_read(home))
    run_dir = run_dir_of(place, run)
    said = change(run_dir)
    if not as_json:
        say(said)
        return
    rows = [row for row in read_queue(place).rows if row.entry.name == run_dir.name]
    # a released run may have started already
    print_json(row_fields(rows[0]) if rows else {"name": run_dir.name, "position": None})


def slots(
    number: Annotated[
        int | None, typer.Argument(metavar="[N]", min=0, max=4096, help="So many from now on; 0 starts none.")
    ] = None,
    default: Annotated[bool, typer.Option("--default", help="As many as there are CPUs again.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show, or set, how many runs without a GPU train at once."""
    from rftui.cli.homes import home_to_read
    from rftui.queueing.guard import ensure_dispatcher
    from rftui.queueing.settings import SLOTS_VARIABLE, read_settings, write_slots
    from rftui.queueing.slots import held_slots
    from store.layout import resolve_home

    is_change = number is not None or default
    # a new home may be given its number of slots before its first run
    place = _writable(resolve_home(home)) if is_change else home_to_read(home)
    if is_change:
        write_slots(place, None if default else number)
        ensure_dispatcher(place)
    found, taken = read_settings(place), held_slots(place)
    if number is not None and found.slots != number:
        narrate(f"{SLOTS_VARIABLE} is set, and goes before queue.toml as long as it is")
    if as_json:
        print_json({"total": found.slots, "origin": found.slots_origin, "taken": len(taken)})
    else:
        from rftui.formats import counted

        say(f"{counted(found.slots, 'slot')} ({found.slots_origin}), {len(taken)} taken")


def _writable(home: Home) -> Home:
    if home.is_read_only:
        from rftui.errors import UsageProblem

        raise UsageProblem(
            "the queue may not be changed: --read-only was asked for",
            found="--read-only, or RFTUI_READ_ONLY in the environment",
            expected="`rftui queue` alone",
            fix="leave --read-only out",
        )
    return home


def queue_request(home: Home, *, after: list[str] | None, priority: int, hold: bool) -> QueueRequest:
    """What the options of a launch ask of the queue. Raises RunNotFound for a run to wait for that is not there."""
    from rftui.queueing.request import QueueRequest

    if not after:
        return QueueRequest(priority=priority, is_held=hold)
    from rftui.runs.reads import current_run

    return QueueRequest(priority, [current_run(home, name).name for name in after], hold)
