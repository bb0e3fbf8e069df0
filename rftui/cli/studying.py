"""`rftui study`: named grids of runs and evaluations: made, run, shown, stopped, extended, retried."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, SourceOption, complete_recipe, complete_task, examples
from rftui.cli.output import is_terminal, narrate, print_json, say

if TYPE_CHECKING:
    from rftui.studies.running import Asked
    from store.layout import Home


def complete_study(incomplete: str) -> list[str]:
    """Names of studies for the shell."""
    from rftui.studies.places import study_names
    from store.layout import resolve_home

    return [name for name in study_names(resolve_home(None)) if name.startswith(incomplete)]


def complete_definition(incomplete: str) -> list[str]:
    """Names of studies that ship, for the shell."""
    folder = Path(__file__).parents[1] / "studies" / "shipped"
    return sorted(path.stem for path in folder.glob("*.toml") if path.stem.startswith(incomplete))


NameArgument = Annotated[
    str, typer.Argument(metavar="STUDY", help="Name of a study of this home.", autocompletion=complete_study)
]
WaitOption = Annotated[
    bool, typer.Option("--wait", help="Return when every run has ended, with 1 if a cell did not finish.")
]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask where study.toml was changed.")]
PythonOption = Annotated[str | None, typer.Option(metavar="PATH", help="Interpreter that trains; this one if absent.")]
GpusOption = Annotated[str | None, typer.Option(metavar="LIST", help="GPU indices such as 0,1, or none.")]


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(
        help="Studies: grids of tasks, ways to train and seeds, as one table.",
        no_args_is_help=True,
        epilog=examples("rftui study new paper --task sat", "rftui study run paper --wait"),
    )
    group.command("list", epilog=examples("rftui study list", "rftui study list --json"))(list_studies)
    group.command(
        epilog=examples(
            "rftui study new paper --task sat --task aircraft --seeds 0,1,2",
            "rftui study new length --name sat-lengths --set max_steps=600",
            "rftui study new my-study.toml",
        )
    )(new)
    group.command(epilog=examples("rftui study run paper", "rftui study run paper --wait --yes"))(run)
    group.command(epilog=examples("rftui study show paper", "rftui study show paper --latex > table.tex"))(show)
    group.command(epilog=examples("rftui study stop paper", "rftui study stop paper --json"))(stop)
    group.command(epilog=examples("rftui study extend paper --seeds 2", "rftui study extend paper --seed 7 --wait"))(
        extend
    )
    group.command(epilog=examples("rftui study retry paper", "rftui study retry paper sat-grpo-s0 --wait"))(retry)
    app.add_typer(group, name="study")


def list_studies(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the studies of this home, and those that ship."""
    # pydantic costs 0.1 s, which --help should not pay
    from rftui.cli.study_page import print_list
    from rftui.studies.listing import listed_studies
    from store.layout import resolve_home

    # a home need not be there yet to see what ships
    listed = listed_studies(resolve_home(home))
    if as_json:
        print_json([item._asdict() for item in listed])
    else:
        print_list(listed)


def new(
    definition: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|FILE.toml", help="A study that ships, or a TOML file.", autocompletion=complete_definition
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the study; the definition's if absent.")] = None,
    tasks: Annotated[
        list[str] | None,
        typer.Option("--task", help="Only this task, or another; repeatable.", autocompletion=complete_task),
    ] = None,
    source: SourceOption = None,
    seeds: Annotated[str | None, typer.Option(metavar="LIST", help="Seeds with commas: 0,1,2.")] = None,
    model: Annotated[str | None, typer.Option(help="tiny, a directory, or a name on the Hub.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="Recipe of all runs; by the GPUs if absent.", autocompletion=complete_recipe)
    ] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of all runs, repeatable.")
    ] = None,
    is_printed: Annotated[bool, typer.Option("--print", help="Print the definition; write nothing.")] = False,
    if_absent: Annotated[bool, typer.Option("--if-absent", help="Leave a study of that name as it is.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a study: a definition to look at and edit. Nothing runs yet."""
    from rftui.studies.cells import cells_of
    from rftui.studies.creating import NewStudy, create_study, existing_study, new_text
    from rftui.studies.definition import read_study
    from store.layout import resolve_home

    place = _changeable(resolve_home(home), "new")
    asked = NewStudy(
        definition=definition,
        name=name,
        tasks=tasks or (),
        source=source,
        seeds=_numbers(seeds),
        model=model,
        recipe=recipe,
        assignments=assignments or (),
    )
    if is_printed:
        made_text = new_text(asked)
        if as_json:
            print_json(made_text.study.model_dump(mode="json"))
        else:
            say(made_text.text.rstrip("\n"))
        return
    if if_absent and (there := existing_study(place, asked)) is not None:
        if as_json:
            kept = len(cells_of(read_study(there.definition)))
            print_json({"name": there.name, "definition": str(there.definition), "cells": kept})
        else:
            narrate(f"{there.name} is there and stays as it is: {there.definition}")
        return
    made = create_study(place, asked)
    cells = len(cells_of(made.study))
    if as_json:
        print_json({"name": made.study.name, "definition": str(made.place.definition), "cells": cells})
        return
    if made.recipe_line:
        narrate(made.recipe_line)
    say(f"{made.study.name}: {cells} cells, defined in {made.place.definition}")
    narrate(f"look at it and change it there; `rftui study run {made.study.name}` starts it")


def _numbers(text: str | None) -> list[int]:
    """The whole numbers in `0,1,2`. Raises UsageProblem."""
    from rftui.errors import UsageProblem

    try:
        return [] if text is None else [int(part) for part in text.replace(",", " ").split()]
    except ValueError:
        raise UsageProblem(
            f"--seeds {text} are no seeds", found=str(text), expected="whole numbers with commas", fix="--seeds 0,1,2"
        ) from None


def run(
    name: NameArgument,
    wait: WaitOption = False,
    is_sure: YesOption = False,
    cells: Annotated[
        list[str] | None, typer.Option("--cell", metavar="CELL", help="Only this cell, repeatable.")
    ] = None,
    python: PythonOption = None,
    gpus: GpusOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start what is missing, and go on with what ended early; every cell is checked before the first starts."""
    from rftui.studies.running import Asked
    from store.layout import resolve_home

    place = _changeable(resolve_home(home), "run")
    asked = Asked(only=set(cells) if cells else None, python=python, gpus=gpus)
    _carry_out(place, name, asked, wait=wait, is_sure=is_sure, as_json=as_json)


def retry(
    name: NameArgument,
    cells: Annotated[
        list[str] | None, typer.Argument(metavar="[CELL...]", help="Cells that failed; all of them if absent.")
    ] = None,
    wait: WaitOption = False,
    is_sure: YesOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start failed cells again, from their newest checkpoint, or from the start."""
    from rftui.cli.study_page import failed_cells
    from rftui.studies.running import Asked
    from store.layout import resolve_home

    place = _changeable(resolve_home(home), "retry")
    failed = failed_cells(place, name, cells or ())
    _carry_out(place, name, Asked(only=failed, retry=True), wait=wait, is_sure=is_sure, as_json=as_json)


def extend(
    name: NameArgument,
    more: Annotated[int, typer.Option("--seeds", metavar="N", help="So many seeds more.")] = 0,
    seeds: Annotated[list[int] | None, typer.Option("--seed", metavar="SEED", help="This seed, repeatable.")] = None,
    later: Annotated[
        bool, typer.Option("--later", help="Only write them down; `rftui study run` starts them.")
    ] = False,
    wait: WaitOption = False,
    is_sure: YesOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add seeds to a study, and start their runs."""
    from rftui.formats import counted
    from rftui.studies.extending import extend_study
    from rftui.studies.running import Asked
    from store.layout import resolve_home

    place = _changeable(resolve_home(home), "extend")
    added = extend_study(place, name, more=more, seeds=seeds or ())
    if not as_json:
        narrate(f"{name}: {counted(len(added), 'seed')} more, {', '.join(map(str, added))}")
    if not later:
        _carry_out(place, name, Asked(), wait=wait, is_sure=is_sure, as_json=as_json)
    elif as_json:
        print_json({"name": name, "seeds": list(added)})


def _carry_out(home: Home, name: str, asked: Asked, *, wait: bool, is_sure: bool, as_json: bool) -> None:
    """Runs what is missing, tells what was done, and waits where asked. Raises typer.Exit(1) for what went wrong."""
    from rftui.cli.study_page import ask_about_change, say_started, started_fields, wait_and_tell
    from rftui.studies.running import run_study

    ask_about_change(home, name, is_sure=is_sure, may_ask=is_terminal() and not as_json)
    started = run_study(home, name, asked, say=(lambda text: None) if as_json else narrate)
    if not as_json:
        say_started(name, started)
    is_whole = wait_and_tell(home, name, as_json=as_json) if wait else not started.failures
    if as_json:
        print_json(started_fields(home, name, started))
    if not is_whole:
        raise typer.Exit(1)


def show(
    name: NameArgument,
    with_cells: Annotated[bool, typer.Option("--cells", help="Also every cell with its run.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    as_latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX tabular.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one line a number.")] = False,
    only_folder: Annotated[bool, typer.Option("--folder", help="Only print where its files lie.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the grid: held-out accuracy of each way to train, without and with <think>, as far as it is done."""
    from rftui.cli.homes import home_to_read
    from rftui.cli.study_page import check_forms, print_study, study_now
    from rftui.studies.places import find_place

    check_forms(
        {"--json": as_json, "--markdown": as_markdown, "--latex": as_latex, "--csv": as_csv, "--folder": only_folder}
    )
    if only_folder:
        say(str(find_place(home_to_read(home), name).path))
        return
    form = "json" if as_json else "markdown" if as_markdown else "latex" if as_latex else "csv" if as_csv else ""
    print_study(study_now(home_to_read(home), name), form=form, with_cells=with_cells)


def stop(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Take waiting runs out of the queue, and ask running ones to save a checkpoint and end."""
    from rftui.cli.homes import home_to_read
    from rftui.formats import counted
    from rftui.studies.stopping import stop_study

    stopped = stop_study(_changeable(home_to_read(home), "stop"), name)
    if as_json:
        print_json({"name": name, **stopped._asdict()})
    else:
        for failure in stopped.failures:
            narrate(f"not stopped: {failure}")
        say(
            f"{name}: {counted(len(stopped.queued), 'waiting run')} taken out of the queue, "
            f"{counted(len(stopped.running), 'running one')} asked to stop"
        )
        narrate(f"`rftui study run {name}` goes on")
    if stopped.failures:
        raise typer.Exit(1)


def _changeable(home: Home, command: str) -> Any:
    """The home, unless nothing of it may be changed. Raises UsageProblem then."""
    if home.is_read_only:
        from rftui.errors import UsageProblem

        raise UsageProblem(
            f"rftui study {command} may change something, and --read-only was asked for",
            found="--read-only, or RFTUI_READ_ONLY in the environment",
            expected="rftui study list or show",
            fix="leave --read-only out",
        )
    return home
