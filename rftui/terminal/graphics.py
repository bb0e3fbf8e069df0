"""Images in pixels on a terminal that can: which protocol it speaks, and the bytes of it. Pure; writes nothing.

Kitty's protocol is used with Unicode placeholders: the image is sent once, and cells of text stand for its parts, so
that scrolling, dialogs and clearing work as for text. Sixel paints the pixels under cells that are drawn blank.
Sources: https://sw.kovidgoyal.net/kitty/graphics-protocol/ (unicode placeholders), VT330/340 manual, chapter 14.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

SETTING = "RFTUI_IMAGES"
"""Environment variable: auto, kitty, sixel or half."""
QUERY = "\x1b[>q\x1b[16t\x1b[c"
"""Asks for the terminal's name, the pixels of a cell, and, which every terminal answers, its features."""
END_OF_ANSWER = re.compile(rb"\x1b\[\?[\d;]*c")
USUAL_CELL = (10, 20)
CHUNK = 4096
"""Characters of one command of kitty's protocol."""
COLOURS = 255
PLACEHOLDER = "\U0010eeee"
# rows and columns are counted by these accents, in kitty's order (gen/rowcolumn-diacritics.txt, Unicode 6.0)
_ACCENTS = (
    "0305 030d-030e 0310 0312 033d-033f 0346 034a-034c 0350-0352 0357 035b 0363-036f 0483-0487 0592-0595 0597-0599 "
    "059c-05a1 05a8-05a9 05ab-05ac 05af 05c4 0610-0617 0657-065b 065d-065e 06d6-06dc 06df-06e2 06e4 06e7-06e8 "
    "06eb-06ec 0730 0732-0733 0735-0736 073a 073d 073f-0741 0743 0745 0747 0749-074a 07eb-07f1 07f3 0816-0819 "
    "081b-0823 0825-0827 0829-082d 0951 0953-0954 0f82-0f83 0f86-0f87 135d-135f 17dd 193a 1a17 1a75-1a7c 1b6b "
    "1b6d-1b73 1cd0-1cd2 1cda-1cdb 1ce0 1dc0-1dc1 1dc3-1dc9 1dcb-1dcc 1dd1-1de6 1dfe"
)


class Protocol(StrEnum):
    """How a terminal takes pixels."""

    NONE = "half blocks"
    """Not at all."""
    KITTY = "kitty"
    """Kitty's protocol with Unicode placeholders."""
    SIXEL = "sixel"
    """Six rows of pixels a character."""


class Support(NamedTuple):
    """What a terminal can show."""

    protocol: Protocol
    reason: str
    """Why there are no pixels, in a few words; empty where there are."""
    is_known: bool = True
    """Whether asking the terminal could change it."""
    cell: tuple[int, int] = USUAL_CELL
    """Width and height of a cell in pixels."""


def support_of(environment: Mapping[str, str]) -> Support:
    """What the environment tells of the terminal. Through a multiplexer nothing passes; only the setting overrides."""
    wanted = environment.get(SETTING, "auto").lower()
    if wanted in (Protocol.KITTY, Protocol.SIXEL):
        return Support(Protocol(wanted), "")
    if wanted != "auto":
        return Support(Protocol.NONE, f"{SETTING} is {wanted[:20]}")
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith("tmux") or program == "tmux":
        return Support(Protocol.NONE, "tmux passes no pixels on")
    if "STY" in environment or term.startswith("screen"):
        return Support(Protocol.NONE, "screen passes no pixels on")
    if environment.get("NO_COLOR"):
        return Support(Protocol.NONE, "NO_COLOR is set")
    if term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty" or "KITTY_WINDOW_ID" in environment:
        return Support(Protocol.KITTY, "")
    if term.startswith(("foot", "mlterm")) or program in ("WezTerm", "mintty", "iTerm.app"):
        return Support(Protocol.SIXEL, "")
    if term in ("linux", "dumb", "") or program in ("Apple_Terminal", "WarpTerminal"):
        return Support(Protocol.NONE, "this terminal has no pixels")
    return Support(Protocol.NONE, "this terminal has no pixels", is_known=False)


def support_from(answer: bytes) -> Support:
    """What a terminal answered to QUERY; half blocks where it answered nothing."""
    name = re.search(rb"\x1bP>\|([^\x1b]*)", answer)
    size = re.search(rb"\x1b\[6;(\d{1,4});(\d{1,4})t", answer)
    cell = (int(size[2]) or USUAL_CELL[0], int(size[1]) or USUAL_CELL[1]) if size else USUAL_CELL
    if name and name[1].lower().startswith((b"kitty", b"ghostty")):
        return Support(Protocol.KITTY, "", cell=cell)
    features = END_OF_ANSWER.search(answer)
    if features and b"4" in features[0].strip(b"\x1b[?c").split(b";")[1:]:
        return Support(Protocol.SIXEL, "", cell=cell)
    said = "this terminal has no pixels" if features else "this terminal did not say that it has pixels"
    return Support(Protocol.NONE, said)


def kitty_image(png: bytes, *, identity: int, columns: int, rows: int) -> str:
    """Sends an image that placeholders of that identity show in so many cells; asks for no answer."""
    data = base64.standard_b64encode(png).decode()
    chunks = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    keys = f"a=T,U=1,q=2,f=100,i={identity},c={columns},r={rows},"
    return "".join(
        f"\x1b_G{keys if number == 0 else ''}m={int(number < len(chunks) - 1)};{chunk}\x1b\\"
        for number, chunk in enumerate(chunks)
    )


def kitty_removal(identity: int) -> str:
    """Takes an image and its data away."""
    return f"\x1b_Ga=d,d=I,q=2,i={identity}\x1b\\"


def placeholder_row(row: int, columns: int) -> str:
    """One row of an image as text, a cell for each column; its colour tells which image."""
    return "".join(f"{PLACEHOLDER}{ACCENTS[row]}{ACCENTS[column]}" for column in range(columns))


def sixel(image: Image) -> str:
    """An image as sixel, in up to 255 colours, a pixel a pixel."""
    few = image.convert("RGB").quantize(COLOURS)
    width, height = few.size
    palette = few.getpalette() or []
    pixels = few.tobytes()
    colours = [tuple(round(part / 2.55) for part in palette[at : at + 3]) for at in range(0, len(palette), 3)]
    defined = "".join(f"#{number};2;{red};{green};{blue}" for number, (red, green, blue) in enumerate(colours))
    bands = (_band(pixels[top * width : (top + 6) * width], width) for top in range(0, height, 6))
    return f'\x1bP0;1;0q"1;1;{width};{height}{defined}{"-".join(bands)}\x1b\\'


def _band(pixels: bytes, width: int) -> str:
    """Up to six rows of pixels: each colour draws over the same columns."""
    masks: dict[int, bytearray] = {}
    for row in range(len(pixels) // width):
        bit = 1 << row
        for column, colour in enumerate(pixels[row * width : (row + 1) * width]):
            mask = masks.get(colour)
            if mask is None:
                mask = masks[colour] = bytearray(width)
            mask[column] |= bit
    return "$".join(f"#{colour}{_shortened(mask)}" for colour, mask in masks.items())


def _shortened(mask: bytearray) -> str:
    signs = mask.translate(_SIGNS).decode("ascii").rstrip("?")
    return re.sub(r"(.)\1{3,}", lambda run: f"!{len(run[0])}{run[1]}", signs)


_SIGNS = bytes(63 + (code & 63) for code in range(256))


def _accents() -> Iterator[str]:
    for part in _ACCENTS.split():
        first, _, last = part.partition("-")
        yield from map(chr, range(int(first, 16), int(last or first, 16) + 1))


ACCENTS = tuple(_accents())
MOST_CELLS = len(ACCENTS)
"""Columns or rows of an image of placeholders."""
