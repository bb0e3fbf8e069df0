"""Makes a study in a home: from one that ships or a TOML file, with other tasks, seeds or settings where asked."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import tomli_w

from evals.tasks import is_task_file
from rftui.errors import RftuiError, UsageProblem
from rftui.planning.recipes import choose_recipe, load_recipe
from rftui.planning.settings import set_layer
from rftui.studies.cells import cells_of
from rftui.studies.definition import (
    NAME_PATTERN,
    Study,
    parse_study,
    read_study,
    shipped_names,
    shipped_text,
)
from rftui.studies.places import StudyPlace
from rftui.supervision.gpus import visible_gpus
from store.layout import Home

LONGEST_TASK = 16


class NewStudy(NamedTuple):
    """What is asked of a new study; None and empty leave a thing as the definition has it."""

    definition: str
    """Name of one that ships, or a TOML file."""
    name: str | None = None
    tasks: Sequence[str] = ()
    """Names of the definition's tasks, shipped tasks, or Python files."""
    source: str | None = None
    """Of every task."""
    seeds: Sequence[int] = ()
    model: str | None = None
    recipe: str | None = None
    assignments: Sequence[str] = ()
    """Settings of all runs as key=value."""


class Made(NamedTuple):
    """A new study."""

    place: StudyPlace
    study: Study
    recipe_line: str
    """Which recipe was taken and why; empty where the definition names it."""


def create_study(home: Home, asked: NewStudy) -> Made:
    """Writes study.toml; nothing runs yet. Raises UsageProblem or NotFound, and RftuiError where it is there."""
    text, study, recipe_line = new_text(asked)
    place = StudyPlace(home, study.name)
    if place.definition.exists():
        raise RftuiError(
            f"a study {study.name} is there",
            found=str(place.definition),
            expected="a new name",
            fix=f"`rftui study show {study.name}` shows it; --name gives the new one another name",
        )
    place.path.mkdir(parents=True, exist_ok=True)
    partial = place.path / f"study.toml.{os.getpid()}.tmp"
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, place.definition)
    return Made(place, study, recipe_line)


def existing_study(home: Home, asked: NewStudy) -> StudyPlace | None:
    """The study that is there under the name that the new one would get; None where there is none."""
    place = StudyPlace(home, asked.name or new_text(asked).study.name)
    return place if place.definition.exists() else None


class NewText(NamedTuple):
    """The file of a new study, and what it says."""

    text: str
    study: Study
    recipe_line: str


def new_text(asked: NewStudy) -> NewText:
    """The file that a new study gets, with its recipe named. Raises UsageProblem or NotFound; writes nothing."""
    text, origin = _definition_text(asked.definition)
    fields = _parsed(text, origin)
    study = parse_study(fields, origin=origin)
    heads: dict[str, Any] = {}
    if asked.name is not None:
        heads["name"] = _checked_name(asked.name)
    if asked.seeds:
        heads["seeds"] = list(asked.seeds)
    if asked.model is not None:
        heads["model"] = _absolute(asked.model)
    recipe, recipe_line = _recipe(asked, study)
    heads["recipe"] = recipe
    below: dict[str, Any] = {}
    if asked.tasks or asked.source is not None:
        below["tasks"] = [_task_fields(study, task, asked.source) for task in asked.tasks or _names(study)]
        left = {task["name"] for task in below["tasks"]}
        if numbers := fields.get("published"):
            below["published"] = [number for number in numbers if number["task"] in left]
    if asked.assignments:
        below["settings"] = _nested(fields.get("settings", {}), set_layer(asked.assignments).values)
    made = _written(text, fields, heads, below)
    result = parse_study(tomllib.loads(made), origin=origin)
    cells_of(result)
    return NewText(made, result, recipe_line)


def _definition_text(definition: str) -> tuple[str, str]:
    """The text of a definition and what it is called in messages."""
    if definition in shipped_names():
        return shipped_text(definition), f"the shipped study {definition}"
    path = Path(os.path.expanduser(definition))
    if path.suffix != ".toml" and not path.exists():
        # the error that names what ships
        shipped_text(definition)
    # read once with its own errors, then as text that keeps its comments
    read_study(path)
    return path.read_text(encoding="utf-8"), str(path)


def _parsed(text: str, origin: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(
            f"{origin} is no TOML", found=str(error), expected="a TOML file that defines a study", fix="correct it"
        ) from error


def _checked_name(name: str) -> str:
    if not re.fullmatch(NAME_PATTERN, name):
        raise UsageProblem(
            f"{name} is no name for a study",
            found=name,
            expected="at most 30 small letters, digits, dots, dashes and underscores, a letter or digit first",
            fix="for example --name sat-lengths",
        )
    return name


def _recipe(asked: NewStudy, study: Study) -> tuple[str, str]:
    """The recipe of all runs: the one asked for, the definition's, or the one that fits this machine."""
    named = asked.recipe or study.recipe
    if named:
        load_recipe(named)
        return named, ""
    choice = choose_recipe(visible_gpus())
    return choice.recipe.name, choice.reason


def _names(study: Study) -> list[str]:
    return [task.name for task in study.tasks]


def _task_fields(study: Study, task: str, source: str | None) -> dict[str, Any]:
    """A task as the definition has it, or as its name or file says, on the source asked for."""
    if task in _names(study):
        fields = study.task(task).model_dump(mode="json", exclude_defaults=True)
    elif is_task_file(task):
        stem = re.sub(r"[^a-z0-9._-]+", "-", Path(task).stem.lower()).strip("._-")[:LONGEST_TASK]
        fields = {"name": stem or "task", "task": _absolute(task)}
    else:
        fields = {"name": task}
    return fields if source is None else fields | {"source": _absolute(source)}


def _absolute(text: str) -> str:
    """A path that means the same wherever it is read; anything that is no path here stays as it is."""
    return os.path.abspath(os.path.expanduser(text)) if os.path.exists(os.path.expanduser(text)) else text


def _nested(below: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """The table with dotted settings put into it."""
    # a copy, tables and all
    table: dict[str, Any] = tomllib.loads(tomli_w.dumps(dict(below)))
    for key, value in values.items():
        *tables, last = key.split(".")
        place = table
        for name in tables:
            place = place.setdefault(name, {})
        place[last] = value
    return table


def _written(text: str, fields: dict[str, Any], heads: dict[str, Any], below: dict[str, Any]) -> str:
    """The definition with its comments where only keys at its head change, else written anew under its first comment.

    Text that would not say what is meant is never kept: it is read again, and held against the fields.
    """
    wanted = fields | heads | below
    edited = with_heads(text, heads)
    if says(edited, wanted):
        return edited
    comment = "".join(line for line in text.splitlines(keepends=True)[:8] if line.startswith("#"))
    return comment + tomli_w.dumps(wanted)


def says(text: str, fields: Mapping[str, Any]) -> bool:
    """Whether a text is TOML that says exactly this."""
    try:
        return tomllib.loads(text) == fields
    except tomllib.TOMLDecodeError:
        # a value over several lines, of which only the first was replaced
        return False


def with_heads(text: str, heads: Mapping[str, Any]) -> str:
    """The text with keys before its first table set; a value there has to stand on one line."""
    first_table = re.search(r"^\s*\[", text, flags=re.MULTILINE)
    head, rest = (text, "") if first_table is None else (text[: first_table.start()], text[first_table.start() :])
    for key, value in heads.items():
        line = tomli_w.dumps({key: value}).replace("\n    ", " ").replace(",\n]", "]").replace("[ ", "[").strip()
        pattern = re.compile(rf"^{re.escape(key)}\s*=.*$", flags=re.MULTILINE)
        if found := pattern.search(head):
            # by place, so that nothing in the line is read as a reference to a group
            head = f"{head[: found.start()]}{line}{head[found.end() :]}"
        else:
            name = re.search(r"^name\s*=.*$", head, flags=re.MULTILINE)
            at = name.end() if name else 0
            head = f"{head[:at]}\n{line}{head[at:]}" if name else f"{line}\n{head}"
    return head + rest
