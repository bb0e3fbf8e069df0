"""The grid of a study without any screen: its rows, its order, what enter means, its text, and its questions."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from rftui.runs.verbs import Question, Refusal
from rftui.studies.acts import Kind, StudyAct, question
from rftui.studies.grid import Grid, GridBrowser, GridEntry, Look, Sort, Use, grid_of, shown_rows, startable, use_of
from rftui.studies.grid_text import (
    BLOCK,
    LEAST_COLUMN,
    block_lines,
    compact_line,
    detail_lines,
    doing,
    room_of,
    row_line,
    title_line,
)
from rftui.studies.listing import ListedStudy
from rftui.studies.progress import read_study
from rftui.studies.study_text import Seen, about_lines, counts_line, hint_text, note_lines, study_line, warning_line
from rftui.studies.tables import StudyTable, study_table
from rftui.studies.watch import StudyWatch
from rftui.terminal.spans import Line, line_width
from store.layout import Home
from tests.evaluated_runs import REAL
from tests.hostile_text import CORPUS
from tests.studies import cell_of, make_study, write_cell

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
KEY = ("sat", None, "grpo", ())
SWEPT: dict[str, Any] = {
    "sweep": {"rewards.length.params.target": [8, 24]},
    "regimes": [
        {"name": "base", "label": "training-free", "method": "eval"},
        {"name": "length", "label": "GRPO + length", "method": "grpo"},
    ],
    "seeds": [0],
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def table(home: Home, name: str = "small") -> StudyTable:
    return study_table(home, read_study(home, name))


def grid(home: Home, name: str = "small", **positions: int) -> Grid:
    named = {f"{name}-{key.replace('_', '-')}": place for key, place in positions.items()}
    return grid_of(table(home, name), decoding="greedy", positions=named)


def entry(home: Home, **positions: int) -> GridEntry:
    found = grid(home, "small", **positions).rows[0].entries[1]
    assert found is not None and found.regime == "grpo"
    return found


def said(line: Line) -> str:
    return "".join(span.text for span in line)


def block(item: GridEntry, width: int = 44, *, is_ascii: bool = False) -> list[str]:
    return [said(line).rstrip() for line in block_lines(item, width, is_ascii=is_ascii)]


# what stands where


def test_a_row_is_a_task_and_a_column_a_way_to_train(home: Home) -> None:
    make_study(home, tasks=[{"name": "sat", "difficulty": [0.2, 0.8]}, {"name": "banner"}])

    found = grid(home)

    assert found.labels == ("training-free", "GRPO")
    assert [row[:2] for row in found.rows] == [("sat", 0.2), ("sat", 0.8), ("banner", None)]
    assert all(each is not None for row in found.rows for each in row.entries)


def test_points_of_a_sweep_are_rows_and_what_is_not_swept_has_one_of_its_own(home: Home) -> None:
    make_study(home, **SWEPT)

    found = grid(home)

    assert [[each is not None for each in row.entries] for row in found.rows] == [
        [True, False],
        [False, True],
        [False, True],
    ]
    assert [row.point for row in found.rows[1:]] == [
        (("rewards.length.params.target", 8),),
        (("rewards.length.params.target", 24),),
    ]


def test_a_cell_shows_accuracy_with_its_interval_n_and_seeds(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1111000000", "direct": "1100000000"})

    lines = block(entry(home))

    assert lines[0] == "✓·"
    assert lines[1].startswith("w/o .200 ±.") and "[" in lines[1]
    assert lines[2].startswith("w/  .400 ±.") and lines[2].endswith("]")
    assert lines[3] == "n 10  1/2 seeds"


def test_half_of_the_interval_stands_where_its_ends_have_no_room_and_nothing_is_cut(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1111000000", "direct": "1100000000"})
    item = entry(home)
    cell = item.results["think"]
    assert cell.low is not None and cell.high is not None

    lines = block(item, LEAST_COLUMN - 2)

    assert lines[2] == f"w/  .400 ±{(cell.high - cell.low) / 2:.3f}".replace("±0", "±")
    assert not any("…" in line for line in lines)


def test_a_cell_without_a_finished_run_shows_the_newest_number_with_its_step(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s1", {"think": "1100"}, state="running")

    lines = block(entry(home))

    assert lines == ["·● 9/9", "w/o —", "w/  .500 @9", "0/2 seeds"]


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (("queued", "queued"), "queued #2"),  # the first of them
        (("running", "queued"), "0/9"),  # what runs says more than what waits
        (("failed", "finished"), "1 failed"),
        (("failed", "failed"), "failed"),
        (("finished", "finished"), "finished"),
        (("stopped", "finished"), ""),  # the signs say it
    ],
)
def test_what_the_runs_of_a_cell_are_at(home: Home, states: tuple[str, str], words: str) -> None:
    make_study(home)
    for seed, state in enumerate(states):
        write_cell(home, "small", f"sat-grpo-s{seed}", state=state)

    assert doing(entry(home, sat_grpo_s0=3, sat_grpo_s1=2)) == words


def test_states_are_told_apart_by_signs_alone_also_in_ascii(home: Home) -> None:
    make_study(home, seeds=list(range(6)))
    for seed, state in enumerate(("finished", "running", "queued", "failed", "stopped")):
        write_cell(home, "small", f"sat-grpo-s{seed}", state=state)
    item = entry(home)

    ascii_signs = block(item, is_ascii=True)[0].split()[0]

    assert block(item)[0].split()[0] == "✓●◌✗■·"
    assert ascii_signs == "+*.x=_"
    assert all(text.isascii() for text in block(item, is_ascii=True) if "—" not in text)


def test_many_seeds_are_counted_by_their_state(home: Home) -> None:
    make_study(home, seeds=list(range(12)))
    write_cell(home, "small", "sat-grpo-s3", state="finished")

    assert block(entry(home))[0] == "11· 1✓"


def test_a_paper_s_number_stands_beside_ours_and_its_source_below(home: Home) -> None:
    number = {"source": "arXiv 1, table 1", "task": "sat", "regime": "grpo", "prompt": "think", "value": 0.61}
    make_study(home, published=[number])
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100"})
    item = entry(home)

    detail = [said(line) for line in detail_lines(item, decoding="greedy", width=120, is_ascii=False)]

    assert block(item, 44)[2].endswith("paper .610")
    assert any("arXiv 1, table 1 prints .610 w/ <think>" in line for line in detail)
    assert any("arXiv 1, table 1: 0.610 for sat, grpo, with <think>" in line for line in about_lines(table(home)))


def test_the_lines_below_name_each_run_with_its_place_in_the_queue_and_why_it_failed(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100"})
    write_cell(home, "small", "sat-grpo-s1", state="queued")

    lines = [
        said(line) for line in detail_lines(entry(home, sat_grpo_s1=4), decoding="greedy", width=150, is_ascii=False)
    ]

    assert lines[0].startswith("sat, GRPO  w/ .500 [") and "generated data" in lines[0]
    assert "seed 0" in lines[1] and "w/ .500 at step 9" in lines[1] and lines[1].endswith("small-sat-grpo-s0")
    assert "#4 in the queue" in lines[2]


@pytest.mark.parametrize("width", [17, 40, 78, 120, 198])
@pytest.mark.parametrize("is_compact", [True, False])
def test_no_line_is_wider_than_the_screen_and_the_column_of_the_cursor_is_in_sight(
    home: Home, width: int, is_compact: bool
) -> None:
    regimes = [{"name": f"way{number}", "label": f"a long way to train {number}"} for number in range(9)]
    make_study(home, regimes=regimes, sweep={"rewards.length.params.target": [8]}, seeds=[0])
    found = grid(home)

    for column in range(len(regimes)):
        room = room_of(found.rows, total=len(regimes), column=column, width=width, is_compact=is_compact)
        lines = [title_line(found.labels, room, column=column, is_compact=is_compact)]
        for number in range(1 if is_compact else BLOCK + 1):
            lines.append(row_line(found.rows[0], number, room, column=column, is_compact=is_compact, is_ascii=False))

        assert room.first <= column < room.first + room.shown
        assert max(map(line_width, lines)) <= max(width, 10 + LEAST_COLUMN)
        assert any(span.text == "▌" for span in lines[1])


def test_one_line_keeps_accuracies_when_there_is_little_room(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100", "direct": "1000"})
    item = entry(home)

    wide, narrow = (said(compact_line(item, width, is_ascii=False)) for width in (44, 15))

    assert wide.startswith("✓· .250 ±") and wide.endswith("n 4  1/2 seeds")
    assert narrow == "✓· .250 .500"


# around it


def test_generated_data_and_a_tiny_model_are_named_above_the_grid_and_real_data_are_not(home: Home) -> None:
    make_study(home)
    make_study(home, name="other", recipe="lora-24gb")
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100"})
    write_cell(home, "other", "sat-grpo-s0", {"think": "1100"}, source=REAL)

    assert "generated data, tiny model" in said(warning_line(table(home), width=100))
    assert warning_line(table(home, "other"), width=100) == ()


def test_a_study_that_was_not_started_says_which_key_starts_it(home: Home) -> None:
    make_study(home)

    assert "R starts every cell" in said(warning_line(table(home), width=100))
    assert hint_text(entry(home)) == "enter launches 2 runs"


def test_what_papers_say_stands_below_the_grid(home: Home) -> None:
    make_study(home, published_note="The abstract says that thinking can harm.")

    assert "- The abstract says that thinking can harm." in [said(line) for line in note_lines(table(home), 100)]


def test_the_states_are_counted_with_their_signs_and_what_is_looked_at_is_said(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100"})
    seen = Seen(Look(Sort.GAIN, words="sat"), "greedy", ("greedy", "sampled"), rows=1, total=3)

    line = said(counts_line(read_study(home, "small"), seen, width=150, is_ascii=False))

    assert line == "✓ 1 finished  · 2 empty   greedy decoding  by gain by <think>  1 of 3 rows: sat"


@pytest.mark.parametrize("text", CORPUS, ids=range(len(CORPUS)))
def test_whatever_somebody_named_things_becomes_clean_lines(text: str) -> None:
    listed = ListedStudy("x", text, is_shipped=False, cells=3, finished=1, states={text: 2}, problem="")

    for item in (listed, listed._replace(problem=text or "?"), listed._replace(is_shipped=True)):
        line = study_line(item, width=80, is_ascii=False)
        assert line_width(line) <= 80
        assert not CONTROL.search(said(line))


# order and cursor


def three_tasks(home: Home) -> Grid:
    make_study(home, tasks=[{"name": name} for name in ("sat", "banner", "aircraft")])
    for name, think in (("banner", "1110"), ("aircraft", "1000")):
        write_cell(home, "small", f"{name}-grpo-s0", {"think": think, "direct": "1000"})
    return grid(home)


@pytest.mark.parametrize(
    ("look", "names"),
    [
        (Look(), ["sat", "banner", "aircraft"]),
        (Look(is_reversed=True), ["aircraft", "banner", "sat"]),
        (Look(Sort.THINK), ["banner", "aircraft", "sat"]),
        (Look(Sort.THINK, is_reversed=True), ["aircraft", "banner", "sat"]),  # without a number last, whichever way
        (Look(Sort.GAIN), ["banner", "aircraft", "sat"]),
        (Look(words="FINISHED"), ["banner", "aircraft"]),
        (Look(words="finished ban"), ["banner"]),
        (Look(words="nothing"), []),
    ],
)
def test_rows_are_sorted_in_the_column_of_the_cursor_and_filtered(home: Home, look: Look, names: list[str]) -> None:
    assert [row.task for row in shown_rows(three_tasks(home), look, column=1)] == names


def test_the_cursor_stays_on_its_cell_when_rows_move(home: Home) -> None:
    browser = GridBrowser()
    browser.take(three_tasks(home))
    browser.move(1, 1)
    at = browser.entry.key if browser.entry else None

    browser.look_otherwise(Look(Sort.DIRECT, is_reversed=True))
    browser.take(grid(home))

    assert browser.entry is not None and browser.entry.key == at == ("banner", None, "grpo", ())
    browser.move(9, 9)
    assert (browser.row, browser.column) == (2, 1)
    browser.look_otherwise(Look(words="nothing"))
    assert browser.entry is None
    browser.look_otherwise(Look())
    browser.put(KEY)
    assert browser.entry.key == KEY


# what enter and capitals do


@pytest.mark.parametrize(
    ("state", "use"),
    [
        ("finished", Use.OPEN),
        ("running", Use.OPEN),
        ("queued", Use.OPEN),
        ("failed", Use.RETRY),
        ("killed", Use.RESUME),
        ("stopped", Use.RESUME),
        ("lost", Use.RESUME),
    ],
)
def test_enter_opens_what_there_is_and_starts_what_is_missing(home: Home, state: str, use: Use) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", state=state)
    item = entry(home)

    assert [use_of(view) for view in item.views] == [use, Use.LAUNCH]
    assert [view.cell.seed for view in startable(item.views)] == ([1] if use is Use.OPEN else [0, 1])


def asked(home: Home, kind: Kind, *cells: str, more: int = 0) -> Question | Refusal:
    return question(home, StudyAct(kind, "small", cells, more))


def test_a_question_names_what_it_starts_and_the_same_on_the_command_line(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", state="failed")

    found = asked(home, Kind.START, "sat-grpo-s0", "sat-grpo-s1")

    assert isinstance(found, Question)
    assert found.title == "Start 2 runs of small?"
    assert found.lines == ("tries again small-sat-grpo-s0", "launches small-sat-grpo-s1")
    assert found.command == "rftui study run small --cell sat-grpo-s1 && rftui study retry small sat-grpo-s0"
    assert not found.is_default_yes


def test_running_a_study_leaves_failed_cells_and_says_so(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", state="failed")

    found = asked(home, Kind.RUN)

    assert isinstance(found, Question)
    assert found.lines == (
        "launches small-sat-base",
        "launches small-sat-grpo-s1",
        "1 failed cell left so: T tries again",
    )


def test_a_question_says_what_was_changed_since_the_study_was_started(home: Home) -> None:
    place = make_study(home)
    place.started.write_bytes(place.definition.read_bytes())
    make_study(home, seeds=[0, 1, 2])

    found = asked(home, Kind.RUN)

    assert isinstance(found, Question)
    assert "seeds: [0, 1] -> [0, 1, 2]" in found.sentence and "1 cell more" in found.sentence


def test_an_extension_names_its_seeds_and_how_many_runs_start(home: Home) -> None:
    make_study(home)
    for key in ("sat-base", "sat-grpo-s0", "sat-grpo-s1"):
        write_cell(home, "small", key)

    found = asked(home, Kind.EXTEND, more=2)

    assert isinstance(found, Question)
    assert found.lines == ("seeds 0, 1, and 2, 3",)
    assert found.sentence.startswith("2 runs more start. ")
    assert found.command == "rftui study extend small --seeds 2"


def test_stopping_counts_what_waits_and_what_runs(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", state="queued")
    write_cell(home, "small", "sat-grpo-s1", state="running")

    found = asked(home, Kind.STOP)

    assert isinstance(found, Question)
    assert found.lines == ("queued small-sat-grpo-s0", "running small-sat-grpo-s1")
    assert found.sentence.startswith("1 waiting run taken out of the queue, 1 running one asked to save")


@pytest.mark.parametrize(
    ("kind", "more", "words"),
    [
        (Kind.STOP, 0, "nothing of small runs or waits: 3 finished"),
        (Kind.RUN, 0, "nothing of small to start: 3 finished"),
        (Kind.RETRY, 0, "nothing of small to start: 3 finished"),
        (Kind.EXTEND, 0, "0 seeds are none to add"),
        (Kind.EXTEND, 999999, "999999 seeds are none to add"),
    ],
)
def test_where_there_is_nothing_to_do_it_says_why(home: Home, kind: Kind, more: int, words: str) -> None:
    make_study(home)
    for key in ("sat-base", "sat-grpo-s0", "sat-grpo-s1"):
        write_cell(home, "small", key)

    found = asked(home, kind, more=more)

    assert isinstance(found, Refusal) and found.sentence.startswith(words)


@pytest.mark.parametrize("kind", list(Kind))
def test_reading_alone_is_refused_in_words(home: Home, kind: Kind) -> None:
    make_study(home)

    found = question(Home(home.path, is_read_only=True), StudyAct(kind, "small", ("sat-base",), 1))

    assert isinstance(found, Refusal) and found.sentence.startswith("read-only:")


# looking again and again


def test_a_study_of_which_nothing_went_on_is_no_news(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100"})
    watch = StudyWatch(home, "small")

    first = watch.look()
    again = [watch.look() for _ in range(3)]
    write_cell(home, "small", "sat-base", {"think": "1000"})
    then = watch.look()
    watch.forget()

    assert first is not None and again == [None, None, None]
    assert then is not None and cell_of(then.table.view, "sat-base").is_finished
    assert watch.look() is not None
    watch.close()
