"""A comparison for people: plain lines, with letters for runs so that the tables stay narrow. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from rftui.cli.comparison_tables import (
    EVALUATION_COLUMNS,
    RUN_COLUMNS,
    data_text,
    evaluation_rows,
    fitted,
    run_row,
    sentences,
    test_cells,
    test_columns,
    value_text,
)
from rftui.cli.output import Column, table_lines
from rftui.comparing.comparison import Comparison, Contrast, Flip, Setting, letters_of
from rftui.terminal.clean import one_line

LETTER = Column("")


def page_lines(comparison: Comparison, *, width: int, flips: int) -> Iterator[str]:
    """The whole page in lines of at most `width`, with up to `flips` flipped examples of each test and direction."""
    letters = letters_of([run.name for run in comparison.runs])
    rows = [[letters[run.name], *run_row(run, {run.name: one_line(run.name)})] for run in comparison.runs]
    yield from _table((LETTER, *RUN_COLUMNS), rows, width=width)
    yield from ["", *_setting_lines(comparison.settings, letters, width=width)]
    if any(run.last for run in comparison.runs):
        yield from ["", "last held-out evaluations"]
        yield from _table(EVALUATION_COLUMNS, evaluation_rows(comparison, letters), width=width)
    else:
        yield from ["", "no run has been evaluated yet"]
    title = f"against {letters[comparison.baseline.name]} ({one_line(comparison.baseline.name)})"
    yield from _test_lines(title, comparison.against, letters, width=width)
    yield from _test_lines("with <think> against without", comparison.thinking, letters, width=width)
    for contrast in [*comparison.against, *comparison.thinking]:
        yield from _flip_lines(contrast, letters, count=flips, width=width)
    yield ""
    for sentence in sentences(comparison):
        yield from textwrap.wrap(one_line(sentence), width, initial_indent="- ", subsequent_indent="  ")


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int) -> list[str]:
    return table_lines(columns, fitted(columns, rows, width=width))


def _setting_lines(settings: Sequence[Setting], letters: Mapping[str, str], *, width: int) -> Iterator[str]:
    """A column a run for the values that fit whole, and below them the longer ones, a value a line."""
    if not settings:
        yield "all settings are the same"
        return
    yield "settings that differ"
    columns = (Column("setting"), *(Column(letter) for letter in letters.values()))
    rows = [[one_line(row.key), *(value_text(row.values[name]) for name in letters)] for row in settings]
    short = list(rows)
    while short and max(len(line) for line in table_lines(columns, short)) > width:
        short.remove(max(short, key=lambda row: max(len(cell) for cell in row)))
    if short:
        yield from table_lines(columns, short)
    for key, *values in (row for row in rows if row not in short):
        yield from textwrap.wrap(key, width)
        for letter, value in zip(letters.values(), values, strict=True):
            yield from textwrap.wrap(value, width, initial_indent=f"  {letter}  ", subsequent_indent="     ")


def _test_lines(title: str, contrasts: Sequence[Contrast], letters: Mapping[str, str], *, width: int) -> Iterator[str]:
    """One table for each source of data, which its title names."""
    tested = [(contrast, contrast.paired) for contrast in contrasts if contrast.paired is not None]
    is_corrected = any(contrast.p_holm is not None for contrast, _ in tested)
    for data in dict.fromkeys(data_text(contrast.source or {}, contrast.split) for contrast, _ in tested):
        yield ""
        yield from textwrap.wrap(f"{title}, in points, on {data}", width)
        # what <think> does is a contrast of both prompts
        is_one_prompt = tested[0][0].before_prompt == tested[0][0].after_prompt
        prompt = (Column("prompt", can_shrink=True),) if is_one_prompt else ()
        asked = (Column("run"), *prompt, Column("decoding", can_shrink=True))
        columns = (*asked, *test_columns(is_corrected=is_corrected))
        rows = [
            [
                letters[item.after_run],
                *([one_line(item.after_prompt)] if is_one_prompt else []),
                one_line(item.decoding),
                *test_cells(item, paired),
            ]
            for item, paired in tested
            if data_text(item.source or {}, item.split) == data
        ]
        yield from _table(columns, rows, width=width)


def _flip_lines(contrast: Contrast, letters: Mapping[str, str], *, count: int, width: int) -> Iterator[str]:
    """The first flipped examples of a test, with both answers and the question."""
    if contrast.paired is None or count <= 0:
        return
    if contrast.before_run == contrast.after_run:
        who, sides = f"<think> in {letters[contrast.after_run]}, {contrast.decoding}", ("without", "with")
    else:
        sides = (letters[contrast.before_run], letters[contrast.after_run])
        who = f"{sides[1]} against {sides[0]}, {contrast.after_prompt} {contrast.decoding}"
    for verb, flips in (("broke", contrast.broken), ("fixed", contrast.fixed)):
        if flips:
            shown = f", the first {count}" if count < len(flips) else ""
            yield from ["", one_line(f"{who}: {verb} {len(flips)}{shown}", width=width)]
            for flip in flips[:count]:
                yield from _one_flip(flip, sides, width=width)


def _one_flip(flip: Flip, sides: tuple[str, str], *, width: int) -> Iterator[str]:
    answers = zip(sides, (flip.before, flip.after), strict=True)
    said = "  ".join(f"{side}: {one_line(text or '(none)', width=14)}" for side, text in answers)
    line = f"gold: {one_line(flip.gold, width=14)}  {said}"
    yield f"  {one_line(flip.uid, width=width - 2)}"
    yield f"    {one_line(line, width=width - 4)}"
    yield f"    {one_line(flip.question, width=width - 4)}"
