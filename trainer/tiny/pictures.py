"""Pictures as the vision encoder takes them: the numbers that Qwen2.5-VL's processor gives, ten times as fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from evals.generated.scenes import CELL_PIXELS, GRID, SCENE_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

MERGE = 2
"""Patches a side of a visual token."""
PATCH_PIXELS = CELL_PIXELS // MERGE
"""A visual token covers one cell of a scene."""
FRAMES = 2
"""A picture is given twice, as the encoder's two frames in time."""
MEAN = np.array([0.48145466, 0.4578275, 0.40821073], dtype=np.float32)
SPREAD = np.array([0.26862954, 0.26130258, 0.27577711], dtype=np.float32)
"""Of the channels, as Qwen2-VL's processor has them."""


def patches(images: Sequence[Image]) -> tuple[torch.Tensor, torch.Tensor]:
    """Pixel values (pictures * 36, 384) and the grid of patches of each picture (pictures, 3)."""
    pixels = (np.stack([np.asarray(image) for image in images]).astype(np.float32) / 255 - MEAN) / SPREAD
    count = len(images)
    # (picture, channel, cell row, patch row, y, cell column, patch column, x) to cells first, then patches, then values
    cut = pixels.transpose(0, 3, 1, 2).reshape(count, 3, GRID, MERGE, PATCH_PIXELS, GRID, MERGE, PATCH_PIXELS)
    cut = cut.transpose(0, 2, 5, 3, 6, 1, 4, 7)
    doubled = np.repeat(cut[:, :, :, :, :, :, None], FRAMES, axis=6)
    side = SCENE_PIXELS // PATCH_PIXELS
    flat = np.ascontiguousarray(doubled.reshape(count * side * side, -1))
    return torch.from_numpy(flat), torch.tensor([[1, side, side]] * count)
