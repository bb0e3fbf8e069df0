"""Length against correctness within prompts of training, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evals.lengths import PER_TOKENS, Graded, RankBin, WithinPrompts, by_rank, within_prompts
from rftui.terminal.spans import Line, Role, Span, fitted, flowed

PLACES = ("shortest quarter", "second quarter", "third quarter", "longest quarter")


class TrainingLengths(NamedTuple):
    """What length did among the completions of one prompt, over the prompts of some steps."""

    first_step: int
    last_step: int
    within: WithinPrompts | None
    """None where no prompt has completions of different lengths."""
    ranks: tuple[RankBin, ...]


def training_lengths(completions: Sequence[Graded], *, first_step: int, last_step: int) -> TrainingLengths:
    """The slope within prompts, and accuracy by quarter of each prompt's completions."""
    return TrainingLengths(first_step, last_step, within_prompts(completions), tuple(by_rank(completions)))


def training_length_lines(found: TrainingLengths | None, width: int) -> Iterator[Line]:
    """Both, with how they were made; nothing where there are no graded rollouts."""
    if found is None:
        return
    steps = f"training steps {found.first_step} to {found.last_step}"
    yield ()
    yield fitted((Span("within prompts", Role.STRONG), Span(f"  {steps}, completions as sampled", Role.MUTED)), width)
    within = found.within
    if within is None:
        yield fitted((Span("  no prompt has graded completions of different lengths", Role.MUTED),), width)
        return
    slope = [f"{100 * value:+.1f}" for value in (within.slope, within.slope_low, within.slope_high)]
    is_clear = within.slope_low > 0 or within.slope_high < 0
    role = Role.PLAIN if not is_clear else Role.RIGHT if within.slope > 0 else Role.WRONG
    pieces: list[Line] = [
        (
            Span(f"{PER_TOKENS} tokens more at the same prompt: ", Role.MUTED),
            Span(f"{slope[0]} points of accuracy [{slope[1]}, {slope[2]}]", role),
        ),
        (Span(f"{within.prompts} prompts, {within.mixed} of them with right and wrong completions", Role.MUTED),),
        (Span("95% bootstrap over prompts", Role.MUTED),),
    ]
    if within.gap is not None and within.gap_low is not None and within.gap_high is not None:
        gap = f"{within.gap:+.1f} tokens [{within.gap_low:+.1f}, {within.gap_high:+.1f}]"
        pieces.insert(1, (Span("right ones are longer than wrong ones by ", Role.MUTED), Span(gap)))
    for line in flowed(pieces, max(1, width - 2)):
        yield fitted((Span("  "), *line), width)
    yield fitted((Span("  accuracy against that of the same prompt, in points", Role.MUTED),), width)
    for each in found.ranks:
        name = PLACES[each.place] if each.place < len(PLACES) else str(each.place)
        points = [f"{100 * value:+.1f}" for value in (each.difference, each.low, each.high)]
        row: Line = (
            Span(f"    {name:<17}"),
            Span(f"{points[0]:>6} [{points[1]}, {points[2]}]", Role.STRONG),
            Span(f"  {each.completions} completions of {each.prompts} prompts", Role.MUTED),
        )
        yield fitted(row, width)
