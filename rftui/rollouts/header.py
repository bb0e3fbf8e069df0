"""The head of the rollouts view and the rows of its lists, as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rftui.formats import number
from rftui.rollouts.groups import BAR_WIDTH, GroupSummary, Sort, StepCounts, is_right
from rftui.terminal.spans import Line, Role, Span, fitted, flowed, line_width
from rftui.terminal.wrapping import drawable_line
from store.bookmarks import CompletionPlace
from store.rollouts import Occurrence, Rollout

SHORTEST_TRACK = 10


class Head(NamedTuple):
    """What the head tells."""

    steps: Sequence[int]
    step: int | None
    counts: StepCounts
    order: Sort
    is_reversed: bool
    follows: bool
    newer: int
    """Steps that came since the view stopped to follow."""
    query: str
    hits: Mapping[int, int] | None
    """Completions found by step; None while they are looked for, or without a query."""
    problem: str
    has_looked: bool
    """Whether it is known which steps there are."""
    is_counted: bool = True
    """Whether the hits are those of every step."""


def head_lines(head: Head, width: int) -> list[Line]:
    """Two lines: the step with its groups counted, and where it stands among the steps."""
    # the steps of a run that is deleted while it is looked at are gone, and the step shown is still there
    if head.step is None or not head.steps:
        nothing = Span("no rollouts yet" if head.has_looked else "reading the rollouts", Role.MUTED)
        said = Span(head.problem, Role.WARNING) if head.problem else nothing
        return [fitted((said,), width), ()]
    counts = head.counts
    pieces: list[Line] = [
        (Span("step ◀ ", Role.MUTED), Span(str(head.step), Role.STRONG), Span(f" ▶ /{head.steps[-1]}", Role.MUTED)),
        _counted(counts),
        (Span(f"sort {head.order.value} {'↓' if head.is_reversed else '↑'}", Role.MUTED),),
    ]
    if head.follows:
        pieces.append((Span("following", Role.BAR),))
    elif head.newer:
        pieces.append((Span(f"+{head.newer} new (end)", Role.WARNING),))
    first = fitted(tuple(span for piece in pieces for span in (*piece, Span("  "))), width)
    return [first, _second_line(head, width)]


def _counted(counts: StepCounts) -> Line:
    """`groups 16: frontier 8, solved 6, all wrong 2; dead 8`: the first add up, and the dead are among them."""
    named = [
        ("frontier", Span(str(counts.mixed), Role.BAR)),
        ("solved", Span(str(counts.solved), Role.RIGHT)),
        ("all wrong", Span(str(counts.missed), Role.WRONG)),
    ]
    if counts.ungraded:
        named.append(("ungraded", Span(str(counts.ungraded), Role.MUTED)))
    line: list[Span] = [Span("groups ", Role.MUTED), Span(str(counts.groups), Role.STRONG)]
    for place, (name, count) in enumerate(named):
        line += [Span(f"{', ' if place else ': '}{name} ", Role.MUTED), count]
    return (*line, Span("; dead ", Role.MUTED), Span(str(counts.dead), Role.WARNING))


def _second_line(head: Head, width: int) -> Line:
    if head.problem:
        return fitted((Span(head.problem, Role.WARNING),), width)
    said = _found(head)
    room = width - line_width(said) - 2
    if room < SHORTEST_TRACK:
        return fitted(said, width)
    return (*track(head.steps, head.step, head.hits or {}, room), Span("  "), *said)


def _found(head: Head) -> Line:
    if not head.query:
        return ()
    query = Span(head.query, Role.MATCH)
    if head.hits is None:
        return query, Span("  looking", Role.MUTED)
    total, here = sum(head.hits.values()), head.hits.get(head.step or 0, 0)
    so_far = "" if head.is_counted else " so far"
    role = Role.MUTED if total or so_far else Role.WARNING
    return query, Span(f"  {total} found{so_far} in {len(head.hits)} steps, {here} here", role)


def track(steps: Sequence[int], step: int | None, hits: Mapping[int, int], width: int) -> Line:
    """The steps from left to right, those with hits raised, and a mark at the shown one."""
    if not steps:
        return (Span("─" * width, Role.MUTED),)
    cells: list[Span] = [Span("─", Role.MUTED)] * width
    places = {each: index * (width - 1) // max(1, len(steps) - 1) for index, each in enumerate(steps)}
    for each in hits:
        if each in places:
            cells[places[each]] = Span("▄", Role.WARNING)
    if step in places:
        cells[places[step]] = Span("●", Role.STRONG)
    return tuple(cells)


def group_row(group: GroupSummary, *, order: Sort, is_searched: bool, width: int) -> Line:
    """One group: number, pass bar, right of all, what it is worth, and the value it is sorted by."""
    rate = group.pass_rate
    filled = round((rate or 0.0) * BAR_WIDTH)
    bar = "·" * BAR_WIDTH if rate is None else "▇" * filled + "▁" * (BAR_WIDTH - filled)
    score = f"{'—' if group.right is None else group.right}/{group.size}"
    line: Line = (Span(f"{group.number:04d} ", Role.MUTED), Span(bar, Role.BAR), Span(f" {score:<5}"))
    solved = Span("✓" if group.is_solved else " ", Role.RIGHT)
    extras: list[Line] = [(solved, Span("dead" if group.is_dead else "    ", Role.WARNING))]
    if is_searched:
        extras.append((Span(f"{group.matches} found", Role.MATCH),))
    if (value := _sorted_by(group, order)) is not None:
        extras.append((Span(value),))
    if group.malformed:
        extras.append((Span(f"{group.malformed} malformed", Role.WARNING),))
    if group.clipped:
        extras.append((Span(f"{group.clipped} clipped", Role.WARNING),))
    extras.append((Span(drawable_line(group.kind), Role.MUTED),))
    for extra in extras:
        if line_width(line) + 1 + line_width(extra) <= width:
            line = (*line, Span(" "), *extra)
    return fitted(line, width)


def _sorted_by(group: GroupSummary, order: Sort) -> str | None:
    return {
        Sort.REWARD: number(group.reward, digits=3),
        Sort.ADVANTAGE: f"±{group.advantage_spread / 2:.2f}",
        Sort.LENGTH: f"{group.tokens:.0f}t",
    }.get(order)


def history_row(row: Occurrence, *, shown_step: int | None, width: int) -> Line:
    """One step that a prompt came at."""
    filled = 0 if row.right is None else round(row.right / row.size * BAR_WIDTH)
    bar = "·" * BAR_WIDTH if row.right is None else "▇" * filled + "▁" * (BAR_WIDTH - filled)
    here = "●" if row.step == shown_step else " "
    score = f" {'—' if row.right is None else row.right}/{row.size:<4}"
    line = (Span(f"{row.step:>6} {here} ", Role.MUTED), Span(bar, Role.BAR), Span(score))
    reward = Span(f"reward {number(row.reward, digits=3)}", Role.MUTED)
    return (*line, reward) if line_width((*line, reward)) <= width else fitted(line, width)


def bookmark_row(place: CompletionPlace, rollout: Rollout | None, *, width: int) -> Line:
    """One marked completion: where it is, how it did, and what was asked."""
    line: Line = (Span(f"{place.step:>6} ", Role.MUTED), Span(f"#{place.sample}", Role.STRONG), Span(" "))
    if rollout is None:
        return fitted((*line, Span("its files no longer hold it", Role.WARNING)), width)
    verdict = is_right(rollout.rewards.get("accuracy"))
    sign = Span("·", Role.MUTED) if verdict is None else Span("✓", Role.RIGHT) if verdict else Span("✗", Role.WRONG)
    asked = drawable_line((rollout.question or rollout.prompt)[: 4 * width])
    return fitted((*line, sign, Span(f" {number(rollout.reward, digits=3):<6} "), Span(asked)), width)


def image_title(images: Sequence[Mapping[str, object]], index: int, width: int, *, how: str = "") -> list[Line]:
    """Size and token count of an image, which of several it is, and how it is shown where that was asked for."""
    image = images[index]
    place = f"image {index + 1} of {len(images)}" if len(images) > 1 else "image"
    pieces: list[Line] = [
        (Span(place, Role.MUTED),),
        (Span(f"{_whole(image, 'width')}x{_whole(image, 'height')} = {_whole(image, 'tokens')} tokens"),),
    ]
    if how:
        pieces.append((Span(how, Role.MUTED),))
    return flowed(pieces, width, gap=" ")


def _whole(image: Mapping[str, object], key: str) -> str:
    """A count from a record, or a question mark where it holds none."""
    value = image.get(key)
    return str(value) if isinstance(value, int) else "?"
