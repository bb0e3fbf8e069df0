"""Images of strangers' files as a model should see them: upright, RGB, transparency on white."""

from __future__ import annotations

import base64
import binascii
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm"})
"""Names of image files end so, in any case."""
_DATA_URI = re.compile(r"^data:[^,]{0,100},", re.IGNORECASE)


def decoded_image(data: bytes) -> Image:
    """The image in these bytes, fully decoded, RGB. Raises whatever Pillow raises for what is no image."""
    # Pillow costs 0.1 s, which reading a list of files does not need
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(data)) as opened:
        opened.load()
        # a phone stores a photo lying on its side with a note how to turn it
        return as_rgb(ImageOps.exif_transpose(opened))


def as_rgb(image: Image) -> Image:
    """The image as RGB: what is transparent becomes white, where Pillow's own conversion shows what lies below it."""
    from PIL import Image

    if image.mode == "RGB":
        return image
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow's own conversion clips at 255 and leaves a 16-bit scan white
        return image.point(lambda level: level / 256).convert("L").convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    drawn = image.convert("RGBA")
    ground = Image.new("RGBA", drawn.size, "white")
    return Image.alpha_composite(ground, drawn).convert("RGB")


def base64_bytes(text: str) -> bytes | None:
    """The bytes that a base64 text or a data URI holds; None where it is neither."""
    body = _DATA_URI.sub("", text, count=1)
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return None
