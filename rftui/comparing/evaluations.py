"""Evaluations of several runs and the tests between them as rows; its numbers are those of `rftui compare`. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from evals.statistics import Paired
from rftui.charts.curves import Range
from rftui.cli.comparison_tables import (
    EVALUATION_COLUMNS,
    data_text,
    evaluation_rows,
    fitted,
    sentences,
    test_cells,
    test_columns,
)
from rftui.cli.output import Column, table_lines
from rftui.comparing.comparison import Comparison, Contrast
from rftui.formats import fraction
from rftui.terminal.clean import one_line
from rftui.terminal.spans import Line, Role, Span
from rftui.terminal.wrapping import drawable_line, wrap

SIGNIFICANT = 0.05
LEAST_STRIP = 16
WIDEST_STRIP = 48


class EvaluationRow(NamedTuple):
    """One line of the tab."""

    line: Line
    contrast: Contrast | None = None
    """The test that stands in it; its examples can be looked at."""


class Asked(NamedTuple):
    """Which tests stand in the tab."""

    comparison: Comparison
    """Its first run is the baseline."""
    order: tuple[str, ...]
    """Names of the runs by letter."""
    is_pairs: bool = False
    """Every pair, not every run against the baseline."""


def evaluation_page(asked: Asked, letters: Mapping[str, str], width: int) -> list[EvaluationRow]:
    """Every line: accuracies, tests between runs, tests of <think>, and what must be known to believe them."""
    comparison = asked.comparison
    if not any(run.last for run in comparison.runs):
        return [EvaluationRow((Span("no run has been evaluated yet", Role.MUTED),))]
    rows = list(_accuracies(asked, letters, width))
    title = _title(asked, letters)
    rows += _tests(title, comparison.against, letters, width)
    rows += _tests("with <think> against without", comparison.thinking, letters, width)
    rows.append(EvaluationRow(()))
    tests = "tests of every pair" if asked.is_pairs else "tests against the baseline"
    for sentence in sentences(comparison, tests=tests):
        rows += _wrapped(sentence, width)
    return rows


def _title(asked: Asked, letters: Mapping[str, str]) -> str:
    if asked.is_pairs:
        return "every pair"
    baseline = asked.comparison.baseline.name
    return f"against {letters[baseline]} ({one_line(baseline)})"


def _wrapped(sentence: str, width: int) -> Iterator[EvaluationRow]:
    text = drawable_line(sentence)
    # what was not tested must not be passed over
    role = Role.WARNING if sentence.startswith(("no test", "only the")) else Role.MUTED
    for number, (start, end) in enumerate(wrap(text, max(1, width - 2))):
        yield EvaluationRow((Span("  " if number else "- ", role), Span(text[start:end], role)))


def _heading(text: str) -> EvaluationRow:
    return EvaluationRow((Span(drawable_line(text), Role.STRONG),))


def _accuracies(asked: Asked, letters: Mapping[str, str], width: int) -> Iterator[EvaluationRow]:
    by_name = {run.name: run for run in asked.comparison.runs}
    runs = tuple(by_name[name] for name in asked.order if name in by_name)
    texts = evaluation_rows(asked.comparison._replace(runs=runs), letters)
    head, *lines = table_lines(EVALUATION_COLUMNS, fitted(EVALUATION_COLUMNS, texts, width=width))
    yield _heading("last held-out evaluations, accuracy with its 95% interval")
    # the order of evaluation_rows
    totals = [item.totals for run in runs for item in run.last]
    totals.sort(key=lambda item: (item.prompt != "think", item.prompt, item.decoding, item.split))
    known = [(item.low, item.high) for item in totals if item.accuracy is not None]
    room = _strip_room(lines, width)
    span = _span([end for ends in known for end in ends])
    longest = max(map(len, lines), default=0)
    scale = strip_scale(span, room, fraction) if room and span else ""
    yield EvaluationRow((Span(f"{head:<{longest}}  {scale}".rstrip(), Role.MUTED),))
    for text, item in zip(lines, totals, strict=True):
        drawn = ""
        if room and span and item.accuracy is not None:
            drawn = strip(item.low, item.accuracy, item.high, span, room)
        yield EvaluationRow((Span(f"{text:<{longest}}"), Span(f"  {drawn}" if drawn else "", Role.BAR)))


def _tests(
    title: str, contrasts: Sequence[Contrast], letters: Mapping[str, str], width: int
) -> Iterator[EvaluationRow]:
    """One table for each source of data, which its title names."""
    tested = [(contrast, contrast.paired) for contrast in contrasts if contrast.paired is not None]
    for data in dict.fromkeys(data_text(item.source or {}, item.split) for item, _ in tested):
        part = [(item, paired) for item, paired in tested if data_text(item.source or {}, item.split) == data]
        decodings = list(dict.fromkeys(one_line(item.decoding) for item, _ in part))
        only = f", {decodings[0]}" if len(decodings) == 1 else ""
        yield EvaluationRow(())
        yield _heading(f"{title}, in points, on {data}{only}")
        yield from _test_table(part, letters, width)


def _test_table(
    tested: Sequence[tuple[Contrast, Paired]], letters: Mapping[str, str], width: int
) -> Iterator[EvaluationRow]:
    is_corrected = any(item.p_holm is not None for item, _ in tested)
    # the title says how where all were asked alike
    is_mixed = len({item.decoding for item, _ in tested}) > 1
    decoding = (Column("decoding", can_shrink=True),) if is_mixed else ()
    # what <think> does is a contrast of both prompts
    is_thinking = tested[0][0].before_run == tested[0][0].after_run
    prompt = () if is_thinking else (Column("prompt", can_shrink=True),)
    columns = (Column("runs"), *prompt, *decoding, *test_columns(is_corrected=is_corrected))
    texts = [
        [
            _who(item, letters),
            *([] if is_thinking else [one_line(item.after_prompt)]),
            *([one_line(item.decoding)] if is_mixed else []),
            *test_cells(item, paired),
        ]
        for item, paired in tested
    ]
    verdicts = [verdict(item, paired, letters) for item, paired in tested]
    beside = max(len(span.text) for span in verdicts) + 2
    head, *lines = table_lines(columns, fitted(columns, texts, width=width - beside))
    longest = max(map(len, lines))
    room = _strip_room([f"{line:<{longest}}  {span.text}" for line, span in zip(lines, verdicts, strict=True)], width)
    span = _span([0.0, *(end for _, paired in tested for end in (paired.low, paired.high))])
    scale = strip_scale(span, room, points, zero=0.0) if room and span else ""
    yield EvaluationRow((Span(f"{head:<{longest}}  {scale}".rstrip(), Role.MUTED),))
    for (item, paired), text, said in zip(tested, lines, verdicts, strict=True):
        drawn = strip(paired.low, paired.difference, paired.high, span, room, zero=0.0) if room and span else ""
        line = (
            Span(f"{text:<{longest}}"),
            Span(f"  {drawn}" if drawn else "", Role.BAR),
            Span(f"  {said.text}", said.role),
        )
        yield EvaluationRow(line, item)


def _who(item: Contrast, letters: Mapping[str, str]) -> str:
    after, before = letters[item.after_run], letters[item.before_run]
    return after if after == before else f"{after} - {before}"


def verdict(item: Contrast, paired: Paired, letters: Mapping[str, str]) -> Span:
    """What the test says in words, by the corrected p-value where there is one."""
    p = paired.p if item.p_holm is None else item.p_holm
    if p >= SIGNIFICANT:
        return Span("not told apart", Role.MUTED)
    is_better = paired.difference > 0
    if item.after_run == item.before_run:
        return Span("<think> helps" if is_better else "<think> harms", Role.RIGHT if is_better else Role.WRONG)
    better = letters[item.after_run if is_better else item.before_run]
    return Span(f"{better} is better", Role.RIGHT if is_better else Role.WRONG)


def _strip_room(lines: Sequence[str], width: int) -> int:
    """Cells for a strip beside lines; 0 where there are too few."""
    room = min(WIDEST_STRIP, width - max(map(len, lines), default=0) - 3)
    return room if room >= LEAST_STRIP else 0


def _span(ends: Sequence[float]) -> Range | None:
    if not ends or min(ends) == max(ends):
        return None
    return Range(min(ends), max(ends))


def strip_scale(span: Range, width: int, text_of: Callable[[float], str], *, zero: float | None = None) -> str:
    """The values at the ends of strips, and 0 over the zero line where there is room for it."""
    low, high = text_of(span.low), text_of(span.high)
    cells = list(f"{low}{high:>{max(0, width - len(low))}}")
    if zero is not None:
        at = _place(zero, span, width)
        # blanks on both sides, so that it is no digit of an end
        if len(low) < at < width - len(high) - 1:
            cells[at] = "0"
    return "".join(cells)


def points(share: float) -> str:
    """`+1.2`, `0`: a share in points."""
    return f"{100 * share:+.1f}" if share else "0"


def _place(value: float, span: Range, width: int) -> int:
    share = (value - span.low) / (span.high - span.low)
    return min(width - 1, max(0, round(share * (width - 1))))


def strip(low: float, middle: float, high: float, span: Range, width: int, *, zero: float | None = None) -> str:
    """An interval as a line with its middle, between the ends of a range; `zero` is a line that it may cross."""

    def place(value: float) -> int:
        return _place(value, span, width)

    cells = [" "] * width
    if zero is not None:
        cells[place(zero)] = "│"
    for at in range(place(low), place(high) + 1):
        # a bar that crosses zero shows where
        cells[at] = "┼" if cells[at] == "│" else "─"
    cells[place(middle)] = "●"
    return "".join(cells)
