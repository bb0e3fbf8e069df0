"""An image as half blocks, two pixels a cell, or as ASCII by brightness. Pure but for reading the file."""

from __future__ import annotations

import re
import warnings
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from store.media import image_path

if TYPE_CHECKING:
    from PIL.Image import Image

UPPER_HALF = "▀"
RAMP = " .:-=+*#%@"
_HASH = re.compile(r"[0-9a-fA-F]{4,128}")


class Picture(NamedTuple):
    """A picture in cells, or why there is none."""

    rows: tuple[tuple[Segment, ...], ...] = ()
    columns: int = 0
    problem: str = ""
    """What is wrong, in a sentence; empty where it can be seen."""
    payload: str = ""
    """What is sent to the terminal once where the picture is one of pixels."""
    removal: str = ""
    """What takes such a picture away again; drawing over it does where this is empty."""
    is_painted: bool = False
    """Whether the payload paints over the cells, so that it must follow them."""


class ImageTrouble(ValueError):
    """An image that cannot be shown, and why, in a sentence."""


class Size(NamedTuple):
    """Columns and rows of cells."""

    columns: int
    rows: int


def fitted_size(width: int, height: int, space: Size, *, cell: tuple[int, int] = (1, 2)) -> Size:
    """The largest size in cells within `space` that keeps the aspect, at least one cell.

    A cell is as wide and high as `cell` says, by default two half blocks high.
    """
    if width < 1 or height < 1:
        return Size(1, 1)
    across, down = cell
    scale = min(across * space.columns / width, down * space.rows / height)
    columns, rows = round(width * scale / across), round(height * scale / down)
    return Size(max(1, min(space.columns, columns)), max(1, min(space.rows, rows)))


def load_image(media: Path, digest: str) -> Image:
    """The stored image of that hash. Raises ImageTrouble."""
    if not _HASH.fullmatch(digest):
        raise ImageTrouble("the record names no image by its hash")
    path = image_path(media, digest)
    if not path.exists():
        raise ImageTrouble(f"the image {digest[:12]} is not in the run's media folder")
    # PIL costs 0.05 s; most starts of the application show no image
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # a picture too large to be one of ours is refused, not warned of
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return image.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageTrouble(f"the image {digest[:12]} cannot be read: {type(error).__name__}") from error
    except Image.DecompressionBombWarning as error:
        raise ImageTrouble(f"the image {digest[:12]} is too large to be drawn") from error


def read_picture(media: Path, digest: str, space: Size, *, is_ascii: bool) -> Picture:
    """The stored image of that hash, sized to `space`. Never raises: a problem stands in the picture's place."""
    try:
        image = load_image(media, digest)
    except ImageTrouble as trouble:
        return Picture(problem=str(trouble))
    from PIL.Image import Resampling

    size = fitted_size(image.width, image.height, space)
    method = Resampling.NEAREST if size.columns > image.width else Resampling.BOX
    small = image.resize((size.columns, size.rows * 2), method)
    pixels = small.tobytes()
    draw = _ascii_row if is_ascii else _half_block_row
    stride = 3 * size.columns
    rows = tuple(
        draw(pixels[2 * row * stride : (2 * row + 1) * stride], pixels[(2 * row + 1) * stride : (2 * row + 2) * stride])
        for row in range(size.rows)
    )
    return Picture(rows, size.columns)


def _half_block_row(upper: bytes, lower: bytes) -> tuple[Segment, ...]:
    cells = [(upper[at : at + 3], lower[at : at + 3]) for at in range(0, len(upper), 3)]
    return tuple(
        Segment(UPPER_HALF * len(list(same)), Style(color=Color.from_rgb(*top), bgcolor=Color.from_rgb(*bottom)))
        for (top, bottom), same in groupby(cells)
    )


def _ascii_row(upper: bytes, lower: bytes) -> tuple[Segment, ...]:
    both = [
        (sum(upper[at : at + 3]) + sum(lower[at : at + 3])) * len(RAMP) // (6 * 256) for at in range(0, len(upper), 3)
    ]
    return (Segment("".join(RAMP[level] for level in both)),)
