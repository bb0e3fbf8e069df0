"""Reads the examples of one split and sums up what is in them."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evals.checking.facts import ImageFacts, LabelFacts, Level, Limits, Problem, ShownExample, SplitFacts
from evals.checking.faults import SHOWN_ROWS, Faults, blame, mend_images
from evals.checking.same_images import ImagesSeen, pixel_hash, short_hash
from evals.checking.samples import ungradable_level
from evals.choices import choice_problem
from evals.errors import ExampleError
from evals.prompts import DIRECT, THINK
from evals.task import Example, Examples, Task
from evals.visual_tokens import Grid, visual_grid

if TYPE_CHECKING:
    from PIL.Image import Image

EVERY_EXAMPLE = 200_000
"""Of a longer split so many examples are looked at; its order is random, so that they stand for the rest."""
GENERATED_EXAMPLES = 500
"""Looked at in a split without end."""
SHOWN_EXAMPLES = 5
_COPY = "copy"
_GOLD_FAULTS = ("options", "ungradable", "gold is wrong")
"""Warnings, unless most of a training split has one of them."""

_FAULTS: dict[str, tuple[Level, str, str, str]] = {
    "raise": (Level.ERROR, "cannot be made", "examples that are made without an exception", "mend the task there"),
    "grade raises": (Level.ERROR, "cannot be graded", "grade to answer for any text", "mend grade at that line"),
    "gold is wrong": (
        Level.WARNING,
        "have a gold answer that the task itself grades as wrong",
        "grade(example.gold, example) to be True",
        "mend grade, or the gold answers",
    ),
    "nothing is right": (
        Level.ERROR,
        "count an empty answer as right, which training would find at once",
        'grade("", example) to be False',
        "compare whole answers, as evals.grading.matches_gold does",
    ),
    "ungradable": (
        Level.WARNING,
        "have a gold answer that cannot be graded",
        "a gold answer with letters or digits",
        "leave such examples out; they count nowhere",
    ),
    "options": (
        Level.WARNING,
        "have options that cannot be chosen from",
        "the gold answer once among different options",
        "mend the options; a run grades no answer to such examples",
    ),
    "no image": (Level.WARNING, "have no image", "one or more images an example", ""),
    "same uid": (
        Level.WARNING,
        "have the uid of another example",
        "uids that differ, since evaluations are paired by them",
        "put what makes the example into its uid",
    ),
}


class SplitReader:
    """Reads one split once."""

    def __init__(
        self, task: Task, split: str, examples: Examples, *, images: int | None, limits: Limits, seen: ImagesSeen
    ) -> None:
        self.task = task
        self.split = split
        self.examples = examples
        self.limits = limits
        self.images_seen = seen
        self.length = examples.length
        self.count = GENERATED_EXAMPLES if self.length is None else min(self.length, EVERY_EXAMPLE)
        self.read_count = self.count if images is None else min(self.count, images)
        self.faults = Faults()
        self.labels: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.option_counts: Counter[int] = Counter()
        self.positions: Counter[int] = Counter()
        """Places of the gold answer among the options."""
        self.uids: set[bytes] = set()
        self.sizes: list[tuple[int, int]] = []
        self.tokens: list[int] = []
        self.unreadable: list[str] = []
        self.unreadable_count = 0
        self.mend_images = ""
        self.shrunk = 0
        self.copies = Faults()
        self.shown: list[ShownExample] = []

    def read(self, *, train_majority: str | None) -> SplitFacts:
        """Looks at the examples and sums up; `train_majority` is the most frequent answer of the training split."""
        for index in range(self.count):
            try:
                example = self.examples[index]
            except ExampleError:
                # all examples are made alike: said once, for the whole task
                raise
            # the user's own code may raise anything
            except Exception as error:
                self.faults.add("raise", f"example {index}: {blame(error)}")
                continue
            self._look_at(example, index)
        seen = self.labels.total()
        return SplitFacts(
            split=self.split,
            length=self.length,
            seen=seen,
            kinds=tuple(self.kinds.most_common()),
            labels=self._label_facts(train_majority),
            options=(min(self.option_counts), max(self.option_counts)) if any(self.option_counts) else None,
            positions=tuple(self.positions[place] for place in range(max(self.positions, default=-1) + 1)),
            chance=self._chance(seen),
            copies=self.copies.counts[_COPY],
            copied=tuple(self.copies.rows[_COPY]),
            images=self._image_facts(),
            shown=tuple(self.shown),
        )

    def problems(self) -> Iterator[Problem]:
        """What is wrong with single examples, each kind once with how many there are."""
        for what, count in self.faults.counts.items():
            level, found, expected, fix = _FAULTS[what]
            if what in _GOLD_FAULTS:
                level = ungradable_level(count, self.count, split=self.split)
            yield Problem(
                level,
                f"{count:,} of {self.count:,} {self.split} examples {found}",
                expected,
                fix,
                tuple(self.faults.rows[what]),
            )

    def _look_at(self, example: Example, index: int) -> None:
        self.labels[example.gold] += 1
        self.kinds[example.kind] += 1
        self.option_counts[len(example.options)] += 1
        uid = short_hash(example.uid)
        if uid in self.uids:
            self.faults.add("same uid", example.uid)
        self.uids.add(uid)
        problem = choice_problem(example.options, example.gold) if example.options else None
        if problem:
            self.faults.add("options", f"{example.uid}: {problem}")
        elif example.gold in example.options:
            self.positions[example.options.index(example.gold)] += 1
        self._grade(example, is_gradable=problem is None)
        images = self._read_images(example) if index < self.read_count else None
        twin = self.images_seen.note(self.split, example, pixel_hash(images) if images else None)
        if twin is not None:
            self.copies.add(_COPY, f"{example.uid} and {twin}")
        if len(self.shown) < SHOWN_EXAMPLES and index < self.read_count:
            self._show(example, images or ())

    def _grade(self, example: Example, *, is_gradable: bool) -> None:
        """The gold answer must be right and an empty one wrong: what training would be paid by."""
        try:
            verdict, empty = self.task.grade(example.gold, example), self.task.grade("", example)
        # the user's own code may raise anything
        except Exception as error:
            self.faults.add("grade raises", f"{example.uid}: {blame(error)}")
            return
        if not is_gradable:
            # nobody is graded on it, whatever the rule says
            return
        if verdict is None:
            self.faults.add("ungradable", f"{example.uid}: gold {example.gold!r}")
        elif not verdict:
            self.faults.add("gold is wrong", f"{example.uid}: gold {example.gold!r}")
        if empty:
            self.faults.add("nothing is right", example.uid)

    def _read_images(self, example: Example) -> Sequence[Image] | None:
        """The images; None where they cannot be read."""
        try:
            images = example.images
            for image in images:
                image.load()
            grids = [self._grid(image) for image in images]
        # as when training: strangers' files and the user's own code answer with anything
        except Exception as error:
            self.unreadable_count += 1
            self.mend_images = self.mend_images or mend_images(error)
            if len(self.unreadable) < SHOWN_ROWS:
                self.unreadable.append(f"{example.uid}: {blame(error)}")
            return None
        if not images:
            self.faults.add("no image", example.uid)
            return ()
        self.sizes += [image.size for image in images]
        self.tokens.append(sum(grid.tokens for grid in grids))
        self.shrunk += sum(image.width * image.height > self.limits.max_pixels for image in images)
        return images

    def _grid(self, image: Image) -> Grid:
        limits = self.limits
        return visual_grid(*image.size, cell=limits.cell, min_pixels=limits.min_pixels, max_pixels=limits.max_pixels)

    def _show(self, example: Example, images: Sequence[Image]) -> None:
        try:
            prompts = {mode: self.task.user_text(example, mode) for mode in (THINK, DIRECT)}
        # the user's own code may raise anything
        except Exception as error:
            self.faults.add("raise", f"{example.uid}: user_text: {blame(error)}")
            return
        self.shown.append(
            ShownExample(
                uid=example.uid,
                kind=example.kind,
                question=example.question,
                options=example.options,
                gold=example.gold,
                prompts=prompts,
                images=tuple((image.width, image.height, self._grid(image).tokens) for image in images),
            )
        )

    def _chance(self, seen: int) -> float | None:
        if not seen or self.option_counts[0]:
            return None
        return sum(count / options for options, count in self.option_counts.items()) / seen

    def _label_facts(self, train_majority: str | None) -> LabelFacts:
        seen = self.labels.total()
        majority, count = self.labels.most_common(1)[0] if seen else ("", 0)
        return LabelFacts(
            different=len(self.labels),
            most_common=tuple(self.labels.most_common(SHOWN_ROWS)),
            majority=majority,
            majority_share=count / seen if seen else 0.0,
            trained_majority_share=self.labels[train_majority] / seen if seen and train_majority is not None else None,
            names=frozenset(self.labels),
        )

    def _image_facts(self) -> ImageFacts:
        by_area = sorted(self.sizes, key=lambda size: size[0] * size[1])
        tokens = self.tokens
        return ImageFacts(
            examples=self.read_count,
            read=len(self.sizes),
            unreadable=tuple(self.unreadable),
            unreadable_count=self.unreadable_count,
            fix=self.mend_images,
            smallest=by_area[0] if by_area else None,
            middle=by_area[len(by_area) // 2] if by_area else None,
            largest=by_area[-1] if by_area else None,
            tokens=(min(tokens), round(statistics.median(tokens)), max(tokens)) if tokens else None,
            shrunk=self.shrunk,
        )
