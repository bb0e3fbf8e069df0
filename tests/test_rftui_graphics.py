"""Pixels on terminals: which protocol is chosen and why, and that its bytes are what the protocols say."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path

import pytest
from PIL import Image
from rich.cells import cell_len
from rich.color import Color, ColorSystem

from rftui.terminal.graphics import (
    MOST_CELLS,
    PLACEHOLDER,
    Protocol,
    Support,
    kitty_image,
    kitty_removal,
    placeholder_row,
    sixel,
    support_from,
    support_of,
)
from rftui.terminal.half_blocks import Size
from rftui.terminal.pixel_pictures import IDENTITIES, read_pixels
from store.media import write_image

DIGEST = "cd" * 32


@pytest.mark.parametrize(
    ("environment", "protocol", "reason"),
    [
        ({"TERM": "xterm-kitty"}, Protocol.KITTY, ""),
        ({"TERM": "xterm-ghostty"}, Protocol.KITTY, ""),
        ({"TERM": "foot"}, Protocol.SIXEL, ""),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Protocol.SIXEL, ""),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, Protocol.NONE, "tmux passes no pixels on"),
        ({"TERM": "tmux-256color"}, Protocol.NONE, "tmux passes no pixels on"),
        ({"TERM": "screen", "STY": "1"}, Protocol.NONE, "screen passes no pixels on"),
        ({"TERM": "linux"}, Protocol.NONE, "this terminal has no pixels"),
        ({"TERM": "xterm-kitty", "NO_COLOR": "1"}, Protocol.NONE, "NO_COLOR is set"),
        ({"TERM": "xterm-kitty", "RFTUI_IMAGES": "half"}, Protocol.NONE, "RFTUI_IMAGES is half"),
        ({"TERM": "tmux", "RFTUI_IMAGES": "sixel"}, Protocol.SIXEL, ""),
    ],
)
def test_the_environment_tells_what_a_terminal_can(
    environment: dict[str, str], protocol: Protocol, reason: str
) -> None:
    support = support_of(environment)

    assert (support.protocol, support.reason, support.is_known) == (protocol, reason, True)


def test_an_unknown_terminal_is_to_be_asked() -> None:
    assert not support_of({"TERM": "xterm-256color"}).is_known


@pytest.mark.parametrize(
    ("answer", "protocol", "cell"),
    [
        (b"\x1bP>|kitty(0.35.2)\x1b\\\x1b[6;22;11t\x1b[?62;52;c", Protocol.KITTY, (11, 22)),
        (b"\x1bP>|ghostty 1.2\x1b\\\x1b[?62;22c", Protocol.KITTY, (10, 20)),
        (b"\x1bP>|XTerm(390)\x1b\\\x1b[6;13;6t\x1b[?63;1;2;4;6c", Protocol.SIXEL, (6, 13)),
        (b"\x1b[?64;1;2c", Protocol.NONE, (10, 20)),
        (b"\x1b[?4;6c", Protocol.NONE, (10, 20)),  # a VT132, not sixel
        (b"", Protocol.NONE, (10, 20)),
        (b"\x1b[6;0;0t\x1b[?62;4c", Protocol.SIXEL, (10, 20)),
    ],
)
def test_an_answer_tells_what_a_terminal_can(answer: bytes, protocol: Protocol, cell: tuple[int, int]) -> None:
    support = support_from(answer)

    assert (support.protocol, support.cell) == (protocol, cell)


def test_an_image_for_kitty_comes_in_chunks_that_end() -> None:
    png = bytes(range(256)) * 40

    commands = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", sent := kitty_image(png, identity=196, columns=8, rows=4))

    assert "".join(f"\x1b_G{keys};{data}\x1b\\" for keys, data in commands) == sent
    assert commands[0][0] == "a=T,U=1,q=2,f=100,i=196,c=8,r=4,m=1"
    assert [keys for keys, _ in commands[1:]] == ["m=1"] * (len(commands) - 2) + ["m=0"]
    assert all(len(data) <= 4096 for _, data in commands)
    assert base64.b64decode("".join(data for _, data in commands)) == png
    assert kitty_removal(196) == "\x1b_Ga=d,d=I,q=2,i=196\x1b\\"


def test_a_placeholder_takes_one_cell_and_names_its_row_and_column() -> None:
    row = placeholder_row(1, 3)

    assert row == f"{PLACEHOLDER}\u030d\u0305{PLACEHOLDER}\u030d\u030d{PLACEHOLDER}\u030d\u030e"
    assert cell_len(placeholder_row(0, MOST_CELLS)) == MOST_CELLS


def test_the_colour_of_a_placeholder_is_its_image_at_either_depth() -> None:
    red = Color.from_rgb(255, 0, 0)

    assert red.downgrade(ColorSystem.EIGHT_BIT).number == IDENTITIES["256"]
    assert red.triplet is not None and int(red.triplet.hex[1:], 16) == IDENTITIES["truecolor"]


def decoded(data: str) -> list[list[tuple[int, int, int] | None]]:
    """The pixels of a sixel image, in percent of each colour."""
    match = re.fullmatch(r'\x1bP0;1;0q"1;1;(\d+);(\d+)(.*)\x1b\\', data)
    assert match is not None
    width, height = int(match[1]), int(match[2])
    pixels: list[list[tuple[int, int, int] | None]] = [[None] * width for _ in range(-(-height // 6) * 6)]
    palette: dict[int, tuple[int, int, int]] = {}
    x = top = colour = 0
    for token in re.finditer(r"#(\d+);2;(\d+);(\d+);(\d+)|#(\d+)|!(\d+)(.)|([?-~])|(\$)|(-)", match[3]):
        if token[1]:
            palette[int(token[1])] = (int(token[2]), int(token[3]), int(token[4]))
        elif token[5]:
            colour = int(token[5])
        elif token[9]:
            x = 0
        elif token[10]:
            x, top = 0, top + 6
        else:
            bits, count = ord(token[7] or token[8]) - 63, int(token[6] or 1)
            for row in (row for row in range(6) if bits >> row & 1):
                pixels[top + row][x : x + count] = [palette[colour]] * count
            x += count
    return pixels[:height]


def test_sixel_holds_every_pixel() -> None:
    image = Image.new("RGB", (9, 14), (255, 0, 0))
    image.paste((0, 0, 255), (2, 3, 9, 8))

    pixels = decoded(sixel(image))

    expected = [[(0, 0, 100) if 2 <= x < 9 and 3 <= y < 8 else (100, 0, 0) for x in range(9)] for y in range(14)]
    assert pixels == expected


@pytest.fixture
def media(tmp_path: Path) -> Path:
    image = Image.effect_noise((56, 28), 90).convert("RGB")
    write_image(tmp_path, DIGEST, image)
    return tmp_path


def test_kitty_gets_the_stored_pixels_and_cells_of_the_same_shape(media: Path) -> None:
    support = Support(Protocol.KITTY, "", cell=(10, 20))

    picture = read_pixels(media, DIGEST, Size(40, 30), support, depth="truecolor")

    data = "".join(re.findall(r"\x1b_G[^;]*;([^\x1b]*)\x1b", picture.payload))
    with Image.open(io.BytesIO(base64.b64decode(data))) as sent:
        assert sent.size == (56, 28)
    assert (picture.columns, len(picture.rows), picture.is_painted) == (40, 10, False)
    assert "a=d" in picture.removal
    assert "\x1b" not in "".join(segment.text for row in picture.rows for segment in row)


def test_sixel_enlarges_by_whole_factors_within_the_space(media: Path) -> None:
    support = Support(Protocol.SIXEL, "", cell=(10, 20))

    picture = read_pixels(media, DIGEST, Size(40, 30), support, depth="truecolor")

    assert '"1;1;392;196' in picture.payload
    assert (picture.columns, len(picture.rows), picture.is_painted) == (40, 10, True)
    assert all(not segment.text.strip() for row in picture.rows for segment in row)


def test_a_large_image_is_made_smaller(tmp_path: Path) -> None:
    write_image(tmp_path, DIGEST, Image.new("RGB", (2000, 1000)))

    picture = read_pixels(tmp_path, DIGEST, Size(40, 30), Support(Protocol.SIXEL, ""), depth="256")

    assert '"1;1;400;200' in picture.payload


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    picture = read_pixels(tmp_path, DIGEST, Size(9, 9), Support(Protocol.KITTY, ""), depth="256")

    assert "is not in the run's media folder" in picture.problem and not picture.payload
