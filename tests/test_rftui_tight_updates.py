"""Fewer bytes than Textual's, and the same screen: read back through a terminal emulator."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import accumulate

import pyte
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.geometry import Region
from textual.strip import Strip

from rftui.terminal.tight_updates import TightChops, TightLayout, tightened

CHOPS = (15, 11, 14)
"""Widths of the pieces of a line, as three widgets side by side make them."""
ENDS = list(accumulate(CHOPS))
HEIGHT = 6
STYLES = (
    None,
    Style.parse("red on blue"),
    Style.parse("#102030 on #405060"),
    Style.parse("bold #a0b0c0"),
    Style.parse("reverse"),
    Style.parse("dim green on blue"),
    Style.parse("underline red"),
    Style.parse("on #405060"),
    Style.parse("bold red link https://example.org"),
)
CONSOLE = Console(color_system="truecolor", force_terminal=True)
Piece = list[Segment]
"""Segments of one character each."""


def any_piece(chance: random.Random, width: int, letters: Sequence[str]) -> Piece:
    """Random characters that take so many cells."""
    made: Piece = []
    while (left := width - sum(each.cell_length for each in made)) > 0:
        letter = chance.choice(letters)
        style = made[-1].style if made and chance.random() < 0.7 else chance.choice(STYLES)
        made.append(Segment(letter if cell_len(letter) <= left else " ", style))
    return made


def changed_piece(chance: random.Random, piece: Piece, letters: Sequence[str]) -> tuple[Piece, tuple[int, int] | None]:
    """The piece with some characters of the same widths in their places, and from where to where it differs."""
    starts = [0, *accumulate(each.cell_length for each in piece)]
    first = chance.randrange(len(piece))
    last = min(len(piece), first + chance.randint(0, 6))
    same_width = {width: [each for each in letters if cell_len(each) == width] for width in (1, 2)}
    new = [Segment(chance.choice(same_width[each.cell_length]), chance.choice(STYLES)) for each in piece[first:last]]
    return [*piece[:first], *new, *piece[last:]], (starts[first], starts[last]) if last > first else None


def strip_of(piece: Piece) -> Strip:
    """The piece as Textual has it, neighbours in one style together."""
    return Strip(Segment.simplify(piece))


def seen(sent: Sequence[str]) -> list[list[tuple[object, ...]]]:
    """What a person sees after all that was sent; the colour of what is not there is seen by nobody."""
    # pyte goes to the next line for an accent on the last column, and must not scroll
    screen = pyte.Screen(sum(CHOPS), HEIGHT + 1)
    stream = pyte.Stream(screen)
    for data in sent:
        stream.feed(data)
    cells = [[screen.buffer[y][x] for x in range(sum(CHOPS))] for y in range(HEIGHT)]
    return [
        [
            (cell.data, cell.bg, cell.reverse, cell.underscore)
            + ((cell.fg, cell.bold) if cell.data != " " or cell.reverse or cell.underscore else ())
            for cell in row
        ]
        for row in cells
    ]


def whole(lines: Sequence[Sequence[Piece]]) -> LayoutUpdate:
    """All lines, as Textual sends a screen."""
    return LayoutUpdate([[strip_of(piece) for piece in line] for line in lines], Region(0, 0, sum(CHOPS), HEIGHT))


@pytest.mark.parametrize(
    "letters",
    [
        "abc  ",
        "⠁⣿─◆  x",  # of the ranges that are known to be narrow
        "é★ x",  # narrow and not of those
        ("日", "本", "a", " "),  # wide: no span may begin or end within
        ("e\u0301", "x", " "),  # two characters in a cell
    ],
)
def test_a_tight_update_shows_the_same(letters: Sequence[str]) -> None:
    chance = random.Random(str(letters))
    for _ in range(10):
        old = [[any_piece(chance, width, letters) for width in CHOPS] for _ in range(HEIGHT)]
        new = [list(line) for line in old]
        spans = []
        for y, line in enumerate(new):
            for number, left in enumerate((0, *ENDS[:-1])):
                line[number], span = changed_piece(chance, line[number], letters)
                spans += [(y, left + span[0], left + span[1])] if span is not None else []
        chops = [
            {end - width: strip_of(piece) for end, width, piece in zip(ENDS, CHOPS, line, strict=True)} for line in new
        ]
        part = ChopsUpdate(chops, spans, [ENDS] * HEIGHT)

        shown = [TightLayout(whole(old)).render_segments(CONSOLE), TightChops(part).render_segments(CONSOLE)]

        assert seen(shown[:1]) == seen([whole(old).render_segments(CONSOLE)])
        assert seen(shown) == seen([whole(new).render_segments(CONSOLE)])


def test_only_the_cells_that_changed_are_sent() -> None:
    style, other = Style.parse("red on blue"), Style.parse("green on blue")
    line = Strip([Segment("⣿" * 20, style), Segment("x", other), Segment("y", other), Segment(" " * 8, style)])
    update = ChopsUpdate([{0: line}], [(0, 20, 23)], [[30]])

    assert TightChops(update).render_segments(CONSOLE) == "\x1b[1;21H\x1b[32;44mxy \x1b[0m"


def test_nothing_is_left_switched_on() -> None:
    update = LayoutUpdate([[Strip([Segment("x", Style.parse("bold red on blue"))])]], Region(0, 0, 1, 1))

    assert TightLayout(update).render_segments(CONSOLE).endswith("x\x1b[0m")


def test_what_is_no_update_of_the_screen_stays_as_it_is() -> None:
    assert tightened(None) is None
    assert tightened("text") == "text"
