"""The launch form without its looks: what was written, what that makes, what is wrong with it, and the same command.

Everything is asked of the plan that the command line makes, so that both launch the same run.
"""

from __future__ import annotations

import json
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from evals.tasks import is_task_file
from rftui.errors import RftuiError
from rftui.forms.fields import CLONE_FLAGS, FLAGS, MORE, OPTIONS, TASK_OPTIONS, TRAINED, Field, Group, form_fields
from rftui.forms.problems import (
    FieldProblem,
    known_field,
    names,
    option_problems,
    problem_of,
    refusal,
    reward_problems,
    unknown_option,
)
from rftui.planning.arithmetic import batch_sentences
from rftui.planning.cloning import Original, clone_request, read_original
from rftui.planning.plan import (
    NO_GPUS,
    LaunchRequest,
    asked_settings,
    check_name,
    command_line,
    find_python,
    gpu_layer,
    parse_gpus,
)
from rftui.planning.preflight import unknown
from rftui.planning.recipes import load_recipe, recipe_names
from rftui.planning.settings import Setting, flatten, merge, nest, set_layer
from rftui.planning.task_options import TASK_ORIGIN
from rftui.supervision.gpus import Gpu, visible_gpus
from rftui.terminal.clean import one_line
from store.config import Method, parse_config, setting_problems
from store.layout import Home

YOURS = "yours"
"""The origin of what was written into the form."""
_NUMBERS = {"seed": int, "ranks": int, "zero": int, "difficulty": float}
"""Flags that the command line takes as numbers."""


class Surroundings(NamedTuple):
    """What the form needs to know of this machine and of a run to clone."""

    home: Home
    gpus: tuple[Gpu, ...]
    tasks: tuple[str, ...]
    original: Original | None


class Row(NamedTuple):
    """A field with what stands in it."""

    field: Field
    text: str
    origin: str
    """Where the value comes from: default, recipe tiny, run sat-grpo-1, yours."""
    was: str | None
    """The original's value, where this is a clone and another value stands here."""
    problem: FieldProblem | None

    @property
    def is_yours(self) -> bool:
        """Whether it was written into the form."""
        return self.origin == YOURS


class Change(NamedTuple):
    """A setting that was written."""

    key: str
    before: str
    """What the original, the recipe or the default says."""
    now: str


class FormView(NamedTuple):
    """What the form says at one moment."""

    rows: tuple[Row, ...]
    problems: tuple[FieldProblem, ...]
    request: LaunchRequest
    command: str
    """For a shell."""
    recipe_line: str
    """Which recipe was taken and why; of which run the settings are, for a clone."""
    sentences: tuple[str, ...]
    """The batch arithmetic in words; empty while something is wrong."""


def look_around(home: Home, clone_of: str | None) -> Surroundings:
    """GPUs, tasks, and the run to clone. Raises RunConfigError where that run's settings cannot be read."""
    # PIL and scipy come with evals: 0.2 s that only this form needs to pay
    from evals.tasks import task_names

    original = None if clone_of is None else read_original(home.run(clone_of))
    return Surroundings(home, tuple(visible_gpus()), tuple(task_names()), original)


class LaunchForm:
    """What was written so far."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self.entries: dict[str, str] = {}
        """By key, as written."""
        self._set_aside: dict[str, dict[str, str]] = {}
        """Options that were written for another task than the one in the form, by that task."""

    @property
    def original(self) -> Original | None:
        """The run that this is a clone of."""
        return self.surroundings.original

    @property
    def clone_of(self) -> str | None:
        """Name of the run that this is a clone of."""
        return None if self.original is None else self.original.config.name

    @property
    def method(self) -> str:
        """How the run trains."""
        if self.original is not None:
            return self.original.config.method.value
        return self.entries.get("method", Method.GRPO.value)

    @property
    def task(self) -> str:
        """What the run trains on."""
        return self.entries.get("task") or self._base_text("task")

    def write(self, key: str, text: str) -> None:
        """Puts a value into a field; an empty one, and the one that stood there before, takes back what was written."""
        written = one_line(text)
        task_before = self.task if key == "task" else ""
        self.entries.pop(key, None)
        if written and written != self._base_text(key):
            self.entries[key] = written
        if key == "task" and task_before != self.task:
            self._change_options(task_before)

    def _change_options(self, task_before: str) -> None:
        """Puts the options of the task before aside, and takes those that were written for this one."""
        written = [key for key in self.entries if key.startswith(TASK_OPTIONS)]
        self._set_aside[task_before] = {key: self.entries.pop(key) for key in written}
        self.entries |= self._set_aside.pop(self.task, {})

    def add(self, assignment: str) -> FieldProblem | None:
        """Takes `key=value` for a field that the form may lack; says what is wrong where it takes nothing."""
        written = one_line(assignment)
        try:
            key = next(iter(set_layer([written]).values))
        except RftuiError as error:
            return problem_of(MORE, error)
        if key in ("method", *OPTIONS):
            return FieldProblem(MORE, f"{key} has a field of its own", key, "another setting", f"write it at {key}")
        if key.startswith(TASK_OPTIONS) and (problem := unknown_option(self.task, key)):
            return problem
        self.write(key, written.partition("=")[2])
        return None

    def view(self) -> FormView:
        """Everything that the form shows."""
        problems: list[FieldProblem] = []
        chosen = self.entries.get("recipe")
        if chosen is not None and (error := refusal(load_recipe, chosen)):
            problems.append(problem_of("recipe", error))
        typed, asked_for = self._requests(without=("recipe",) if problems else ())
        problems += self._option_problems(typed)
        asked = asked_settings(asked_for, self.surroundings.gpus)
        layers = asked.layers
        if asked_for.gpus is not None and not problems:
            layers = [*layers, gpu_layer(asked_for.gpus, self.surroundings.gpus, layers)]
        merged = merge(layers)
        fields = self._fields(merged)
        keys = {field.key for field in fields}
        values = {key: setting.value for key, setting in merged.items()}
        settings = nest({**values, "name": asked_for.name or "unnamed"})
        expected = {field.key: field.expected for field in fields if not field.is_added}
        problems += option_problems(self.task, settings.get("task_options", {}), expected)
        for problem in setting_problems(settings):
            key = known_field(problem.key, keys)
            # several types may stand at one key, and a value that is none of them is wrong once
            if not key or key not in {known.key for known in problems}:
                expected_there = problem.expected.removeprefix(f"for {problem.key}: ")
                problems.append(FieldProblem(key, problem.message, problem.found, expected_there))
        problems += self._name_problems(merged)
        sentences: Sequence[str] = ()
        if not problems:
            config = parse_config(settings)
            problems += reward_problems(settings, config.method, keys)
            sentences = batch_sentences(config, available_examples=None)
        return FormView(
            rows=tuple(self._rows(fields, merged, problems)),
            problems=tuple(problems),
            request=asked_for,
            command=shlex.join(command_line(typed, home=self.surroundings.home, clone_of=self.clone_of)),
            recipe_line=asked.recipe_line if self.clone_of is None else f"settings of {self.clone_of}, and yours",
            sentences=tuple(sentences),
        )

    def changes(self) -> list[Change]:
        """What will be otherwise than in the original, or than in the recipe and the defaults, in order."""
        found = []
        for row in self.view().rows:
            key = row.field.key
            if row.was is not None:
                found.append(Change(key, row.was, row.text))
            elif key in self.entries:
                bare = LaunchForm(self.surroundings)
                bare.entries = {name: text for name, text in self.entries.items() if name != key}
                found.append(Change(key, bare._base_text(key) or "nothing", row.text))
        return found

    # what was written, as a request

    def _requests(self, *, without: Sequence[str] = ()) -> tuple[LaunchRequest, LaunchRequest]:
        """What was written, and with that of a clone's original under it."""
        entries = {key: text for key, text in self.entries.items() if key not in without}
        fields = {field.key: field for field in self._fields({"task": Setting(self.entries.get("task", ""), "")})}
        flags = CLONE_FLAGS if self.original is not None else FLAGS
        # what another method does not use stays written, and is asked for by none
        used = [
            key
            for key in entries
            if key in fields
            or key.startswith(TASK_OPTIONS)
            or (key.startswith("rewards.") and self.method in (Method.GRPO, Method.SUIT))
        ]
        typed = LaunchRequest(
            method=self.method,
            flags={key: _number(key, entries[key]) for key in flags if key in used},
            assignments=tuple(
                f"{key}={_assigned(fields.get(key), entries[key])}"
                for key in used
                if key not in (*flags, *OPTIONS, "method")
            ),
            recipe=entries.get("recipe"),
            name=entries.get("name"),
            python=entries.get("python"),
            gpus=entries.get("gpus"),
        )
        return typed, typed if self.original is None else clone_request(self.original, typed)

    def _base_text(self, key: str) -> str:
        """What stands in a field that nothing is written into."""
        without = ("recipe",) if self.entries.get("recipe") not in (None, *recipe_names()) else ()
        _, request = self._requests(without=without)
        merged = merge(asked_settings(request, self.surroundings.gpus).layers)
        field = next((field for field in self._fields(merged) if field.key == key), None)
        return "" if field is None else self._shown(field, merged)[0]

    def _fields(self, merged: Mapping[str, Setting]) -> list[Field]:
        names = [key.split(".")[1] for key in [*merged, *self.entries] if key.startswith("rewards.")]
        fields = form_fields(
            method=self.method,
            task=str(merged["task"].value) if "task" in merged else "",
            tasks=self.surroundings.tasks,
            recipes=recipe_names(),
            rewards=list(dict.fromkeys(names)),
            is_clone=self.original is not None,
        )
        groups = list(Group)
        for group, keys in self._added_keys(merged):
            known = {field.key for field in fields}
            own = [
                Field(key, group, "Setting that was added here.", "a number or a word", is_added=True)
                for key in keys
                if key not in known
            ]
            place = sum(groups.index(field.group) <= groups.index(group) for field in fields)
            fields = [*fields[:place], *own, *fields[place:]]
        return fields

    def _added_keys(self, merged: Mapping[str, Setting]) -> Iterator[tuple[Group, list[str]]]:
        """Keys that may lack a field: rewards that were written, and options that the form or a run sets."""
        if self.method in (Method.GRPO, Method.SUIT):
            yield Group.REWARDS, [key for key in self.entries if key.startswith("rewards.")]
        keys = dict.fromkeys([*merged, *self.entries])
        yield Group.TASK, [key for key in keys if key.startswith(TASK_OPTIONS)]

    # what is wrong

    def _option_problems(self, typed: LaunchRequest) -> Iterator[FieldProblem]:
        """What is wrong with what the command line takes besides settings, and with its flags."""
        for key, kind in _NUMBERS.items():
            if key in typed.flags and not isinstance(typed.flags[key], kind):
                wanted = "a whole number" if kind is int else "a number"
                text = str(typed.flags[key])
                yield FieldProblem(key, f"{key} is {text!r}, which is not {wanted}", text, wanted)
        if self.original is None and self.method not in TRAINED:
            known = " or ".join(TRAINED)
            yield FieldProblem("method", f"no method {self.method}", self.method, known, f"write {known}")
        if typed.python is not None and (error := refusal(find_python, typed.python)):
            yield problem_of("python", error)
        if typed.gpus not in (None, NO_GPUS) and (error := refusal(parse_gpus, str(typed.gpus))):
            yield problem_of("gpus", error)

    def _name_problems(self, merged: Mapping[str, Setting]) -> Iterator[FieldProblem]:
        """A name that is taken, and a task that nobody has."""
        name = self.entries.get("name")
        if name is not None and (error := refusal(lambda text: check_name(self.surroundings.home, text), name)):
            yield problem_of("name", error)
        task = str(merged["task"].value)
        if task not in self.surroundings.tasks and not is_task_file(task):
            yield problem_of("task", unknown("task", task, self.surroundings.tasks))

    # what is shown

    def _rows(
        self, fields: Sequence[Field], merged: Mapping[str, Setting], problems: Sequence[FieldProblem]
    ) -> Iterator[Row]:
        by_key = {problem.key: problem for problem in reversed(problems) if problem.key}
        together = [problem for problem in problems if not problem.key]
        before = {} if self.original is None else dict(flatten(self.original.config.model_dump(mode="json")))
        for field in fields:
            setting = merged.get(field.key, Setting(None, ""))
            problem = by_key.get(field.key) or next((item for item in together if names(item, field.key)), None)
            text, origin = self._shown(field, merged)
            was = None
            if (
                self.original is not None
                and field.key not in (*OPTIONS, MORE)
                and before.get(field.key) != setting.value
            ):
                was = _text(before[field.key]) if field.key in before else field.default or "nothing"
            yield Row(field, text, origin, was, problem)

    def _shown(self, field: Field, merged: Mapping[str, Setting]) -> tuple[str, str]:
        """The text in a field, and where it comes from."""
        key = field.key
        setting = merged.get(key, Setting(None, ""))
        if key in self.entries and not (key == "recipe" and self.original):
            return self.entries[key], YOURS
        if key == "python":
            python = None if self.original is None else self.original.python
            return python or sys.executable, f"run {self.clone_of}" if python else "this one"
        if key == "gpus":
            gpus = None if self.original is None else self.original.gpus
            found = "free ones" if self.surroundings.gpus else "none found"
            return (gpus, f"run {self.clone_of}") if gpus else ("", found)
        if key == "name":
            return "", "counted"
        if key == MORE:
            return "", ""
        if key == "recipe":
            return str(setting.value), "chosen" if self.original is None else f"run {self.clone_of}"
        if key == "method":
            return self.method, "default" if self.original is None else f"run {self.clone_of}"
        if setting.value is None and key.endswith(".weight"):
            is_on = any(other.startswith(key.removesuffix("weight")) for other in merged)
            return ("1.0", "default") if is_on else ("", "off")
        if setting.value is None and key.startswith(TASK_OPTIONS):
            return field.default, TASK_ORIGIN
        if setting.value is None:
            return "", "default of the reward"
        return _text(setting.value), setting.origin


def _text(value: Any) -> str:
    """A value as it is written into a field."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value)
    return one_line(value)


def _number(key: str, text: str) -> int | float | str:
    """A flag as the command line would read it; what is no number stays text."""
    try:
        return _NUMBERS[key](text) if key in _NUMBERS else text
    except ValueError:
        return text


def _assigned(field: Field | None, text: str) -> str:
    """The right side of a --set."""
    if field is not None and field.is_list and not text.startswith("["):
        return json.dumps([part.strip() for part in text.split(",") if part.strip()])
    if field is not None and field.is_text and not isinstance(_toml(text), str):
        return json.dumps(text)
    return text


def _toml(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
