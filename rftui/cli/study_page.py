"""What `rftui study` prints and asks: lists, the grid in its forms, what changed, and what was started."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import typer

from rftui.cli.output import Cell, Column, console, narrate, print_json, print_table, say
from rftui.errors import RftuiError, UsageProblem
from rftui.formats import COLOURS, counted, steps
from rftui.studies.changes import StudyChange
from rftui.studies.listing import ListedStudy
from rftui.studies.progress import CellView, StudyView, read_study
from rftui.studies.running import Started, pending_change
from rftui.studies.tables import StudyTable, csv_form, document, latex, markdown, narrow_tables, sentences, study_table
from rftui.studies.waiting import wait_for_study
from rftui.terminal.clean import one_line
from store.states import State

if TYPE_CHECKING:
    from store.layout import Home

INTERRUPTED = 130
CELLS_SHOWN = 6


def print_list(listed: Sequence[ListedStudy]) -> None:
    """The studies of a home and those that ship."""
    columns = (Column("study"), Column("finished"), Column("cells", can_shrink=True), Column("asks", can_shrink=True))
    print_table(
        columns,
        [
            (
                item.name,
                "ships" if item.is_shipped else "?" if item.problem else f"{item.finished}/{item.cells}",
                " ".join(f"{count} {state}" for state, count in item.states.items()),
                item.problem or item.title,
            )
            for item in listed
        ],
    )
    if any(item.is_shipped for item in listed):
        narrate("`rftui study new NAME` makes one of those that ship")


def study_now(home: Home, name: str) -> StudyTable:
    """A study with its true states and numbers."""
    # the states of runs are made true first: psutil costs 0.1 s
    from rftui.runs.reads import current_runs

    current_runs(home)
    return study_table(home, read_study(home, name))


def check_forms(forms: Mapping[str, bool]) -> None:
    """Raises UsageProblem where more than one form of output is asked for."""
    asked = [form for form, is_asked in forms.items() if is_asked]
    if len(asked) > 1:
        raise UsageProblem(
            f"{' and '.join(asked)} exclude each other", found=", ".join(asked), expected="one form", fix="drop one"
        )


def print_study(made: StudyTable, *, form: str, with_cells: bool) -> None:
    """The grid in one of its forms; empty is for people."""
    if form == "json":
        print_json(document(made))
    elif form == "csv":
        say(csv_form(made).rstrip("\n"))
    elif form:
        for line in (markdown if form == "markdown" else latex)(made):
            say(line)
    else:
        _print_for_people(made, with_cells=with_cells)


def _print_for_people(made: StudyTable, *, with_cells: bool) -> None:
    say(one_line(f"{made.view.name}: {made.view.study.title}"))
    for table in narrow_tables(made):
        say(table.title)
        print_table(table.columns, table.rows)
    for sentence in [*sentences(made), states_line(made.view)]:
        for line in textwrap.wrap(f"- {sentence}", console().width, subsequent_indent="  ", break_on_hyphens=False):
            say(line)
    if with_cells:
        say()
        _print_cells(made.view)
    for item in made.view.cells:
        if item.state == State.FAILED:
            say(f"- failed: {item.cell.key} ({item.run}): {item.reason}")


def states_line(view: StudyView) -> str:
    """`cells: 12 finished, 2 running, 16 queued`."""
    return "cells: " + ", ".join(f"{count} {state}" for state, count in view.counts().items())


def _print_cells(view: StudyView) -> None:
    columns = (
        Column("cell"),
        Column("state"),
        Column("step", is_right=True),
        Column("run", can_shrink=True),
        Column("reason", can_shrink=True),
    )
    print_table(columns, [_cell_row(item) for item in view.cells])


def _cell_row(item: CellView) -> list[Cell | str]:
    run = f"{item.run} (taken over)" if item.is_taken_over else item.run
    state = Cell(item.state, COLOURS.get(item.state, "dim"))
    return [item.cell.key, state, steps(item.step, item.total_steps) if item.uid else "", run, item.reason]


def failed_cells(home: Home, name: str, asked: Sequence[str]) -> Collection[str]:
    """The cells to try again. Raises RftuiError where none failed, or one that was named did not."""
    # a run whose processes are gone is failed or lost only once somebody has looked
    from rftui.runs.reads import current_runs

    current_runs(home)
    view = read_study(home, name)
    states = {item.cell.key: item.state for item in view.cells}
    failed = [key for key, state in states.items() if state == State.FAILED]
    not_failed = [f"{key} is {states.get(key, 'no cell')}" for key in asked if key not in failed]
    if not_failed or not failed:
        raise RftuiError(
            f"no cell of {name} to try again" if not asked else f"{not_failed[0]}",
            found="; ".join(not_failed) or states_summary(view),
            expected="cells that failed" + (f", such as {', '.join(failed[:CELLS_SHOWN])}" if failed else ""),
            fix=f"`rftui study show {name} --cells` lists the cells; `rftui study run {name}` goes on with the others",
        )
    return set(asked or failed)


def states_summary(view: StudyView) -> str:
    """How many cells are in each state."""
    return ", ".join(f"{count} {state}" for state, count in view.counts().items())


def ask_about_change(home: Home, name: str, *, is_sure: bool, may_ask: bool) -> None:
    """Shows what study.toml changed since it was started, and asks. Raises UsageProblem where nobody can be asked."""
    change = pending_change(home, name)
    if change is None:
        return
    if not is_sure and not may_ask:
        raise UsageProblem(
            f"the study {name} was changed since it was started: {consequence(change)}",
            found="; ".join(map(str, change.fields)),
            expected="study.toml as it was started, or --yes",
            fix="--yes goes on with what it says now; started.toml beside it is what it was",
        )
    narrate(f"study.toml of {name} is not what was started:")
    for field in change.fields:
        narrate(f"  {field}")
    narrate(consequence(change))
    if not is_sure and not typer.confirm(f"Go on with {name} as it is now?", err=True):
        raise typer.Exit(1)


def consequence(change: StudyChange) -> str:
    """What a change does to the cells, in words."""
    parts = []
    if change.added:
        parts.append(f"{counted(len(change.added), 'cell')} more")
    if change.altered:
        runs = "whose run was" if len(change.altered) == 1 else "whose runs were"
        again = f"{counted(len(change.altered), 'cell')} {runs} made for other settings and will be run anew"
        parts.append(f"{again} ({_some(change.altered)})")
    if change.removed:
        parts.append(
            f"{counted(len(change.removed), 'cell')} gone ({_some(change.removed)}); their runs stay and count no more"
        )
    return ", ".join(parts) or "no cell is touched"


def _some(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - CELLS_SHOWN} more" if len(keys) > CELLS_SHOWN else ""
    return ", ".join(keys[:CELLS_SHOWN]) + more


def say_started(name: str, started: Started) -> None:
    """What was done, in words."""
    for failure in started.failures:
        narrate(f"not started: {failure.cell} ({failure.run}): {failure.error}")
    for cell, run in started.taken.items():
        narrate(f"{cell} is taken over from {run}, which computed the same")
    if started.left:
        narrate(f"failed and left so: {_some(started.left)}; `rftui study retry {name}` starts them again")
    done = [
        *([f"{counted(len(started.launched), 'run')} launched"] if started.launched else []),
        *([f"{len(started.resumed)} resumed"] if started.resumed else []),
        *([f"{len(started.taken)} taken over"] if started.taken else []),
    ]
    say(f"{name}: {', '.join(done) or 'nothing to start'}")
    if started.launched or started.resumed:
        narrate(f"`rftui queue` shows what waits, `rftui study show {name}` the table")


def wait_and_tell(home: Home, name: str, *, as_json: bool) -> bool:
    """Waits for the study's runs, and says whether every cell finished. Raises typer.Exit when interrupted."""
    if not as_json:
        narrate(f"waiting for {name}: Ctrl-C leaves its runs going")
    try:
        view = wait_for_study(home, name, say=(lambda text: None) if as_json else narrate)
    except KeyboardInterrupt:
        narrate(f"\n{name} goes on. `rftui study show {name}` shows it, `rftui study stop {name}` ends it in order.")
        raise typer.Exit(INTERRUPTED) from None
    unfinished = [item for item in view.cells if not item.is_finished]
    if not as_json:
        for item in unfinished:
            narrate(f"{item.cell.key} {item.state}{f': {item.reason}' if item.reason else ''}")
        say(f"{name}: {states_summary(view)}")
    return not unfinished


def started_fields(home: Home, name: str, started: Started) -> dict[str, Any]:
    """What `rftui study run --json` prints."""
    view = read_study(home, name)
    runs = {item.cell.key: item.run for item in view.cells}
    return {
        "name": name,
        "launched": [{"cell": key, "run": runs.get(key)} for key in started.launched],
        "resumed": [{"cell": key, "run": runs.get(key)} for key in started.resumed],
        "taken_over": [{"cell": key, "run": run} for key, run in started.taken.items()],
        "failed_before": list(started.left),
        "not_started": [failure._asdict() for failure in started.failures],
        "states": view.counts(),
    }
