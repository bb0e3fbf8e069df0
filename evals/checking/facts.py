"""What is found in a task: examples as they are asked, balance, duplicates, images, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from evals.task import Source
from evals.visual_tokens import QWEN_CELL


class Level(StrEnum):
    """How much a problem matters."""

    ERROR = "error"
    """A launch would stop, or train on nothing."""
    WARNING = "warning"
    """A launch goes on, and this should be known."""


class Problem(NamedTuple):
    """One thing that is wrong."""

    level: Level
    found: str
    expected: str = ""
    fix: str = ""
    examples: tuple[str, ...] = ()
    """Some of the examples, each with what is wrong with it."""


class Limits(NamedTuple):
    """Image limits of a run, and the pixels that become one token."""

    min_pixels: int = 3136
    max_pixels: int = 401408
    cell: int = QWEN_CELL


class ImageFacts(NamedTuple):
    """Images that were read."""

    examples: int
    """Examples whose images were asked for."""
    read: int
    """Images that could be read."""
    unreadable: tuple[str, ...]
    """Examples whose images could not be read, each with the reason; the first of them."""
    unreadable_count: int
    fix: str
    """What to do about the first of these; empty where all could be read."""
    smallest: tuple[int, int] | None
    """Width and height by area; None where nothing was read."""
    middle: tuple[int, int] | None
    largest: tuple[int, int] | None
    tokens: tuple[int, int, int] | None
    """Visual tokens an example: least, median and most."""
    shrunk: int
    """Images above the largest area."""


class LabelFacts(NamedTuple):
    """Gold answers of a split."""

    different: int
    most_common: tuple[tuple[str, int], ...]
    majority: str
    majority_share: float
    """Accuracy of always answering it in this split."""
    trained_majority_share: float | None
    """Accuracy, in this split, of always giving the answer that is the most frequent one in training."""
    names: frozenset[str]
    """All of them."""


class ShownExample(NamedTuple):
    """One example as it will be asked."""

    uid: str
    kind: str
    question: str
    options: tuple[str, ...]
    gold: str
    prompts: Mapping[str, str]
    """User turns by mode, think and direct."""
    images: tuple[tuple[int, int, int], ...]
    """Width, height and visual tokens of each image as it comes; empty where they could not be read."""


class SplitFacts(NamedTuple):
    """One split."""

    split: str
    length: int | None
    """None where it is generated without end."""
    seen: int
    """Examples looked at."""
    kinds: tuple[tuple[str, int], ...]
    labels: LabelFacts
    options: tuple[int, int] | None
    """Fewest and most options shown; None where no example shows any."""
    positions: tuple[int, ...]
    """How often the gold answer stands at each place among the options."""
    chance: float | None
    """Expected accuracy of guessing among the options; None where an example shows none."""
    copies: int
    """Examples whose images another example of this split has too."""
    copied: tuple[str, ...]
    """Some of them, each with the other one."""
    images: ImageFacts
    shown: tuple[ShownExample, ...]


class Overlap(NamedTuple):
    """Images that two splits share."""

    first: str
    second: str
    examples: int
    """Examples of the second split whose images the first has too."""
    some: tuple[str, ...]


class TaskFacts(NamedTuple):
    """Everything that was found."""

    task: str
    source: Source | None
    """None where there is none that the task can use."""
    remarks: tuple[str, ...]
    answer_space: tuple[str, ...]
    splits: tuple[SplitFacts, ...]
    overlaps: tuple[Overlap, ...]
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """Problems that would stop a launch."""
        return [problem for problem in self.problems if problem.level is Level.ERROR]
