"""What the embedded model is taught from: for each generated task its pictures, what is in them, and what to say."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from evals import prompts

if TYPE_CHECKING:
    from PIL.Image import Image

TRACE_WEIGHTS = (1, 2, 1)
"""Short, normal and long reasoning."""


class Turn(NamedTuple):
    """One user turn and what the model should say to it."""

    asked: str
    target: str


class Asked(NamedTuple):
    """A question of a task with its answer and its reference reasoning, shortest first."""

    text: str
    options: tuple[str, ...]
    gold: str
    traces: tuple[str, ...]


class Fact(NamedTuple):
    """Something that can be seen: in each cell of the 3 x 3, or in the picture as a whole."""

    place: str
    """cell or picture"""
    values: tuple[str, ...]


PLACES = {"cell": 9, "picture": 1}
"""How many there are in a picture."""


class Subject(ABC):
    """A generated task as a teacher sees it; everything comes from the training split."""

    name: ClassVar[str]
    facts: ClassVar[dict[str, Fact]]

    @abstractmethod
    def sample(self, rng: random.Random, *, hardest: float = 1.0) -> Any:
        """What a picture of the training split shows, at any difficulty up to the hardest."""

    @abstractmethod
    def draw(self, sample: Any) -> Image:
        """The picture, 48 pixels a side."""

    @abstractmethod
    def seen(self, sample: Any) -> dict[str, tuple[str, ...]]:
        """The value of every fact, one for each of its places."""

    @abstractmethod
    def describe(self, rng: random.Random, sample: Any) -> Turn:
        """Something about the picture that is no question of the task."""

    @abstractmethod
    def ask(self, rng: random.Random, sample: Any, *, number: int) -> Asked:
        """A question of the task about the picture; `number` counts the turns of a lesson."""


def question_turn(rng: random.Random, asked: Asked, *, mode: str) -> Turn:
    """A question with its reference completion."""
    trace = rng.choices(asked.traces, TRACE_WEIGHTS)[0] if mode == prompts.THINK else None
    return Turn(
        prompts.user_text(asked.text, asked.options, mode=mode), prompts.completion_text(asked.gold, think=trace)
    )
