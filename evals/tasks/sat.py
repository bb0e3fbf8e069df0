"""Spatial aptitude questions in the form of SAT (https://huggingface.co/datasets/array/SAT), on generated scenes.

A row of the real data: question "How did the camera likely move?", answers ["rotated left", "rotated right"],
correct_answer "rotated left". Its surprise: the answer is an option's text, never a letter.

Real SAT files are read by a later version. Here `auto` generates, and says so.
"""

from __future__ import annotations

import random

from evals.errors import TaskError
from evals.generated.scenes import draw
from evals.generated.spatial_questions import KINDS, ask
from evals.task import Example, Source, Task


class GeneratedScenes:
    """Generated questions of one split; question types take turns by index."""

    length = None

    def __init__(self, split: str, *, seed: int, difficulty: float) -> None:
        self.split = split
        self.seed = seed
        self.difficulty = difficulty

    def __getitem__(self, index: int) -> Example:
        key = f"sat/generated/d{self.difficulty:g}/s{self.seed}/{self.split}/{index}"
        kind = list(KINDS)[index % len(KINDS)]
        question = ask(random.Random(key), kind, split=self.split, difficulty=self.difficulty)
        return Example(
            uid=key,
            split=self.split,
            index=index,
            kind=kind,
            question=question.text,
            options=question.options,
            gold=question.gold,
            scene=question.scene.hash,
            traces=question.traces,
            draw=lambda: (draw(question.scene),),
        )


class SpatialAptitude(Task):
    """The task `sat`."""

    name = "sat"
    summary = "spatial questions with options (left/right, above/below, nearer/farther, count, compare, after a move)"

    def source(self, option: str) -> Source:
        """Generated scenes for auto and generated. Raises TaskError for anything else."""
        if option in ("auto", "generated"):
            return Source(
                "generated",
                "sat-generated",
                "GENERATED DATA: rendered scenes of coloured shapes; this version reads no real SAT data, "
                "and results say nothing about the SAT benchmark",
            )
        raise TaskError(
            f"source {option}",
            expected="auto or generated: this version does not read real SAT files",
            fix="leave --source out",
        )

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> GeneratedScenes:
        """Examples of train, validation or heldout; no scene occurs in two of them."""
        if split not in ("train", "validation", "heldout"):
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        return GeneratedScenes(split, seed=seed, difficulty=difficulty)


TASK = SpatialAptitude
