"""What some hundred examples say before a run and beside it: gold answers that cannot be graded, images of two splits.

Makes no image and takes a few seconds beside what a first look at the data costs, so that a launch and the run itself
can look; `tasks check` looks at every example.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

from evals.checking.facts import Level, Problem
from evals.choices import choice_problem, graded
from evals.task import Example, Examples, Task

GRADED_EXAMPLES = 300
"""Looked at in each split."""
COMPARED_EXAMPLES = 5000
"""Training examples that held-out ones are compared with."""
SECONDS = 3.0
"""For making examples of one split; a slow disk shows fewer."""
MOST_UNGRADABLE = 0.5
"""More of a training split means that it teaches next to nothing."""


def ungradable_level(count: int, total: int, *, split: str) -> Level:
    """An error where most training examples cannot be graded; otherwise they are left out, which should be known."""
    return Level.ERROR if split == "train" and count > MOST_UNGRADABLE * total else Level.WARNING


def sampled_problems(task: Task, train: Examples, heldout: Examples) -> Iterator[Problem]:
    """What is wrong with the first examples of a run's two splits. A task of the user's own may raise anything."""
    trained = list(_first(train, COMPARED_EXAMPLES))
    held_out = list(_first(heldout, GRADED_EXAMPLES))
    for split, examples in (("train", trained[:GRADED_EXAMPLES]), ("heldout", held_out)):
        yield from _of_gold(task, split, examples)
    yield from _of_images(trained, held_out, available=train.length)


def _first(examples: Examples, count: int) -> Iterator[Example]:
    """Up to so many, and no more than there is time for; splits are in random order."""
    count = min(GRADED_EXAMPLES, count) if examples.length is None else min(examples.length, count)
    end = time.monotonic() + SECONDS
    for index in range(count):
        yield examples[index]
        if time.monotonic() > end:
            return


def _of_gold(task: Task, split: str, examples: list[Example]) -> Iterator[Problem]:
    ungradable: list[str] = []
    wrong: list[str] = []
    for example in examples:
        verdict = graded(task, example.gold, example)
        if verdict is None:
            why = choice_problem(example.options, example.gold) if example.options else None
            ungradable.append(f"{example.uid}: {why or f'gold {example.gold!r}'}")
        elif not verdict:
            wrong.append(f"{example.uid}: gold {example.gold!r}")
    looked_at = f"{len(examples):,} {split} examples looked at"
    if ungradable:
        yield Problem(
            ungradable_level(len(ungradable), len(examples), split=split),
            f"{len(ungradable):,} of {looked_at} ({len(ungradable) / len(examples):.0%}) cannot be graded and count "
            f"nowhere: {ungradable[0]}",
            expected="the gold answer once among different options",
            fix="mend the options or the gold answers; `rftui tasks check` names more of them",
        )
    if wrong:
        yield Problem(
            ungradable_level(len(wrong), len(examples), split=split),
            f"{len(wrong):,} of {looked_at} have a gold answer that the task itself grades as wrong: {wrong[0]}",
            expected="grade(example.gold, example) to be True",
            fix="mend grade, or the gold answers",
        )


def _of_images(trained: list[Example], held_out: list[Example], *, available: int | None) -> Iterator[Problem]:
    """Held-out examples whose images, or which themselves, are trained on."""
    by_scene = {example.scene: example.uid for example in trained if example.scene}
    uids = {example.uid for example in trained}
    shared = Counter(
        twin
        for example in held_out
        if (twin := by_scene.get(example.scene) or (example.uid if example.uid in uids else None)) is not None
    )
    if not shared:
        return
    count = shared.total()
    compared = "the first" if available is None or len(trained) < available else "all"
    yield Problem(
        Level.WARNING,
        f"{count:,} of {len(held_out):,} held-out examples looked at ({count / len(held_out):.0%}) have images that "
        f"are trained on too ({compared} {len(trained):,} training examples compared), such as {next(iter(shared))}: "
        "accuracy tells what was learnt by heart",
        expected="images that only one split has",
        fix="split anew, or say so beside every number; `rftui tasks check` names more of them",
    )
