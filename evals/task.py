"""What a task is: examples with images and gold answers, two prompts, and a rule that says which answers are right."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

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

    @property
    def images(self) -> tuple[Image, ...]:
        """The images, made or read anew at each call."""
        return self.draw()


class Examples(Protocol):
    """Examples of one split by index; example i is a pure function of (seed, i)."""

    @property
    def length(self) -> int | None:
        """How many there are; None where they are generated without end."""
        ...

    def __getitem__(self, index: int) -> Example: ...


class Task(Protocol):
    """A task as trainer and rftui use it."""

    name: str
    summary: str
    default_rewards: Mapping[str, Mapping[str, Any]]

    def source(self, option: str) -> Source:
        """The source meant by auto, generated or a path. Raises TaskError."""
        ...

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> Examples:
        """Examples of the split train, validation or heldout. Raises TaskError for a split it does not have."""
        ...

    def user_text(self, example: Example, mode: str) -> str:
        """The user turn in mode think or direct, without image placeholders."""
        ...

    def reference_completion(self, example: Example, mode: str, *, target: str) -> str:
        """What SFT imitates; target is answer or trace. Raises TaskError where there is no trace."""
        ...

    def grade(self, answer: str | None, example: Example) -> bool | None:
        """Whether the answer is right; None where the gold answer itself cannot be graded."""
        ...


def chance_level(examples: Sequence[Example]) -> float:
    """Expected accuracy of guessing among the options shown. Raises ValueError where an example has none."""
    if not examples or any(not example.options for example in examples):
        raise ValueError("chance is defined over examples that show options")
    return sum(1 / len(example.options) for example in examples) / len(examples)
