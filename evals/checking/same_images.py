"""Which examples have the same images, within a split and between splits."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from evals.checking.facts import Overlap
from evals.checking.faults import Faults
from evals.files.splits import SPLITS
from evals.task import Example

if TYPE_CHECKING:
    from PIL.Image import Image

_KEY_BYTES = 12
_SAME = "same images"


class ImagesSeen:
    """Remembers images by their content, and by what they look like as far as they were read."""

    def __init__(self) -> None:
        self._by_content: dict[str, dict[bytes, str]] = {}
        """Uid of the first example with each content, by split."""
        self._by_pixels: dict[str, dict[bytes, str]] = {}
        self._shared: dict[tuple[str, str], Faults] = {}
        self._answers: dict[bytes, tuple[bytes, str]] = {}
        """Hash of the answer and uid of the first example with each content and question."""
        self.contradictions = Faults()
        """Examples that ask the same of the same images as another one, and have another answer."""

    def note(self, split: str, example: Example, pixels: bytes | None) -> str | None:
        """Remembers an example's images; the uid of another example of its split that has the same."""
        keys = []
        if example.scene:
            keys.append((self._by_content, short_hash(example.scene)))
            self._compare_answers(example)
        if pixels is not None:
            keys.append((self._by_pixels, pixels))
        twins = {
            other: twin
            for memory, key in keys
            for other in SPLITS
            if other != split and (twin := memory.get(other, {}).get(key)) is not None
        }
        for other, twin in twins.items():
            self._shared.setdefault((other, split), Faults()).add(_SAME, f"{example.uid} and {twin}")
        own = [memory.setdefault(split, {}).setdefault(key, example.uid) for memory, key in keys]
        return next((uid for uid in own if uid != example.uid), None)

    def _compare_answers(self, example: Example) -> None:
        asked = short_hash(f"{example.scene}\n{example.question}")
        answer, twin = self._answers.setdefault(asked, (short_hash(example.gold), example.uid))
        if answer != short_hash(example.gold):
            self.contradictions.add("another answer", f"{example.uid} ({example.gold}) and {twin}")

    def overlaps(self) -> Iterator[Overlap]:
        """Images that two splits share."""
        for (first, second), faults in self._shared.items():
            yield Overlap(first, second, faults.counts[_SAME], tuple(faults.rows[_SAME]))


def short_hash(text: str) -> bytes:
    """A few bytes that tell texts apart; a split may have many."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=_KEY_BYTES).digest()


def pixel_hash(images: Sequence[Image]) -> bytes:
    """What images look like, whatever files they come from."""
    hashed = hashlib.blake2b(digest_size=_KEY_BYTES)
    for image in images:
        rgb = image.convert("RGB")
        hashed.update(f"{rgb.width}x{rgb.height}/".encode())
        hashed.update(rgb.tobytes())
    return hashed.digest()
