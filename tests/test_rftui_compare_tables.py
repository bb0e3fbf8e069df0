"""What several runs are set to, and how their evaluations compare, as rows that fit and say the same as the command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from rftui.charts.curves import Range
from rftui.cli.comparison_tables import test_cells as cells_of_test
from rftui.comparing.compared_runs import ComparedRun, read_compared
from rftui.comparing.comparison import compare, compare_pairs, letters_of
from rftui.comparing.evaluations import Asked, EvaluationRow, evaluation_page, points, strip, strip_scale
from rftui.comparing.settings import Columns, columns_for, detail_lines, head_line, row_line, setting_rows
from rftui.formats import fraction, model_name
from rftui.terminal.spans import Line, in_ascii
from store.layout import Home
from store.runs import list_runs, open_catalogue
from tests.comparisons import text_of
from tests.evaluated_runs import answers, evaluation, write_run
from tests.rollout_rows import HOSTILE

RIGHT, LEFT = "1" * 30 + "0" * 10, "1" * 12 + "0" * 28


def read_all(home: Home, *names: str) -> list[ComparedRun]:
    """Runs as a comparison sees them."""
    with open_catalogue(home) as connection:
        summaries = {summary.name: summary for summary in list_runs(connection)}
    return [read_compared(home, summaries[name]) for name in names]


def three_runs(folder: Path) -> list[ComparedRun]:
    """A good run, a poor one, and one that was asked on another split."""
    home = Home(folder)
    both = [evaluation(answers(RIGHT)), evaluation(answers(LEFT), prompt="direct")]
    write_run(home, "good", both)
    write_run(home, "poor", [evaluation(answers(LEFT)), evaluation(answers(LEFT), prompt="direct")], learning_rate=2e-5)
    write_run(home, "other", [evaluation(answers(RIGHT), split="train")])
    return read_all(home, "good", "poor", "other")


def page(asked: Asked, width: int = 120) -> list[EvaluationRow]:
    """The rows of a comparison."""
    return evaluation_page(asked, letters_of(asked.order), width)


def lines(rows: Sequence[EvaluationRow]) -> list[str]:
    """Rows as text."""
    return text_of([row.line for row in rows])


def names_of(runs: Sequence[ComparedRun]) -> tuple[str, ...]:
    """Names by letter."""
    return tuple(run.name for run in runs)


# settings


def test_only_settings_that_differ_are_listed_until_all_are_asked_for() -> None:
    settings: list[dict[str, Any]] = [{"lr": 1e-6, "seed": 1, "task": "sat"}, {"lr": 1e-6, "seed": 2, "task": "sat"}]

    assert [row.key for row in setting_rows(settings, shows_all=False)] == ["seed"]
    assert [row.key for row in setting_rows(settings, shows_all=True)] == ["lr", "seed", "task"]


def test_settings_of_training_do_not_differ_from_an_evaluation() -> None:
    trained = {"method": "grpo", "max_steps": 100, "seed": 1, "rewards.length.weight": 1.0}
    settings: list[dict[str, Any]] = [trained, {"method": "eval", "seed": 2}, {**trained, "max_steps": 200}]

    assert [row.key for row in setting_rows(settings[:2], shows_all=False)] == ["method", "seed"]
    rows = setting_rows(settings, shows_all=False)
    assert [(row.key, row.values) for row in rows if row.key == "max_steps"] == [("max_steps", ("100", "—", "200"))]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("/home/u/.local/share/rftui/runs/sat-grpo-7/model", "sat-grpo-7"),
        ("/data/runs/sat-grpo-7/checkpoints/checkpoint-150", "sat-grpo-7@150"),
        ("/data/runs/sat-grpo-7/checkpoints/checkpoint-150/", "sat-grpo-7@150"),
        ("/models/sat-grpo-7/model", "/models/sat-grpo-7/model"),  # no run's
        ("Qwen/Qwen2.5-VL-3B-Instruct", "Qwen/Qwen2.5-VL-3B-Instruct"),
        ("tiny", "tiny"),
        (None, ""),
    ],
)
def test_the_weights_of_a_run_are_told_by_its_name(model: str | None, name: str) -> None:
    assert model_name(model) == name


def test_a_setting_that_a_run_lacks_is_a_dash() -> None:
    rows = setting_rows([{"lr": 1}, {}], shows_all=False)

    assert rows[0].values == ("1", "—")


def test_values_other_than_the_first_are_marked_without_colour() -> None:
    rows = setting_rows([{"seed": 1}, {"seed": 1}, {"seed": 2}], shows_all=False)
    columns = columns_for(rows, 3, width=60, first=0)

    assert "".join(text_of([row_line(rows[0], columns, 60)])).split() == ["seed", "1", "1", "·2"]


def test_twelve_runs_fit_by_scrolling_to_the_side() -> None:
    settings = [{"model": f"models/checkpoint-number-{number}"} for number in range(12)]
    rows = setting_rows(settings, shows_all=False)
    letters = list("ABCDEFGHIJKL")

    seen = set()
    for first in range(12):
        columns = columns_for(rows, 12, width=78, first=first)
        drawn = [head_line(letters, columns, 78), row_line(rows[0], columns, 78)]
        assert all(sum(cell_len(span.text) for span in line) <= 78 for line in drawn)
        seen.update(letters[columns.first : columns.first + columns.shown])
    assert seen == set(letters)
    assert columns.first + columns.shown == 12


def test_what_lies_to_the_side_is_counted() -> None:
    head = "".join(text_of([head_line(list("ABCDEF"), Columns(12, 8, 2, 3), 80)]))

    assert "◀2" in head and "▶1" in head


def test_a_cut_value_stands_whole_below() -> None:
    value = "x" * 70 + "end"
    rows = setting_rows([{"model": value}, {"model": "short"}, {"model": value}], shows_all=False)

    columns = columns_for(rows, 3, width=60, first=0)
    below = text_of(detail_lines(rows[0], list("ABC"), width=40, height=8))

    assert "…" in "".join(text_of([row_line(rows[0], columns, 60)]))
    assert below[0] == "model"
    assert "".join(line[5:] for line in below[1:4]) == value
    assert below[1].startswith("A C  ") and below[4].startswith("B  ")


def test_a_detail_never_takes_more_than_its_lines() -> None:
    rows = setting_rows([{"model": "x" * 500}, {"model": "y"}], shows_all=False)

    assert len(detail_lines(rows[0], list("AB"), width=40, height=5)) == 5
    assert detail_lines(None, [], width=40, height=5) == []


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_settings_stay_text(text: str) -> None:
    rows = setting_rows([{text: text}, {}], shows_all=True)
    columns = columns_for(rows, 2, width=50, first=0)

    drawn: list[Line] = [row_line(row, columns, 50) for row in rows]
    drawn += detail_lines(rows[0], ["A", "B"], width=50, height=6)

    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in "".join(text_of(drawn)))


# evaluations


def test_the_numbers_are_those_of_the_command(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)
    comparison = compare(runs)

    rows = page(Asked(comparison, names_of(runs)))

    tested = [row for row in rows if row.contrast is not None]
    assert [row.contrast for row in tested] == [
        item for item in (*comparison.against, *comparison.thinking) if item.paired
    ]
    for row in tested:
        assert row.contrast is not None and row.contrast.paired is not None
        text = " ".join(text_of([row.line])[0].split())
        assert all(cell in text for cell in cells_of_test(row.contrast, row.contrast.paired))


def test_each_accuracy_has_its_interval_n_source_and_split(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)

    first = next(line for line in lines(page(Asked(compare(runs), names_of(runs)))) if line.startswith("A "))

    assert first.split()[:8] == ["A", "think", "greedy", "9", "40", ".750", "[.100,", ".900]"]
    assert "sat-generated heldout" in first


def test_verdicts_are_words(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)

    text = lines(page(Asked(compare(runs), names_of(runs))))

    assert any(line.startswith("B - A  think") and line.endswith("A is better") for line in text)
    assert any(line.startswith("B - A  direct") and line.endswith("not told apart") for line in text)
    assert any(line.startswith("A ") and line.endswith("<think> helps") for line in text)


def test_what_is_not_comparable_is_said_with_its_reason(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)

    text = lines(page(Asked(compare(runs), names_of(runs))))

    assert "- no test of other (think greedy): different splits: heldout and train" in text


def test_every_pair_is_tested_and_corrected_together(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name, pattern in (("one", RIGHT), ("two", LEFT), ("three", "0" * 40)):
        write_run(home, name, [evaluation(answers(pattern))])
    runs = read_all(home, "one", "two", "three")

    comparison = compare_pairs(runs)
    rows = page(Asked(comparison, names_of(runs), is_pairs=True))

    assert [text_of([row.line])[0].split("  ")[0] for row in rows if row.contrast] == ["B - A", "C - A", "C - B"]
    assert all(item.p_holm is not None for item in comparison.against)
    assert any("corrected for the 3 tests of every pair" in line for line in lines(rows))
    assert comparison.against[:2] != compare(runs).against


def test_another_baseline_leaves_the_letters(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)
    good, poor, other = runs

    rows = page(Asked(compare([poor, good, other]), names_of(runs)))

    assert any(line.startswith("against B (poor)") for line in lines(rows))
    assert any(line.startswith("A - B") for line in lines(rows))
    accuracies = [line[0] for line in lines(rows) if line[2:].startswith("   think   greedy")]
    assert accuracies == ["A", "B", "C"]


def test_runs_without_evaluations_are_one_sentence(tmp_path: Path) -> None:
    home = Home(tmp_path)
    write_run(home, "one", [])
    write_run(home, "two", [])
    runs = read_all(home, "one", "two")

    assert lines(page(Asked(compare(runs), names_of(runs)))) == ["no run has been evaluated yet"]


@pytest.mark.parametrize("width", [78, 100, 198])
def test_rows_fit_the_width(tmp_path: Path, width: int) -> None:
    runs = three_runs(tmp_path)

    assert max(map(cell_len, lines(page(Asked(compare(runs), names_of(runs)), width)))) <= width


def test_an_interval_is_drawn_where_it_lies() -> None:
    assert strip(0.25, 0.5, 0.75, Range(0.0, 1.0), 9) == "  ──●──  "
    assert strip(0.5, 0.75, 1.0, Range(-1.0, 1.0), 9, zero=0.0) == "    │ ─●─"
    assert strip(-0.5, 0.5, 1.0, Range(-1.0, 1.0), 9, zero=0.0) == "  ──┼─●──"
    assert strip(0.0, 0.0, 0.0, Range(-1.0, 1.0), 5, zero=0.0) == "  ●  "
    assert in_ascii(strip(-0.5, 0.5, 1.0, Range(-1.0, 1.0), 9, zero=0.0)) == "  --+-*--"


def test_strips_have_the_values_of_their_ends_and_of_zero_above() -> None:
    assert strip_scale(Range(0.1, 0.9), 16, fraction) == ".100        .900"
    assert strip_scale(Range(-0.1, 0.1), 17, points, zero=0.0) == "-10.0   0   +10.0"
    assert strip_scale(Range(0.0, 0.1), 16, points, zero=0.0) == "0          +10.0"
    # no room for a zero beside the end that it is near to
    assert strip_scale(Range(-0.01, 0.1), 16, points, zero=0.0) == "-1.0       +10.0"


def test_the_scale_stands_over_the_strips(tmp_path: Path) -> None:
    runs = three_runs(tmp_path)

    drawn = page(Asked(compare(runs), names_of(runs)), 198)

    heads = [line for line in lines(drawn) if line.startswith(("runs ", "run "))]
    tested = next(line for line in lines(drawn) if line.startswith("B - A  think"))
    over = next(line for line in heads if " 0 " in line or line.split()[-1] == "0")
    assert len(over) <= len(tested)
