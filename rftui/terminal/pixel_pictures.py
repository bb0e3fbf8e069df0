"""An image of a run in pixels, for a terminal that can: what is sent once, and the cells that it stands on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style

from rftui.terminal.graphics import (
    MOST_CELLS,
    Protocol,
    Support,
    kitty_image,
    kitty_removal,
    placeholder_row,
    sixel,
)
from rftui.terminal.half_blocks import ImageTrouble, Picture, Size, fitted_size, load_image

if TYPE_CHECKING:
    from PIL.Image import Image

IDENTITIES = {"truecolor": 0xFF0000, "256": 196}
"""Which image a placeholder means is told by its colour, and pure red comes out as these at either depth."""
MOST_PIXELS = 640
"""Sixel is not compressed: smaller images are enlarged by whole factors up to this, larger ones made smaller."""


def read_pixels(media: Path, digest: str, space: Size, support: Support, *, depth: str) -> Picture:
    """The stored image of that hash for `space`. Never raises: a problem stands in the picture's place.

    `depth` is the terminal's colour system as rich names it.
    """
    try:
        image = load_image(media, digest)
    except ImageTrouble as trouble:
        return Picture(problem=str(trouble))
    if support.protocol is Protocol.KITTY:
        return _kitty(image, space, support, identity=IDENTITIES.get(depth, IDENTITIES["truecolor"]))
    return _sixel(image, space, support)


def _kitty(image: Image, space: Size, support: Support, *, identity: int) -> Picture:
    """The pixels as they are: the terminal scales them to the cells."""
    room = Size(min(space.columns, MOST_CELLS), min(space.rows, MOST_CELLS))
    size = fitted_size(image.width, image.height, room, cell=support.cell)
    file = io.BytesIO()
    image.save(file, format="PNG")
    style = Style(color=Color.from_rgb(255, 0, 0))
    rows = tuple((Segment(placeholder_row(row, size.columns), style),) for row in range(size.rows))
    sent = kitty_image(file.getvalue(), identity=identity, columns=size.columns, rows=size.rows)
    return Picture(rows, size.columns, payload=sent, removal=kitty_removal(identity))


def _sixel(image: Image, space: Size, support: Support) -> Picture:
    """The pixels in the terminal's own, below blank cells."""
    from PIL.Image import Resampling

    across, down = support.cell
    room = (min(MOST_PIXELS, space.columns * across), min(MOST_PIXELS, space.rows * down))
    factor = min(room[0] / image.width, room[1] / image.height)
    factor = int(factor) if factor >= 1 else factor
    width, height = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    shown = image.resize((width, height), Resampling.NEAREST if factor >= 1 else Resampling.LANCZOS)
    size = Size(-(-width // across), -(-height // down))
    blank = (Segment(" " * size.columns),)
    return Picture((blank,) * size.rows, size.columns, payload=sixel(shown), is_painted=True)
