"""The heads of the rollouts of several runs: what is listed, the prompt once, and each column. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rftui.comparing.answers import Source, filter_text, verdict_span
from rftui.comparing.browser import PairsBrowser
from rftui.comparing.prompts import rate_text, why_nothing_shared
from rftui.formats import number
from rftui.rollouts.header import track
from rftui.terminal.spans import Line, Role, Span, fitted, flowed
from rftui.terminal.wrapping import drawable, drawable_line, wrap
from store.rollouts import EvalSample, Occurrence, Rollout


def head_line(browser: PairsBrowser, letters: Mapping[str, str], row: int, width: int) -> Line:
    """What is listed, and how."""
    page = browser.page
    names = [letters[run] for run in page.runs]
    place = f"{row + 1 if browser.count else 0} of {browser.count}"
    if browser.is_training:
        pieces = [
            Span("training rollouts", Role.STRONG),
            Span(f"  prompt {place} that {' and '.join(names) or 'no run'} met", Role.MUTED),
            Span(f"  sort {browser.order.value}"),
        ]
        if page.shared.other_questions and browser.count:
            pieces.append(
                Span(f"  {page.shared.other_questions} uids stand for other questions: left out", Role.WARNING)
            )
    else:
        titles = column_letters(page.sources, letters)
        pieces = [
            Span("held-out answers", Role.STRONG),
            Span(f"  {page.way.title if page.way else 'not evaluated'}"),
            Span(f"  example {place}", Role.MUTED),
            Span(f"  {filter_text(browser.which, titles)}", Role.MATCH),
        ]
        if page.answers.other_questions:
            pieces.append(
                Span(f"  {page.answers.other_questions} uids stand for other questions: left out", Role.WARNING)
            )
    if page.problem:
        pieces.append(Span(f"  {drawable_line(page.problem)}", Role.WARNING))
    return fitted(tuple(pieces), width)


def column_letters(sources: Sequence[Source], letters: Mapping[str, str]) -> list[str]:
    """A letter a column; the prompt stands for it where one run was asked in two ways."""
    runs = {source.run for source in sources}
    if len(runs) < len(sources):
        return [drawable_line(source.prompt) for source in sources]
    return [letters[source.run] for source in sources]


def nothing_text(browser: PairsBrowser, letters: Mapping[str, str], methods: Mapping[str, str]) -> str:
    """Why the list is empty."""
    page = browser.page
    if not browser.is_read:
        return "reading"
    if browser.is_training:
        if not page.runs:
            return "no run is there to read"
        names = [letters[run] for run in page.runs]
        return why_nothing_shared(page.shared, names, [methods.get(run, "?") for run in page.runs])
    if page.way is None:
        return "no way of asking that two of these runs share: v shows training rollouts"
    if not page.answers.answers:
        return "no example in common"
    return f"no example is {filter_text(browser.which, column_letters(page.sources, letters))}: f shows others"


def prompt_lines(item: Rollout | EvalSample | None, width: int, height: int) -> list[Line]:
    """Question once, cut to what fits above a line of facts."""
    if item is None:
        return []
    text = [
        paragraph[start:end]
        for paragraph in drawable(item.question).paragraphs
        for start, end in wrap(paragraph, width)
        if end > start
    ]
    room = max(1, height - 1)
    lines: list[Line] = [(Span(line, Role.STRONG),) for line in text[:room]]
    if len(text) > room:
        lines[-1] = fitted((*lines[-1], Span(" …", Role.MUTED)), width)
    facts: list[Line] = [(Span("gold ", Role.MUTED), Span(drawable_line(item.gold), Role.RIGHT))]
    if item.options:
        options = " · ".join(drawable_line(str(option)) for option in item.options)
        facts.append((Span("options ", Role.MUTED), Span(options)))
    facts.append((Span("uid ", Role.MUTED), Span(drawable_line(item.uid), Role.MUTED)))
    return [*lines, *flowed(facts, width)[:1]]


def training_head(
    letter: str, name: str, met: Sequence[Occurrence], shown: Occurrence, image: str, width: int
) -> list[Line]:
    """A run, the step that is shown of it, how the group did, and where the step stands among the others."""
    place = met.index(shown) + 1
    pieces: list[Line] = [
        (Span(f"{letter} ", Role.STRONG), Span(drawable_line(name), Role.STRONG)),
        (Span("◀ ", Role.MUTED), Span(f"step {shown.step}", Role.STRONG), Span(" ▶", Role.MUTED)),
        (Span(rate_text(shown), Role.BAR), Span(" right", Role.MUTED)),
        (Span("reward ", Role.MUTED), Span(number(shown.reward, digits=3))),
        (Span(f"{place} of {len(met)} times", Role.MUTED),),
    ]
    if image:
        pieces.append((Span(image, Role.WARNING),))
    first = fitted(tuple(span for piece in pieces for span in (*piece, Span("  "))), width)
    steps = [occurrence.step for occurrence in met]
    return [first, track(steps, shown.step, {}, max(1, width))]


def answer_head(letter: str, source: Source, sample: EvalSample | None, image: str, width: int) -> list[Line]:
    """A run, how and when it was asked, and whether it was right."""
    pieces: list[Line] = [
        (Span(f"{letter} ", Role.STRONG), Span(drawable_line(source.run), Role.STRONG)),
        (Span(drawable_line(f"{source.prompt} {source.decoding}"), Role.MUTED),),
        (Span(f"step {source.step}", Role.MUTED),),
    ]
    if sample is not None:
        pieces.append((verdict_span(sample.correct),))
    if image:
        pieces.append((Span(image, Role.WARNING),))
    line = fitted(tuple(span for piece in pieces for span in (*piece, Span("  "))), width)
    return [line, (Span("─" * max(0, width), Role.MUTED),)]


def image_difference(first: Rollout | EvalSample, other: Rollout | EvalSample) -> str:
    """A few words where a column's image is of another size than the first one's; each run fits images itself."""
    sizes = [_size(item) for item in (first, other)]
    return "" if sizes[0] == sizes[1] or not sizes[1] else f"saw it at {sizes[1]}"


def _size(item: Rollout | EvalSample) -> str:
    if not item.images:
        return ""
    return f"{item.images[0].get('width', '?')}x{item.images[0].get('height', '?')}"
