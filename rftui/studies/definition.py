"""What a study is made of: its tasks, regimes, seeds, sweeps and settings, as one frozen table that TOML holds."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field, ValidationError, model_validator

from rftui.errors import NotFound, UsageProblem
from rftui.terminal.clean import one_line
from store.config import EvaluationSettings, Method, PromptMode, Section

NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,29}$"
PART_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,15}$"
SHIPPED_DIRECTORY = Path(__file__).parent / "shipped"
CELLS_AT_MOST = 2000
"""A study of more runs than this is a mistake in a sweep."""
WAYS = (Method.EVAL, Method.SFT, Method.GRPO)
"""What a regime may do; eval is training-free."""
EVALUATION_KEYS = frozenset(EvaluationSettings.model_fields)


class StudyTask(Section):
    """One task of a study, on one source of data, at one or more difficulties."""

    name: str = Field(pattern=PART_PATTERN)
    """How tables and run names call it."""
    task: str = ""
    """Name of a task, or a Python file that defines one; empty takes `name`."""
    source: str = "auto"
    """auto, generated, or a path to real data."""
    task_options: dict[str, float | int | str | bool] = Field(default_factory=dict)
    """Options of that task."""
    difficulty: tuple[float, ...] = ()
    """Difficulties of generated examples, a row each; empty takes the default."""

    @property
    def task_name(self) -> str:
        """What a run's setting `task` says."""
        return self.task or self.name


class Regime(Section):
    """One way to come by a model; a column of the table."""

    name: str = Field(pattern=PART_PATTERN)
    """How run names call it."""
    label: str = ""
    """How tables call it; empty takes `name`."""
    method: Method = Method.GRPO
    """eval is training-free."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of its runs, on top of the study's."""
    swept: bool = True
    """Whether sweeps multiply it; training-free never is."""

    @model_validator(mode="after")
    def _is_a_way_to_train(self) -> Regime:
        if self.method not in WAYS:
            raise ValueError(f"method is {self.method.value}; give one of {', '.join(WAYS)}")
        return self

    @property
    def title(self) -> str:
        """What tables call it."""
        return self.label or self.name

    @property
    def is_trained(self) -> bool:
        """Whether its runs change weights."""
        return self.method is not Method.EVAL

    @property
    def is_swept(self) -> bool:
        """Whether each point of a sweep makes runs of its own."""
        return self.swept and self.is_trained


class Range(Section):
    """Where random values of one setting are drawn from, ends included."""

    low: float
    """The smallest value."""
    high: float
    """The largest value."""
    log: bool = False
    """Drawn evenly over the logarithm, as learning rates are."""
    whole: bool = False
    """Whole numbers only."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if self.low >= self.high or (self.log and self.low <= 0):
            raise ValueError(f"low is {self.low} and high {self.high}; give low < high, and low > 0 with log")
        return self


class RandomSweep(Section):
    """Points drawn at random, the same ones whenever the study is read."""

    n: int = Field(ge=1, le=1000)
    """How many."""
    seed: int = Field(0, ge=0)
    """Draws the points."""
    ranges: dict[str, Range]
    """By dotted setting."""


class PublishedNumber(Section):
    """One accuracy that a paper prints, to stand beside ours."""

    source: str = Field(min_length=1)
    """Where it is printed: paper, version, table and row."""
    task: str
    """Name of a task of this study."""
    regime: str
    """Name of a regime of this study."""
    prompt: PromptMode
    """Which prompt the model was asked with."""
    value: float = Field(ge=0, le=1)
    """A share, not a percentage."""


class Study(Section):
    """A named grid: tasks x difficulties x regimes x points of a sweep x seeds, each model asked with both prompts."""

    name: str = Field(pattern=NAME_PATTERN)
    """Name of the study, unique in its home."""
    title: str = ""
    """One sentence on what it asks."""
    tasks: tuple[StudyTask, ...] = Field(min_length=1)
    """Rows."""
    regimes: tuple[Regime, ...] = Field(min_length=1)
    """Columns."""
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    """Every trained cell once for each."""
    sweep: dict[str, tuple[Any, ...]] = Field(default_factory=dict)
    """Values of settings, by dotted key; every combination is a point."""
    random: RandomSweep | None = None
    """Points drawn at random, each combined with each of `sweep`."""
    model: str = ""
    """tiny, a directory, or a name on the Hub; empty takes the recipe's."""
    recipe: str = ""
    """Recipe of all runs; empty is filled in by `rftui study new` for the machine."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Settings of all runs, on top of the recipe's."""
    evaluation: dict[str, Any] = Field(default_factory=dict)
    """Settings of the held-out evaluation of all runs."""
    published: tuple[PublishedNumber, ...] = ()
    """Numbers of a paper; none is shown that is not written here with its source."""
    published_note: str = ""
    """What is to be known of them, or why there are none."""

    @model_validator(mode="after")
    def _names_are_unique(self) -> Study:
        for what, names in (
            ("tasks", [task.name for task in self.tasks]),
            ("regimes", [regime.name for regime in self.regimes]),
            ("seeds", [str(seed) for seed in self.seeds]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} has {', '.join(twice)} twice; give each its own")
        if any(seed < 0 for seed in self.seeds):
            raise ValueError(f"seeds has {min(self.seeds)}; give whole numbers from 0")
        return self

    @model_validator(mode="after")
    def _published_numbers_have_a_cell(self) -> Study:
        tasks, regimes = {task.name for task in self.tasks}, {regime.name for regime in self.regimes}
        for number in self.published:
            if number.task not in tasks or number.regime not in regimes:
                raise ValueError(
                    f"published has a number for {number.task} {number.regime}, which is no cell; "
                    f"tasks are {', '.join(sorted(tasks))}, regimes {', '.join(sorted(regimes))}"
                )
        return self

    @model_validator(mode="after")
    def _evaluation_is_known(self) -> Study:
        unknown = sorted(set(self.evaluation) - EVALUATION_KEYS)
        if unknown:
            raise ValueError(f"evaluation has {', '.join(unknown)}; it takes {', '.join(sorted(EVALUATION_KEYS))}")
        empty = sorted(key for key, values in self.sweep.items() if not values)
        if empty:
            raise ValueError(f"sweep has no value for {', '.join(empty)}; give at least one, or leave the key out")
        return self

    def task(self, name: str) -> StudyTask:
        """The task of that name. Raises KeyError."""
        return {task.name: task for task in self.tasks}[name]

    def regime(self, name: str) -> Regime:
        """The regime of that name. Raises KeyError."""
        return {regime.name: regime for regime in self.regimes}[name]

    @property
    def digest(self) -> str:
        """A short hash of everything in it."""
        return digest_of(self.model_dump(mode="json"))


def digest_of(fields: Mapping[str, Any]) -> str:
    """A short hash of JSON values, whatever the order of their keys."""
    text = json.dumps(fields, sort_keys=True, ensure_ascii=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def parse_study(fields: Mapping[str, Any], *, origin: str) -> Study:
    """The study that nested tables make. Raises UsageProblem that names each wrong field."""
    try:
        return Study.model_validate(dict(fields))
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors()]
        raise UsageProblem(
            f"{origin} is no study: {problems[0].said}" + (f" (and {len(problems) - 1} more)" * (len(problems) > 1)),
            found="; ".join(problem.found for problem in problems),
            expected="; ".join(dict.fromkeys(problem.said for problem in problems)),
            fix="correct it; `rftui study new paper --print` prints a whole one, docs/studies.md tells the fields",
        ) from None


class _Problem(NamedTuple):
    said: str
    found: str


def _problem(detail: Any) -> _Problem:
    where = ".".join(str(part) for part in detail["loc"])
    said = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        said = "no field of that name"
    found = one_line(str(detail.get("input")), width=80)
    return _Problem(f"{where}: {said}" if where else said, f"{where} = {found}" if where else found)


def read_study(path: Path) -> Study:
    """The study in a TOML file. Raises NotFound where there is none, UsageProblem where it is not one."""
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFound(
            f"no study in {path}",
            found="no such file",
            expected="a TOML file that defines a study",
            fix="`rftui study new` makes one, `rftui study list` lists them",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageProblem(
            f"cannot read the study in {path}",
            found=str(error),
            expected="a TOML file that defines a study",
            fix="correct the file, or name another",
        ) from error
    return parse_study(fields, origin=str(path))


def shipped_names() -> list[str]:
    """Names of the studies that ship."""
    return sorted(path.stem for path in SHIPPED_DIRECTORY.glob("*.toml"))


def shipped_text(name: str) -> str:
    """The file of a study that ships. Raises NotFound."""
    if name not in shipped_names():
        raise NotFound(
            f"no study {name} ships",
            found=name,
            expected=f"one of {', '.join(shipped_names())}, or a TOML file",
            fix="`rftui study list` lists them",
        )
    return (SHIPPED_DIRECTORY / f"{name}.toml").read_text(encoding="utf-8")


def shipped_study(name: str) -> Study:
    """A study that ships. Raises NotFound."""
    return parse_study(tomllib.loads(shipped_text(name)), origin=f"the shipped study {name}")


class ShippedTitle(NamedTuple):
    """A shipped study in a list."""

    name: str
    title: str


def shipped_titles() -> list[ShippedTitle]:
    """The studies that ship, with their titles."""
    return [ShippedTitle(name, shipped_study(name).title) for name in shipped_names()]
