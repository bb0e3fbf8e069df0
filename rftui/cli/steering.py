"""`rftui stop`, `kill`, `resume` and `rm`: what changes a run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, examples
from rftui.cli.output import narrate, print_json, say

if TYPE_CHECKING:
    from store.layout import RunDir

POLL_S = 0.2


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=examples("rftui stop sat-grpo-12", "rftui stop @last --timeout 0"))(stop)
    app.command(epilog=examples("rftui kill sat-grpo-12", "rftui kill @last:sat --yes --json"))(kill)
    app.command(epilog=examples("rftui resume sat-grpo-12", "rftui resume @last --set max_steps=600 --detach"))(resume)
    app.command(epilog=examples("rftui rm sat-grpo-12", "rftui rm sat-grpo-12 --undo"))(rm)


def _live_attempt(run_dir: RunDir) -> int:
    """The attempt that runs at this moment. Raises RftuiError where none does."""
    # the ledger costs little, but --help should not read it
    from rftui.errors import RftuiError
    from rftui.ledger import read_ledger
    from store.states import is_live

    ledger = read_ledger(run_dir)
    if ledger.state is None or not is_live(ledger.state):
        name = run_dir.name
        raise RftuiError(
            f"{name} does not run",
            found=f"{name} is {ledger.state or 'not started'}",
            expected="a run that is queued, starting, running, stalled or stopping",
            fix="`rftui runs` shows which run",
        )
    return ledger.current_attempt


def stop(
    run: RunArgument,
    timeout: Annotated[
        float, typer.Option(metavar="SECONDS", help="How long to wait for the end; 0 only asks.")
    ] = 60.0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a run to save a checkpoint at the next step boundary and end."""
    from rftui.control import write_request
    from rftui.reads import run_dir_of
    from store.layout import resolve_home

    run_dir = run_dir_of(resolve_home(home), run)
    attempt = _live_attempt(run_dir)
    write_request(run_dir, "stop", attempt=attempt)
    if not as_json:
        narrate(f"asked {run_dir.name} to stop; it finishes its step and saves")
    _report_state(run_dir, *_wait_for_end(run_dir, timeout), as_json=as_json)


def kill(
    run: RunArgument,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a run's processes at once with SIGKILL; steps since its last checkpoint are lost."""
    from rftui.control import write_request
    from rftui.facts import read_facts
    from rftui.ledger import read_ledger
    from rftui.processes import kill_run
    from rftui.reads import run_dir_of, see_to
    from store.layout import resolve_home

    place = resolve_home(home)
    run_dir = run_dir_of(place, run)
    attempt = _live_attempt(run_dir)
    name = run_dir.name
    if not is_sure and not typer.confirm(f"Kill {name}? Steps since its last checkpoint are lost.", err=True):
        raise typer.Exit(1)
    identity = read_ledger(run_dir).attempt(attempt).identity
    write_request(run_dir, "kill", attempt=attempt)
    pids = kill_run(read_facts(run_dir).uid, leader=identity)
    state, reason = _wait_for_end(run_dir, 10.0)
    if state is None:
        see_to(place, name)
    if not as_json:
        narrate(f"killed {len(pids)} processes" if len(pids) != 1 else "killed 1 process")
    _report_state(run_dir, state, reason, as_json=as_json)


def _wait_for_end(run_dir: RunDir, timeout_s: float) -> tuple[str | None, str]:
    """The final state and its reason, or None where the run still lives after the timeout."""
    from rftui.attend import attend
    from rftui.ledger import LedgerReader
    from store.states import is_live

    reader, deadline = LedgerReader(run_dir), time.monotonic() + timeout_s
    while True:
        ledger = reader.update()
        if ledger.state is not None and not is_live(ledger.state):
            return ledger.state.value, ledger.reason
        if time.monotonic() >= deadline:
            return None, ledger.reason
        attend(run_dir)
        time.sleep(POLL_S)


def _report_state(run_dir: RunDir, state: str | None, reason: str, *, as_json: bool) -> None:
    from rftui.ledger import read_ledger

    shown = state or str(read_ledger(run_dir).state)
    if as_json:
        print_json({"name": run_dir.name, "state": shown, "reason": reason, "has_ended": state is not None})
        return
    if state is None:
        narrate(f"{run_dir.name} still finishes its step; `rftui logs -f {run_dir.name}` follows it")
    say(f"{run_dir.name} {shown}{f': {reason}' if reason else ''}")


def resume(
    run: RunArgument,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="max_steps=N", help="More steps for a run that finished.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress even when stdout is no terminal.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the run has ended, with 1 if it failed.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Continue a run that ended early, from its newest complete checkpoint."""
    from rftui.cli.launching import Ending, stay
    from rftui.reads import run_dir_of
    from rftui.resuming import resume_run
    from store.layout import resolve_home

    run_dir = run_dir_of(resolve_home(home), run)
    resumed = resume_run(run_dir, assignments or [])
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
    from rftui.trash import restore, throw_away
    from store.layout import resolve_home

    place = resolve_home(home)
    if undo:
        name: Any = restore(place, run)
    else:
        from rftui.reads import current_run

        name = throw_away(place, current_run(place, run).name)
    if as_json:
        print_json({"name": name, "trashed": not undo})
    else:
        say(f"{name} is back" if undo else f"{name} is in the trash; `rftui rm {name} --undo` brings it back")
