"""Images are drawn in cells with their aspect kept, and what is wrong with one is said."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from rich.color import Color

from rftui.terminal.half_blocks import Size, fitted_size, read_picture
from store.media import image_path, write_image

DIGEST = "cd" * 32


@pytest.mark.parametrize(
    ("pixels", "space", "size"),
    [
        ((448, 448), (40, 20), (40, 20)),
        ((448, 448), (80, 20), (40, 20)),
        ((448, 448), (20, 40), (20, 10)),
        ((48, 48), (40, 20), (40, 20)),  # small ones grow
        ((1000, 10), (40, 20), (40, 1)),
        ((10, 1000), (40, 20), (1, 20)),
        ((0, 5), (40, 20), (1, 1)),
    ],
)
def test_an_image_fills_its_space_and_keeps_its_aspect(
    pixels: tuple[int, int], space: tuple[int, int], size: tuple[int, int]
) -> None:
    assert fitted_size(*pixels, Size(*space)) == size


def test_two_pixels_share_a_cell_and_equal_cells_share_a_segment(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 4), "red")
    image.paste("blue", (0, 2, 4, 4))
    write_image(tmp_path, DIGEST, image)

    picture = read_picture(tmp_path, DIGEST, Size(4, 1), is_ascii=False)
    (segment,) = picture.rows[0]

    assert (picture.columns, len(picture.rows), segment.text) == (2, 1, "▀▀")
    assert segment.style is not None
    assert (segment.style.color, segment.style.bgcolor) == (Color.from_rgb(255, 0, 0), Color.from_rgb(0, 0, 255))


def test_ascii_shows_brightness(tmp_path: Path) -> None:
    image = Image.new("L", (4, 4), 255)
    image.paste(0, (0, 0, 2, 4))
    write_image(tmp_path, DIGEST, image)

    picture = read_picture(tmp_path, DIGEST, Size(4, 2), is_ascii=True)

    assert [row[0].text for row in picture.rows] == ["  @@", "  @@"]


def test_a_missing_image_is_said(tmp_path: Path) -> None:
    assert "is not in the run's media folder" in read_picture(tmp_path, DIGEST, Size(9, 9), is_ascii=False).problem


@pytest.mark.parametrize("digest", ["../../etc/passwd", "", "\x1b]0;x\x07", "xyz"])
def test_what_is_no_hash_opens_no_file(tmp_path: Path, digest: str) -> None:
    assert read_picture(tmp_path, digest, Size(9, 9), is_ascii=False).problem == "the record names no image by its hash"


@pytest.mark.parametrize("content", [b"", b"no image", b"\x89PNG\r\n\x1a\n" + b"\0" * 40])
def test_a_broken_image_is_said(tmp_path: Path, content: bytes) -> None:
    path = image_path(tmp_path, DIGEST)
    path.parent.mkdir()
    path.write_bytes(content)

    assert "cannot be read" in read_picture(tmp_path, DIGEST, Size(9, 9), is_ascii=False).problem


def test_a_torn_image_is_said(tmp_path: Path) -> None:
    write_image(tmp_path, DIGEST, Image.effect_noise((64, 64), 50))
    path = image_path(tmp_path, DIGEST)
    path.write_bytes(path.read_bytes()[:-900])

    assert "cannot be read" in read_picture(tmp_path, DIGEST, Size(9, 9), is_ascii=False).problem


def test_an_image_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path, DIGEST, Image.new("RGB", (64, 64)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)

    assert "too large" in read_picture(tmp_path, DIGEST, Size(9, 9), is_ascii=False).problem
