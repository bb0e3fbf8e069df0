"""The launch form as lines: its rows, and beside them the field's meaning, preflight, and the command. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rftui.cli.problems import Problem
from rftui.forms.checks import Checked
from rftui.forms.fields import MORE
from rftui.forms.launch_form import FormView, LaunchForm, Row
from rftui.forms.line_editor import LineEditor
from rftui.forms.problems import FieldProblem
from rftui.planning.findings import Finding, Level
from rftui.planning.recipes import fits, load_recipe, recipe_names
from rftui.runs.verbs import Question
from rftui.supervision.gpus import Gpu
from rftui.terminal.spans import Line, Role, Span, fitted, line_width
from rftui.terminal.wrapping import drawable_line, wrap

KEY_AT = 2
"""Where the name of a setting begins in its row."""
VALUE_AT = 32
"""Where its value does."""
VALUE_WIDTH = 24
"""Cells that a value has at least."""
TAIL_WIDTH = 24
"""Cells that the origin has at least."""
_LEVELS = {Level.ERROR: ("✗ ", Role.WRONG), Level.WARNING: ("▲ ", Role.WARNING), Level.FACT: ("  ", Role.PLAIN)}


class Progress(NamedTuple):
    """How far the checks and the launch are."""

    checked: Checked | None
    """Of what stands in the form at this moment; None before the first answer."""
    doing: str = ""
    """What is under way."""
    problem: Problem | None = None
    """Why the last launch did not come about."""


def value_width(width: int) -> int:
    """Cells for the value in a row of that width."""
    return max(VALUE_WIDTH, min(60, width - VALUE_AT - TAIL_WIDTH - 2))


def heading_line(title: str, width: int) -> Line:
    """The line above a group."""
    return fitted((Span(title.capitalize(), Role.STRONG),), width)


def row_line(row: Row, width: int, editor: LineEditor | None = None) -> Line:
    """Mark, name, value, and the original's value or the origin, or what is wrong; with an editor, what it holds."""
    key = "another setting" if row.field.key == MORE else drawable_line(row.field.key)
    room = value_width(width)
    mark, role = " ", Role.PLAIN
    if row.problem is not None:
        mark, role = "✗", Role.WRONG
    elif row.was is not None or row.is_yours:
        mark, role = "*", Role.STRONG
    text = drawable_line(row.text)
    name_role = Role.MUTED if row.field.is_fixed else Role.PLAIN
    return fitted(
        (
            Span(f"{mark} ", role),
            *_cell(key, VALUE_AT - KEY_AT - 1, name_role),
            Span(" "),
            *(_cell(text, room, role if mark != " " else name_role) if editor is None else editor.spans(room)),
            Span("  "),
            *_tail(row),
        ),
        width,
    )


def _cell(text: str, width: int, role: Role) -> Line:
    """Text in exactly so many cells."""
    cut = fitted((Span(text, role),), width)
    return (*cut, Span(" " * max(0, width - line_width(cut))))


def _tail(row: Row) -> Line:
    if row.problem is not None:
        expected = drawable_line(row.problem.expected or row.problem.message)
        return (Span(f"expected {expected}" if row.problem.expected else expected, Role.WRONG),)
    if row.was is not None:
        return (Span(f"was {drawable_line(row.was)}", Role.STRONG), Span(f"  {row.origin}", Role.MUTED))
    return (Span(drawable_line(row.origin), Role.MUTED),)


def launch_question(form: LaunchForm, warnings: Sequence[str]) -> Question:
    """Asks before a launch, with every changed setting and what preflight warns of; enter confirms."""
    changes = form.changes()
    what = f"{form.clone_of}" if form.clone_of is not None else "recipe and defaults"
    width = max((len(change.key) for change in changes), default=0)
    lines = [f"{change.key:<{width}}  {change.before} → {change.now}" for change in changes]
    noun = "setting differs" if len(changes) == 1 else "settings differ"
    counted = f"{len(changes)} {noun} from {what}." if changes else f"Nothing differs from {what}."
    return Question(
        title="Launch with warnings?" if warnings else "Launch?",
        lines=(*lines, *warnings),
        sentence=f"{counted} The run goes on when you leave.",
        command="",
        yes="launch",
        is_default_yes=True,
    )


def counts_line(view: FormView, progress: Progress, *, clone_of: str | None, width: int) -> Line:
    """The head: what is launched, what is changed, and how the checks stand."""
    changed = sum(row.was is not None if clone_of is not None else row.is_yours for row in view.rows)
    what = f"clone of {drawable_line(clone_of)}" if clone_of is not None else f"launch {view.request.method}"
    noun = "settings changed" if clone_of is not None else "settings of yours"
    pieces = [
        Span(what, Role.STRONG),
        Span(f"  {changed} {noun if changed != 1 else noun.replace('settings', 'setting')}"),
    ]
    return fitted((*pieces, Span("  "), state_span(view, progress)), width)


def state_span(view: FormView, progress: Progress) -> Span:
    """How the checks stand, in a few words."""
    if progress.doing:
        # what stands in brackets is told beside the fields
        return Span(progress.doing.partition(" (")[0], Role.MUTED)
    if progress.problem is not None:
        return Span("✗ not launched", Role.WRONG)
    checked = progress.checked
    errors = len(view.problems) or (len(checked.errors) if checked is not None else 0)
    if errors:
        return Span(f"✗ {errors} error{'s' if errors != 1 else ''}", Role.WRONG)
    if checked is None or not checked.is_whole:
        return Span("not checked yet", Role.MUTED)
    warnings = len(checked.warnings)
    if warnings:
        return Span(f"▲ {warnings} warning{'s' if warnings != 1 else ''}", Role.WARNING)
    return Span("✓ checked, ready to launch", Role.RIGHT)


def side_lines(row: Row | None, view: FormView, progress: Progress, *, gpus: Sequence[Gpu], width: int) -> list[Line]:
    """What stands beside the fields: the field in hand, what preflight says, the batch in words, the command."""
    lines: list[Line] = []
    if progress.problem is not None:
        lines += [*_titled("not launched"), *_problem_lines(progress.problem, width), ()]
    if row is not None:
        lines += [*_field_lines(row, gpus, width), ()]
    lines += _titled("preflight")
    lines += _check_lines(view, progress, width)
    lines += [(), *_titled("the same as a command (y copies it)")]
    lines += _wrapped(f"$ {view.command}", width, Role.PLAIN)
    return [fitted(line, width) for line in lines]


def _titled(title: str) -> list[Line]:
    return [(Span(title, Role.STRONG),)]


def _field_lines(row: Row, gpus: Sequence[Gpu], width: int) -> Iterator[Line]:
    field = row.field
    yield from _titled("another setting" if field.key == MORE else drawable_line(field.key))
    yield from _wrapped(field.help, width, Role.PLAIN)
    yield from _wrapped(f"may be {field.expected}", width, Role.MUTED)
    if row.origin:
        was = f", was {row.was} in the original" if row.was is not None else ""
        yield from _wrapped(f"from: {row.origin}{was}", width, Role.MUTED)
    if row.problem is not None:
        yield from _problem_lines(row.problem, width)
    if field.key == "recipe":
        yield from _recipe_lines(row.text, gpus, width)


def _recipe_lines(chosen: str, gpus: Sequence[Gpu], width: int) -> Iterator[Line]:
    """Every recipe, and whether this machine has what it needs."""
    for name in recipe_names():
        recipe = load_recipe(name)
        is_fit = fits(recipe, gpus)
        mark = "●" if name == chosen else " "
        says = "fits this machine" if is_fit else f"needs {recipe.hardware}"
        yield (Span(f"{mark} {name}", Role.STRONG), Span("  "), Span(says, Role.RIGHT if is_fit else Role.WARNING))
        yield from _wrapped(recipe.summary_of("grpo", "sft"), width, Role.PLAIN, indent=4)


def _problem_lines(problem: FieldProblem | Problem, width: int) -> Iterator[Line]:
    message = problem.message if isinstance(problem, FieldProblem) else problem.error
    yield from _wrapped(f"✗ {message}", width, Role.WRONG, hang=True)
    for label, text in (("found", problem.found), ("expected", problem.expected), ("fix", problem.fix)):
        if text and text != message:
            yield from _wrapped(f"{label}: {text}", width, Role.PLAIN, indent=2)


def _check_lines(view: FormView, progress: Progress, width: int) -> Iterator[Line]:
    """Errors first, then warnings, then what the settings mean."""
    checked = progress.checked
    yield from _wrapped(drawable_line(view.recipe_line), width, Role.MUTED)
    if view.problems:
        for problem in view.problems:
            yield from _problem_lines(problem, width)
        return
    findings = list(checked.report.findings) if checked is not None else []
    if not any(finding.check == "batch" for finding in findings):
        findings += [Finding(Level.FACT, "batch", sentence) for sentence in view.sentences]
    for level in (Level.ERROR, Level.WARNING, Level.FACT):
        for finding in findings:
            if finding.level is level:
                yield from _finding_lines(finding, width)
    if progress.doing:
        yield from _wrapped(progress.doing, width, Role.MUTED)
    elif checked is not None and checked.is_whole and not checked.errors:
        yield from _wrapped("✓ the interpreter that will train accepts these settings", width, Role.RIGHT)
    elif checked is None or not checked.is_whole:
        yield from _wrapped("the interpreter that will train was not asked yet", width, Role.MUTED)


def _finding_lines(finding: Finding, width: int) -> Iterator[Line]:
    sign, role = _LEVELS[finding.level]
    yield from _wrapped(
        f"{sign}{finding.found}" if sign.strip() else finding.found, width, role, hang=bool(sign.strip())
    )
    for label, text in (("expected", finding.expected), ("fix", finding.fix)):
        if text:
            yield from _wrapped(f"{label}: {text}", width, Role.PLAIN, indent=2)


def _wrapped(text: str, width: int, role: Role, *, indent: int = 0, hang: bool = False) -> Iterator[Line]:
    """Text on as many lines as it takes, indented; with `hang` all but the first line, by two cells."""
    line = drawable_line(text)
    room = max(8, width - indent - (2 if hang else 0))
    for number, (start, end) in enumerate(wrap(line, room)):
        deeper = 2 if hang and number else 0
        yield (Span(" " * (indent + deeper)), Span(line[start:end], role))
