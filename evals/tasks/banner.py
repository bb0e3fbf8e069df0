"""Whether the message on a banner is positive or negative, in the form of the paper's private Banner-Analysis set.

The paper's 331 banners were never published, so neither generated banners nor a set of the user's own can be compared
with its numbers; every source says so.
"""

from __future__ import annotations

from pydantic import Field

from evals.errors import TaskError
from evals.files.splits import SPLITS
from evals.generated.banner_pictures import SMALL_SIDE
from evals.generated.banner_questions import balanced_question, draw
from evals.generated.banner_sentences import ANSWERS
from evals.task import Example, Source, Task, TaskOptions

LARGEST_SIDE = 2048
NOT_THE_PAPERS = "the paper's own banners are private, so results can't be compared with the paper's"


class BannerOptions(TaskOptions):
    """Options of the task `banner`."""

    side: int = Field(default=SMALL_SIDE, ge=SMALL_SIDE, le=LARGEST_SIDE)
    """Generated banners only: width in pixels; up to 191 they say a few short words, from 192 on whole sentences."""
    aspect: float = Field(default=0.0, ge=0.0, le=8.0)
    """Generated banners with sentences only: width over height; 0 varies from 1 to 4."""


class GeneratedBanners:
    """Generated banners of one split; each two in a row share a form and have opposite answers."""

    length = None

    def __init__(self, split: str, *, seed: int, difficulty: float, options: BannerOptions) -> None:
        self.split = split
        self.difficulty = difficulty
        self.options = options
        shape = f"{options.side}px" + (f"/{options.aspect:g}" if options.aspect else "")
        self._key = f"banner/generated/{shape}/d{difficulty:g}/s{seed}/{split}"

    def __getitem__(self, index: int) -> Example:
        question = balanced_question(
            self._key,
            index,
            split=self.split,
            difficulty=self.difficulty,
            side=self.options.side,
            aspect=self.options.aspect,
        )
        return Example(
            uid=f"{self._key}/{index}",
            split=self.split,
            index=index,
            kind=question.kind,
            question=question.text,
            options=question.options,
            gold=question.gold,
            scene=question.banner.hash,
            traces=question.traces,
            draw=lambda: (draw(question.banner),),
        )


class Banner(Task):
    """The task `banner`."""

    name = "banner"
    summary = "sentiment of a banner: is the message on it positive or negative"
    options_type = BannerOptions
    options: BannerOptions

    def source(self, option: str) -> Source:
        """Generated banners for auto and generated. Raises TaskError for anything else."""
        if option in ("auto", "generated"):
            return Source(
                "generated", "banner-generated", f"GENERATED DATA: banners drawn from a grammar; {NOT_THE_PAPERS}"
            )
        raise TaskError(f"source {option}", expected="auto or generated", fix="leave --data out")

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> GeneratedBanners:
        """Examples of train, validation or heldout; no banner occurs in two of them."""
        if split not in SPLITS:
            raise TaskError(f"split {split}", expected="train, validation or heldout")
        return GeneratedBanners(split, seed=seed, difficulty=difficulty, options=self.options)

    def answer_space(self, source: Source) -> tuple[str, ...]:
        """positive and negative."""
        return ANSWERS


TASK = Banner
