"""Reads the images of examples. One that cannot be read is left out, counted and noted; it ends no run."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import NamedTuple

from accelerate.utils import gather_object

from evals.checking.faults import mend_images, own_line
from evals.task import Example
from trainer.errors import ExamplesUnreadable
from trainer.model import FittedImage, ImageFitter
from trainer.recorder import Recorder

logger = logging.getLogger(__name__)

CANDIDATES = 16
"""Examples tried for one place before the data as a whole counts as unreadable."""


class Fitted(NamedTuple):
    """An example with its images as the model sees them."""

    example: Example
    images: tuple[FittedImage, ...]


class ImageReader:
    """Reads images, and remembers which examples could not be read, so that these stay out for the whole attempt."""

    def __init__(self, fit: ImageFitter) -> None:
        self.fit = fit
        self.reasons: dict[str, str] = {}
        """Why, by uid."""
        self.fix = "look at the files that the notes name, or name another --source"
        """What to do about them; another where the task's own code raised."""

    def read(self, example: Example) -> Fitted | None:
        """The example with its images; None where they cannot be read."""
        if example.uid in self.reasons:
            return None
        try:
            images = tuple(self.fit(image) for image in example.images)
            for item in images:
                # a file that PIL opened may not be decoded yet
                item.image.load()
        # a task's own code reads strangers' files: PIL alone answers them with OSError, SyntaxError, ValueError,
        # DecompressionBombError, struct.error and more
        except Exception as error:
            line = own_line(error)
            self.reasons[example.uid] = f"{type(error).__name__}: {error}" + (f" ({line})" if line else "")
            self.fix = mend_images(error) if line else self.fix
            return None
        return Fitted(example, images)

    def refusal(self, tried: int, *, what: str) -> ExamplesUnreadable:
        """The error for `tried` examples of which none could be read."""
        last = next(reversed(self.reasons.values()), "nothing: there are none")
        return ExamplesUnreadable(
            f"none of {tried} {what} examples tried could be read; the last said {last}",
            expected="images that open",
            fix=self.fix,
        )


class UnreadableExamples:
    """The unreadable examples of all ranks: a note for each, and their number."""

    def __init__(self, recorder: Recorder, *, what: str, consequence: str) -> None:
        self.recorder = recorder
        self.what = what
        self.consequence = consequence
        self.noted: set[str] = set()

    def has_new(self, reasons: Mapping[str, str]) -> bool:
        """Whether this rank met an example that is not noted yet."""
        return not self.noted.issuperset(reasons)

    def note(self, reasons: Mapping[str, str]) -> None:
        """Notes each example once, whichever rank met it. Collective: every rank takes part."""
        own = [(uid, reason) for uid, reason in reasons.items() if uid not in self.noted]
        everywhere = gather_object(own) if self.recorder.world_size > 1 else own
        for uid, reason in everywhere:
            if uid in self.noted:
                continue
            self.noted.add(uid)
            if self.recorder.is_main:
                text = f"{self.what} example {uid} cannot be read ({reason}); {self.consequence}"
                logger.warning("%s", text)
                self.recorder.note("warning", text)
