"""`rftui stop`, `kill`, `resume` and `rm`: what changes a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, examples
from rftui.cli.output import narrate, print_json, say
from rftui.cli.queueing import AfterOption, HoldOption, PriorityOption, queue_request

if TYPE_CHECKING:
    from rftui.supervision.steering import End
    from store.layout import RunDir


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=examples("rftui stop sat-grpo-12", "rftui stop @last --timeout 0"))(stop)
    app.command(epilog=examples("rftui kill sat-grpo-12", "rftui kill @last:sat --yes --json"))(kill)
    app.command(epilog=examples("rftui resume sat-grpo-12", "rftui resume @last --set max_steps=600 --detach"))(resume)
    app.command(epilog=examples("rftui rm sat-grpo-12", "rftui rm sat-grpo-12 --undo"))(rm)


def stop(
    run: RunArgument,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for the end; 0 only asks.")
    ] = 60.0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a run to save a checkpoint at the next step boundary and end."""
    # processes and databases cost 0.1 s, which --help should not pay
    from rftui.cli.homes import home_to_read
    from rftui.runs.reads import run_dir_of
    from rftui.supervision.steering import ask_to_stop, wait_for_end

    run_dir = run_dir_of(home_to_read(home), run)
    said = ask_to_stop(run_dir)
    if not as_json:
        narrate(said)
    _report_state(run_dir, wait_for_end(run_dir, timeout), as_json=as_json)


def kill(
    run: RunArgument,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a run's processes at once with SIGKILL; steps since its last checkpoint are lost."""
    from rftui.cli.homes import home_to_read
    from rftui.runs.reads import run_dir_of
    from rftui.supervision import steering
    from rftui.supervision.facts import read_facts
    from rftui.supervision.ledger import read_ledger

    place = home_to_read(home)
    run_dir = run_dir_of(place, run)
    steering.live_attempt(run_dir)
    if not is_sure:
        method = read_facts(run_dir).method
        lost = _LOST.get(method, "Steps since its last checkpoint are lost.")
        if read_ledger(run_dir).state == "queued":
            lost = "It is taken out of the queue."
        if not typer.confirm(f"Kill {run_dir.name}? {lost}", err=True):
            raise typer.Exit(1)
    killed = steering.kill(place, run_dir)
    if not as_json:
        narrate(steering.killed_sentence(killed.pids))
    _report_state(run_dir, killed.end, as_json=as_json)


_LOST = {"eval": "The batch being answered is lost.", "suit": "The batch being sampled is lost."}
"""What a kill costs a run without checkpoints, by method."""


def _report_state(run_dir: RunDir, end: End, *, as_json: bool) -> None:
    from rftui.supervision.ledger import read_ledger

    shown = str(end.state or read_ledger(run_dir).state)
    if as_json:
        print_json({"name": run_dir.name, "state": shown, "reason": end.reason, "has_ended": end.state is not None})
        return
    if end.state is None:
        narrate(f"{run_dir.name} has not ended yet; `rftui logs -f {run_dir.name}` follows it")
    say(f"{run_dir.name} {shown}{f': {end.reason}' if end.reason else ''}")


def resume(
    run: RunArgument,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="max_steps=N", help="More steps for a run that finished.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress even when stdout is no terminal.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the run has ended, with 1 if it failed.")] = False,
    after: AfterOption = None,
    priority: PriorityOption = 0,
    hold: HoldOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Continue a run that ended early, from its newest complete checkpoint."""
    from rftui.cli.homes import home_to_read
    from rftui.cli.launching import Ending, stay
    from rftui.runs.reads import run_dir_of
    from rftui.supervision.resuming import resume_run

    place = home_to_read(home)
    run_dir = run_dir_of(place, run)
    queue = queue_request(place, after=after, priority=priority, hold=hold)
    resumed = resume_run(run_dir, assignments or [], queue)
    if not as_json:
        narrate(resumed.sentence)
    stay(run_dir, ending=Ending.choose(follow=follow, detach=detach, wait=wait, as_json=as_json), as_json=as_json)


def rm(
    run: RunArgument,
    undo: Annotated[bool, typer.Option("--undo", help="Bring the run back from the trash.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Move a run that has ended to the trash."""
    from rftui.cli.homes import home_to_read
    from rftui.supervision.trash import restore, throw_away

    place = home_to_read(home)
    if undo:
        name: Any = restore(place, run)
    else:
        from rftui.runs.reads import current_run

        name = throw_away(place, current_run(place, run).name)
    if as_json:
        print_json({"name": name, "trashed": not undo})
    else:
        say(f"{name} is back" if undo else f"{name} is in the trash; `rftui rm {name} --undo` brings it back")
