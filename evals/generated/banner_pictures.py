"""Draws generated banners: short messages in rows at 48 pixels or a little more, sentences wrapped to fit any size.

Letters are drawn larger than wanted and averaged down by whole numbers, which hides the small differences between
versions of the font rasteriser; everything else is integer work of Pillow. The same banner gives the same pixels.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from evals.generated.banner_fonts import FACES, text_mask, text_width
from evals.generated.banner_looks import STEEPEST, Look, Mark, Palette

if TYPE_CHECKING:
    from PIL.Image import Image

SMALL_SIDE = 48
"""Pixels of the embedded model's picture."""
ROWS = 3
"""Of a small banner; a row is as high as a visual token of the embedded model."""
LINE_PITCH = 1.15
"""From base line to base line, as a multiple of the letters' height."""
MEASURED_EM = 200
"""Pixels at which widths are measured."""
MOST_LINES = 10**6
"""More than fit anywhere."""
LEAST_EM = 10
"""Pixels; smaller letters can't be read."""
ROW_SHARE = 0.8
"""Height of a small banner's letters as a share of the row."""
SMALL_SCALE, LARGE_SCALE = 4, 2
"""How much larger letters are drawn before they are averaged down."""


class Line(NamedTuple):
    """A line of text where it stands, in pixels before averaging down."""

    text: str
    em: int
    x: int
    """Left edge."""
    baseline: int


class Layout(NamedTuple):
    """Where everything stands, in pixels before averaging down."""

    width: int
    height: int
    scale: int
    lines: tuple[Line, ...]
    """Of the message."""
    note: Line | None
    band: tuple[int, int, int, int] | None
    """Left, top, right, bottom of the ribbon."""
    frames: tuple[tuple[int, int, int, int], ...]
    """Rectangles drawn as outlines."""


class TextTooLong(ValueError):
    """The text does not fit legibly."""


def draw_banner(
    layout: Layout, look: Look, *, shift: tuple[int, int] = (0, 0), noise: float = 0.0, noise_seed: int = 0
) -> Image:
    """The banner as an RGB picture, with the message `shift` pixels off its place."""
    from PIL import Image

    width, height = layout.width // layout.scale, layout.height // layout.scale
    picture = _paper(look.palette, width, height)
    stained = _stained(layout, look)
    if stained is not None:
        band = Image.new("RGB", picture.size, look.palette.band)
        # half the paper shows through, so that the place can still be told
        picture.paste(Image.blend(picture, band, 0.5), (0, 0), stained.reduce(layout.scale))
    picture.paste(look.palette.ink, (0, 0), _letters(layout, look, shift).reduce(layout.scale))
    if noise > 0:
        pixels = random.Random(noise_seed).randbytes(width * height * 3)
        picture = Image.blend(picture, Image.frombytes("RGB", picture.size, pixels), noise)
    return picture


def _letters(layout: Layout, look: Look, shift: tuple[int, int]) -> Image:
    """Mask of everything drawn in ink."""
    from PIL import Image, ImageChops, ImageDraw

    mask = Image.new("L", (layout.width, layout.height), 0)
    lines = [(line, shift) for line in layout.lines] + ([(layout.note, (0, 0))] if layout.note else [])
    for line, (dx, dy) in lines:
        letters, top = text_mask(look.face, line.em, line.text, look.slant)
        at = (line.x - 1 + dx * layout.scale, line.baseline + top + dy * layout.scale)
        box = (at[0], at[1], at[0] + letters.width, at[1] + letters.height)
        mask.paste(ImageChops.lighter(letters, mask.crop(box)), box)
    pen = ImageDraw.Draw(mask)
    for frame in layout.frames:
        pen.rectangle(frame, outline=255, width=max(layout.scale, layout.height // 120))
    return mask


def _stained(layout: Layout, look: Look) -> Image | None:
    """Mask of ribbon and marks; None where there are none."""
    from PIL import Image, ImageDraw

    if layout.band is None and not look.marks:
        return None
    mask = Image.new("L", (layout.width, layout.height), 0)
    pen = ImageDraw.Draw(mask)
    if layout.band is not None:
        pen.rectangle(layout.band, fill=255)
    for mark in look.marks:
        pen.polygon(_outline(mark, layout.width, layout.height), fill=255)
    return mask


def _outline(mark: Mark, width: int, height: int) -> list[tuple[int, int]]:
    """Corners of a mark; a disc has many."""
    x, y = mark.x * width // 100, mark.y * height // 100
    radius = mark.radius * min(width, height) // 100
    if mark.shape in ("square", "bar"):
        high = radius if mark.shape == "square" else radius // 3
        return [(x - radius, y - high), (x + radius, y - high), (x + radius, y + high), (x - radius, y + high)]
    count, inner = {"disc": (32, 1.0), "triangle": (3, 1.0), "diamond": (4, 1.0), "star": (10, 0.4)}[mark.shape]
    reach = [radius * (inner if corner % 2 and mark.shape == "star" else 1.0) for corner in range(count)]
    return [
        (
            x + round(reach[corner] * math.sin(2 * math.pi * corner / count)),
            y - round(reach[corner] * math.cos(2 * math.pi * corner / count)),
        )
        for corner in range(count)
    ]


@lru_cache(maxsize=64)
def _kept_paper(palette: Palette, width: int, height: int) -> Image:
    from PIL import Image

    last = SMALL_SIDE - 1
    start, across, down = palette.paper, palette.across, palette.down
    pixels = bytes(
        max(0, min(255, s + (a - s) * x // last + (d - s) * y // last))
        for y in range(SMALL_SIDE)
        for x in range(SMALL_SIDE)
        for s, a, d in zip(start, across, down, strict=True)
    )
    paper = Image.frombytes("RGB", (SMALL_SIDE, SMALL_SIDE), pixels)
    return paper if (width, height) == paper.size else paper.resize((width, height), Image.Resampling.BILINEAR)


def _paper(palette: Palette, width: int, height: int) -> Image:
    return _kept_paper(palette, width, height).copy()


def shown(text: str, case: str) -> str:
    """The text as the look writes it."""
    return text.upper() if case == "upper" else text.lower() if case == "lower" else text


def small_layout(rows: Sequence[str], look: Look, side: int) -> Layout:
    """One row of text in each of three rows of the square."""
    scale = SMALL_SCALE
    size = side * scale
    edge = _frame_breadth(look, size)
    row, margin = (size - 2 * edge) // ROWS, edge + size // 24
    texts = [shown(text, look.case) for text in rows]
    room = size - 2 * margin
    # less than the row, so that a shift of a pixel keeps the letters whole
    em = min(_largest_em(look, texts, room), int(row * ROW_SHARE / FACES[look.face].reach))
    tops = [edge + (look.first_row + number) * row for number in range(len(texts))]
    lines = tuple(
        Line(text, em, margin + _indent(look, text, em, room), top + _baseline(row, em, look))
        for text, top in zip(texts, tops, strict=True)
    )
    band = (0, tops[0], size - 1, tops[-1] + row - 1) if look.frame == "ribbon" else None
    return Layout(
        size,
        size,
        scale,
        lines,
        _small_note(look, len(texts), row, room, margin, edge),
        band,
        _frames(look, size, size),
    )


def _small_note(look: Look, count: int, row: int, room: int, margin: int, edge: int) -> Line | None:
    free = [number for number in range(ROWS) if not look.first_row <= number < look.first_row + count]
    if not look.note or not free:
        return None
    top = edge + row * (free[-1] if look.note_below else free[0])
    em = min(row * 5 // 8, _largest_em(look, [look.note], room))
    return Line(look.note, em, margin + _indent(look, look.note, em, room), top + _baseline(row, em, look))


def _largest_em(look: Look, texts: Sequence[str], room: int) -> int:
    """The largest letters in which every text is no wider than `room`."""
    em = min(400, *(room * 100 // max(1, text_width(look.face, 100, text)) for text in texts))
    # widths are rounded at each size, so the proportion may be off by a pixel
    while em > 1 and max(_breadth(look, em, text) for text in texts) > room:
        em -= 1
    return em


def _breadth(look: Look, em: int, text: str) -> int:
    return text_width(look.face, em, text) + look.slant * em // 100


def _indent(look: Look, text: str, em: int, room: int) -> int:
    spare = room - _breadth(look, em, text)
    return {"left": 0, "centre": spare // 2, "right": spare}[look.align]


def _baseline(row: int, em: int, look: Look) -> int:
    """Where the base line is in a row so that ascenders and descenders have equal air."""
    face = FACES[look.face]
    return round((row - face.reach * em) / 2 + face.rise * em)


def _frame_breadth(look: Look, size: int) -> int:
    """Pixels of the frame from the edge inwards, with a little air."""
    return {"box": size // 32, "double": size // 12}.get(look.frame, 0)


def _frames(look: Look, width: int, height: int) -> tuple[tuple[int, int, int, int], ...]:
    if look.frame not in ("box", "double"):
        return ()
    step = min(width, height) // 48
    insets = [0] if look.frame == "box" else [0, 2 * step]
    return tuple((inset, inset, width - 1 - inset, height - 1 - inset) for inset in insets)


def large_layout(text: str, look: Look, width: int, height: int) -> Layout:
    """The text wrapped in the largest letters that fit, or the share of them that the look wants.

    Raises TextTooLong where they could not be read.
    """
    scale = LARGE_SCALE
    wide, high = width * scale, height * scale
    margin = min(wide, high) // 12
    strip = high // 7 if look.note else 0
    top = margin + (0 if look.note_below else strip)
    room_x, room_y = wide - 2 * margin, high - 2 * margin - strip
    words = shown(text, look.case).split()
    em = _largest_wrapped_em(look, words, room_x, room_y)
    least = LEAST_EM * scale
    if em < least:
        raise TextTooLong(f"{len(text)} characters do not fit legibly into {width} x {height} pixels")
    em = max(least, em * look.fill // 100)
    rows = wrapped(look, words, em, room_x)
    pitch = _pitch(look, em)
    first = top + (room_y - pitch * len(rows)) // 2
    lines = tuple(
        Line(row, em, margin + _indent(look, row, em, room_x), first + number * pitch + _baseline(pitch, em, look))
        for number, row in enumerate(rows)
    )
    band = (0, first - pitch // 5, wide - 1, first + pitch * len(rows) + pitch // 5) if look.frame == "ribbon" else None
    note = _large_note(look, wide, high, strip, margin) if look.note else None
    return Layout(wide, high, scale, lines, note, band, _frames(look, wide, high))


@lru_cache(maxsize=4096)
def _widest(character: str) -> float:
    """Width of a character in ems, in the widest face and case."""
    return max(text_width(face, 100, c) / 100 for face in FACES for c in (character.upper(), character.lower()))


def fits_always(text: str, width: int, height: int) -> bool:
    """Whether a banner of this size holds the text legibly, whatever its look. A safe guess: it may say no too early.

    Counted from the widths of single characters, since wrapping each of thousands of sentences in seven faces takes
    minutes.
    """
    shorter = min(width, height)
    # a tenth of an em between letters: bounding boxes leave out the air beside a stroke
    spaces = [sum(_widest(c) + 0.1 for c in word) * LEAST_EM for word in text.split()]
    line = width - shorter / 6 - LEAST_EM * (STEEPEST / 100 + 0.1) - 1
    rows, used = 1, 0.0
    for space in spaces:
        if space > line:
            return False
        if used and used + LEAST_EM * 0.5 + space > line:
            rows, used = rows + 1, 0.0
        used += space + (LEAST_EM * 0.5 if used else 0)
    pitch = LEAST_EM * max(face.reach for face in FACES.values()) * LINE_PITCH + 1
    return rows * pitch <= height * 6 / 7 - shorter / 6 - 2


def _large_note(look: Look, wide: int, high: int, strip: int, margin: int) -> Line:
    room = wide - 2 * margin
    em = min(int(strip * 0.7), _largest_em(look, [look.note], room))
    top = high - margin - strip if look.note_below else margin
    return Line(look.note, em, margin + _indent(look, look.note, em, room), top + _baseline(strip, em, look))


def _pitch(look: Look, em: int) -> int:
    """From base line to base line."""
    return math.ceil(FACES[look.face].reach * em * LINE_PITCH)


def _largest_wrapped_em(look: Look, words: list[str], room_x: int, room_y: int) -> int:
    """The largest letters in which the words fit, wrapped; 0 where none do."""
    low, high = 0, room_y
    while low < high:
        em = (low + high + 1) // 2
        if _pitch(look, em) * _line_count(look, words, em, room_x) <= room_y:
            low = em
        else:
            high = em - 1
    # the counted widths may be off by a pixel a word
    while low and not _fits(look, words, low, room_x, room_y):
        low -= 1
    return low


def _line_count(look: Look, words: list[str], em: int, room: int) -> int:
    """About how many lines the words take, from their widths at one size; more than any room has if one is too wide.

    Measuring at each size would open the font as often, for a tenth of a second a banner.
    """
    lean, space = look.slant * em / 100, _word_width(look.face, " ") * em
    lines, used = 0, float("inf")
    for word in words:
        width = _word_width(look.face, word) * em
        if width + lean > room:
            return MOST_LINES
        if used + space + width + lean <= room:
            used += space + width
        else:
            lines, used = lines + 1, width
    return lines


@lru_cache(maxsize=4096)
def _word_width(face: str, word: str) -> float:
    """In ems."""
    if word == " ":
        return _word_width(face, "a a") - _word_width(face, "aa")
    return text_width(face, MEASURED_EM, word) / MEASURED_EM


def _fits(look: Look, words: list[str], em: int, room_x: int, room_y: int) -> bool:
    lines = wrapped(look, words, em, room_x)
    return _pitch(look, em) * len(lines) <= room_y and max(_breadth(look, em, line) for line in lines) <= room_x


def wrapped(look: Look, words: list[str], em: int, room: int) -> list[str]:
    """Lines of as many words as fit."""
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _breadth(look, em, longer) <= room:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
