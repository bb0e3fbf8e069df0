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
    rise: float
    """How far letters reach above the base line, in ems."""
    fall: float
    """How far below it."""

    @property
    def reach(self) -> float:
        """Height of a line of letters, in ems."""
        return self.rise + self.fall


FACES = {
    "sans": Face("font-hanken-grotesk", "HankenGrotesk-Bold.otf", 0.71, 0.235),
    "serif": Face("font-caladea", "Caladea-Bold.ttf", 0.71, 0.225),
    "italic": Face("font-caladea", "Caladea-BoldItalic.ttf", 0.71, 0.225),
    "print": Face("font-intuitive", "Intuitive.ttf", 0.775, 0.305),
    "light": Face("font-hanken-grotesk", "HankenGrotesk-Medium.otf", 0.7, 0.23),
    "book": Face("font-caladea", "Caladea-Regular.ttf", 0.71, 0.22),
    "hand": Face("font-amatic-sc", "AmaticSC-Bold.ttf", 0.785, 0.215),
}
"""By name. All carry their own hints: FreeType would hint others by itself, and otherwise in each of its versions."""
LEAST_DRAWN_EM = 56
"""Pixels; below, hints of some letters work differently in FreeType 2.13 and 2.14, and so in Pillow 11 and 12."""
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
    times = _times(em)
    left, _, right, _ = font(face, em * times).getbbox(text, anchor="ls")
    return -(-round(right - left) // times)


def _times(em: int) -> int:
    """How many times larger letters are drawn and measured, to be averaged down."""
    return -(-LEAST_DRAWN_EM // em)


@lru_cache(maxsize=4096)
def text_mask(face: str, em: int, text: str, slant: int) -> tuple[Image, int]:
    """The text in white on black, a pixel from its left edge, and how far its top lies from the base line.

    `slant` is in percent of the height, to the right. The picture must not be changed: it is kept.
    """
    from PIL import Image, ImageDraw

    times = _times(em)
    letters = font(face, em * times)
    box = [round(edge) for edge in letters.getbbox(text, anchor="ls")]
    lean = slant * em * times // 100
    # on the grid of what is averaged, with a pixel of air on each side: strokes may reach past the box by a fraction
    left, top = (edge // times - 1 for edge in box[:2])
    right, bottom = (-(-edge // times) + 1 for edge in (box[2] + lean, box[3]))
    mask = Image.new("L", ((right - left) * times, (bottom - top) * times), 0)
    ImageDraw.Draw(mask).text((-left * times, -top * times), text, fill=255, font=letters, anchor="ls")
    if lean:
        height = mask.height
        mask = mask.transform(
            mask.size, Image.Transform.AFFINE, (1, lean / height, -lean, 0, 1, 0), Image.Resampling.BILINEAR
        )
    return mask.reduce(times) if times > 1 else mask, top
