"""Which rows belong together because they share images: those must be in one split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


class Components:
    """Which rows share an image with each other, directly or over others."""

    def __init__(self) -> None:
        self._parent: dict[bytes, bytes] = {}

    def join(self, images: Sequence[bytes]) -> None:
        """Puts the images of one row together."""
        roots = [self.root(image) for image in images]
        for root in roots[1:]:
            if root != roots[0]:
                # the smaller one leads, so that the order of rows changes nothing
                high, low = max(root, roots[0]), min(root, roots[0])
                self._parent[high] = low
                roots[0] = low

    def root(self, image: bytes) -> bytes:
        """The image that stands for all that it is together with."""
        while (parent := self._parent.get(image, image)) != image:
            self._parent[image] = self._parent.get(parent, parent)
            image = parent
        return image


def content_name(prints: Sequence[bytes]) -> bytes:
    """One fingerprint for the images of a row."""
    return prints[0] if len(prints) == 1 else hashlib.blake2b(b"".join(prints), digest_size=16).digest()
