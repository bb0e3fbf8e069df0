"""A report as Markdown; foreign text is escaped or fenced, so that none of it becomes markup. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rftui.reports.examples import Example
from rftui.reports.figures import Drawing
from rftui.reports.findings import Missing
from rftui.reports.prose import (
    METHODS,
    Section,
    caveats,
    forecast_sentences,
    in_short,
    provenance,
    published_note,
    sections,
    within_sentences,
)
from rftui.reports.report import Report
from rftui.reports.rows import (
    DEPENDS_TITLES,
    EFFECT_TITLES,
    RUN_TITLES,
    accuracy_caption,
    accuracy_rows,
    accuracy_titles,
    depends_rows,
    effect_rows,
    effects_caption,
    run_rows,
    said_words,
)
from rftui.terminal.clean import one_line

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~$&!])")


def escaped(text: object) -> str:
    """Text of any origin on one line, with every sign of Markdown and HTML as itself."""
    return _SPECIAL.sub(r"\\\1", one_line(text))


def fenced(text: str) -> str:
    """Text of any origin as a block of code, whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def markdown(report: Report, *, figures: Sequence[Drawing] = (), images: Mapping[str, str] = {}) -> str:
    """The whole report. `images` gives the file of each stored image by its hash."""
    return "\n\n".join(_blocks(report, {each.name: each for each in figures}, images)) + "\n"


def _blocks(report: Report, figures: Mapping[str, Drawing], images: Mapping[str, str]) -> Iterator[str]:
    yield f"# {escaped(report.title)}"
    yield f"Report on the study {escaped(report.name)}."
    yield from (f"> **{escaped(text)}**" for text in caveats(report))
    yield "\n".join(f"- {escaped(line)}" for line in provenance(report))
    yield "## In short"
    yield "\n".join(f"- **{escaped(question)}** {escaped(answer)}" for question, answer in in_short(report))
    yield "## Accuracy"
    yield from _figure(figures.get("accuracy"))
    yield from _accuracy(report)
    for section in sections(report):
        yield from _section(report, section, figures)
    yield "## How training went"
    yield from _figure(figures.get("steps"))
    yield from _figure(figures.get("lengths"))
    yield "### Length within prompts"
    yield from map(escaped, within_sentences(report))
    yield "## Examples, each chosen by a rule"
    for chosen in report.examples:
        yield f"### {escaped(chosen.title)}"
        yield f"Rule: {escaped(chosen.rule)}"
        if chosen.none:
            yield f"None: {escaped(chosen.none)}."
        for example in chosen.examples:
            yield from _example(example, images)
    yield "## What was forecast, and what happened"
    yield "\n".join(f"- {escaped(line)}" for line in forecast_sentences(report))
    yield "## How the numbers were made"
    yield "\n".join(f"- {escaped(line)}" for line in METHODS)
    yield "## Runs"
    yield table_text(RUN_TITLES, run_rows(report))


def _figure(drawing: Drawing | None) -> Iterator[str]:
    if drawing is not None:
        yield f"![{escaped(drawing.title)}](figures/{drawing.name}.svg)"
        yield f"*{escaped(drawing.caption)}*"


def table_text(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of escaped cells."""
    lines = [
        [escaped(title) for title in titles],
        ["---"] * len(titles),
        *([escaped(cell) for cell in row] for row in rows),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _accuracy(report: Report) -> Iterator[str]:
    yield escaped(accuracy_caption(report))
    yield table_text(accuracy_titles(report), accuracy_rows(report))
    if note := published_note(report):
        yield escaped(note)


def _section(report: Report, section: Section, figures: Mapping[str, Drawing]) -> Iterator[str]:
    answer = section.answer
    yield f"## {escaped(section.title)}"
    yield from map(escaped, section.sentences)
    yield from _figure(figures.get(answer.question.value))
    if answer.effects:
        yield escaped(effects_caption(report, len(answer.effects)))
        yield table_text(EFFECT_TITLES, effect_rows(answer))
    yield from _missing(answer.missing)
    yield f"### {escaped(section.depends_title)}"
    yield from map(escaped, section.depends)
    if answer.depends:
        yield escaped(effects_caption(report, len(answer.depends)))
        yield table_text(DEPENDS_TITLES, depends_rows(answer))
    yield from _missing(answer.depends_missing)


def _missing(missing: Sequence[Missing]) -> Iterator[str]:
    if missing:
        yield "Not enough data:"
        yield "\n".join(f"- {escaped(f'{each.where}, {each.what}: {each.why}')}" for each in missing)


def _example(example: Example, images: Mapping[str, str]) -> Iterator[str]:
    yield f"#### {escaped(example.title)}"
    if example.image is not None and example.image[1] in images:
        yield f"![the image as the model saw it](images/{images[example.image[1]]})"
    options = f" Options: {escaped(', '.join(example.options))}." if example.options else ""
    yield f"{escaped(example.question)}{options} Gold: **{escaped(example.gold)}**. ({escaped(example.uid)})"
    for said in example.said:
        yield f"{escaped(said.who)}: {escaped(said_words(said))}"
        yield fenced(said.text)
