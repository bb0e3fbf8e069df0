"""What an evaluation says beyond its accuracy, as lines: rotations, answers that match nothing, and lengths. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evals.lengths import LengthBin
from rftui.formats import bar, interval
from rftui.terminal.spans import Line, Role, Span, fitted, flowed
from rftui.terminal.wrapping import drawable_line
from store.evaluation_parts import Circular, Unmatched

BAR_WIDTH = 10
MOST_UNMATCHED = 8
"""Different answers that are named."""
ANSWER_CHARACTERS = 40


def forms_text(counts: Mapping[str, int]) -> str:
    """`8 no answer tag, 4 several answers`: how often each malformation came, the most frequent first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{count} {drawable_line(name)}" for name, count in ordered)


def circular_lines(circular: Circular | None, width: int) -> Iterator[Line]:
    """Scores over every rotation of the options, where these were asked."""
    if circular is None:
        return
    every = circular.every
    pieces: list[Line] = [
        (
            Span("right in every rotation ", Role.MUTED),
            Span(interval(every.accuracy, every.low, every.high), Role.STRONG),
        ),
        (
            Span("mean over rotations ", Role.MUTED),
            Span(interval(circular.mean, circular.mean_low, circular.mean_high), Role.STRONG),
        ),
        (Span(f"{circular.n} examples, {circular.rotations} questions", Role.MUTED),),
    ]
    turned = [
        (
            Span(f"turned by {by} ", Role.MUTED),
            Span(interval(part.accuracy, part.low, part.high)),
            # questions with fewer options cannot be turned so far
            Span(f" n {part.n}" if part.n < circular.n else "", Role.MUTED),
        )
        for by, part in enumerate(circular.by_rotation)
    ]
    yield ()
    yield fitted((Span("circular", Role.STRONG), Span("  with 95% Wilson and bootstrap intervals", Role.MUTED)), width)
    for line in [*flowed(pieces, max(1, width - 2)), *flowed(turned, max(1, width - 2))]:
        yield fitted((Span("  "), *line), width)


def unmatched_lines(unmatched: Unmatched | None, width: int, *, most: int = MOST_UNMATCHED) -> Iterator[Line]:
    """Wrong answers that are none of the possible ones, the most frequent first."""
    if unmatched is None or not unmatched.total:
        return
    what = "name no label" if unmatched.among == "labels" else "are no option of their question"
    yield ()
    title = f"{unmatched.total} wrong answers {what}"
    yield fitted((Span(title, Role.STRONG),), width)
    for answer in unmatched.answers[:most]:
        near = ", ".join(map(drawable_line, answer.nearest))
        named = ", ".join(map(drawable_line, answer.mentions))
        line: Line = (
            Span(f"  {answer.times:>4} x ", Role.MUTED),
            Span(_short(answer.answer), Role.WRONG),
            *((Span(f"  mentions {named}", Role.MUTED),) if named else ()),
            *((Span(f"  nearest {near}", Role.MUTED),) if near else ()),
        )
        yield fitted(line, width)
    if (left := len(unmatched.answers) - most) > 0:
        yield fitted((Span(f"  and {left} other answers", Role.MUTED),), width)


def _short(text: str) -> str:
    said = drawable_line(text[: 4 * ANSWER_CHARACTERS])
    return said if len(said) <= ANSWER_CHARACTERS else said[: ANSWER_CHARACTERS - 1] + "…"


def length_lines(bins: Sequence[LengthBin], width: int) -> Iterator[Line]:
    """Accuracy by length over all answers, with what that cannot say."""
    if len(bins) < 2:
        return
    yield ()
    caution = "  over different questions: hard ones may draw long answers"
    yield fitted((Span("by length of the completion", Role.STRONG), Span(caution, Role.MUTED)), width)
    for each in bins:
        line: Line = (
            Span(f"  {f'{each.shortest} to {each.longest} tokens':<20}"),
            Span(f" n {each.n:<5}", Role.MUTED),
            Span(f"{interval(each.accuracy, each.low, each.high):<17} ", Role.STRONG),
            Span(bar(each.accuracy, width=BAR_WIDTH, is_ascii=False), Role.BAR),
        )
        yield fitted(line, width)
