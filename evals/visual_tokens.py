"""How many visual tokens an image becomes in models of the Qwen-VL family, worked out without the model."""

from __future__ import annotations

import math
from typing import NamedTuple

QWEN_CELL = 28
"""Pixels a side that become one token in Qwen2-VL and Qwen2.5-VL: patches of 14, merged two by two."""
TINY_CELL = 16
"""The same in the embedded model: patches of 8."""
LONGEST_RATIO = 200
"""Longer strips than this to one are refused by the processor."""


class Grid(NamedTuple):
    """An image as the vision encoder takes it."""

    width: int
    height: int
    tokens: int


def visual_grid(width: int, height: int, *, cell: int, min_pixels: int, max_pixels: int) -> Grid:
    """The size that an image is brought to, and the tokens that makes. Raises ValueError for a very long strip.

    Both sides become multiples of `cell`, and the area goes into the limits with the ratio kept as well as can be.
    Source: `smart_resize` of transformers, models/qwen2_vl/image_processing_qwen2_vl.py.
    """
    ratio = max(width, height) / min(width, height)
    if ratio > LONGEST_RATIO:
        raise ValueError(f"{width}x{height} is {ratio:.0f} times as long as it is wide; {LONGEST_RATIO} is the most")
    # round() takes halves to the even neighbour, as the original does
    columns, rows = round(width / cell), round(height / cell)
    if rows * columns * cell**2 > max_pixels:
        shrink = math.sqrt(width * height / max_pixels)
        columns, rows = (max(1, math.floor(side / shrink / cell)) for side in (width, height))
    elif rows * columns * cell**2 < min_pixels:
        grow = math.sqrt(min_pixels / (width * height))
        columns, rows = (math.ceil(side * grow / cell) for side in (width, height))
    return Grid(columns * cell, rows * cell, columns * rows)
