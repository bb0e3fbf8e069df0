"""`rftui clone`: a new run with the settings of another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, UnsafeRewardsOption, allowing, examples
from rftui.cli.queueing import AfterOption, HoldOption, PriorityOption, queue_request


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        epilog=examples(
            "rftui clone sat-grpo-12 --set learning_rate=3e-6 --dry-run",
            "rftui clone @last --seed 1 --name sat-grpo-seed1 --detach",
        )
    )(clone)


def clone(
    run: RunArgument,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, repeatable.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file of changes.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new run; task, method and a counter if absent.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed; the run's own if absent.")] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Interpreter that trains; the run's own if absent.")
    ] = None,
    gpus: Annotated[
        str | None, typer.Option(metavar="LIST", help="GPU indices such as 0,1, or none; free ones if absent.")
    ] = None,
    ranks: Annotated[int | None, typer.Option(help="Training processes on this machine.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress even when stdout is no terminal.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Print the name and return at once.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the run has ended, with 1 if it failed.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run, changed settings marked; start nothing.")
    ] = False,
    unsafe_rewards: UnsafeRewardsOption = False,
    after: AfterOption = None,
    priority: PriorityOption = 0,
    hold: HoldOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a new run with the settings of another, and those you change."""
    # pydantic and psutil cost 0.2 s, which --help and other commands should not pay
    from rftui.cli.homes import home_to_read
    from rftui.cli.launching import Ending, carry_out
    from rftui.planning.cloning import check_assignments, clone_request, read_original
    from rftui.planning.plan import LaunchRequest
    from rftui.runs.reads import run_dir_of

    place = home_to_read(home)
    run_dir = run_dir_of(place, run)
    check_assignments(run_dir.name, assignments or [])
    original = read_original(run_dir)
    changes = LaunchRequest(
        method=original.config.method.value,
        flags={"seed": seed, "ranks": ranks},
        config_file=config,
        assignments=allowing(assignments, unsafe_rewards=unsafe_rewards),
        name=name,
        python=python,
        gpus=gpus,
    )
    ending = Ending.choose(follow=follow, detach=detach, wait=wait, as_json=as_json)
    carry_out(
        place,
        clone_request(original, changes),
        ending=ending,
        is_dry=dry_run,
        as_json=as_json,
        original=original.config,
        queue=queue_request(place, after=after, priority=priority, hold=hold),
    )
