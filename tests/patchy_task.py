"""A task whose files are partly broken, for tests of reading images; as a module to run, a trainer that knows it.

Examples are the generated ones of `sat`; every fifth training example and a few held-out ones are cut-off files. With
PATCHY=all no file is whole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING

import evals.tasks
from evals.task import Example, Examples, Source
from evals.tasks.sat import SpatialAptitude

if TYPE_CHECKING:
    from PIL.Image import Image

Images = Callable[[], "tuple[Image, ...]"]
BROKEN = {"train": range(2, 1000, 5), "heldout": (0, 2, 5)}


def cut_off(images: Images) -> Images:
    """Files that open and cannot be decoded: half of a PNG."""

    def draw() -> tuple[Image, ...]:
        from PIL import Image

        opened = []
        for image in images():
            whole = BytesIO()
            image.save(whole, "PNG")
            opened.append(Image.open(BytesIO(whole.getvalue()[: whole.tell() // 2])))
        return tuple(opened)

    return draw


class PatchyExamples:
    """Generated examples of which some are broken."""

    def __init__(self, whole: Examples, *, broken: Collection[int], length: int | None = None) -> None:
        self.whole = whole
        self.broken = broken
        self.length = length

    def __getitem__(self, index: int) -> Example:
        example = self.whole[index]
        is_broken = index in self.broken or os.environ.get("PATCHY") == "all"
        return replace(example, draw=cut_off(example.draw)) if is_broken else example


class PatchyTask(SpatialAptitude):
    """`sat` with broken files."""

    name = "patchy"

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> PatchyExamples:
        """The examples of `sat`, some of them broken."""
        whole = super().examples(split, seed=seed, difficulty=difficulty, source=source)
        return PatchyExamples(whole, broken=BROKEN[split])


TASK = PatchyTask()

if __name__ == "__main__":
    # TRL takes ten seconds to import; the tests that import this module do without
    from trainer.__main__ import main

    evals.tasks.TASK_MODULES["patchy"] = "tests.patchy_task"
    sys.exit(main(sys.argv[1:]))
