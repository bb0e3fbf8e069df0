"""Hostile text from the journal to the terminal: no input crashes a view, and nothing but our own steers the pty."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color

from rftui.charts.chart_plots import Look, plot_of
from rftui.charts.curve_reads import read_curves
from rftui.charts.panels import metrics_of, preset, single
from rftui.charts.plot import draw_plot
from rftui.cli.details import run_fields
from rftui.cli.root import run as run_command
from rftui.forms.launch_form import LaunchForm, Surroundings
from rftui.forms.text import Progress, row_line, side_lines
from rftui.planning.cloning import read_original
from rftui.rollouts.group_layout import GroupLayout
from rftui.rollouts.group_text import View
from rftui.rollouts.groups import Sort
from rftui.rollouts.header import group_row, image_title
from rftui.rollouts.reads import RolloutSource
from rftui.runs.texts import config_lines, header_text
from rftui.studies.grid import grid_of
from rftui.studies.grid_text import BLOCK, detail_lines, room_of, title_line
from rftui.studies.grid_text import row_line as grid_row_line
from rftui.studies.progress import read_study
from rftui.studies.study_text import about_lines, note_lines
from rftui.studies.tables import study_table
from rftui.terminal.screen_filters import OnlyVisible
from store.layout import Home
from store.runs import list_runs, open_catalogue
from tests.hostile_home import FULL_OF_IT, STUDY, TO_CLONE, hostile_home
from tests.hostile_text import (
    CHARACTERS,
    LONG,
    MARKUP,
    SEQUENCES,
    UNSAFE,
    hostile_texts,
    trespasses,
)
from tests.store_runs import PATIENTLY
from tests.terminal import Terminal

NAMES = (*SEQUENCES[::4], *CHARACTERS[::3], *MARKUP[:2], LONG[0])
"""Some are enough: what names hold is cleaned by the same code, and each run is two databases."""
TEXTS = (*SEQUENCES, "".join(CHARACTERS[:6]), "".join(CHARACTERS[6:]), *MARKUP[1:3], "".join(MARKUP), LONG[0], LONG[3])
"""What each step of the run in the terminal is full of."""
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)
"""An example that makes databases takes too long to be made smaller."""
COMMANDS = (
    ("runs",),
    ("show", FULL_OF_IT),
    ("logs", FULL_OF_IT),
    ("curves", FULL_OF_IT),
    ("curves", FULL_OF_IT, "--list"),
    ("rollouts", FULL_OF_IT, "--limit", "200"),
    ("compare", FULL_OF_IT, "sat-sft-2", "--flips", "5"),
    ("compare", FULL_OF_IT, "sat-sft-2", "--latex"),
    ("study", "list"),
    ("study", "show", STUDY, "--cells"),
    ("store", "check"),
    ("clone", TO_CLONE, "--dry-run"),
)
"""Every command that prints what strangers wrote."""
FOREIGN_ARGUMENTS = (
    lambda text: ("show", text),
    lambda text: ("runs", "--task", text),
    lambda text: ("curves", FULL_OF_IT, text),
    lambda text: ("rollouts", FULL_OF_IT, "--contains", text),
    lambda text: ("tag", FULL_OF_IT, text),
    lambda text: ("note", FULL_OF_IT, text),
    lambda text: ("launch", "grpo", "--task", text, "--dry-run"),
    lambda text: ("launch", "grpo", "--set", text, "--dry-run"),
)
"""Commands that say again what they were given."""


def printed(*arguments: str, home: Home) -> str:
    """What a command prints on both streams; it may refuse, and must not crash."""
    out = StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        run_command(["--home", str(home.path), *arguments])
    return out.getvalue()


def views(home: Home, name: str) -> Iterator[str]:
    """Every piece of text that the dashboard makes of a run, before it is drawn."""
    with closing(open_catalogue(home)) as connection:
        summary = next(each for each in list_runs(connection) if each.name == name)
    yield header_text(summary, left_s=1.0, width=100, is_ascii=False)
    yield from config_lines(run_fields(home, name))
    names = read_curves(home, name, ()).names
    panels = [*preset("grpo", names), *preset("sft", names), *map(single, names)]
    data = read_curves(home, name, metrics_of(panels))
    for panel in panels:
        for row in draw_plot(plot_of(panel, data, Look()), width=60, height=8):
            yield "".join(cell.text for cell in row)
    yield from study_lines(home)
    source = RolloutSource(home, name)
    for step in source.extent(None).steps:
        for summary_of_group in source.page(step, ()).groups:
            yield said(group_row(summary_of_group, order=Sort.NUMBER, is_searched=True, width=80))
            page = source.group(summary_of_group.id, ())
            layout = GroupLayout(page.rollouts, page.history, View(60))
            layout.open_all(set(range(len(page.rollouts))))
            yield from (said(layout.line(y)) for y in range(layout.height))
            yield from map(said, image_title(page.rollouts[0].images, 0, 40))


def study_lines(home: Home) -> Iterator[str]:
    """Every line that the dashboard makes of the study."""
    made = study_table(home, read_study(home, STUDY))
    grid = grid_of(made, decoding=next(iter(made.grids)), positions={})
    yield from about_lines(made)
    yield from map(said, note_lines(made, 80))
    for is_compact in (False, True):
        room = room_of(grid.rows, total=2, column=1, width=100, is_compact=is_compact)
        yield said(title_line(grid.labels, room, column=1, is_compact=is_compact))
        for row in grid.rows:
            lines = range(1 if is_compact else BLOCK)
            for number in lines:
                yield said(grid_row_line(row, number, room, column=1, is_compact=is_compact, is_ascii=False))
    for entry in (entry for row in grid.rows for entry in row.entries):
        yield from map(said, detail_lines(entry, decoding="greedy", width=100, is_ascii=False))


def form_lines(home: Home, texts: list[str]) -> Iterator[str]:
    """Every line of the form of a clone, with texts in its fields."""
    made = LaunchForm(Surroundings(home, (), ("sat",), read_original(home.run(TO_CLONE))))
    for number, text in enumerate(["", *texts]):
        made.write(("task", "model", "name", "seed", "task_options.side")[number % 5], text)
        made.add(f"rewards.{text}.weight={text}")
        view = made.view()
        for row in view.rows:
            lines = side_lines(row, view, Progress(None), gpus=(), width=40)
            yield from map(said, (row_line(row, 80), *lines))


def said(line: tuple[object, ...]) -> str:
    return "".join(span.text for span in line)  # type: ignore[attr-defined]


@settings(PATIENTLY, max_examples=12, phases=UNSHRUNK)
@given(st.lists(hostile_texts, min_size=1, max_size=4))
def test_any_text_in_any_field_becomes_clean_views(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = hostile_home(Home(Path(folder)), tuple(texts), names=())

        for text in (*views(home, FULL_OF_IT), *form_lines(home, texts)):
            assert not UNSAFE.search(text), repr(text)


@settings(PATIENTLY, max_examples=3, phases=UNSHRUNK)
@given(st.lists(hostile_texts, min_size=1, max_size=3), hostile_texts)
def test_any_text_comes_out_of_every_command_clean(texts: list[str], typed: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = hostile_home(Home(Path(folder)), tuple(texts), names=("sat-sft-2",))

        for arguments in (*COMMANDS, *(made(typed) for made in FOREIGN_ARGUMENTS)):
            text = printed(*arguments, home=home)

            assert not UNSAFE.search(text), (arguments, text)


@pytest.fixture(scope="module")
def corpus_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return hostile_home(Home(tmp_path_factory.mktemp("hostile") / "home"), TEXTS, names=("sat-sft-2", *NAMES))


def environment_of(home: Home) -> dict[str, str]:
    return {**os.environ, "RFTUI_HOME": str(home.path)}


def test_commands_on_a_terminal_send_only_their_own_controls(corpus_home: Home) -> None:
    program = f"from rftui.cli.root import run\nfor arguments in {COMMANDS!r}:\n    run([*arguments])"

    with Terminal((sys.executable, "-c", program), environment=environment_of(corpus_home)) as terminal:
        code = terminal.wait(timeout_s=120)

        assert code == 0
        assert trespasses(terminal.output) == []
        assert "[@click=app.quit()]x[/]" in terminal.output.decode()  # markup is text


TAB_KEYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "Curves": (("left",), ("]",), ("[",), ("z",), ("z",), ("/",), ("h", "e"), ("escape",)),
    "Rollouts": (("home",), ("e",), *((("right",),) * len(TEXTS)), ("t",), ("t",), ("i",), ("i",), ("m",), ("d",)),
}
"""Keys of a tab beyond those that scroll."""


def walk_through(terminal: Terminal) -> Iterator[str]:
    """Goes through every view with keys; the screen at each stop."""
    yield terminal.wait_for(FULL_OF_IT)
    yield from filled_in(terminal)
    for key in ("pagedown", "end", "home", "?", "escape", ":", "escape", "home"):
        yield stop(terminal, key)
    yield from compared(terminal)
    yield from studied(terminal)
    terminal.press("enter")
    text = terminal.wait_for("2 Rollouts")
    for number, title in re.findall(r"(\d) (\w+)", text.split("\n")[1]):
        yield stop(terminal, number)
        for keys in TAB_KEYS.get(title, (("pagedown",), ("end",), ("home",))):
            yield stop(terminal, *keys)


CATCH_UP_S = 120.0
PASTED = (*MARKUP, *CHARACTERS[2:5], CHARACTERS[8], CHARACTERS[9], LONG[0])
"""What is pasted into fields; of what steers a terminal the keyboard's own sequences come first."""


def filled_in(terminal: Terminal) -> Iterator[str]:
    """The form of a clone of hostile settings, then an empty one with hostile text in its fields, and back."""
    terminal.press("/", f'"{TO_CLONE}"', "enter")
    yield terminal.wait_for("1 of ")
    terminal.press("C")
    yield terminal.wait_for(lambda text: f"clone of {TO_CLONE}" in text and "preflight" in text)
    # every part with what is said of its first fields
    for keys in (*((("]",) + ("down",) * 4,) * 6), ("home", "pagedown"), ("end",), ("z", "}", "}", "{"), ("z", "L")):
        yield stop(terminal, *keys)
    yield from left(terminal)
    terminal.press("L")
    yield terminal.wait_for("may be grpo or sft")
    for number, text in enumerate(PASTED, start=1):
        # a field of its own for each, and a setting that the form has no field for
        yield stop(terminal, "home", *(("down",) * number), "enter", bracketed(text), "enter")
        yield stop(terminal, "end", "enter", bracketed(f"rewards.{text}.weight=1"), "enter")
    yield stop(terminal, "/", bracketed(PASTED[0]), "enter")
    yield stop(terminal, "escape")
    yield stop(terminal, "L")
    yield from left(terminal)
    yield stop(terminal, "escape")


def stop(terminal: Terminal, *keys: str) -> str:
    """What the screen shows soon after keys."""
    return terminal.stop(*keys, first_byte_s=0.5, quiet_s=0.1)


def bracketed(text: str) -> str:
    """Text as a terminal pastes it; lone surrogates are no characters there."""
    return f"\x1b[200~{text.encode(errors='replace').decode()}\x1b[201~"


def left(terminal: Terminal) -> Iterator[str]:
    """Leaves the form, with what was written there."""
    terminal.press("escape")
    # on a busy machine the form is still behind the keys of the walk
    text = terminal.wait_for(lambda text: "Leave the form?" in text or "L launch" in text, timeout_s=CATCH_UP_S)
    if "Leave the form?" in text:
        terminal.press("y")
    yield terminal.wait_for("L launch", timeout_s=CATCH_UP_S)


def compared(terminal: Terminal) -> Iterator[str]:
    """The comparison of the first two runs, and back."""
    yield terminal.stop("space", "j", "space")
    terminal.press("c")
    text = terminal.wait_for("1 Curves")
    for number in re.findall(r"(\d) \w+", text.split("\n")[1]):
        yield terminal.stop(number)
    terminal.press("escape")
    yield terminal.wait_for("filter")
    yield terminal.stop("home")


def studied(terminal: Terminal) -> Iterator[str]:
    """The studies, the grid of the one full of the texts with everything that opens over it, and back."""
    terminal.press("e", "enter")
    yield terminal.wait_for("w/o", timeout_s=CATCH_UP_S)
    for keys in (("down",), ("right",), ("i",), ("escape",), ("z",), ("z",), ("s",), ("v",), ("o",), ("escape",)):
        yield stop(terminal, *keys)
    for text in PASTED:
        yield stop(terminal, "/", bracketed(text), "enter")
        yield stop(terminal, "escape")
    yield stop(terminal, "E", bracketed(PASTED[0]), "enter")
    for key in ("R", "escape", "?", "escape"):
        yield stop(terminal, key)
    terminal.press("escape")
    yield terminal.wait_for("in this home", timeout_s=CATCH_UP_S)
    terminal.press("escape")
    yield terminal.wait_for("filter", timeout_s=CATCH_UP_S)
    yield terminal.stop("home")


PROBLEMS = ("cannot be drawn", "cannot be read", "cannot be shown", "cannot be made")
"""What a pane says that met with an error."""


@pytest.mark.slow
def test_every_view_in_a_terminal_sends_only_our_own_controls(corpus_home: Home) -> None:
    with Terminal(environment=environment_of(corpus_home), size=(160, 48)) as terminal:
        for text in walk_through(terminal):
            assert terminal.process.poll() is None, text
            assert not any(problem in text for problem in PROBLEMS), text

        terminal.press("q")
        assert terminal.wait() == 0, terminal.text
        assert trespasses(terminal.output) == []
        assert b"\t" not in terminal.output
        # pyte takes the pointer's shape (OSC 22), which Textual sets, for a title (OSC 2)
        assert not re.search(rb"\x1b\][012];", terminal.output)


@given(hostile_texts)
def test_the_last_filter_keeps_the_cells_and_nothing_that_no_cell_shows(text: str) -> None:
    (drawn,) = OnlyVisible().apply([Segment(text)], Color(0, 0, 0))

    assert cell_len(drawn.text) == cell_len(text)
    assert not UNSAFE.search(drawn.text) and not re.search("[\u200b-\u200f\t\n\u2028\u2029\ufe0f]", drawn.text)
