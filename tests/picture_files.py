"""Small image files that tests make: each colour is another content."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image


def picture(colour: tuple[int, ...] | str = "red", *, size: tuple[int, int] = (6, 4), kind: str = "PNG") -> bytes:
    """An image file of one colour."""
    mode = "RGBA" if isinstance(colour, tuple) and len(colour) == 4 else "RGB"
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, kind)
    return buffer.getvalue()


def numbered(number: int) -> bytes:
    """An image file that differs from those of other numbers."""
    return picture((number % 256, number // 256 % 256, 77))


def make_folder(root: Path, files: dict[str, bytes]) -> Path:
    """A folder of these files by path below it."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    return root


def class_folder(root: Path, counts: dict[str, int], *, start: int = 0) -> Path:
    """A folder with so many images, all different, in each class folder."""
    number = start
    for name, count in counts.items():
        for _ in range(count):
            number += 1
            make_folder(root, {f"{name}/{number:05}.png": numbered(number)})
    return root
