"""Whether a change does more on one task than on another: which runs stand in which cell, and what is tested. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from evals.interaction import Cells, Interaction, interaction
from rftui.comparing.compared_runs import ComparedRun, Evaluated
from rftui.comparing.comparison import different_settings, source_name, why_not_the_same_data
from rftui.errors import UsageProblem

SEED = "seed"


class Side(NamedTuple):
    """The runs of one task: without the change, and with it."""

    without: tuple[ComparedRun, ...]
    with_it: tuple[ComparedRun, ...]

    @property
    def runs(self) -> tuple[ComparedRun, ...]:
        """All of them."""
        return (*self.without, *self.with_it)


class Tested(NamedTuple):
    """An interaction with what it is about."""

    prompt: str
    decoding: str
    result: Interaction
    titles: tuple[str, str]
    """Task and data of each side."""
    changes: tuple[str, str]
    """The settings by which each side's runs differ between its two cells."""
    notes: tuple[str, ...]


def tested(first: Side, second: Side, *, prompt: str, decoding: str) -> Tested:
    """The interaction over the last evaluations that were asked so. Raises UsageProblem where it would mean nothing."""
    changes = (_change(first), _change(second))
    notes = []
    if changes[0] != changes[1]:
        notes.append(f"the change is not the same on both sides: {changes[0]}; and {changes[1]}")
    result = _made(*(_cells(side, prompt=prompt, decoding=decoding) for side in (first, second)))
    if not result.are_seeds_resampled:
        notes.append("examples are resampled and seeds are not: this is about these checkpoints, not about the method")
    titles = tuple(_title(side, prompt=prompt, decoding=decoding) for side in (first, second))
    return Tested(prompt, decoding, result, (titles[0], titles[1]), changes, tuple(notes))


def _made(first: Cells, second: Cells) -> Interaction:
    try:
        return interaction(first, second)
    except ValueError as error:
        raise UsageProblem(
            "there is nothing to test",
            found=str(error),
            expected="runs of a task that were evaluated on the same examples",
            fix="evaluate them with one evaluation.seed, by `rftui eval`",
        ) from None


def _cells(side: Side, *, prompt: str, decoding: str) -> Cells:
    """Grades by uid of each run. Raises UsageProblem where runs of one task were not asked the same."""
    base = side.runs[0]
    evaluations = {run.name: _asked_so(run, prompt=prompt, decoding=decoding) for run in side.runs}
    for run in side.runs[1:]:
        why = why_not_the_same_data(base, run, evaluations[base.name], evaluations[run.name])
        why = why or _other_questions(evaluations[base.name], evaluations[run.name])
        if why:
            raise UsageProblem(
                f"{base.name} and {run.name} stand on one side and were not asked the same",
                found=why,
                expected="one task, source, difficulty and examples on each side",
                fix="put runs of another task on the other side, or evaluate them alike by `rftui eval`",
            )
    without, with_it = (
        [{uid: answer.is_correct for uid, answer in evaluations[run.name].answers.items()} for run in runs]
        for runs in side
    )
    return Cells(without, with_it)


def _asked_so(run: ComparedRun, *, prompt: str, decoding: str) -> Evaluated:
    for item in run.last:
        if (item.totals.prompt, item.totals.decoding) == (prompt, decoding):
            return item
    raise UsageProblem(
        f"{run.name} was not evaluated with prompt {prompt}, {decoding}",
        found=", ".join(f"{item.totals.prompt} {item.totals.decoding}" for item in run.last) or "no evaluation",
        expected=f"{prompt} {decoding}",
        fix=f"`rftui eval {run.name}` makes one, or name others with --prompt and --decoding",
    )


def _other_questions(one: Evaluated, other: Evaluated) -> str:
    changed = [
        uid
        for uid, answer in one.answers.items()
        if (theirs := other.answers.get(uid)) is not None
        and (answer.question, answer.options, answer.gold) != (theirs.question, theirs.options, theirs.gold)
    ]
    return f"{len(changed)} uids stand for other questions, such as {changed[0]}" if changed else ""


def _change(side: Side) -> str:
    """The settings that differ between the two cells and not within them."""
    rows = [row for row in different_settings(side.runs) if row.key != SEED]
    said = []
    for row in rows:
        cells = [{repr(row.values[run.name]) for run in runs} for runs in side]
        if all(len(values) == 1 for values in cells):
            before, after = (row.values[runs[0].name] for runs in side)
            said.append(f"{row.key} {_value(before)} -> {_value(after)}")
    return ", ".join(said) or "no setting"


def _value(value: object) -> str:
    return "not set" if value is None else "empty" if value == "" else str(value)


def _title(side: Side, *, prompt: str, decoding: str) -> str:
    run = side.runs[0]
    totals = _asked_so(run, prompt=prompt, decoding=decoding).totals
    return f"{run.summary.task} on {source_name(totals.source)}, {totals.split}"


def sides(names: Sequence[str]) -> list[list[str]]:
    """The runs of each of the four cells. Raises UsageProblem for another number, or a run that stands twice."""
    cells = [[name for name in cell.split(",") if name] for cell in names]
    everything = [name for cell in cells for name in cell]
    if len(cells) != 4 or not all(cells) or len(set(everything)) < len(everything):
        raise UsageProblem(
            "an interaction is of four cells",
            found=" ".join(names),
            expected="WITHOUT WITH of one task and WITHOUT WITH of another, each runs with commas, each run once",
            fix="rftui interaction WITHOUT WITH WITHOUT WITH; `rftui runs` lists the runs to put there",
        )
    return cells
