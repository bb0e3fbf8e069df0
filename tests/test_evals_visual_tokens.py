"""Visual tokens without a model: the same arithmetic as the processor's."""

from __future__ import annotations

import random

import pytest

from evals.visual_tokens import QWEN_CELL, TINY_CELL, visual_grid


@pytest.mark.parametrize(
    ("size", "tokens"),
    [
        ((448, 448), 256),
        ((28, 28), 4),  # enlarged to the smallest area
        ((640, 480), 391),
        ((4000, 3000), 494),  # shrunk to 401,408 pixels
        ((400, 100), 56),
    ],
)
def test_images_become_these_tokens_under_the_default_limits(size: tuple[int, int], tokens: int) -> None:
    assert visual_grid(*size, cell=QWEN_CELL, min_pixels=3136, max_pixels=401408).tokens == tokens


def test_the_embedded_model_sees_nine_tokens() -> None:
    for size in ((48, 48), (105, 105), (512, 512)):
        assert visual_grid(*size, cell=TINY_CELL, min_pixels=2304, max_pixels=2304) == (48, 48, 9)


def test_a_very_long_strip_is_refused() -> None:
    with pytest.raises(ValueError, match="201 times"):
        visual_grid(2010, 10, cell=QWEN_CELL, min_pixels=3136, max_pixels=401408)


@pytest.mark.train
def test_the_arithmetic_is_the_processors_own() -> None:
    reference = pytest.importorskip("transformers.models.qwen2_vl.image_processing_qwen2_vl").smart_resize
    rng = random.Random(0)
    for _ in range(2000):
        width, height = rng.randint(1, 3000), rng.randint(1, 3000)
        if max(width, height) / min(width, height) > 200:
            continue
        cell, limits = rng.choice([(28, (3136, 401408)), (16, (2304, 2304)), (28, (784, 12845056))])

        grid = visual_grid(width, height, cell=cell, min_pixels=limits[0], max_pixels=limits[1])

        expected = reference(height, width, factor=cell, min_pixels=limits[0], max_pixels=limits[1])
        assert (grid.height, grid.width) == expected
        assert grid.tokens == grid.height * grid.width // cell**2
