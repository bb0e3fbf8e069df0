"""`rftui launch`: plan, preflight, start, and follow where somebody looks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import (
    HomeOption,
    JsonOption,
    SourceOption,
    UnsafeRewardsOption,
    allowing,
    complete_recipe,
    complete_task,
    examples,
)
from rftui.cli.output import is_terminal, narrate, print_json, say
from rftui.cli.queueing import AfterOption, HoldOption, PriorityOption, queue_request

if TYPE_CHECKING:
    from rftui.planning.plan import LaunchPlan, LaunchRequest
    from rftui.planning.preflight import Report
    from rftui.queueing.request import QueueRequest
    from store.config import RunConfig
    from store.layout import RunDir


class TrainingMethod(StrEnum):
    """What can be launched."""

    grpo = "grpo"
    sft = "sft"


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        epilog=examples(
            "rftui launch grpo --task sat",
            "rftui launch sft --task sat --recipe lora-24gb --set learning_rate=1e-5 --detach",
            "rftui launch grpo --recipe paper --dry-run",
        )
    )(launch)


def launch(
    method: Annotated[TrainingMethod, typer.Argument(help="How to train.")],
    task: Annotated[str | None, typer.Option(help="Task, see `rftui tasks`.", autocompletion=complete_task)] = None,
    source: SourceOption = None,
    difficulty: Annotated[float | None, typer.Option(help="Difficulty of generated examples, 0 to 1.")] = None,
    model: Annotated[str | None, typer.Option(help="tiny, a directory, or a name on the Hub.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from; chosen by the GPUs found if absent.", autocompletion=complete_recipe
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file of settings.")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting, repeatable: lora.r=64")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; task, method and a counter if absent.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of data order and sampling.")] = None,
    python: Annotated[
        str | None, typer.Option(metavar="PATH", help="Interpreter that trains; this one if absent.")
    ] = None,
    gpus: Annotated[str | None, typer.Option(metavar="LIST", help="GPU indices such as 0,1, or none.")] = None,
    ranks: Annotated[int | None, typer.Option(help="Training processes on this machine.")] = None,
    zero: Annotated[int | None, typer.Option(help="DeepSpeed ZeRO stage, 0 to 3.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Show progress even when stdout is no terminal.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Print the name and return at once.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when the run has ended, with 1 if it failed.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; start and write nothing.")] = False,
    unsafe_rewards: UnsafeRewardsOption = False,
    after: AfterOption = None,
    priority: PriorityOption = 0,
    hold: HoldOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a training run, or queue it until its GPUs or a slot are free. It survives this terminal."""
    # pydantic and psutil cost 0.2 s, which --help and other commands should not pay
    from rftui.planning.plan import LaunchRequest
    from store.layout import resolve_home

    request = LaunchRequest(
        method=method.value,
        flags={
            "task": task,
            "source": source,
            "difficulty": difficulty,
            "model": model,
            "seed": seed,
            "ranks": ranks,
            "zero": zero,
        },
        recipe=recipe,
        config_file=config,
        assignments=allowing(assignments, unsafe_rewards=unsafe_rewards),
        name=name,
        python=python,
        gpus=gpus,
    )
    ending = Ending.choose(follow=follow, detach=detach, wait=wait, as_json=as_json)
    place = resolve_home(home)
    queue = queue_request(place, after=after, priority=priority, hold=hold)
    carry_out(place, request, ending=ending, is_dry=dry_run, as_json=as_json, queue=queue)


class Ending(StrEnum):
    """When a launch returns."""

    DETACH = "detach"
    """At once."""
    FOLLOW = "follow"
    """At the run's end, showing progress."""
    FOLLOW_WAIT = "follow and wait"
    """At the run's end, showing progress; a failed run is a failed command."""
    WAIT = "wait"
    """At the run's end, silently; a failed run is a failed command."""

    @classmethod
    def choose(cls, *, follow: bool, detach: bool, wait: bool, as_json: bool) -> Ending:
        """What the options mean; without any, a terminal follows and everything else detaches."""
        if detach:
            return cls.DETACH
        if wait:
            return cls.FOLLOW_WAIT if follow or (is_terminal() and not as_json) else cls.WAIT
        if follow:
            return cls.FOLLOW
        return cls.FOLLOW if is_terminal() and not as_json else cls.DETACH


def carry_out(
    home: Any,
    request: LaunchRequest,
    *,
    ending: Ending,
    is_dry: bool,
    as_json: bool,
    original: RunConfig | None = None,
    queue: QueueRequest | None = None,
) -> None:
    """Plans, checks and starts or queues a run, and stays with it as asked.

    `original` is the configuration that this run is a clone of, where it is one. Raises RftuiError; typer.Exit(1) for
    a failed run.
    """
    run_dir = start_checked(home, request, is_dry=is_dry, as_json=as_json, original=original, queue=queue)
    if run_dir is None:
        return
    stay(run_dir, ending=ending, as_json=as_json)
    if request.method == "eval" and ending is not Ending.DETACH and not as_json:
        _say_evaluations(home, run_dir.name)


def start_checked(
    home: Any,
    request: LaunchRequest,
    *,
    is_dry: bool,
    as_json: bool,
    original: RunConfig | None = None,
    queue: QueueRequest | None = None,
) -> RunDir | None:
    """Plans, checks and starts or queues a run; None where it was only to be shown.

    Raises RftuiError; typer.Exit(2) where what was shown cannot run.
    """
    # psutil, pydantic and evals cost 0.4 s, which --help should not pay
    from rftui.errors import UsageProblem
    from rftui.planning.plan import plan_launch
    from rftui.planning.preflight import run_preflight
    from rftui.queueing.request import QueueRequest
    from rftui.supervision.start import start_run

    plan = plan_launch(home, request)
    if not as_json and request.method != "eval":
        narrate(plan.recipe_line if original is None else _clone_line(original, plan))
    if not as_json:
        narrate("checking settings, model and environment in the interpreter that will train (some seconds)")
    report = run_preflight(plan)
    if is_dry:
        (_print_dry_json if as_json else _print_dry)(plan, report, original)
        if report.errors:
            raise typer.Exit(2)
        return None
    if not as_json:
        for finding in report.findings:
            if finding is not first_error(report):
                _narrate_finding(finding)
    if report.errors:
        first = report.errors[0]
        # the others were narrated above
        others = f" (and {len(report.errors) - 1} more)" if len(report.errors) > 1 else ""
        raise UsageProblem(
            f"preflight stopped the launch: {first.check}{others}",
            found=first.found,
            expected=first.expected,
            fix=first.fix,
        )
    return start_run(plan, versions=report.trainer.get("versions", {}), queue=queue or QueueRequest())


def _say_evaluations(home: Any, name: str) -> None:
    """What an evaluation that was waited for found."""
    from rftui.cli.details import evaluation_lines, run_fields
    from rftui.runs.reads import current_run

    evaluations = run_fields(home, current_run(home, name).name)["evals"]
    if evaluations:
        say("\n".join(evaluation_lines(evaluations)))


def stay(run_dir: Any, *, ending: Ending, as_json: bool) -> None:
    """Prints the run's name, and follows or waits as asked. Raises typer.Exit(1) when a waited-for run failed."""
    # the supervisor's record is what the launch has waited for
    from rftui.supervision.ledger import read_ledger

    ledger = read_ledger(run_dir)
    if as_json:
        fields = {"state": str(ledger.state), "reason": ledger.reason}
        print_json({"name": run_dir.name, "directory": str(run_dir.path), **fields})
    else:
        say(run_dir.name)
        if ledger.state == "queued":
            narrate(f"queued: {ledger.reason or 'it starts in its turn'}")
    if ending is Ending.DETACH:
        return
    # rich's progress costs 0.1 s; a detached launch does without
    from rftui.cli.following import follow_run, wait_for_end

    is_shown = ending in (Ending.FOLLOW, Ending.FOLLOW_WAIT)
    state = follow_run(run_dir) if is_shown else wait_for_end(run_dir)
    if ending in (Ending.WAIT, Ending.FOLLOW_WAIT) and state != "finished":
        raise typer.Exit(1)


def first_error(report: Report) -> Any:
    """The finding that the command fails with, or None."""
    return report.errors[0] if report.errors else None


def _narrate_finding(finding: Any) -> None:
    if finding.level == "fact":
        narrate(f"  {finding.found}")
        return
    narrate(f"{finding.level}: {finding.found}")
    for label, text in (("expected", finding.expected), ("fix", finding.fix)):
        if text:
            narrate(f"  {label + ':':<10}{text}")


def _clone_line(original: RunConfig, plan: LaunchPlan) -> str:
    # pydantic is loaded by now; this is about keeping the module light
    from rftui.planning.cloning import changed_settings

    count = len(changed_settings(original, plan.config))
    if not count:
        return f"settings of {original.name}, none changed: with its seed too, this run repeats it"
    return f"settings of {original.name}, {count} changed"


def _dry_facts(plan: LaunchPlan, report: Report, original: RunConfig | None) -> dict[str, Any]:
    from rftui.planning.cloning import changed_settings
    from rftui.planning.task_options import option_defaults

    command = plan.command
    left = {key.partition(".")[2]: value for key, value in option_defaults(plan.config).items()}
    cloned: dict[str, Any] = {}
    if original is not None:
        changes = changed_settings(original, plan.config)
        cloned = {
            "clone_of": original.name,
            "changed": {key: change._asdict() for key, change in changes.items()},
        }
    return cloned | {
        "name": plan.config.name,
        "directory": str(plan.directory),
        "recipe": plan.recipe_line,
        "config": plan.config.model_dump(mode="json"),
        "origins": plan.origins,
        "task_options": left | plan.config.task_options,
        "command": command.arguments,
        "environment": command.environment,
        "preflight": [finding._asdict() for finding in report.findings],
        "trainer": report.trainer,
    }


def _print_dry_json(plan: LaunchPlan, report: Report, original: RunConfig | None) -> None:
    print_json(_dry_facts(plan, report, original))


def _print_dry(plan: LaunchPlan, report: Report, original: RunConfig | None) -> None:
    # pydantic is loaded by now; this is about keeping the module light
    import shlex

    from rftui.terminal.clean import clean

    say(f"run        {plan.config.name}")
    say(f"directory  {clean(plan.directory)}")
    say(f"recipe     {plan.recipe_line}")
    for line in _setting_lines(plan, original):
        say(clean(line))
    say("\ncommand")
    say(f"  {clean(shlex.join(plan.command.arguments))}")
    say("\nenvironment")
    for variable, text in plan.command.environment.items():
        say(f"  {variable}={clean(text)}")
    say("\npreflight")
    for finding in report.findings:
        parts = [
            finding.found,
            finding.expected and f"expected {finding.expected}",
            finding.fix and f"fix: {finding.fix}",
        ]
        say(f"  {finding.level:<8}{clean('; '.join(part for part in parts if part))}")
    _print_first_prompt(report)


def _setting_lines(plan: LaunchPlan, original: RunConfig | None) -> Iterator[str]:
    """Every setting with its origin, and what the task's options are where nobody set them.

    In a clone those that were changed begin with * and end with what they were.
    """
    from rftui.planning.cloning import changed_settings
    from rftui.planning.settings import flatten
    from rftui.planning.task_options import TASK_ORIGIN, option_defaults

    changes = {} if original is None else changed_settings(original, plan.config)
    left = option_defaults(plan.config)
    settings = [*_with_options(flatten(plan.config.model_dump(mode="json")), left)]
    width = max(len(f"{key} = {json.dumps(value)}") for key, value in settings if len(json.dumps(value)) < 40)
    yield "\nsettings" if original is None else f"\nsettings (* is not as in {original.name})"
    for key, value in settings:
        mark, was = " ", ""
        if change := changes.get(key):
            mark, was = "*", ", new" if change.before is None else f", was {json.dumps(change.before)}"
        origin = TASK_ORIGIN if key in left else plan.origins.get(key, "default")
        yield f"{mark} {f'{key} = {json.dumps(value)}':<{width}}  # {origin}{was}"
    there = dict(settings)
    for key, change in changes.items():
        if key not in there:
            yield f"* {key} is gone, was {json.dumps(change.before)}"


def _with_options(settings: Iterable[tuple[str, Any]], left: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings in order, with what the task's options are by themselves behind those that were given."""
    is_due = False
    for key, value in settings:
        is_option = key.partition(".")[0] == "task_options"
        if is_due and not is_option:
            yield from left.items()
        is_due = is_option
        if not (key == "task_options" and left):
            yield key, value
    if is_due:
        yield from left.items()


def _print_first_prompt(report: Report) -> None:
    from rftui.terminal.clean import clean

    sample = report.trainer.get("sample")
    if sample:
        say(f"\nfirst prompt ({sample.get('tokens')} tokens, of the image {sample.get('image_tokens')})")
        say("\n".join(f"  {line}" for line in clean(sample.get("prompt", "")).splitlines()))
