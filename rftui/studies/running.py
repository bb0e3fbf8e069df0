"""Starts what is missing of a study: every cell is checked before the first starts, and each starts on its own.

What ended early goes on, what failed stays until it is asked for, and what another run already computed is taken over.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from evals.errors import EvalsError
from rftui.errors import RftuiError
from rftui.formats import counted
from rftui.planning.findings import Finding, Level
from rftui.planning.plan import LaunchPlan
from rftui.planning.preflight import check_environment, check_settings
from rftui.planning.shared_checks import check_trainers
from rftui.runs.reads import current_runs
from rftui.studies.cells import settings_digest
from rftui.studies.changes import StudyChange, changes
from rftui.studies.definition import Study, digest_of
from rftui.studies.definition import read_study as read_definition
from rftui.studies.places import StudyPlace, find_place
from rftui.studies.plans import plan_cell
from rftui.studies.progress import EMPTY, ENDED_EARLY, CellView, StudyView, TakenRun, read_study, read_taken
from rftui.studies.takeovers import FinishedRuns
from rftui.supervision.attend import INTERRUPTED_LAUNCH
from rftui.supervision.resuming import resume_run
from rftui.supervision.start import start_run
from store.errors import StoreError
from store.layout import Home
from store.states import State

SAME_TO_CHECKS = {"name", "seed", "difficulty"}
"""Settings that no check looks at, so that cells that differ by nothing else are checked once."""
Say = Callable[[str], None]
"""Tells what is being done."""


class CellProblem(NamedTuple):
    """Why cells cannot run."""

    cells: tuple[str, ...]
    found: str
    expected: str
    fix: str

    def __str__(self) -> str:
        more = f" and {len(self.cells) - 1} more" if len(self.cells) > 1 else ""
        said = f"{self.cells[0]}{more}: {self.found}"
        return "; ".join([said, *filter(None, [self.expected and f"expected {self.expected}", self.fix])])


class StudyCannotRun(RftuiError, ValueError):
    """Cells of a study that cannot run; nothing was started."""

    exit_code = 2

    def __init__(self, name: str, problems: Sequence[CellProblem], total: int) -> None:
        self.problems = tuple(problems)
        first = problems[0]
        cells = {cell for problem in problems for cell in problem.cells}
        super().__init__(
            f"{counted(len(cells), 'cell')} of {total} in the study {name} cannot run, so none was started",
            found="\n".join(map(str, problems)) if len(problems) > 1 else f"{', '.join(first.cells)}: {first.found}",
            expected=first.expected or "settings that every cell can run with",
            fix=first.fix or "correct study.toml; `rftui study show` names the file",
        )


class Missing(NamedTuple):
    """A cell that has to be launched."""

    view: CellView
    plan: LaunchPlan


class Failure(NamedTuple):
    """A cell that could not be started; the others were."""

    cell: str
    run: str
    error: str


class Started(NamedTuple):
    """What was done, by cell."""

    launched: tuple[str, ...]
    resumed: tuple[str, ...]
    taken: dict[str, str]
    """The run that stands for each cell that was taken over now."""
    left: tuple[str, ...]
    """Cells that failed earlier and were left so."""
    failures: tuple[Failure, ...]


class Asked(NamedTuple):
    """Which cells a call is about, and how they run."""

    only: Collection[str] | None = None
    """Keys of cells; None for all."""
    retry: bool = False
    """Whether failed cells are started again."""
    python: str | None = None
    gpus: str | None = None


def pending_change(home: Home, name: str) -> StudyChange | None:
    """What study.toml changed since it was started; None where nothing that matters."""
    place = find_place(home, name)
    if not place.started.exists():
        return None
    found = changes(read_definition(place.started), read_definition(place.definition))
    return found if found.fields else None


def run_study(home: Home, name: str, asked: Asked = Asked(), *, say: Say = lambda text: None) -> Started:
    """Launches, resumes and takes over what is missing. Raises StudyCannotRun before anything starts.

    A change of study.toml is taken as agreed to; `pending_change` says what it is. Raises RftuiError where another
    process is doing the same.
    """
    place = find_place(home, name)
    with _only_one(place):
        current_runs(home)
        view = read_study(home, name)
        wanted = [item for item in view.cells if asked.only is None or item.cell.key in asked.only]
        _refuse_unknown(view, asked)
        empty = [item for item in wanted if item.state == EMPTY]
        ended = [item for item in wanted if _goes_on(item, retry=asked.retry)]
        missing, taken = _planned(home, view.study, empty, asked)
        versions = _checked(name, missing, say=say) if missing else {}
        _write_started(place)
        _take_over(place, view.study, taken, empty)
        resumed, failures = _resume(home, ended, say=say)
        launched, more = _launch(view.study, missing, versions, say=say)
    going_on = {item.cell.key for item in ended}
    left = tuple(i.cell.key for i in wanted if i.state == State.FAILED and i.cell.key not in going_on)
    return Started(launched, resumed, taken, left, (*failures, *more))


def _refuse_unknown(view: StudyView, asked: Asked) -> None:
    known = {item.cell.key for item in view.cells}
    unknown = sorted(set(asked.only or ()) - known)
    if unknown:
        raise RftuiError(
            f"the study {view.name} has no cell {unknown[0]}",
            found=", ".join(unknown),
            expected=f"cells such as {view.cells[0].cell.key}",
            fix=f"`rftui study show {view.name} --cells` lists them",
        )


def _goes_on(view: CellView, *, retry: bool) -> bool:
    """Whether a cell's run is resumed: it ended early, its launch was interrupted, or it failed and is asked for."""
    if view.is_taken_over:
        return False
    if view.state == State.FAILED:
        return retry or view.reason == INTERRUPTED_LAUNCH
    return view.state in ENDED_EARLY


def _planned(home: Home, study: Study, empty: Sequence[CellView], asked: Asked) -> tuple[list[Missing], dict[str, str]]:
    """The plans of cells without a run, and the runs that stand for some of them. Raises StudyCannotRun."""
    finished = FinishedRuns(home)
    missing: list[Missing] = []
    taken: dict[str, str] = {}
    problems: dict[tuple[str, str, str], list[str]] = {}
    for view in empty:
        try:
            plan = plan_cell(home, study, view.cell, name=view.run, python=asked.python, gpus=asked.gpus)
        except (RftuiError, StoreError) as error:
            said = error.error if isinstance(error, RftuiError) else error.message
            problems.setdefault((said, error.expected, error.fix), []).append(view.cell.key)
            continue
        other = finished.equal_to(plan.config)
        if other is None:
            missing.append(Missing(view, plan))
        else:
            taken[view.cell.key] = other
    if problems:
        raise StudyCannotRun(study.name, _problems(problems), len(empty))
    return missing, taken


def _problems(found: dict[tuple[str, str, str], list[str]]) -> list[CellProblem]:
    return [CellProblem(tuple(cells), *texts) for texts, cells in found.items()]


def _checked(name: str, missing: Sequence[Missing], *, say: Say) -> dict[str, dict[str, Any]]:
    """Versions in the interpreter that will train, by cell, when every check has passed. Raises StudyCannotRun."""
    alike: dict[str, list[Missing]] = {}
    for item in missing:
        settings = item.plan.config.model_dump(mode="json", exclude=SAME_TO_CHECKS)
        alike.setdefault(digest_of({"python": item.plan.python, **settings}), []).append(item)
    groups = list(alike.values())
    say(
        f"checking {counted(len(missing), 'cell')}, {len(groups)} of them different, in the interpreter that will train"
    )
    findings = [_cheap(group[0].plan) for group in groups]
    _refuse(name, groups, findings, total=len(missing))
    answers = check_trainers([group[0].plan for group in groups])
    _refuse(name, groups, [answer.findings for answer in answers], total=len(missing))
    warnings = [finding.found for part in findings for finding in part if finding.level is Level.WARNING]
    warnings += [item.found for answer in answers for item in answer.findings if item.level is Level.WARNING]
    for warning in dict.fromkeys(warnings):
        say(f"warning: {warning}")
    return {
        item.view.cell.key: answer.said.get("versions", {})
        for group, answer in zip(groups, answers, strict=True)
        for item in group
    }


def _cheap(plan: LaunchPlan) -> list[Finding]:
    """What can be said of a plan without the training interpreter's own check."""
    try:
        return [*check_settings(plan), *_environment(plan)]
    except RftuiError as error:
        return [Finding(Level.ERROR, "task", error.error, error.expected, error.fix)]
    except EvalsError as error:
        return [Finding(Level.ERROR, "task", error.found, error.expected, error.fix)]


_environments: dict[str, list[Finding]] = {}


def _environment(plan: LaunchPlan) -> list[Finding]:
    """Findings on an interpreter, asked once for all cells."""
    if plan.python not in _environments:
        _environments[plan.python] = list(check_environment(plan))
    return _environments[plan.python]


def _refuse(
    name: str, groups: Sequence[Sequence[Missing]], findings: Sequence[Sequence[Finding]], *, total: int
) -> None:
    """Raises StudyCannotRun where any finding is an error; cells with the same one are told of together."""
    problems: dict[tuple[str, str, str], list[str]] = {}
    for group, part in zip(groups, findings, strict=True):
        for finding in part:
            if finding.level is Level.ERROR:
                texts = (finding.found, finding.expected, finding.fix)
                problems.setdefault(texts, []).extend(item.view.cell.key for item in group)
    if problems:
        raise StudyCannotRun(name, _problems(problems), total)


def _take_over(place: StudyPlace, study: Study, taken: dict[str, str], empty: Sequence[CellView]) -> None:
    """Writes down the runs from elsewhere that stand for cells, beside those that already did."""
    if not taken:
        return
    cells = {view.cell.key: view.cell for view in empty}
    now = read_taken(place) | {key: TakenRun(run, settings_digest(study, cells[key])) for key, run in taken.items()}
    _write(place.taken, json.dumps({key: item._asdict() for key, item in now.items()}, indent=1))


def _resume(home: Home, ended: Sequence[CellView], *, say: Say) -> tuple[tuple[str, ...], tuple[Failure, ...]]:
    done, failures = [], []
    for view in ended:
        try:
            resumed = resume_run(home.run(view.run), ())
        except (RftuiError, StoreError) as error:
            failures.append(Failure(view.cell.key, view.run, str(error)))
        else:
            say(resumed.sentence)
            done.append(view.cell.key)
    return tuple(done), tuple(failures)


def _launch(
    study: Study, missing: Sequence[Missing], versions: dict[str, dict[str, Any]], *, say: Say
) -> tuple[tuple[str, ...], tuple[Failure, ...]]:
    done, failures = [], []
    for view, plan in missing:
        try:
            start_run(plan, versions=versions[view.cell.key], extra={"study": study_facts(study, view)})
        except (RftuiError, StoreError) as error:
            # a cell that cannot be started fails alone
            failures.append(Failure(view.cell.key, view.run, str(error)))
        else:
            say(view.run)
            done.append(view.cell.key)
    return tuple(done), tuple(failures)


def study_facts(study: Study, view: CellView) -> dict[str, str]:
    """What launch.json says of the study that a run belongs to."""
    return {
        "name": study.name,
        "cell": view.cell.key,
        "definition": study.digest,
        "settings": settings_digest(study, view.cell),
    }


def _write_started(place: StudyPlace) -> None:
    _write(place.started, place.definition.read_text(encoding="utf-8"))


def _write(path: Path, text: str) -> None:
    """Replaces a file; a reader sees the old one or the new one, whole."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


@contextmanager
def _only_one(place: StudyPlace) -> Iterator[None]:
    """Held while cells are started; free as soon as the process is gone, however it ended."""
    with place.lock.open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RftuiError(
                f"another process is starting the runs of the study {place.name}",
                found=f"{place.lock} is held",
                expected="one `rftui study run` at a time",
                fix=f"wait for it; `rftui study show {place.name}` shows how far it is",
            ) from None
        yield
