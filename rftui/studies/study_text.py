"""What stands around the grid of a study: its title, how far it is, what its numbers are, and what is known about it.

Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import NamedTuple

from rftui.formats import counted
from rftui.studies.grid import GridEntry, Look, Sort, Use, use_of
from rftui.studies.grid_text import role_of, sign_of
from rftui.studies.listing import ListedStudy
from rftui.studies.progress import EMPTY, StudyView
from rftui.studies.tables import StudyTable, data_words, sentences
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span, fitted, line_width
from store.states import State

MOST_READ = 120
"""Columns of a line that is read as prose."""
ORDER = (*(state.value for state in State), EMPTY)
NOT_STARTED = "nothing of it was started: R starts every cell, enter the one under the cursor"
MAKE_ONE = (
    "rftui study new paper --task sat    makes a study from one that ships: tasks x ways to train x seeds",
    "rftui study new FILE.toml           makes one from a file of yours; docs/studies.md tells its fields",
    "enter on one that ships             makes it here, to look at and to start",
)
"""How one comes by a study."""


class Seen(NamedTuple):
    """How the grid is looked at, for the line that says so."""

    look: Look
    decoding: str
    decodings: tuple[str, ...]
    rows: int
    """Rows in sight of the filter."""
    total: int


def title_text(view: StudyView | None, name: str, *, width: int, is_read_only: bool) -> Line:
    """The study and what it asks."""
    aside = (Span("  read-only", Role.WARNING),) if is_read_only else ()
    if view is None:
        return (Span(one_line(name), Role.STRONG), Span("  reading", Role.MUTED), *aside)
    changed = (Span("  study.toml was changed since it was started", Role.WARNING),) if view.is_changed else ()
    title = Span(f"  {one_line(view.study.title)}") if view.study.title else Span("")
    room = width - line_width((*changed, *aside))
    return (*fitted((Span(one_line(name), Role.STRONG), title), room), *changed, *aside)


def counts_line(view: StudyView, seen: Seen, *, width: int, is_ascii: bool) -> Line:
    """How many cells are in each state, with the signs that stand in the grid; then how it is looked at."""
    counts = view.counts()
    states = sorted(counts, key=lambda state: ORDER.index(state) if state in ORDER else len(ORDER))
    line: Line = ()
    for state in states:
        gap = "  " if line else ""
        line += (
            Span(f"{gap}{sign_of(state, is_ascii=is_ascii)}", role_of(state)),
            Span(f" {counts[state]} {one_line(state)}"),
        )
    aside = [f"{seen.decoding} decoding" if len(seen.decodings) > 1 else ""]
    if seen.look.sort is not Sort.STUDY or seen.look.is_reversed:
        aside.append(f"by {seen.look.sort}{', lowest first' if seen.look.is_reversed else ''}")
    if seen.look.words:
        aside.append(f"{seen.rows} of {counted(seen.total, 'row')}: {one_line(seen.look.words)}")
    said = "  ".join(filter(None, aside))
    return fitted((*line, *((Span(f"   {said}", Role.MUTED),) if said else ())), width)


def warning_line(made: StudyTable, *, width: int) -> Line:
    """What the data and the model keep these numbers from saying, or that nothing was started."""
    if words := data_words(made):
        return fitted((Span(f"! {words}", Role.WARNING),), width)
    if all(item.state == EMPTY for item in made.view.cells):
        return fitted((Span(NOT_STARTED, Role.STRONG),), width)
    return ()


def about_lines(made: StudyTable) -> Iterator[str]:
    """Everything that must be known to read the grid, paragraph by paragraph, with what papers say beside it."""
    study = made.view.study
    if study.title:
        yield one_line(study.title)
    yield from sentences(made)
    for number in study.published:
        prompt = "with" if number.prompt == "think" else "without"
        yield one_line(f"{number.source}: {number.value:.3f} for {number.task}, {number.regime}, {prompt} <think>")
    yield "w/o and w/ say whether the model was asked with <think>; .520 @100 is of a run that goes on, at its step 100"
    yield f"studies/{one_line(made.view.name)}/study.toml in the home folder is its definition, to be edited"
    yield f"rftui study show {one_line(made.view.name)} prints it; --markdown, --latex, --csv and --json are its forms"


def note_lines(made: StudyTable, width: int) -> list[Line]:
    """The sentences on the numbers for what is left of the screen below the grid, what papers say included."""
    lines: list[Line] = [()]
    for sentence in sentences(made):
        for number, line in enumerate(wrap(sentence, max(20, min(width, MOST_READ) - 2))):
            lines.append((Span(f"{'  ' if number else '- '}{line}", Role.MUTED),))
    return lines


def hint_text(entry: GridEntry | None) -> str:
    """What enter does with the cell under the cursor."""
    if entry is None:
        return ""
    uses = [use_of(view) for view in entry.views]
    if len(set(uses)) > 1:
        return "enter: choose a run"
    verb = {Use.OPEN: "opens", Use.LAUNCH: "launches", Use.RETRY: "tries again", Use.RESUME: "goes on with"}[uses[0]]
    several = f"one of {len(uses)} runs" if uses[0] is Use.OPEN else f"{len(uses)} runs"
    return f"enter {verb} {'the run' if len(uses) == 1 else several}"


# the list of studies


def study_line(item: ListedStudy, *, width: int, is_ascii: bool) -> Line:
    """A study in the list: its name, how far it is by signs and counts, and what it asks."""
    name = Span(f"{one_line(item.name):<18} ", Role.MUTED if item.is_shipped else Role.STRONG)
    if item.problem:
        return fitted((name, Span(f"cannot be read: {one_line(item.problem)}", Role.WRONG)), width)
    if item.is_shipped:
        return fitted((name, Span(f"{'ships':<9}", Role.MUTED), Span(one_line(item.title), Role.MUTED)), width)
    line: Line = (name, Span(f"{f'{item.finished}/{item.cells}':<9}"))
    states = sorted(item.states, key=lambda state: ORDER.index(state) if state in ORDER else len(ORDER))
    for state in states:
        sign = sign_of(state, is_ascii=is_ascii)
        line += (Span(sign, role_of(state)), Span(f" {item.states[state]} {one_line(state)}  "))
    return fitted((*line, Span(one_line(item.title), Role.MUTED)), width)


def listed_heading(listed: Sequence[ListedStudy] | None, *, is_read_only: bool) -> Line:
    """How many studies there are."""
    aside = (Span("  read-only", Role.WARNING),) if is_read_only else ()
    if listed is None:
        return (Span("studies", Role.STRONG), Span("  reading", Role.MUTED), *aside)
    made = sum(not item.is_shipped for item in listed)
    said = counted(made, "study", "studies") if made else "none made yet"
    return (Span("studies", Role.STRONG), Span(f"  {said} in this home, {len(listed) - made} that ship"), *aside)


def how_lines(width: int) -> list[Line]:
    """How to make a study."""
    return [fitted((Span(line, Role.MUTED),), width) for line in MAKE_ONE]
