"""Images of runs for a report: small enough for a page, and only what really is an image."""

from __future__ import annotations

import base64
import io
import re
from typing import NamedTuple

from store.layout import Home
from store.media import image_path

SMALL_BYTES = 60_000
"""Files up to this size are taken as they are."""
LONGEST_SIDE = 512
"""Pixels of larger ones, which become JPEG."""
_HASH = re.compile(r"[0-9a-f]{8,128}")


class Picture(NamedTuple):
    """An image as it goes into a report."""

    name: str
    """A file name without a folder."""
    data: bytes
    kind: str
    """image/png or image/jpeg"""

    @property
    def uri(self) -> str:
        """The image as a data URI."""
        return f"data:{self.kind};base64,{base64.b64encode(self.data).decode('ascii')}"


def read_picture(home: Home, run: str, digest: str) -> Picture | None:
    """An image that a run stored, as the model saw it or shrunk; None where it is gone or none."""
    # the hash comes from a journal, and names a file
    if not _HASH.fullmatch(digest):
        return None
    # Pillow costs 0.1 s, which a report without examples should not pay
    from PIL import Image

    try:
        data = image_path(home.run(run).media, digest).read_bytes()
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            image.load()
            if len(data) <= SMALL_BYTES:
                return Picture(f"{digest[:16]}.png", data, "image/png")
            shrunk = image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        # Pillow tells a damaged file by any of these; the example is shown without its image
        return None
    shrunk.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    file = io.BytesIO()
    shrunk.save(file, format="JPEG", quality=85)
    return Picture(f"{digest[:16]}.jpg", file.getvalue(), "image/jpeg")
