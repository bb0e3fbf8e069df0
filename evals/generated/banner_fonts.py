"""The fonts of generated banners: four families from pinned packages, so that every machine draws the same letters."""

from __future__ import annotations

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evals.errors import TaskError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageFont import FreeTypeFont


class Face(NamedTuple):
    """A font file of a package."""

    package: str
    """Distribution name on PyPI."""
    file: str
    reach: float
    """Height of a line from the top of d to the foot of p, in ems; how large the letters look at an em."""


FACES = {
    "sans": Face("font-manrope", "Manrope-ExtraBold.ttf", 1.0),
    "serif": Face("font-caladea", "Caladea-Bold.ttf", 0.94),
    "round": Face("font-fredoka-one", "FredokaOne-Regular.ttf", 1.02),
    "italic": Face("font-caladea", "Caladea-BoldItalic.ttf", 0.94),
    "light": Face("font-manrope", "Manrope-Medium.ttf", 1.0),
    "book": Face("font-caladea", "Caladea-Regular.ttf", 0.94),
    "hand": Face("font-amatic-sc", "AmaticSC-Bold.ttf", 0.84),
}
"""Heaviest first: a banner of 48 pixels takes the first few."""
NO_CHARACTER = "\ue000"
"""A character of the private use area, which none of the fonts has."""


@lru_cache(maxsize=256)
def font(face: str, em: int) -> FreeTypeFont:
    """The face at `em` pixels. Raises TaskError where its package isn't installed."""
    from PIL import ImageFont

    # the basic layout: Raqm is not on every machine, and kerns otherwise
    return ImageFont.truetype(str(_path(FACES[face])), em, layout_engine=ImageFont.Layout.BASIC)


def _path(face: Face) -> Path:
    spec = importlib.util.find_spec(face.package.replace("-", "_"))
    path = Path(spec.origin).parent / "files" / face.file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise TaskError(
            f"the font {face.file} is not installed",
            expected=f"the package {face.package}, which rftui depends on",
            fix=f"pip install {face.package}",
        )
    return path


@lru_cache(maxsize=4096)
def character_missing(face: str, character: str) -> bool:
    """Whether the face has no picture for the character and would draw an empty box."""
    letters = font(face, 40)
    return bytes(letters.getmask(character)) == bytes(letters.getmask(NO_CHARACTER))


@lru_cache(maxsize=4096)
def text_width(face: str, em: int, text: str) -> int:
    """Pixels from the first to the last stroke."""
    left, _, right, _ = font(face, em).getbbox(text, anchor="ls")
    return round(right - left)


@lru_cache(maxsize=4096)
def text_mask(face: str, em: int, text: str, slant: int) -> tuple[Image, int, int]:
    """The text in white on black, and where its top left corner lies from the start of its base line.

    `slant` is in percent of the height, to the right. The picture must not be changed: it is kept.
    """
    from PIL import Image, ImageDraw

    letters = font(face, em)
    left, top, right, bottom = (round(edge) for edge in letters.getbbox(text, anchor="ls"))
    lean = slant * em // 100
    # a pixel of air on each side: strokes may reach past the box by a fraction
    mask = Image.new("L", (right - left + 2 + lean, bottom - top + 2), 0)
    ImageDraw.Draw(mask).text((1 - left, 1 - top), text, fill=255, font=letters, anchor="ls")
    if lean:
        height = mask.height
        mask = mask.transform(
            mask.size, Image.Transform.AFFINE, (1, lean / height, -lean, 0, 1, 0), Image.Resampling.BILINEAR
        )
    return mask, left - 1, top - 1
