"""Text that tries to steer a terminal, and what a stream of bytes to a terminal holds that is not the application's.

Every sequence here carries a number or a word of its own, so that it is known again wherever it comes out.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hypothesis import strategies as st

WORD = "0wn3d"
"""Stands in every title, link, picture and clipboard that the corpus tries to set."""
_NUMBERS = "733[1-9]"
"""Parameters of every CSI of the corpus."""

SEQUENCES = (
    f"\x1b]0;{WORD}-title\x07",
    f"\x1b]2;{WORD}-title\x1b\\",
    f"\x1b]52;c;{WORD}\x07",  # clipboard
    f"\x1b]8;;http://{WORD}.example\x1b\\link\x1b]8;;\x1b\\",
    f"\x1b]1337;File={WORD}:AAAA\x07",  # a picture
    f"\x1b]777;notify;{WORD};{WORD}\x07",
    f"\x1b]0;{WORD} without an end",
    f"\x1bPq{WORD}\x1b\\",  # sixel
    f"\x1b_G{WORD};AAAA\x1b\\",  # kitty's pictures
    f"\x1bX{WORD}\x1b\\",
    f"\x1b^{WORD}\x1b\\",
    "\x1b[7331;7331H",  # cursor
    "\x1b[38;5;7332m",  # colour
    "\x1b[?7333h",  # mode
    "\x1b[7334J\x1b[2J\x1b[3J",  # erases the screen and what was scrolled out of it
    "\x1b[7335 q",  # cursor shape
    "\x1b[>7336u",  # keyboard
    "\x1b[6n\x1b[0c\x1b[21t",  # questions whose answers arrive as typed keys
    "\x1bc",  # reset
    "\x1b(0\x1b#8\x1b7\x1b8\x1bM",
    f"\x9d0;{WORD}-title\x9c",  # the same with one byte in place of two
    "\x9b7337m\x9b2J",
    f"\x90q{WORD}\x9c",
    "\x1b\x1b]0;0wn3d\x07\x07",  # what is left when the inner one is taken out must be harmless too
    "\x1b[73\x1b[7338m38m",
    "\x1b]\x1b]0;0wn3d\x07",
    "\x1b",
    "\x1b[",
)
"""Control sequences, whole, broken, nested and one byte each."""

CHARACTERS = (
    "".join(map(chr, range(0x00, 0x20))),
    "".join(map(chr, range(0x7F, 0xA0))),
    "\u202egnp.exe\u202c\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u202a\u202b\u202d",
    "lone \ud800 \udfff \udc80",
    "\ufeff\u200b\u200c\u200d\u2060\u2028\u2029\ufff9\ufffb",
    "e" + "\u0301" * 500 + "\u20dd" * 500,
    "\u200b" * 2000,
    "\U000e0041\U000e0042\U000e007f",
    "日本語の文 \uff46\uff55\uff4c\uff4c",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 ❤\ufe0f \U0001f1e9\U0001f1ea 1\ufe0f\u20e3",
    "\ufdd0\uffff\U0010ffff\ue000",
    "مرحبا בדיקה",
)
"""Characters that are dangerous, take no cell, or take two."""

MARKUP = (
    "[/b] [bold]x[/bold] [red",
    "[@click=app.quit()]x[/]",
    "[link=http://0wn3d.example]x[/link]",
    "[$primary on $error]x[/]",
    "\\[b] [/] [] [[ ]]",
    "<b>&amp;</b> `x` **y** :smile: $x {0} {x!r} %s %(x)d",
)
"""What Rich, Textual, Markdown and formatting take for instructions."""

LONG = ("w" * 4000, "日" * 1000, "word " * 800, "a\n" * 200)
"""More than any screen shows."""

CORPUS = (*SEQUENCES, *CHARACTERS, *MARKUP, *LONG)

hostile_texts = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=60),
    st.lists(st.sampled_from([*SEQUENCES, *CHARACTERS, *MARKUP, " ", "a", "\n"]), max_size=5).map("".join),
)
"""Anything at all, and pieces of the corpus put together."""

UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Characters that clean text never holds."""

# what Textual's driver and Rich write by themselves, read in textual/drivers/linux_driver.py and rich/control.py
_OWN = re.compile(
    r"""
      \x1b\[ [\d;]* m                                                   # colours
    | \x1b\[ \d+ ; \d+ H | \x1b\[ [HKJ] | \x1b\[ [02]J | \x1b\[2K      # cursor to a cell; erase
    | \x1b\[ \d* [ABCDG]                                                # cursor by some cells
    | \x1b\[\? (?:7|25|1000|1003|1004|1006|1015|1049|2004|2026|2048) [hl]
    | \x1b\[\? (?:2026|2048) \$p                                        # what the terminal can do
    | \x1b\[> \d+ u | \x1b\[<u                                          # keyboard protocol
    | \x1b\]22; [a-z-]* \x07                                            # shape of the mouse pointer
    | \x1b\[>q \x1b\[16t \x1b\[c                                         # whether it shows pictures, asked for one
    | [\r\n]
    """,
    re.VERBOSE,
)
_FOREIGN = re.compile(rf"\x1b\[[?>]?[\d;]*{_NUMBERS}")
"""CSI sequences of the corpus, whose forms the application uses as well."""


class Trespass(NamedTuple):
    """Something in a stream that the application did not write by itself."""

    what: str
    before: str
    """Some characters before it, to find where it came from."""


def trespasses(output: bytes) -> list[Trespass]:
    """Everything in a stream to a terminal that steers it and is not the application's own."""
    # what is no UTF-8 becomes a lone surrogate, and those are unsafe
    text = output.decode("utf-8", "surrogateescape")
    found = [(match.start(), match.group()) for match in _FOREIGN.finditer(text)]
    kept = _OWN.sub(lambda match: "\n" * len(match.group()), text)
    found += [(match.start(), text[match.start() : match.start() + 12]) for match in UNSAFE.finditer(kept)]
    return [Trespass(what, text[max(0, place - 60) : place]) for place, what in sorted(found)]
