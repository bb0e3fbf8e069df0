"""The rows of the run list say what is so, tell it without colour, and fit any width."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.errors import UsageProblem
from rftui.runs.browser import Counts
from rftui.runs.filter import parse_filter
from rftui.runs.list_text import gpu_line, header_line, problem_text, short_path, status_line
from rftui.runs.rows import (
    RowFacts,
    accuracy_text,
    age_text,
    group_line,
    head_line,
    layout,
    run_line,
    sparkline,
    squeezed,
)
from rftui.runs.versus import VersusBase
from rftui.runs.view import GroupHead, RunView
from rftui.terminal.clean import clean
from rftui.terminal.spans import Line, Role, line_width
from store.layout import Home
from store.run_list import Trace
from tests.hostile_text import hostile_texts
from tests.listed_runs import summary

TRACE = Trace(values=(0.1, None, 0.5, 0.9), last=0.9, n=500, split="test", prompt="think", decoding="greedy")
COUNTS = Counts(total=1234, running=2, queued=1, done=1231, shown=12, marked=3)


def text(line: Line) -> str:
    return "".join(span.text for span in line)


def row(width: int = 160, *, is_ascii: bool = False, metric: str = "", **facts: object) -> str:
    shape = layout(width, longest_name=20, has_baseline=bool(facts.get("has_baseline")), has_tags=True, metric=metric)
    changed = {"trace": TRACE, "now": 5000.0, **facts}
    run = facts.pop("run", summary(tags=("best",), reason="asked to"))
    changed.pop("run", None)
    return text(run_line(shape, run, RowFacts(**changed), is_ascii=is_ascii))  # type: ignore[arg-type]


def test_a_row_says_state_progress_accuracy_with_interval_data_headline_and_age() -> None:
    said = row(200)

    for part in (
        "sat-grpo-1",
        "✓ finished",
        "300/300",
        ".500 [.46,.54]",
        " 500 ",
        "gen",
        "R 0.9",
        "1h",
        "best",
        "asked to",
    ):
        assert part in said
    assert "▁" in said and "█" in said


def test_signs_tell_cursor_mark_pin_and_star_without_colour() -> None:
    assert row(is_chosen=True, is_marked=True, is_starred=True, is_pinned=True).startswith("▸◆◎★")
    assert row(is_chosen=True, is_marked=True, is_starred=True, is_ascii=True).startswith(">x* ")
    assert row(is_marked=True).startswith(" ◆  ")


def test_ascii_rows_hold_nothing_but_ascii() -> None:
    assert row(is_ascii=True, is_pinned=True).isascii()
    assert row(is_ascii=True, trace=None, run=summary(accuracy=None)).isascii()


@pytest.mark.parametrize(
    ("versus", "expected", "role"),
    [
        (VersusBase(0.05, 0.012, 0.088, 1000), "+5.0 [+1.2,+8.8]", Role.RIGHT),
        (VersusBase(-0.05, -0.088, -0.012, 1000), "-5.0 [-8.8,-1.2]", Role.WRONG),
        (VersusBase(0.05, -0.1, 0.2, 40), "+5.0 [-10.0,+20.0]", Role.PLAIN),  # may as well be none
        (VersusBase(1.0, 1.0, 1.0, 40), "+100 [+100,+100]", Role.RIGHT),
        (VersusBase(-0.4, -0.7, -0.1, 40), "-40.0 [-70.0,-10.0]", Role.WRONG),
        (VersusBase(-0.062, -0.188, -0.01, 16, is_narrow=True), "-6.2 [-18.8,-1.0]*", Role.PLAIN),  # one flip
        (None, "—", Role.MUTED),  # not the same examples
    ],
)
def test_the_difference_to_the_baseline_has_an_interval_and_is_coloured_where_it_leaves_out_zero(
    versus: VersusBase | None, expected: str, role: Role
) -> None:
    shape = layout(160, longest_name=20, has_baseline=True, has_tags=True, metric="")
    facts = RowFacts(TRACE, has_baseline=True, versus=versus, is_versus_read=True, now=5000.0)

    line = run_line(shape, summary(), facts, is_ascii=False)

    assert f" {expected} " in text(line)
    assert any(span.role is role for span in line if expected in span.text)


def test_the_metric_that_the_list_is_sorted_by_has_a_column() -> None:
    shape = layout(120, longest_name=10, has_baseline=False, has_tags=False, metric="rewards/accuracy/mean")

    assert "acy/mean ↓" in text(head_line(shape, RunView(sort="rewards/accuracy/mean"), is_ascii=False))
    assert "0.25" in row(120, metric="kl", value=0.25)


@given(st.integers(20, 260), st.booleans(), hostile_texts)
def test_rows_fit_any_width_and_hold_no_control(width: int, is_ascii: bool, foreign: str) -> None:
    run = summary(
        "a" * 80, model=foreign, reason=foreign, tags=(foreign,), state=foreign, task=foreign, source={"kind": foreign}
    )
    shape = layout(width, longest_name=80, has_baseline=True, has_tags=True, metric=foreign)
    facts = RowFacts(TRACE, has_baseline=True, value=foreign, now=5000.0)
    lines = [
        run_line(shape, run, facts, is_ascii=is_ascii),
        head_line(shape, RunView(sort=foreign or "x"), is_ascii=is_ascii),
        group_line(
            GroupHead(foreign, 1, 1, 1, False), RunView(group="task"), run, is_chosen=True, width=width, is_ascii=False
        ),
    ]

    for line in lines:
        assert line_width(line) <= width
        assert clean(text(line)) == text(line) and "\n" not in text(line)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((), ""),
        ((None, None), "  "),
        ((1.0, 1.0), "▅▅"),  # flat
        ((0.0, 1.0), "▁█"),
        ((0.0, None, 0.5, math.inf, math.nan, 1.0), "▁ ▅  █"),
    ],
)
def test_a_sparkline_spans_its_finite_values(values: tuple[float | None, ...], expected: str) -> None:
    assert sparkline(values, is_ascii=False) == expected
    assert sparkline(values, is_ascii=True).isascii()


def test_a_long_trace_is_squeezed_and_not_cut() -> None:
    assert squeezed((0.0, 2.0, None, None, 4.0, None), 3) == [1.0, None, 4.0]
    assert squeezed((1.0, 2.0), 3) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-5, "now"), (59, "now"), (60, "1m"), (3599, "59m"), (3600, "1h"), (100_000, "27h"), (172_800, "2d")],
)
def test_ages_are_coarse(seconds: float, expected: str) -> None:
    assert age_text(seconds) == expected


def test_an_accuracy_at_the_ends_keeps_its_width() -> None:
    assert accuracy_text(summary(accuracy=1.0, accuracy_low=0.996, accuracy_high=1.0)) == "1.000 [1.0,1.0]"
    assert accuracy_text(summary(accuracy=None)) == "—"


def test_the_header_counts_and_names_the_store(tmp_path: Path) -> None:
    said = text(header_line(Home(tmp_path), COUNTS, width=160))

    assert said.startswith("rftui  store ") and str(tmp_path) in said
    assert said.endswith("2 running · 1 queued · 1231 done")
    assert "reading the store" in text(header_line(Home(tmp_path), None, width=100))
    assert "read-only" in text(header_line(Home(tmp_path, is_read_only=True), COUNTS, width=160))


def test_a_long_path_loses_its_beginning_not_the_counts() -> None:
    said = text(header_line(Home(Path("/very" * 30 + "/home")), COUNTS, width=80))

    assert len(said) == 80 and "…" in said and said.endswith("done")
    assert short_path(Path.home() / "x") == "~/x"


def test_the_status_says_filter_order_group_marks_baseline_and_why() -> None:
    view = RunView(parse_filter("task:sat"), "accuracy", group="task")
    run = summary(state="failed", reason="out of memory")
    said = text(status_line(COUNTS, view, run, pinned="sat-sft-9", width=200, is_ascii=False))

    for part in ("12 of 1,234", "task:sat", "accuracy ↓", "grouped by task", "3 marked", "baseline sat-sft-9"):
        assert part in said
    assert said.endswith("sat-grpo-1 failed: out of memory")


def test_a_problem_says_what_was_found_and_expected() -> None:
    assert problem_text(UsageProblem("no", found="x", expected="y")) == "no; found: x; expected: y"


def test_gpus_stand_on_one_line_whatever_nvml_cannot_tell() -> None:
    samples: list[dict[str, Any]] = [
        {"index": 0, "utilization_percent": 98, "memory_used_mb": 72000, "memory_total_mb": 81920, "temperature_c": 68},
        {"index": 1, "utilization_percent": None, "memory_used_mb": 0, "memory_total_mb": 0, "temperature_c": None},
    ]

    assert text(gpu_line(samples, {}, width=100, is_ascii=True)).split() == [
        "GPU0",
        "########",
        "98%",
        "70/80G",
        "68C",
        "GPU1",
    ]
    assert gpu_line([], {}, width=100, is_ascii=True) == ()


@pytest.mark.parametrize(
    ("width", "names"),
    [
        (120, ["sat-grpo-12", "air-grpo-3 +1"]),
        # the counters tell them apart
        (78, ["…grpo-12", "…po-3 +1"]),
        # less than a few letters tell nothing
        (66, []),
        (20, []),
    ],
)
def test_the_run_that_holds_a_gpu_is_named_where_there_is_room(width: int, names: list[str]) -> None:
    sample = {"utilization_percent": 98, "memory_used_mb": 72000, "memory_total_mb": 81920, "temperature_c": 68}
    held = {0: ("sat-grpo-12",), 1: ("air-grpo-3", "\x1b[31mair-sft-4")}

    line = gpu_line([{**sample, "index": index} for index in (0, 1)], held, width=width, is_ascii=False)

    assert line_width(line) <= width
    assert [span.text for span in line if span.role is Role.STRONG] == names
    assert "\x1b" not in text(line)
