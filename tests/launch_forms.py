"""Launch forms made without a screen, what stands in them, and what the command line makes of their command."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from rftui.cli import launching
from rftui.cli.root import app
from rftui.forms.launch_form import LaunchForm, Row, Surroundings
from rftui.forms.text import Progress, side_lines
from rftui.planning.cloning import read_original
from rftui.planning.plan import LaunchRequest
from rftui.supervision.gpus import Gpu
from rftui.terminal.spans import Line
from store.layout import Home

GPUS = tuple(Gpu(index, f"GPU-{index}", "H100", 81559, 3) for index in range(2))


def form(
    home: Path,
    *,
    clone_of: str | None = None,
    gpus: tuple[Gpu, ...] = (),
    tasks: tuple[str, ...] = ("sat",),
    **written: str,
) -> LaunchForm:
    """A form with what was written into it; `__` stands for a dot."""
    place = Home(home)
    original = None if clone_of is None else read_original(place.run(clone_of))
    made = LaunchForm(Surroundings(place, gpus, tasks, original))
    for key, text in written.items():
        made.write(key.replace("__", "."), text)
    return made


def row(made: LaunchForm, key: str) -> Row:
    """The row of a field."""
    return next(row for row in made.view().rows if row.field.key == key)


def texts(lines: list[Line]) -> str:
    """What lines say."""
    return "\n".join("".join(span.text for span in line) for line in lines)


def side(made: LaunchForm, key: str, *, width: int = 60, progress: Progress | None = None) -> str:
    """What stands beside a field."""
    view = made.view()
    return texts(side_lines(row(made, key), view, progress or Progress(None), gpus=made.surroundings.gpus, width=width))


def asked(monkeypatch: pytest.MonkeyPatch, command: str) -> tuple[Home, LaunchRequest]:
    """What the command line makes of a command."""
    taken: list[tuple[Home, LaunchRequest]] = []
    monkeypatch.setattr(launching, "carry_out", lambda home, request, **_: taken.append((home, request)))
    words = shlex.split(command)
    assert words[0] == "rftui"
    app(args=words[1:], standalone_mode=False)
    return taken[0]
