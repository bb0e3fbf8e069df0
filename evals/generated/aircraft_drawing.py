"""Paints a generated aircraft at any size; the same scene and side give the same pixels on every machine.

Corners are computed with the four basic operations alone, which every machine rounds alike, then rounded to whole
pixels of a picture four times as large, which is reduced in whole numbers.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from evals.generated.aircraft_scenes import COLOURS, WINGS, AircraftScene, Jitter
from evals.generated.aircraft_shapes import Point, nose_and_tail, parts

if TYPE_CHECKING:
    from PIL.Image import Image

DEFAULT_SIDE = 48
SMALLEST_SIDE, LARGEST_SIDE = 32, 1024
UNITS = 48
"""Units a side, whatever the pixels."""
OVERSAMPLING = 4
OUTLINE = (15, 15, 25)
PAINTS = {
    "engine": (55, 55, 65),
    "blade": (110, 50, 20),
    "glass": (25, 40, 70),
    "tyre": (15, 15, 15),
}
"""Of parts that no livery colours."""
SHADE = 72
"""Brightness of a wing in shade, in percent."""
CLOUD = (250, 250, 252)
CLOUD_COVER = 200
"""Opacity of a cloud, of 255."""


def draw(scene: AircraftScene, side: int = DEFAULT_SIDE) -> Image:
    """The scene as an RGB picture of side × side pixels."""
    # PIL costs 50 ms, which commands that draw nothing should not pay
    from PIL import Image, ImageDraw

    fine = side * OVERSAMPLING
    picture = _background(side).resize((fine, fine), Image.Resampling.NEAREST)
    pen = ImageDraw.Draw(picture)
    width = max(2, round(0.8 * fine / UNITS))
    for part in parts(scene):
        corners = [_placed(point, scene, fine) for point in part.points]
        pen.polygon(corners, fill=_paint(part.paint, scene))
        if part.has_outline:
            pen.line([*corners, corners[0]], fill=OUTLINE, width=width)
            half = width // 2
            for x, y in corners:
                # wide lines leave a notch where they meet
                pen.ellipse((x - half, y - half, x + half, y + half), fill=OUTLINE)
    return _with_noise(_behind_clouds(picture.reduce(OVERSAMPLING), scene.jitter), scene.jitter)


def cell_of_nose_and_tail(scene: AircraftScene, *, cells: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Column and row of the body's ends, on a grid of so many cells a side."""
    nose, tail = (_placed(point, scene, cells * 1000) for point in nose_and_tail(scene))
    return _cell(nose, cells), _cell(tail, cells)


def box_of(scene: AircraftScene, side: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom pixel of the aircraft, within the picture."""
    corners = [_placed(point, scene, side) for part in parts(scene) for point in part.points]
    edges = [choice(corner[axis] for corner in corners) for choice, axis in ((min, 0), (min, 1), (max, 0), (max, 1))]
    left, top, right, bottom = (min(side - 1, max(0, edge)) for edge in edges)
    return left, top, right, bottom


def _cell(at: tuple[int, int], cells: int) -> tuple[int, int]:
    column, row = (min(cells - 1, max(0, part // 1000)) for part in at)
    return column, row


def _placed(point: Point, scene: AircraftScene, size: int) -> tuple[int, int]:
    """Where a point of the aircraft lies in a picture of that size."""
    x, y = point
    jitter = scene.jitter
    if scene.is_flipped and scene.view == "top":
        y = -y
    elif scene.is_flipped:
        x = -x
    # cosine and sine by the tangent of half the angle: no library function that machines round differently
    square = jitter.turn * jitter.turn
    cosine, sine = (1 - square) / (1 + square), 2 * jitter.turn / (1 + square)
    x, y = x * cosine - y * sine, x * sine + y * cosine
    return (
        int(size * (0.5 + jitter.shift[0] + jitter.scale * x / UNITS) + 0.5),
        int(size * (0.5 + jitter.shift[1] + jitter.scale * y / UNITS) + 0.5),
    )


def _paint(name: str, scene: AircraftScene) -> tuple[int, int, int]:
    if name in PAINTS:
        return PAINTS[name]
    red, green, blue = WINGS[scene.livery.wings]
    if name == "wing":
        return red, green, blue
    if name == "far":
        return red * SHADE // 100, green * SHADE // 100, blue * SHADE // 100
    return COLOURS[scene.livery.body if name == "body" else scene.livery.second]


def _background(side: int) -> Image:
    """A soft gradient in two directions: it puts position into every patch, which a tiny vision encoder needs."""
    from PIL import Image

    steps = bytes(120 + 110 * place // (side - 1) for place in range(side))
    down = Image.frombytes("L", (1, side), steps).resize((side, side), Image.Resampling.NEAREST)
    right = Image.frombytes("L", (side, 1), steps).resize((side, side), Image.Resampling.NEAREST)
    return Image.merge("RGB", (down, Image.new("L", (side, side), 225), right))


def _behind_clouds(picture: Image, jitter: Jitter) -> Image:
    from PIL import Image, ImageDraw

    if not jitter.clouds:
        return picture
    size = picture.width * OVERSAMPLING
    cover = Image.new("L", (size, size), 0)
    pen = ImageDraw.Draw(cover)
    for cloud in jitter.clouds:
        for across, down, share in ((0.0, 0.0, 1.0), (-0.7, 0.3, 0.6), (0.7, 0.2, 0.7)):
            x, y = cloud.x + across * cloud.width, cloud.y + down * cloud.height
            w, h = share * cloud.width, share * cloud.height
            box = [int(size * edge) for edge in (x - w, y - h, x + w, y + h)]
            pen.ellipse((box[0], box[1], box[2], box[3]), fill=CLOUD_COVER)
    return Image.composite(Image.new("RGB", picture.size, CLOUD), picture, cover.reduce(OVERSAMPLING))


def _with_noise(picture: Image, jitter: Jitter) -> Image:
    from PIL import Image

    if jitter.noise <= 0:
        return picture
    speckle = Image.frombytes("RGB", picture.size, random.Random(jitter.noise_seed).randbytes(3 * picture.width**2))
    return Image.blend(picture, speckle, jitter.noise)
