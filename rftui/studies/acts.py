"""What the dashboard does to studies: the question before it, which names what it starts, and the sentence after it.

Reads and starts processes, so it belongs into a thread. Knows no widget.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from rftui.formats import counted
from rftui.runs.verbs import Question, Refusal
from rftui.studies.cells import cells_of
from rftui.studies.creating import NewStudy, create_study, new_text
from rftui.studies.extending import extend_study
from rftui.studies.grid import Use, use_of
from rftui.studies.progress import CellView, StudyView, read_study
from rftui.studies.running import Asked, Started, pending_change, run_study
from rftui.studies.stopping import stop_study
from store.layout import Home
from store.states import State

READ_ONLY = "read-only: start rftui without --read-only to change runs"
MOST_NAMED = 6
"""Runs and changes that a question names."""
MOST_SEEDS = 100
"""More at once is a slip of the finger."""
STARTED_BY_RUN = (Use.LAUNCH, Use.RESUME)
CHECKED = "Every one is checked before the first starts; what finds no free GPU or slot waits in the queue."


class Kind(StrEnum):
    """What can be done."""

    NEW = "new"
    """Make a study from one that ships."""
    START = "start"
    """Launch, go on with, or try again some of its cells."""
    RUN = "run"
    """Start what is missing, and go on with what ended early."""
    RETRY = "retry"
    """Try again what failed."""
    STOP = "stop"
    """End what runs or waits."""
    EXTEND = "extend"
    """Add seeds, and start what is missing."""


class StudyAct(NamedTuple):
    """One thing to do to one study."""

    kind: Kind
    study: str
    cells: tuple[str, ...] = ()
    """Keys of the cells that a start is about."""
    more: int = 0
    """Seeds that an extension adds."""


def question(home: Home, act: StudyAct) -> Question | Refusal:
    """What to ask before it is done, or why there is nothing to do. Raises RftuiError and StoreError."""
    if home.is_read_only:
        return Refusal(READ_ONLY)
    if act.kind is Kind.NEW:
        return _new_question(act.study)
    view = read_study(home, act.study)
    if act.kind is Kind.STOP:
        return _stop_question(view)
    if act.kind is Kind.EXTEND:
        return _extend_question(home, view, act.more)
    return _start_question(home, view, act)


def _new_question(name: str) -> Question:
    study = new_text(NewStudy(name)).study
    return Question(
        title=f"Make the study {name}?",
        lines=(study.title, f"{counted(len(cells_of(study)), 'cell')}, seeds {', '.join(map(str, study.seeds))}"),
        sentence="Its definition is written into the home folder, to be looked at and edited; nothing starts yet.",
        command=f"rftui study new {name}",
        yes="make it",
        is_default_yes=True,
    )


def _start_question(home: Home, view: StudyView, act: StudyAct) -> Question | Refusal:
    found = [item for item in view.cells if use_of(item) is not Use.OPEN]
    if act.kind is Kind.START:
        found = [item for item in found if item.cell.key in act.cells]
    elif act.kind is Kind.RETRY:
        found = [item for item in found if use_of(item) is Use.RETRY]
    else:
        found = [item for item in found if use_of(item) in STARTED_BY_RUN]
    if not found:
        failed = any(item.state == State.FAILED for item in view.cells)
        more = "; T tries again what failed" if act.kind is Kind.RUN and failed else ""
        return Refusal(f"nothing of {view.name} to start: {_states(view)}{more}")
    left = sum(item.state == State.FAILED for item in view.cells) if act.kind is Kind.RUN else 0
    return Question(
        title=f"Start {counted(len(found), 'run')} of {view.name}?",
        lines=(*_named(found), *([f"{counted(left, 'failed cell')} left so: T tries again"] if left else [])),
        sentence=" ".join([*_change_sentences(home, view.name), CHECKED]),
        command=_command(view.name, found, act.kind),
        yes="start",
        is_default_yes=False,
    )


def _named(found: Sequence[CellView]) -> list[str]:
    lines = [f"{use_of(item)} {item.run}{f' ({item.reason})' if item.reason else ''}" for item in found[:MOST_NAMED]]
    return [*lines, *([f"and {len(found) - MOST_NAMED} more"] if len(found) > MOST_NAMED else [])]


def _command(name: str, found: Sequence[CellView], kind: Kind) -> str:
    """The same on the command line; two commands where some failed and others are missing."""
    if kind is not Kind.START:
        return f"rftui study {kind} {name}"
    failed = [item.cell.key for item in found if use_of(item) is Use.RETRY]
    others = [item.cell.key for item in found if use_of(item) is not Use.RETRY]
    run = shlex.join(["rftui", "study", "run", name, *(part for key in others for part in ("--cell", key))])
    retry = shlex.join(["rftui", "study", "retry", name, *failed])
    return " && ".join([*([run] if others else []), *([retry] if failed else [])])


def _change_sentences(home: Home, name: str) -> list[str]:
    """What study.toml changed since it was started, which a start takes as agreed to."""
    change = pending_change(home, name)
    if change is None:
        return []
    # the words of the command line; typer is loaded with it anyway
    from rftui.cli.study_page import consequence

    fields = "; ".join(str(field) for field in change.fields[:MOST_NAMED])
    return [f"study.toml is not what was started: {fields}. That means: {consequence(change)}."]


def _stop_question(view: StudyView) -> Question | Refusal:
    live = [item for item in view.cells if item.is_live and not item.is_taken_over]
    if not live:
        return Refusal(f"nothing of {view.name} runs or waits: {_states(view)}")
    waiting = sum(item.state == State.QUEUED for item in live)
    lines = [f"{item.state} {item.run}" for item in live[:MOST_NAMED]]
    return Question(
        title=f"Stop the study {view.name}?",
        lines=(*lines, *([f"and {len(live) - MOST_NAMED} more"] if len(live) > MOST_NAMED else [])),
        sentence=f"{counted(waiting, 'waiting run')} taken out of the queue, "
        f"{counted(len(live) - waiting, 'running one')} asked to save at the next step and end. R goes on with them.",
        command=f"rftui study stop {view.name}",
        yes="stop",
        is_default_yes=False,
    )


def _extend_question(home: Home, view: StudyView, more: int) -> Question | Refusal:
    if not 0 < more <= MOST_SEEDS:
        return Refusal(f"{more} seeds are none to add: give a number from 1 to {MOST_SEEDS}")
    study = view.study
    first = max(study.seeds) + 1
    new = tuple(range(first, first + more))
    wanted = cells_of(study.model_copy(update={"seeds": (*study.seeds, *new)}))
    added = len(wanted) - len(view.cells)
    missing = sum(use_of(item) in STARTED_BY_RUN for item in view.cells)
    also = f", and {missing} that are missing or ended early" if missing else ""
    return Question(
        title=f"{counted(more, 'seed')} more for {view.name}?",
        lines=(f"seeds {', '.join(map(str, study.seeds))}, and {', '.join(map(str, new))}",),
        sentence=" ".join([*_change_sentences(home, view.name), f"{counted(added, 'run')} more start{also}.", CHECKED]),
        command=f"rftui study extend {view.name} --seeds {more}",
        yes="extend",
        is_default_yes=False,
    )


def _states(view: StudyView) -> str:
    return ", ".join(f"{count} {state}" for state, count in view.counts().items())


def carry_out(home: Home, act: StudyAct, *, warn: Callable[[str], None]) -> str:
    """Does it, and says what was done. Raises RftuiError, StoreError or OSError."""

    def say(text: str) -> None:
        if text.startswith("warning"):
            warn(text)

    if act.kind is Kind.NEW:
        made = create_study(home, NewStudy(act.study))
        return f"{made.study.name} is made: {counted(len(cells_of(made.study)), 'cell')}; R starts it"
    if act.kind is Kind.STOP:
        stopped = stop_study(home, act.study)
        said = f"{act.study}: {counted(len(stopped.queued), 'waiting run')} taken out of the queue, "
        said += f"{counted(len(stopped.running), 'running one')} asked to stop"
        return "; ".join([said, *(f"not stopped: {failure}" for failure in stopped.failures)])
    if act.kind is Kind.EXTEND:
        extend_study(home, act.study, more=act.more)
    only = set(act.cells) if act.kind is Kind.START else _failed(home, act.study) if act.kind is Kind.RETRY else None
    retry = act.kind in (Kind.START, Kind.RETRY)
    return started_sentence(act.study, run_study(home, act.study, Asked(only=only, retry=retry), say=say))


def _failed(home: Home, name: str) -> set[str]:
    return {item.cell.key for item in read_study(home, name).cells if use_of(item) is Use.RETRY}


def started_sentence(name: str, started: Started) -> str:
    """What was started, and what was not and why."""
    done = [
        *([f"{counted(len(started.launched), 'run')} launched"] if started.launched else []),
        *([f"{len(started.resumed)} resumed"] if started.resumed else []),
        *([f"{len(started.taken)} taken over from runs that computed the same"] if started.taken else []),
        *([f"{len(started.left)} failed and left so"] if started.left else []),
    ]
    failures = [f"not started: {failure.cell}: {failure.error}" for failure in started.failures]
    return "; ".join([f"{name}: {', '.join(done) or 'nothing to start'}", *failures])


def is_bad(sentence: str) -> bool:
    """Whether a sentence tells of something that was asked for and did not happen."""
    return "not started: " in sentence or "not stopped: " in sentence
