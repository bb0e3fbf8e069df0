"""One held-out example as lines: question and gold, then each prompt's answer with its whole completion. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest

from rich.cells import cell_len, set_cell_size

from rftui.evaluations.browser import AnswerBrowser
from rftui.evaluations.reads import SamplePage
from rftui.evaluations.tables import Flip
from rftui.terminal.spans import Line, Role, Span, fitted, flowed, line_width
from rftui.terminal.wrapping import drawable, drawable_line, wrap
from store.evaluations import CLIPPED, EvalAnswer
from store.rollouts import EvalSample

_TAGS = re.compile(r"</?(?:think|answer)>")
_FLIP_SIGNS = {Flip.MENDED: "+", Flip.BROKEN: "-", Flip.BOTH: " ", Flip.NEITHER: "="}
INDENT = "  "
SIDE_BY_SIDE = 110
"""Columns from which on two answers stand beside each other."""
GUTTER = " │ "


def browser_lines(browser: AnswerBrowser, *, place: int, width: int, height: int) -> list[Line]:
    """At most `height` lines above the answers: which are listed."""
    detail = browser.detail
    if detail is None:
        return [(Span("no evaluation", Role.MUTED),)]
    key, total = detail.totals.key, len(browser.of_kind())
    where = f"{place + 1} of {len(browser.answers)}" if browser.answers else "none"
    kind = "all types" if browser.kind is None else drawable_line(browser.kind)
    pieces: list[Line] = [
        (Span(drawable_line(f"step {key.step} {key.prompt} {key.decoding}"), Role.STRONG),),
        (Span(browser.filter.value, Role.MATCH), Span(" (f)", Role.MUTED)),
        (Span(kind), Span(" (t)", Role.MUTED)),
        (Span(f"{where}, of {total} answers", Role.MUTED),),
    ]
    if detail.flips:
        broken, mended = browser.flip_counts
        pieces.append((Span(f"flips +{mended} mended, -{broken} broken", Role.MUTED),))
    return flowed(pieces, width)[:height]


def answer_row(answer: EvalAnswer, flip: Flip | None, width: int) -> Line:
    """One answer of the list: number, right or wrong, what thinking did, question type, gold and answer."""
    verdict = {True: Span("✓", Role.RIGHT), False: Span("✗", Role.WRONG), None: Span("·", Role.MUTED)}[answer.correct]
    sign = Span(_FLIP_SIGNS[flip] if flip is not None else " ", Role.WRONG if flip is Flip.BROKEN else Role.RIGHT)
    said = Span(drawable_line(answer.answer), verdict.role) if answer.answer is not None else Span("none", Role.WARNING)
    line: Line = (Span(f"{answer.number:>5} ", Role.MUTED), verdict, sign, Span(" "))
    if width >= 44:
        kind = drawable_line(answer.kind)
        kind = kind if cell_len(kind) <= 10 else set_cell_size(kind, 9) + "…"
        line = (*line, Span(f"{set_cell_size(kind, 10)} ", Role.MUTED))
    arrow: Line = (Span(" said ", Role.MUTED), said) if answer.correct is not True else ()
    clipped: Line = (Span(" clipped", Role.WARNING),) if answer.is_clipped else ()
    return fitted((*line, Span(drawable_line(answer.gold)), *arrow, *clipped), width)


def sample_lines(page: SamplePage, flip: Flip | None, width: int) -> list[Line]:
    """The example in full; both answers side by side where there is room, the one without <think> on the left."""
    sample = page.sample
    if sample is None:
        return [(Span("this answer is not stored", Role.MUTED),)]
    lines: list[Line] = [
        (Span(text[start:end], Role.STRONG),)
        for text in drawable(sample.question).paragraphs
        for start, end in wrap(text, width)
        if end > start
    ]
    facts: list[Line] = [(Span("gold ", Role.MUTED), Span(drawable_line(sample.gold), Role.RIGHT))]
    if sample.options:
        options = " · ".join(drawable_line(str(option)) for option in sample.options)
        facts.append((Span("options ", Role.MUTED), Span(options)))
    facts.append((Span("kind ", Role.MUTED), Span(drawable_line(sample.kind))))
    facts.append((Span("uid ", Role.MUTED), Span(drawable_line(sample.uid), Role.MUTED)))
    lines += flowed(facts, width)
    if flip is not None:
        lines.append((Span(flip.value, Role.WARNING if flip is Flip.BROKEN else Role.MUTED),))
    if page.other is not None and width >= SIDE_BY_SIDE:
        direct, think = sorted([sample, page.other], key=lambda each: each.prompt)
        return [*lines, (), *_beside(direct, think, width)]
    lines += [(), *_answer_lines(sample, width)]
    if page.other is not None:
        lines += [(), *_answer_lines(page.other, width)]
    return lines


def _beside(left: EvalSample, right: EvalSample, width: int) -> Iterator[Line]:
    room = (width - len(GUTTER)) // 2
    for one, other in zip_longest(_answer_lines(left, room), _answer_lines(right, room), fillvalue=()):
        cut = fitted(one, room)
        yield (*cut, Span(" " * (room - line_width(cut))), Span(GUTTER, Role.MUTED), *fitted(other, room))


def _answer_lines(sample: EvalSample, width: int) -> Iterator[Line]:
    prompt = {"think": "with <think>", "direct": "without <think>"}.get(sample.prompt, sample.prompt)
    verdict = {
        True: Span("✓ right", Role.RIGHT),
        False: Span("✗ wrong", Role.WRONG),
        None: Span("not gradable", Role.MUTED),
    }[sample.correct]
    thought = f", {sample.think_tokens} of <think>" if sample.think_tokens else ""
    said = drawable_line(sample.answer) if sample.answer is not None else "none that could be read"
    pieces: list[Line] = [
        (Span(drawable_line(prompt), Role.STRONG),),
        (verdict,),
        (Span("answer ", Role.MUTED), Span(said, verdict.role if sample.answer is not None else Role.WARNING)),
        (Span(f"{sample.tokens} tokens{thought}", Role.MUTED),),
    ]
    if sample.stop == CLIPPED:
        pieces.append((Span("clipped", Role.WARNING),))
    if sample.malformed:
        pieces.append((Span(drawable_line(sample.malformed), Role.WARNING),))
    yield from flowed(pieces, width)
    yield from _completion_lines(sample.completion, width)


def _completion_lines(completion: str, width: int) -> Iterator[Line]:
    text = drawable(completion)
    for paragraph in text.paragraphs:
        for start, end in wrap(paragraph, max(1, width - len(INDENT))):
            yield (Span(INDENT), *_tagged(paragraph[start:end]))
    if text.hidden:
        said = f"{INDENT}{text.hidden:,} characters cannot be seen and are not shown"
        yield fitted((Span(said, Role.WARNING),), width)
    if text.left_out:
        yield fitted((Span(f"{INDENT}{text.left_out:,} more characters; y copies all", Role.WARNING),), width)


def _tagged(text: str) -> Line:
    """A line of a completion with the tags of its form told from its words."""
    spans: list[Span] = []
    at = 0
    for match in _TAGS.finditer(text):
        spans += [Span(text[at : match.start()]), Span(match[0], Role.BAR)]
        at = match.end()
    return (*spans, Span(text[at:]))
