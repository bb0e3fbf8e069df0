"""How generated banners look: typeface, case, alignment, frame, colours and distractors, more of them when harder.

Colours are drawn so that letters always stand out: the contrast ratio of the Web Content Accessibility Guidelines is at
least CONTRAST between ink and every shade it can lie on.
"""

from __future__ import annotations

import colorsys
import random
from typing import NamedTuple

from evals.generated.banner_fonts import FACES

CONTRAST = 4.5
"""Level AA for text of any size (WCAG 2.1, success criterion 1.4.3)."""
SMALL_FACES = ("sans", "serif", "italic", "print")
"""Heavy enough to be read at 48 pixels."""
CASES = ("lower", "upper", "title")
ALIGNMENTS = ("left", "centre", "right")
FRAMES = ("none", "box", "ribbon", "double")
MARKS = ("disc", "square", "triangle", "diamond", "star", "bar")
NOTES = (
    *("3 May", "12 June", "8 pm", "Hall 4", "Gate 7", "No. 18", "$9", "$25", "Mon-Fri", "2nd floor", "Est. 1987"),
    *("Room 12", "Tel. 555 01", "Page 6", "Line 3"),
)
"""Neutral small print."""
STEEPEST = 18
"""Slant of letters in percent of their height."""
MOST_MARKS = 5
MILD_NOISE, STRONG_NOISE = 0.35, 0.58
"""Shares of random pixels blended in. At difficulty d a banner has strong noise with a chance of d, and else MILD_NOISE
times the square of d: some are easily read and some hardly, for people too."""
INKS = {
    "light": ((25, 25, 25), (150, 20, 30), (20, 40, 150), (80, 20, 110), (15, 80, 35)),
    "dark": ((255, 255, 255), (255, 230, 120), (190, 240, 255), (255, 205, 190)),
}
"""Inks of a small banner by its paper."""

Colour = tuple[int, int, int]


class Palette(NamedTuple):
    """Colours of a banner. Paper runs from its first colour, top left, to the others."""

    ink: Colour
    paper: Colour
    across: Colour
    """At the top right."""
    down: Colour
    """At the bottom left."""
    band: Colour
    """Of the ribbon and of marks; blended half and half with the paper below."""

    @property
    def corners(self) -> tuple[Colour, Colour, Colour, Colour]:
        """Paper at the top left, top right, bottom left and bottom right."""
        last = tuple(max(0, min(255, a + d - p)) for a, d, p in zip(self.across, self.down, self.paper, strict=True))
        return self.paper, self.across, self.down, (last[0], last[1], last[2])

    @property
    def contrast(self) -> float:
        """Least contrast ratio of the ink with the paper or the band anywhere."""
        shades = [*self.corners, *(half(corner, self.band) for corner in self.corners)]
        # each channel runs straight from corner to corner, so its extremes bound every shade between
        extremes = [tuple(choose(shade[i] for shade in shades) for i in range(3)) for choose in (min, max)]
        return min(contrast_ratio(self.ink, (r, g, b)) for r, g, b in extremes)


class Mark(NamedTuple):
    """A shape that means nothing."""

    shape: str
    x: int
    """Of the middle, in percent of the width."""
    y: int
    radius: int
    """In percent of the shorter side."""


class Look(NamedTuple):
    """Everything about a banner but its words."""

    face: str
    case: str
    align: str
    frame: str
    slant: int
    """Percent of the letters' height, to the right."""
    first_row: int
    """Of a short message, 0 to 2."""
    fill: int
    """Size of a sentence's letters in percent of the largest that fit."""
    note: str
    """Small neutral text; empty for none."""
    note_below: bool
    palette: Palette
    marks: tuple[Mark, ...]


def half(a: Colour, b: Colour) -> Colour:
    """The colour between two."""
    return (a[0] + b[0]) // 2, (a[1] + b[1]) // 2, (a[2] + b[2]) // 2


def luminance(colour: Colour) -> float:
    """Relative luminance of an sRGB colour, 0 to 1 (WCAG 2.1)."""
    red, green, blue = (
        value / 12.92 if value <= 0.03928 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in colour)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(a: Colour, b: Colour) -> float:
    """From 1, the same, to 21, black on white (WCAG 2.1)."""
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def small_look(rng: random.Random, difficulty: float, *, rows: int) -> Look:
    """A look for a short message of that many rows, drawn at the embedded model's size."""
    # easy banners differ in little, so that there is something to learn from first
    faces = SMALL_FACES[: 2 + round(difficulty * 2)]
    frames = FRAMES if rng.random() < difficulty else FRAMES[:1]
    free = 3 - rows
    has_note = free > 0 and rng.random() < 0.6 * difficulty
    paper = "dark" if rng.random() < 0.4 * difficulty else "light"
    return Look(
        face=rng.choice(faces),
        case="upper" if rng.random() < 0.5 * difficulty else "lower",
        align=rng.choice(ALIGNMENTS) if rng.random() < difficulty else "centre",
        frame=rng.choice(frames),
        slant=rng.choice((0, 0, 12)) if rng.random() < difficulty else 0,
        first_row=rng.randint(0, free),
        fill=100,
        note=rng.choice(NOTES) if has_note else "",
        note_below=rng.random() < 0.5,
        palette=_small_palette(rng, paper),
        marks=_marks(rng, round(rng.random() * 3 * difficulty)),
    )


def _small_palette(rng: random.Random, kind: str) -> Palette:
    """Paper that is redder towards the bottom and bluer towards the right: a tiny vision encoder needs the place."""
    ink = rng.choice(INKS[kind])
    if kind == "light":
        return Palette(ink, (150, 235, 150), (150, 235, 250), (250, 235, 150), (255, 255, 255))
    return Palette(ink, (10, 20, 10), (10, 20, 100), (100, 20, 10), (0, 0, 0))


def small_noise(rng: random.Random, difficulty: float) -> float:
    """Share of random pixels in a banner at the embedded model's size, 0 to 1."""
    return STRONG_NOISE if rng.random() < difficulty else MILD_NOISE * difficulty**2


def large_look(rng: random.Random, difficulty: float, *, faces: tuple[str, ...] = tuple(FACES)) -> Look:
    """A look for a sentence, drawn large, in one of these faces."""
    return Look(
        face=rng.choice(faces),
        case=rng.choices(("title", "upper", "lower"), (4, 2, 1))[0],
        align=rng.choice(ALIGNMENTS),
        frame=rng.choice(FRAMES),
        slant=rng.choice((0, 0, 0, STEEPEST // 2, STEEPEST)),
        first_row=0,
        fill=rng.randint(100 - round(35 * difficulty), 100),
        note=rng.choice(NOTES) if rng.random() < 0.3 + 0.5 * difficulty else "",
        note_below=rng.random() < 0.7,
        palette=_large_palette(rng),
        marks=_marks(rng, rng.randint(0, 2 + round((MOST_MARKS - 2) * difficulty))),
    )


def _large_palette(rng: random.Random) -> Palette:
    """Any hues, on light or dark paper, drawn again until the ink stands out."""
    while True:
        is_dark = rng.random() < 0.45
        hue, saturation = rng.random(), rng.uniform(0.05, 0.7)
        ink = _colour(rng.random(), rng.uniform(0.0, 0.9), rng.uniform(0.9, 1.0) if is_dark else rng.uniform(0.05, 0.5))
        value = rng.uniform(0.1, 0.5) if is_dark else rng.uniform(0.85, 1.0)
        paper = _colour(hue, saturation, value)
        across = _colour(hue + rng.uniform(-0.1, 0.1), saturation, value * rng.uniform(0.8, 1.0))
        down = _colour(hue + rng.uniform(-0.1, 0.1), saturation, value * rng.uniform(0.8, 1.0))
        palette = Palette(ink, paper, across, down, _colour(rng.random(), rng.uniform(0, 0.6), value))
        if palette.contrast >= CONTRAST:
            return palette


def _colour(hue: float, saturation: float, value: float) -> Colour:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _marks(rng: random.Random, count: int) -> tuple[Mark, ...]:
    return tuple(
        Mark(rng.choice(MARKS), rng.randint(0, 100), rng.randint(0, 100), rng.randint(5, 18)) for _ in range(count)
    )
