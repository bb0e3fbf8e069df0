"""Images of a run, by the hash of their pixels, each stored once."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image


def image_path(media: Path, digest: str) -> Path:
    """Where the image of that hash lies, there or not."""
    return media / digest[:2] / f"{digest}.png"


def write_image(media: Path, digest: str, image: Image) -> None:
    """Stores an image under its hash: whole or not at all. Raises OSError."""
    path = image_path(media, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    # ranks, on other machines too, write the same image at the same time; the last rename wins and both are whole
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        image.save(partial, format="PNG")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
