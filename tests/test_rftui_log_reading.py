"""A log as a terminal would show it, and why a run ended: progress bars, cut sequences, evidence, what to do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.runs.ending_reads import read_ending
from rftui.runs.ending_texts import Ending, ending_lines
from rftui.runs.log_reader import LogReader
from rftui.runs.log_terminal import SCREEN_LINES, WIDEST, LogTerminal
from rftui.terminal.spans import Line, line_width
from store.attempt_ends import AttemptEnd
from store.checkpoints import mark_complete
from store.layout import Home, RunDir
from tests.store_runs import append, ingest_all, make_run, metrics, start


def shown(*parts: str, lines: int = 100) -> list[str]:
    """What is left of printed text."""
    terminal = LogTerminal(lines=lines)
    for part in parts:
        terminal.feed(part)
    return terminal.lines


def said(lines: Iterable[Line]) -> str:
    """Lines as text."""
    return "\n".join("".join(span.text for span in line) for line in lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one\ntwo", ["one", "two"]),
        ("one\r\ntwo\r\n", ["one", "two"]),
        # a progress bar draws over itself, and shorter text leaves the rest of the longer one
        ("10%|#   |\r50%|##  |\r100%|####|\ndone\n", ["100%|####|", "done"]),
        ("long text\rshort", ["shorttext"]),
        ("long text\r\x1b[Kshort", ["short"]),
        ("gone\x1b[2K\rnew", ["new"]),
        # tqdm's second bar: a line down, draw, a line up
        ("outer 1\n\rinner 1\x1b[A\router 2\n\rinner 2\x1b[A\n\n", ["outer 2", "inner 2"]),
        ("a\n\n\nb", ["a", "", "", "b"]),
        ("abc\b\bX", ["aXc"]),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07text", ["red text"]),
        ("at\x1b[8Gcolumn", ["at     column"]),
        ("one\ntwo\x1b[9A\rONE", ["ONE", "two"]),
        ("x\x1b[3Dy\x1b[2Cz", ["y  z"]),
        # what is no sequence is no control character either
        ("lone \x1b", ["lone"]),
        ("\u202eevil \x9b31mc1 \x07", ["evil c1"]),
    ],
)
def test_a_line_is_what_a_terminal_would_have_left(text: str, expected: list[str]) -> None:
    assert shown(text) == expected


@given(st.text(alphabet="ab\n\r\b\x1b[;012AKGm]\x07é", max_size=60), st.integers(0, 60))
def test_where_a_chunk_ends_changes_nothing(text: str, cut: int) -> None:
    assert shown(text) == shown(text[:cut], text[cut:])


@given(st.text(max_size=200))
def test_nothing_that_is_printed_steers_a_terminal(text: str) -> None:
    for line in shown(text):
        assert not any(ord(character) < 32 and character != "\t" for character in line)
        assert not any(0x7F <= ord(character) <= 0x9F for character in line)


def test_only_lines_on_the_screen_can_be_changed() -> None:
    text = "".join(f"line {number}\n" for number in range(100))

    found = shown(text, "\x1b[99A", "\rCHANGED")

    assert found[0] == "line 0"
    assert found.index("CHANGED") == 100 - SCREEN_LINES + 1


def test_a_line_without_end_stays_bounded() -> None:
    terminal = LogTerminal(lines=10)
    for _ in range(50):
        terminal.feed("x" * 1000)

    assert terminal.lines == ["x" * WIDEST]


def test_a_sequence_that_never_ends_is_text_after_a_while() -> None:
    found = shown("\x1b]0;" + "t" * 10_000, "\nafter\n")

    assert found[-1] == "after"


def test_a_growing_file_is_read_once_each_byte_also_within_a_letter(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    reader = LogReader(path, lines=10)
    assert reader.read() == []

    whole = "é first\n 50%|##\r".encode()
    for size in range(1, len(whole) + 1):
        path.write_bytes(whole[:size])
        reader.read()
    with path.open("ab") as file:
        file.write(b"100%|####\n")

    assert reader.read() == ["é first", "100%|####"]
    assert not reader.is_cut


def test_of_a_large_log_the_last_lines_are_kept_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_text("".join(f"line {number}\n" for number in range(1000)))
    reader = LogReader(path, lines=100)

    assert reader.read()[0] == "line 900"
    assert reader.is_cut

    short = LogReader(path, lines=2000)
    assert len(short.read()) == 1000 and not short.is_cut
    with path.open("a") as file:
        file.writelines(f"more {number}\n" for number in range(2000))
    assert len(short.read()) == 2000 + SCREEN_LINES - 1 and short.is_cut


def test_a_log_that_was_emptied_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    path.write_text("a long first text\n")
    reader = LogReader(path, lines=10)
    reader.read()

    path.write_text("new\n")

    assert reader.read() == ["new"]


def attempt(**changed: Any) -> AttemptEnd:
    """An attempt that ended by its own fault."""
    fields: dict[str, Any] = {"number": 1, "state": "failed", "reason": "", "started_at": 0.0, "ended_at": 60.0}
    fields |= {"first_step": 1, "last_step": 12, "exit_code": None, "signal": None, "oom": None, "traceback": None}
    return AttemptEnd(**{**fields, "host": None, **changed})


def ending(**changed: Any) -> Ending:
    """A run that failed at step 12 of 300."""
    fields: dict[str, Any] = {"name": "sat-grpo-1", "state": "failed", "reason": "", "step": 12, "total_steps": 300}
    fields |= {"took_s": 60.0, "attempt": attempt(), "metrics": {}, "checkpoint_step": None}
    return Ending(**{**fields, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"attempt": attempt(exit_code=1)}, ["✗ failed  step 12/300, took 1m00s", "exit code 1"]),
        ({"state": "killed", "attempt": attempt(signal="SIGTERM")}, ["signal SIGTERM"]),
        ({"state": "killed", "attempt": attempt(signal="SIGKILL")}, ["signal SIGKILL", "no evidence that memory"]),
        (
            {"attempt": attempt(oom={"kind": "control group", "detail": "oom_kill went from 0 to 1"})},
            ["memory ran out, by control group: oom_kill went from 0 to 1", "next rftui resume", "more memory"],
        ),
        (
            {"attempt": attempt(oom={"kind": "allocation", "detail": "CUDA out of memory"})},
            ["next rftui clone sat-grpo-1 --set per_device_train_batch_size=N", "resumed, it keeps its settings"],
        ),
        (
            {"attempt": attempt(traceback="Traceback (most recent call last):\n  x\nKeyError: 'gold'\n")},
            ["traceback (t) KeyError: 'gold'", "first mend what the traceback or the log names"],
        ),
        ({"checkpoint_step": 10, "state": "lost"}, ["goes on after step 10, its newest complete checkpoint"]),
        ({}, ["starts at step 1 again, for it has no complete checkpoint"]),
        ({"attempt": None, "state": "stopped"}, ["■ stopped", "next rftui resume sat-grpo-1"]),
        ({"metrics": {"loss": 0.25, "other": 1.0, "kl": float("nan")}}, ["last metrics  loss 0.25  kl nan"]),
        ({"state": "finished", "attempt": attempt(number=2)}, ["✓ finished", "attempt 2", "next rftui eval"]),
    ],
)
def test_why_a_run_ended_is_said_with_what_to_do(changed: dict[str, Any], expected: list[str]) -> None:
    text = " ".join(said(ending_lines(ending(**changed), 300)).split("\n"))

    for part in expected:
        assert part in text


def test_a_reason_that_is_the_tracebacks_last_line_is_not_said_twice() -> None:
    found = ending(reason="KeyError: 'gold'", attempt=attempt(traceback="Traceback:\nKeyError: 'gold'"))

    assert said(ending_lines(found, 200)).count("KeyError") == 1


@pytest.mark.parametrize("width", [20, 80])
def test_hostile_reasons_fit_and_steer_nothing(width: int) -> None:
    foreign = "\x1b]0;owned\x07[/b] \u202e" + "x" * 900
    found = ending(
        name=foreign,
        reason=foreign,
        attempt=attempt(signal=foreign, oom={"kind": foreign, "detail": foreign}, traceback=foreign),
    )

    lines = ending_lines(found, width)

    assert all(line_width(line) <= width for line in lines)
    assert not {"\x1b", "\u202e", "\x07"} & set(said(lines))


def test_how_a_run_ended_is_read_from_its_journals(tmp_path: Path) -> None:
    home, run_dir = failed_run(tmp_path)

    found = read_ending(home, run_dir.name)

    assert found is not None
    assert (found.state, found.reason, found.checkpoint_step) == ("failed", "ValueError: bad gold", 10)
    assert found.metrics["reward"] == 0.5
    text = said(ending_lines(found, 120))
    assert "exit code 1" in text and "reward 0.5" in text
    assert "next rftui resume sat-grpo-1 (R) goes on after step 10" in text


def test_a_live_run_has_not_ended(tmp_path: Path) -> None:
    home = Home(tmp_path)
    run_dir = make_run(home)
    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "running", "reason": ""})
    ingest_all(home)

    assert read_ending(home, run_dir.name) is None
    assert read_ending(home, "not-there") is None


def failed_run(folder: Path) -> tuple[Home, RunDir]:
    """A run that raised at step 12, with a complete checkpoint."""
    home = Home(folder)
    run_dir = make_run(home)
    checkpoint = run_dir.checkpoints / "checkpoint-10"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"w")
    mark_complete(checkpoint, 10)
    append(run_dir.journal(0, 1), start(), metrics(12, reward=0.5))
    traceback = "Traceback (most recent call last):\n  File x\nValueError: bad gold"
    end = {"exit_code": 1, "signal": None, "oom": None, "traceback": traceback}
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "attempt_end", "attempt": 1, **end},
        {"type": "state", "attempt": 1, "state": "failed", "reason": "ValueError: bad gold"},
    )
    ingest_all(home)
    return home, run_dir
