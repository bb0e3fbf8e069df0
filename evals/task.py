"""What a task is: examples with images and gold answers, two prompts, and a rule that says which answers are right."""

from __future__ import annotations

import difflib
import random
import reprlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from evals import prompts
from evals.errors import ExampleError, TaskError
from evals.grading import matches_gold

if TYPE_CHECKING:
    from PIL.Image import Image


class Source(NamedTuple):
    """Where examples come from; stands beside every number they lead to."""

    kind: str
    """real or generated"""
    name: str
    """Short name: sat-generated, or a path."""
    detail: str
    """One sentence for people."""


@dataclass(frozen=True)
class Example:
    """One question about one or more images, with its gold answer."""

    uid: str
    """Unique over splits and seeds; the same example has the same uid in every run."""
    split: str
    """train, validation or heldout"""
    index: int
    kind: str
    """Question type, for breakdowns."""
    question: str
    options: tuple[str, ...]
    """Answers to choose from, in the order shown; empty where the answer is open."""
    gold: str
    scene: str
    """Hash of what is in the images; splits share none."""
    traces: tuple[str, ...] = ()
    """Reference reasoning, shortest first; empty where the data has none."""
    draw: Callable[[], tuple[Image, ...]] = field(default=tuple, repr=False, compare=False)
    """Makes or reads the images."""

    def __post_init__(self) -> None:
        """Raises ExampleError where a field is no text: here, so that the traceback leads to who made it."""
        for name in _TEXTS:
            if not isinstance(value := getattr(self, name), str):
                raise _wrong_field(self, name, value, expected="text (str)", fix=f"{name}=str(...)")
        for name in _TUPLES:
            value = getattr(self, name)
            if not isinstance(value, tuple):
                raise _wrong_field(self, name, value, expected="a tuple of texts", fix=f"{name}=tuple(...)")
            for item in value:
                if not isinstance(item, str):
                    fix = f"{name}=tuple(str(one) for one in ...)"
                    raise _wrong_field(self, name, item, expected="texts (str) alone", fix=fix)
        if not callable(self.draw):
            raise _wrong_field(self, "draw", self.draw, expected="a function that gives images", fix="draw=lambda: ...")

    @property
    def images(self) -> tuple[Image, ...]:
        """The images, made or read anew at each call."""
        return self.draw()


_TEXTS = ("uid", "split", "kind", "question", "gold", "scene")
_TUPLES = ("options", "traces")


def _wrong_field(example: Example, name: str, value: object, *, expected: str, fix: str) -> ExampleError:
    return ExampleError(
        f"example {example.uid!r} has {reprlib.repr(value)} in its field {name}, of type {type(value).__name__}",
        expected=expected,
        fix=f"write {fix} where the task makes its examples",
    )


class Examples(Protocol):
    """Examples of one split by index; example i is a pure function of (seed, i)."""

    @property
    def length(self) -> int | None:
        """How many there are; None where they are generated without end."""
        ...

    def __getitem__(self, index: int) -> Example: ...


class TaskOptions(BaseModel):
    """What can be set about a task, `task_options` of a run; a task with options of its own subclasses this.

    Fields need a default and a line below them that says what they mean; types are checked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)


class Task(ABC):
    """A task as trainer and rftui use it; a subclass needs a name, a summary and its examples.

    Made anew for each run with that run's options; whatever it does depends on these and its arguments alone.
    """

    name: ClassVar[str]
    """Short name, also in names of runs."""
    summary: ClassVar[str]
    """One line for `rftui tasks`."""
    default_rewards: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "accuracy": {"weight": 1.0},
        "format": {"weight": 1.0},
    }
    generates: ClassVar[bool] = False
    """Whether it makes examples of its own where no real data is."""
    options_type: ClassVar[type[TaskOptions]] = TaskOptions
    """Options that the task takes."""

    def __init__(self, options: TaskOptions | None = None) -> None:
        self.options = options if options is not None else self.options_type()

    @classmethod
    def configured(cls, given: Mapping[str, Any]) -> Self:
        """The task with the options given, the others at their defaults. Raises TaskError."""
        return cls(read_options(cls.options_type, given, task=cls.name))

    @abstractmethod
    def source(self, option: str) -> Source:
        """The source meant by auto, generated or a path. Raises TaskError for one the task cannot use."""

    @abstractmethod
    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> Examples:
        """Examples of the split train, validation or heldout. Raises TaskError for a split it does not have."""

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """Every answer that can be gold, in a fixed order; empty where answers are open or each example has its own."""
        return ()

    def remarks(self, source: Source) -> Sequence[str]:
        """What should be known about a source before it is used, a sentence each: how it is split, what is left out."""
        return ()

    def user_text(self, example: Example, mode: str) -> str:
        """The user turn in mode think or direct, without image placeholders: question, options, how to answer."""
        return prompts.user_text(example.question, example.options, mode=mode)

    def reference_completion(self, example: Example, mode: str, *, target: str) -> str:
        """What SFT imitates; target is answer or trace. Raises TaskError where there is no trace."""
        if target == "answer":
            return prompts.completion_text(example.gold, think=None)
        if not example.traces:
            raise TaskError(
                f"example {example.uid} of task {self.name} has no reasoning trace", expected="sft_target=answer"
            )
        return prompts.completion_text(example.gold, think=chosen_trace(example))

    def grade(self, answer: str | None, example: Example) -> bool | None:
        """Whether the answer is right, by default the gold's text; None where the gold itself cannot be graded."""
        return matches_gold(answer, example.gold)


Options = TypeVar("Options", bound=TaskOptions)

TRACE_WEIGHTS = {1: (1,), 2: (1, 1), 3: (1, 2, 1)}
"""How often SFT on traces imitates the short, the normal and the long reasoning, by how many an example has."""


def chosen_trace(example: Example) -> str:
    """The trace that SFT imitates; which one depends on the example alone."""
    weights = TRACE_WEIGHTS.get(len(example.traces))
    return random.Random(example.uid).choices(example.traces, weights)[0]


def read_options(options_type: type[Options], given: Mapping[str, Any], *, task: str) -> Options:
    """The options given as the task takes them. Raises TaskError that names each wrong one and the nearest known."""
    try:
        return options_type.model_validate(dict(given))
    except ValidationError as error:
        known = list(options_type.model_fields)
        raise TaskError(
            "; ".join(_option_problem(detail, known, task=task) for detail in error.errors()),
            expected=f"options of task {task}: {', '.join(known)}" if known else f"no options: task {task} has none",
            fix=f"see `rftui tasks {task}`",
        ) from None


def _option_problem(detail: ErrorDetails, known: Sequence[str], *, task: str) -> str:
    key = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "extra_forbidden":
        nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.4)
        return f"task {task} has no option {key}" + (f"; did you mean {nearest[0]}?" if nearest else "")
    message = detail["msg"].removeprefix("Value error, ")
    return f"task_options.{key} is {detail['input']!r}; {message[0].lower()}{message[1:]}"


def chance_level(examples: Sequence[Example]) -> float:
    """Expected accuracy of guessing among the options shown. Raises ValueError where an example has none."""
    if not examples or any(not example.options for example in examples):
        raise ValueError("chance is defined over examples that show options")
    return sum(1 / len(example.options) for example in examples) / len(examples)
