"""Fine-grained aircraft classification in the form of FGVC-Aircraft (Maji et al. 2013), on generated aircraft.

https://www.robots.ox.ac.uk/~vgg/data/fgvc-aircraft/
"""

from __future__ import annotations

import random
from typing import Literal

from pydantic import Field

from evals.errors import TaskError
from evals.files.splits import SPLITS
from evals.generated.aircraft_drawing import DEFAULT_SIDE, LARGEST_SIDE, SMALLEST_SIDE, draw
from evals.generated.aircraft_fleet import DEFAULT_VARIANTS, FEWEST_VARIANTS, MOST_VARIANTS, fleet, labels
from evals.generated.aircraft_questions import ask
from evals.task import Example, Source, Task, TaskOptions


class AircraftOptions(TaskOptions):
    """Options of the task `aircraft`."""

    level: Literal["variant", "family", "manufacturer"] = "variant"
    """What is asked for: the variant (737-700), the family (Boeing 737) or the manufacturer (Boeing)."""
    show_options: int = Field(default=0, ge=0)
    """How many labels the prompt offers to choose from; 0 leaves the answer open, as the paper's code family does."""
    variants: int = Field(default=DEFAULT_VARIANTS, ge=FEWEST_VARIANTS, le=MOST_VARIANTS)
    """Generated aircraft only: how many variants there are."""
    side: int = Field(default=DEFAULT_SIDE, ge=SMALLEST_SIDE, le=LARGEST_SIDE)
    """Generated aircraft only: pixels a side."""


class GeneratedAircraft:
    """Generated pictures of one split; each stretch of as many as there are variants has each variant once."""

    length = None

    def __init__(self, split: str, *, seed: int, difficulty: float, options: AircraftOptions) -> None:
        self.split = split
        self.seed = seed
        self.difficulty = difficulty
        self.options = options
        self._fleet = fleet(options.variants)
        shown = f"/o{options.show_options}" if options.show_options else ""
        self._key = f"aircraft/generated/v{options.variants}/{options.side}px/{options.level}{shown}"

    def __getitem__(self, index: int) -> Example:
        options = self.options
        series = f"{self._key}/d{self.difficulty:g}/s{self.seed}/{self.split}"
        stretch, place = divmod(index, len(self._fleet))
        order = random.Random(f"{series}/stretch/{stretch}").sample(range(len(self._fleet)), len(self._fleet))
        uid = f"{series}/{index}"
        question = ask(
            random.Random(uid),
            self._fleet[order[place]],
            split=self.split,
            difficulty=self.difficulty,
            level=options.level,
            variants=self._fleet,
            option_count=options.show_options,
        )
        return Example(
            uid=uid,
            split=self.split,
            index=index,
            kind=question.kind,
            question=question.text,
            options=question.options,
            gold=question.gold,
            scene=question.scene.hash,
            traces=question.traces,
            draw=lambda: (draw(question.scene, options.side),),
        )


class Aircraft(Task):
    """The task `aircraft`."""

    name = "aircraft"
    summary = "fine-grained aircraft classification: which variant, family or manufacturer an image shows"
    options_type = AircraftOptions
    options: AircraftOptions

    def source(self, option: str) -> Source:
        """Generated aircraft for auto and generated. Raises TaskError for anything else."""
        if option in ("auto", "generated"):
            return Source(
                "generated",
                "aircraft-generated",
                f"GENERATED DATA: {self.options.variants} invented aircraft drawn from parameters; "
                "results say nothing about FGVC-Aircraft",
            )
        raise TaskError(f"source {option}", expected="auto or generated", fix="leave --data out")

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> GeneratedAircraft:
        """Examples of train, validation or heldout; no picture occurs in two of them."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        return GeneratedAircraft(split, seed=seed, difficulty=difficulty, options=self.options)

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """The labels of the level."""
        return labels(fleet(self.options.variants), self.options.level)


TASK = Aircraft
