"""Pixels in a real terminal: sent once on demand, never again, taken away when left; and a terminal that is asked."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

from rftui.terminal.graphics import QUERY
from tests.rollout_rows import make_home
from tests.terminal import PATIENCE_S, Terminal

SIZE = (120, 36)
KITTY_IMAGE, KITTY_REMOVAL, SIXEL = rb"\x1b_Ga=T,U=1", rb"\x1b_Ga=d,d=I,q=2,i=\d+\x1b\\", rb"\x1bP0;1;0q[^\x1b]*\x1b\\"


def opened(folder: Path, **environment: str) -> Terminal:
    """The rollouts of a run whose newest step shows an image."""
    home = make_home(folder)
    kept = {key: value for key, value in os.environ.items() if key not in ("TMUX", "STY", "TERM_PROGRAM")}
    terminal = Terminal(size=SIZE, environment={**kept, "RFTUI_HOME": str(home.path), **environment})
    terminal.wait_for("sat-grpo-1")
    terminal.stop("enter")
    terminal.press("2")
    terminal.wait_for("image 28x28 = 1 tokens")
    terminal.settle()
    return terminal


def count(terminal: Terminal, pattern: bytes) -> int:
    return len(re.findall(pattern, terminal.output))


def wait_for_bytes(terminal: Terminal, pattern: bytes, *, times: int = 1) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while count(terminal, pattern) < times:
        assert time.monotonic() < deadline, f"{pattern!r} never came"
        terminal.read(0.1)


def test_kitty_gets_the_image_once_and_its_removal_when_it_is_left(tmp_path: Path) -> None:
    with opened(tmp_path, KITTY_WINDOW_ID="1") as terminal:
        assert count(terminal, KITTY_IMAGE) == 0

        terminal.press("i")
        wait_for_bytes(terminal, KITTY_IMAGE)
        terminal.settle()
        placeholders = terminal.output.count("\U0010eeee".encode())
        assert placeholders > 100

        terminal.stop("?")
        terminal.stop("escape")
        assert count(terminal, KITTY_IMAGE) == 1, "a dialog over it sends nothing again"
        assert count(terminal, KITTY_REMOVAL) == 0

        terminal.stop("escape")
        wait_for_bytes(terminal, KITTY_REMOVAL)
        terminal.stop("j", "k", "n", "p")
        assert (count(terminal, KITTY_IMAGE), count(terminal, KITTY_REMOVAL)) == (1, 1)


def test_sixel_is_painted_behind_its_cells_and_again_after_a_dialog(tmp_path: Path) -> None:
    with opened(tmp_path, RFTUI_IMAGES="sixel") as terminal:
        terminal.press("i")
        wait_for_bytes(terminal, SIXEL)
        terminal.settle()
        (painted,) = re.findall(rb"\x1b7\x1b\[(\d+);(\d+)H\x1bP0;1;0q[^\x1b]*\x1b\\\x1b8", terminal.output)
        assert (int(painted[0]), 1 < int(painted[1]) < SIZE[0]) == (6, True)
        assert not terminal.output[terminal.output.rindex(b"\x1bP") :].count(b"pixels"), "cells come first"

        terminal.stop("left")
        assert count(terminal, SIXEL) == 1, "another step with the same image paints nothing"

        terminal.stop("?")
        terminal.stop("escape")
        assert count(terminal, SIXEL) == 2

        terminal.stop("1")
        terminal.press("2")
        wait_for_bytes(terminal, SIXEL, times=3)
        terminal.settle()
        assert count(terminal, SIXEL) == 3, "another tab takes the pixels, and coming back paints them"


def test_an_unknown_terminal_is_asked_once_and_its_answer_is_no_key(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        asked = re.escape(QUERY.encode())

        terminal.press("i")
        wait_for_bytes(terminal, asked)
        terminal.press("\x1bP>|Test(1)\x1b\\\x1b[6;20;10t\x1b[?62;4;22c")
        wait_for_bytes(terminal, SIXEL)
        terminal.settle()

        terminal.stop("escape")
        terminal.stop("i")
        assert count(terminal, asked) == 1
        assert terminal.process.poll() is None
        text = terminal.stop("escape")
        assert "step ◀ 3 ▶ /3" in text and "go to" in text


def test_a_terminal_that_never_answers_gets_half_blocks(tmp_path: Path) -> None:
    with opened(tmp_path) as terminal:
        terminal.press("i")

        text = terminal.wait_for("half blocks: this terminal did not say that it has pixels")

        assert "▀▀▀▀" in text
