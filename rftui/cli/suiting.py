"""`rftui suit`: before training, is there anything for SFT, GRPO, length or thinking to gain here?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import (
    HomeOption,
    JsonOption,
    SourceOption,
    complete_recipe,
    complete_run,
    complete_task,
    examples,
)
from rftui.cli.output import is_terminal, narrate, print_json, say

if TYPE_CHECKING:
    from rftui.planning.plan import LaunchRequest
    from rftui.suitability.studies import StudyTasks
    from store.layout import Home, RunDir

PLAIN_WIDTH = 100


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        "suit",
        epilog=examples(
            "rftui suit --task sat",
            "rftui suit --task folder --data ~/photos --model Qwen/Qwen2.5-VL-3B-Instruct --prompts 300",
            "rftui suit --study paper-tiny",
            "rftui suit sat-suit-3 --json",
        ),
    )(suit)


def suit(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="RUN", help="A run of this kind: print its forecast again.", autocompletion=complete_run
        ),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(help="Task, see `rftui tasks`; with --study one of its tasks.", autocompletion=complete_task),
    ] = None,
    model: Annotated[str | None, typer.Option(help="tiny, a directory, or a name on the Hub.")] = None,
    prompts: Annotated[int | None, typer.Option(help="How many training prompts; 200 if absent.")] = None,
    generations: Annotated[
        int | None, typer.Option(help="Completions a prompt; the recipe's for GRPO if absent.")
    ] = None,
    study: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Sample what this study trains on, and keep the forecast with it."),
    ] = None,
    track: Annotated[bool, typer.Option("--track", help="Only print how earlier forecasts came out.")] = False,
    source: SourceOption = None,
    difficulty: Annotated[float | None, typer.Option(help="Difficulty of generated examples, 0 to 1.")] = None,
    seed: Annotated[int | None, typer.Option(help="Chooses the prompts and seeds sampling.")] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Settings to start from, as GRPO would; chosen by the GPUs found if absent.",
            autocompletion=complete_recipe,
        ),
    ] = None,
    assignments: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the run; task, suit and a counter if absent.")] = None,
    python: Annotated[str | None, typer.Option(metavar="PATH", help="Interpreter; this one if absent.")] = None,
    gpus: Annotated[str | None, typer.Option(metavar="LIST", help="GPU indices such as 0,1, or none.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Print the name and return at once.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would run; start and write nothing.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Sample training prompts, with <think> and without, and say what training could gain."""
    # pydantic and psutil cost 0.2 s, which --help and other commands should not pay
    from rftui.planning.plan import LaunchRequest
    from store.layout import resolve_home

    place = resolve_home(home)
    if track:
        _print_track(place, as_json=as_json)
        return
    request = LaunchRequest(
        method="suit",
        flags={
            "task": task,
            "model": model,
            "source": source,
            "difficulty": difficulty,
            "seed": seed,
            "suit.prompts": prompts,
            "num_generations": generations,
        },
        recipe=recipe,
        assignments=assignments or (),
        name=name,
        python=python,
        gpus=gpus,
    )
    if run is not None:
        _refuse_settings(request, detach=detach, is_dry=dry_run, has_study=study is not None)
        _print_again(place, run, study=study, task=task, as_json=as_json)
        return
    _check_asked(request, study=study, detach=detach)
    if study is not None:
        _for_study(place, study, request, is_dry=dry_run, as_json=as_json)
        return
    _alone(place, request, detach=detach, is_dry=dry_run, as_json=as_json)


def _alone(home: Home, request: LaunchRequest, *, detach: bool, is_dry: bool, as_json: bool) -> None:
    from rftui.cli.launching import Ending, start_checked, stay

    run_dir = start_checked(home, request, is_dry=is_dry, as_json=as_json)
    if run_dir is None:
        return
    if detach:
        stay(run_dir, ending=Ending.DETACH, as_json=as_json)
        return
    is_done = _wait(run_dir)
    _print_page(home, _document(run_dir), as_json=as_json)
    if not is_done:
        raise typer.Exit(1)


def _for_study(home: Home, name: str, request: LaunchRequest, *, is_dry: bool, as_json: bool) -> None:
    """Samples for each task of a study, one after another, and keeps each forecast as soon as it is made."""
    from rftui.cli.launching import start_checked
    from rftui.suitability.studies import StudyTasks

    tasks = StudyTasks(home, name, task=request.flags["task"])
    requests = {task: tasks.request(task, request, difficulty=request.flags["difficulty"]) for task in tasks.tasks}
    has_failed = False
    for task, asked in requests.items():
        run_dir = start_checked(home, asked, is_dry=is_dry, as_json=as_json)
        if run_dir is None:
            continue
        is_done = _wait(run_dir)
        has_failed |= not is_done
        _print_page(home, _document(run_dir), as_json=as_json)
        if is_done:
            _keep(tasks, task, run_dir)
    if has_failed:
        raise typer.Exit(1)


def _keep(tasks: StudyTasks, task: str, run_dir: RunDir) -> None:
    from rftui.suitability.forecasts import forecast_of

    narrate(f"kept with the study: {tasks.keep(task, forecast_of(run_dir).document)}")


def _wait(run_dir: RunDir) -> bool:
    """Stays with a sampling until it ends; whether it finished. Raises RftuiError where it failed."""
    # rich's progress costs 0.1 s; a detached launch does without
    from rftui.cli.following import follow_run, wait_for_end
    from rftui.errors import RftuiError

    narrate(run_dir.name)
    state = follow_run(run_dir) if is_terminal() else wait_for_end(run_dir)
    if state == "failed":
        raise RftuiError(
            f"{run_dir.name} failed",
            found="see above",
            expected="a sampling that finishes",
            fix=f"`rftui logs {run_dir.name}` shows why; `rftui resume {run_dir.name}` goes on where it was",
        )
    return state == "finished"


def _document(run_dir: RunDir) -> dict[str, Any]:
    """The forecast of a run with whether it is the one that was written."""
    from rftui.suitability.forecasts import forecast_of

    found = forecast_of(run_dir)
    return {"is_whole": found.is_written, **found.document}


def _print_again(home: Home, reference: str, *, study: str | None, task: str | None, as_json: bool) -> None:
    from rftui.errors import UsageProblem
    from rftui.runs.reads import run_dir_of
    from rftui.suitability.studies import StudyTasks

    run_dir = run_dir_of(home, reference)
    document = _document(run_dir)
    if study is not None:
        if task is None or not document["is_whole"]:
            raise UsageProblem(
                f"the forecast of {run_dir.name} cannot be kept with the study {study}",
                found="no --task" if task is None else "a sampling that is not done",
                expected="the task of the study that it is of, and a finished sampling",
                fix=f"rftui suit {run_dir.name} --study {study} --task TASK",
            )
        _keep(StudyTasks(home, study, task=task), task, run_dir)
    _print_page(home, document, as_json=as_json)


def _print_page(home: Home, document: dict[str, Any], *, as_json: bool) -> None:
    # 10 ms that --json should not pay
    import shutil

    from rftui.suitability.page import page_lines
    from rftui.suitability.track import read_pairs, track_lines

    if as_json:
        print_json(document)
        return
    width = shutil.get_terminal_size((PLAIN_WIDTH, 24)).columns if is_terminal() else PLAIN_WIDTH
    for line in page_lines(document, width=width, is_written=document["is_whole"]):
        say(line)
    say()
    for line in track_lines(read_pairs(home)):
        say(line)


def _print_track(home: Home, *, as_json: bool) -> None:
    from rftui.suitability.track import read_pairs, track_lines, track_record

    pairs = read_pairs(home)
    if as_json:
        print_json(
            {"pairs": [each._asdict() for each in pairs], "tracks": [each._asdict() for each in track_record(pairs)]}
        )
        return
    from rftui.suitability.page import pair_lines

    for line in [*pair_lines(pairs), *track_lines(pairs)]:
        say(line)


def _check_asked(request: LaunchRequest, *, study: str | None, detach: bool) -> None:
    from rftui.errors import UsageProblem

    if study is None and request.flags["task"] is None and request.base is None and not request.assignments:
        raise UsageProblem(
            "rftui suit samples prompts of a task, and none is named",
            found="no --task, no --study and no run",
            expected="one of them",
            fix="for example --task sat; `rftui tasks` lists what there is",
        )
    if study is not None and (detach or request.name is not None):
        raise UsageProblem(
            f"--study waits for what it keeps, and names its runs itself; found --{'detach' if detach else 'name'}",
            found="--detach" if detach else f"--name {request.name}",
            expected="--study without it",
            fix="leave it out, or sample without --study, and later: rftui suit RUN --study NAME --task TASK",
        )


def _refuse_settings(request: LaunchRequest, *, detach: bool, is_dry: bool, has_study: bool) -> None:
    """Raises UsageProblem where a run is named, and settings that it has for good."""
    from rftui.errors import UsageProblem

    flags = [key for key, value in request.flags.items() if value is not None and not (key == "task" and has_study)]
    others = {
        "set": bool(request.assignments),
        "detach": detach,
        "dry-run": is_dry,
        "recipe": request.recipe is not None,
    }
    others |= {key: getattr(request, key) is not None for key in ("name", "python", "gpus")}
    given = [*flags, *(key for key, is_given in others.items() if is_given)]
    if given:
        raise UsageProblem(
            "the forecast of a run is what it sampled, whatever is asked now",
            found=", ".join(f"--{key.removeprefix('suit.').replace('num_', '')}" for key in given),
            expected="a run and nothing else, or settings and no run",
            fix="leave the run out to sample anew",
        )
