"""`rftui eval`: scores a run's weights, or any model, on held-out examples, with and without <think>."""

from __future__ import annotations

from typing import Annotated

import typer

from rftui.cli.options import HomeOption, JsonOption, SourceOption, examples
from rftui.cli.queueing import AfterOption, HoldOption, PriorityOption, queue_request


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "eval",
        epilog=examples(
            "rftui eval sat-grpo-12 --sampled --circular",
            "rftui eval Qwen/Qwen2.5-VL-3B-Instruct --task sat --examples 200 --detach",
        ),
    )(evaluate)


def evaluate(
    subject: Annotated[
        str,
        typer.Argument(metavar="RUN|MODEL", help="A run, a folder of a model or LoRA adapter, or a name on the Hub."),
    ],
    task: Annotated[str | None, typer.Option(help="Task; the run's own if absent.")] = None,
    checkpoint: Annotated[
        int | None, typer.Option(metavar="STEP", help="This checkpoint of a run, not its last.")
    ] = None,
    source: SourceOption = None,
    difficulty: Annotated[float | None, typer.Option(help="Difficulty of generated examples, 0 to 1.")] = None,
    count: Annotated[int | None, typer.Option("--examples", help="How many held-out examples.")] = None,
    sampled: Annotated[bool | None, typer.Option("--sampled/--greedy-only", help="Also decode by sampling.")] = None,
    circular: Annotated[
        bool | None, typer.Option("--circular/--plain", help="Also ask with the options in every rotation.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Chooses the examples and seeds sampling.")] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the evaluation run.")] = None,
    python: Annotated[str | None, typer.Option(metavar="PATH", help="Interpreter; this one if absent.")] = None,
    gpus: Annotated[str | None, typer.Option(metavar="LIST", help="GPU indices such as 0,1, or none.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress even when stdout is no terminal.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Print the name and return at once.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it has ended, with 1 if it failed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; start and write nothing.")] = False,
    after: AfterOption = None,
    priority: PriorityOption = 0,
    hold: HoldOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a run's weights, or any model, on held-out examples."""
    # pydantic and psutil cost 0.2 s, which --help and other commands should not pay
    from rftui.cli.launching import Ending, carry_out
    from rftui.planning.plan import LaunchRequest
    from rftui.planning.subjects import find_subject
    from store.layout import resolve_home

    place = resolve_home(home)
    found = find_subject(place, subject, checkpoint=checkpoint)
    request = LaunchRequest(
        method="eval",
        flags={
            "task": task,
            "model": found.model,
            "source": source,
            "difficulty": difficulty,
            "evaluation.examples": count,
            "evaluation.sampled": sampled,
            "evaluation.circular": circular,
            "evaluation.seed": seed,
        },
        recipe=found.recipe,
        assignments=assignments or (),
        name=name,
        python=python,
        gpus=gpus,
        base=found.settings,
    )
    ending = Ending.choose(follow=follow, detach=detach, wait=wait, as_json=as_json)
    queue = queue_request(place, after=after, priority=priority, hold=hold)
    carry_out(place, request, ending=ending, is_dry=dry_run, as_json=as_json, queue=queue)
