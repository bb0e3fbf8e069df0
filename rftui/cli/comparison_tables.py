"""A comparison as tables of text, and those tables as Markdown and LaTeX. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from evals.statistics import Paired
from rftui.cli.output import Column
from rftui.cli.table_forms import Table, latex_lines, markdown_lines, markdown_text
from rftui.comparing.compared_runs import ComparedRun
from rftui.comparing.comparison import Comparison, Contrast, source_name
from rftui.formats import interval, model_name, p_text, steps
from rftui.terminal.clean import one_line

RUN_COLUMNS = (
    Column("run", can_shrink=True),
    Column("state", can_shrink=True),
    Column("step", is_right=True),
    Column("method", can_shrink=True),
    Column("task", can_shrink=True),
    Column("model", can_shrink=True),
)
EVALUATION_COLUMNS = (
    Column("run", can_shrink=True),
    Column("prompt", can_shrink=True),
    Column("decoding", can_shrink=True),
    Column("step", is_right=True),
    Column("n", is_right=True),
    Column("accuracy"),
    Column("data", can_shrink=True),
)
TEST_COLUMNS = (Column("n", is_right=True), Column("difference"), Column("flips"), Column("p"))
HOLM = Column("Holm")


def markdown(comparison: Comparison) -> Iterator[str]:
    """The comparison as Markdown, one line at a time."""
    for table in full_tables(comparison):
        yield from [*markdown_lines(table), ""]
    for sentence in sentences(comparison):
        yield f"- {markdown_text(sentence)}"


def latex(comparison: Comparison) -> Iterator[str]:
    """The comparison as one tabular a table, with what else there is to say as LaTeX comments."""
    for table in full_tables(comparison):
        yield from [*latex_lines(table), ""]
    for sentence in sentences(comparison):
        yield f"% {one_line(sentence)}"


def full_tables(comparison: Comparison) -> list[Table]:
    """Every table with names of runs in full and the data beside each number; empty tables are left out."""
    names = {run.name: run.name for run in comparison.runs}
    tables = [
        Table("Runs", RUN_COLUMNS, [run_row(run, names) for run in comparison.runs]),
        Table(
            "Settings that differ",
            (Column("setting"), *(Column(name) for name in names)),
            [[row.key, *(value_text(value) for value in row.values.values())] for row in comparison.settings],
        ),
        Table("Last held-out evaluations", EVALUATION_COLUMNS, evaluation_rows(comparison, names)),
        _full_tests(f"Difference from {comparison.baseline.name}, in points", comparison.against, with_prompt=True),
        _full_tests("With <think> against without, in points", comparison.thinking, with_prompt=False),
    ]
    return [table for table in tables if table.rows]


def _full_tests(title: str, contrasts: Sequence[Contrast], *, with_prompt: bool) -> Table:
    tested = [(contrast, contrast.paired) for contrast in contrasts if contrast.paired is not None]
    is_corrected = any(contrast.p_holm is not None for contrast, _ in tested)
    prompt = (Column("prompt"),) if with_prompt else ()
    columns = (Column("run"), *prompt, Column("decoding"), *test_columns(is_corrected=is_corrected), Column("data"))
    rows = [
        [
            one_line(contrast.after_run),
            *([contrast.after_prompt] if with_prompt else []),
            one_line(contrast.decoding),
            *test_cells(contrast, paired),
            data_text(contrast.source or {}, contrast.split),
        ]
        for contrast, paired in tested
    ]
    return Table(title, columns, rows)


def test_columns(*, is_corrected: bool) -> tuple[Column, ...]:
    """What a test says; the corrected p-value only where there was something to correct."""
    return (*TEST_COLUMNS, HOLM) if is_corrected else TEST_COLUMNS


def test_cells(contrast: Contrast, paired: Paired) -> list[str]:
    """The cells under `test_columns`."""
    cells = [str(paired.n), difference_text(paired), f"+{paired.gained} -{paired.lost}", p_text(paired.p)]
    return cells if contrast.p_holm is None else [*cells, p_text(contrast.p_holm)]


def run_row(run: ComparedRun, labels: Mapping[str, str]) -> list[str]:
    """A run under `RUN_COLUMNS`."""
    summary = run.summary
    cells = (
        summary.state,
        steps(summary.step, summary.total_steps),
        summary.method,
        summary.task,
        model_name(summary.model),
    )
    return [labels[run.name], *(one_line(cell or "") for cell in cells)]


def evaluation_rows(comparison: Comparison, labels: Mapping[str, str]) -> list[list[str]]:
    """Every last evaluation under `EVALUATION_COLUMNS`, those that were asked alike below each other."""
    totals = [(run, item.totals) for run in comparison.runs for item in run.last]
    totals.sort(key=lambda pair: (pair[1].prompt != "think", pair[1].prompt, pair[1].decoding, pair[1].split))
    return [
        [
            labels[run.name],
            one_line(item.prompt),
            one_line(item.decoding),
            str(item.step),
            str(item.n),
            interval(item.accuracy, item.low, item.high),
            data_text(item.source, item.split),
        ]
        for run, item in totals
    ]


def data_text(source: Mapping[str, Any], split: str) -> str:
    """Where examples came from: source and split."""
    return one_line(f"{source_name(source)} {split}")


def value_text(value: Any) -> str:
    """A setting as TOML would have it, near enough; a dash where a run has none."""
    if value is None:
        return "—"
    return one_line(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False))


def difference_text(paired: Paired) -> str:
    """`+44.3 [+38.5, +50.0]`, in points."""
    return f"{100 * paired.difference:+.1f} [{100 * paired.low:+.1f}, {100 * paired.high:+.1f}]"


def sentences(comparison: Comparison, *, tests: str = "tests against the baseline") -> Iterator[str]:
    """What tables cannot say: where there is no test and why, how the numbers were made, and what to beware of."""
    yield from _refusals(comparison)
    yield from comparison.notes
    counts = [sum(item.paired is not None for item in part) for part in (comparison.against, comparison.thinking)]
    if any(item.totals.n for run in comparison.runs for item in run.last):
        yield "accuracy: 95% Wilson interval"
    if any(counts):
        yield (
            "difference: paired, 95% bootstrap interval over examples; flips: +wrong to right -right to wrong; "
            "p: McNemar's exact test"
        )
    for count, of_what in zip(counts, (tests, "tests of <think>"), strict=True):
        if count > 1:
            yield f"Holm: p corrected for the {count} {of_what}"


def _refusals(comparison: Comparison) -> Iterator[str]:
    """Where there is no test and why; ways of asking that share a reason in one sentence."""
    asked: dict[tuple[str, str], list[str]] = {}
    for contrast in comparison.against:
        if contrast.paired is None:
            key = (contrast.after_run, contrast.why_not)
            asked.setdefault(key, []).append(f"{contrast.after_prompt} {contrast.decoding}")
    for contrast in comparison.thinking:
        if contrast.paired is None:
            key = (contrast.after_run, contrast.why_not)
            asked.setdefault(key, []).append(f"<think> {contrast.decoding}".strip())
    for (run, why), ways in asked.items():
        yield f"no test of {run} ({', '.join(ways)}): {why}"


def fitted(columns: Sequence[Column], rows: Iterable[Sequence[str]], *, width: int) -> list[list[str]]:
    """The rows with cells of columns that can shrink cut until a line takes no more than `width`, as far as it goes."""
    texts = [list(row) for row in rows]
    widths = [max([len(column.title), *(len(row[place]) for row in texts)]) for place, column in enumerate(columns)]
    shrinking = [place for place, column in enumerate(columns) if column.can_shrink]
    while shrinking and sum(widths) + 2 * (len(widths) - 1) > width:
        widest = max(shrinking, key=lambda place: widths[place])
        if widths[widest] <= SHORTEST:
            break
        widths[widest] -= 1
    return [[one_line(cell, width=widths[place]) for place, cell in enumerate(row)] for row in texts]


SHORTEST = 8
"""No cell is cut below this."""
