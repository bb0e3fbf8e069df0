"""A prompt and its completions as lines: question and gold once, then each completion with its rewards. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from rftui.formats import bar, number
from rftui.rollouts.groups import is_right, pass_rates, sparkline
from rftui.rollouts.word_diff import word_diff
from rftui.terminal.markdown_text import markdown_lines
from rftui.terminal.painted import Painted
from rftui.terminal.spans import Line, Role, Span, fitted, flowed, marked, phrase_places
from rftui.terminal.wrapping import Drawable, drawable, drawable_line, wrap
from store.rollouts import Occurrence, Rollout

BAR_WIDTH = 5
FOLDED_LINES = 3
"""Lines that a folded text without readable parts shows."""
INDENT = "  "
CLIPPED = "length"
"""TRL's stop reason for a completion that met the limit."""
_TAG = re.compile(r"</?\s*(?:think|answer)\b[^<>\n]{0,40}>?", re.IGNORECASE)


class Comparison(NamedTuple):
    """One completion of the group is shown as what differs from another one."""

    base: Rollout
    """The other one, of any step at which the prompt came."""
    sample: int


class View(NamedTuple):
    """How a group is looked at."""

    width: int
    phrases: tuple[str, ...] = ()
    """Marked wherever they stand."""
    found: frozenset[int] = frozenset()
    """Numbers of the completions that the query found."""
    largest: Mapping[str, float] = {}
    """By reward part, what a full bar stands for."""
    marked: frozenset[int] = frozenset()
    """Numbers of the completions that somebody marked."""
    as_markdown: frozenset[int] = frozenset()
    """Numbers of the completions that are read as Markdown."""
    comparison: Comparison | None = None
    has_prompt: bool = True
    """Whether the prompt stands above the completions."""


def largest_parts(rollouts: Sequence[Rollout]) -> dict[str, float]:
    """By reward part the largest amount in the group, at least 1, so that bars of one group compare."""
    largest: dict[str, float] = {}
    for rollout in rollouts:
        for name, value in rollout.rewards.items():
            amount = abs(value) if value is not None and abs(value) < float("inf") else 0.0
            largest[name] = max(largest.get(name, 1.0), amount)
    return largest


def prompt_lines(rollout: Rollout, history: Sequence[Occurrence], *, width: int) -> list[Line]:
    """Question, options, gold answer, and how the prompt did over the steps it came at."""
    question = drawable(rollout.question or rollout.prompt).paragraphs
    lines = [
        (Span(text[start:end], Role.STRONG),) for text in question for start, end in wrap(text, width) if end > start
    ]
    facts = [_fact("gold", drawable_line(str(rollout.gold)), Role.RIGHT)]
    if rollout.options:
        facts.append(_fact("options", " · ".join(drawable_line(str(option)) for option in rollout.options)))
    facts += [_fact("kind", drawable_line(rollout.kind)), _fact("uid", drawable_line(rollout.uid), Role.MUTED)]
    if rollout.prompt_mode == "direct":
        facts.append(_fact("asked", "without <think>"))
    if len(history) > 1:
        rates = sparkline(pass_rates(history), width=24)
        facts.append((Span(f"this prompt over {len(history)} steps ", Role.MUTED), Span(rates, Role.BAR)))
    return [*lines, *flowed(facts, width), ()]


def completion_lines(rollout: Rollout, view: View, *, is_open: bool) -> list[Line]:
    """One completion: its numbers, its reward parts, its reasoning folded or open, its answer."""
    parts = [_part(name, value, view.largest.get(name, 1.0)) for name, value in rollout.rewards.items()]
    lines = flowed([*_numbers(rollout, view), *parts], view.width, hang=INDENT)
    for name, trace in rollout.errors.items():
        last = drawable_line(str(trace).strip().rpartition("\n")[2])
        said = Span(f"{drawable_line(name)} raised: {last}", Role.WARNING)
        lines.append(fitted((Span(INDENT), said), view.width))
    return [*lines, *_text_lines(rollout, view, is_open=is_open), ()]


def is_base(rollout: Rollout, comparison: Comparison | None) -> bool:
    """Whether others are compared with this completion."""
    base = comparison and comparison.base
    return base is not None and base[:3] == rollout[:3] and base.attempt == rollout.attempt


def _text_lines(rollout: Rollout, view: View, *, is_open: bool) -> Iterator[Line]:
    comparison = view.comparison
    if comparison is not None and comparison.sample == rollout.sample and not is_base(rollout, comparison):
        yield from _compared(rollout, comparison.base, view)
    elif rollout.sample in view.as_markdown:
        yield Span(INDENT), Span("▾ as Markdown", Role.MUTED)
        room = view.width - len(INDENT) * 2
        yield from ((Span(INDENT * 2), *line) for line in markdown_lines(rollout.completion, room))
    elif rollout.malformed:
        yield from _malformed(rollout, view, is_open=is_open)
    else:
        yield from _formed(rollout, view, is_open=is_open)


def _compared(rollout: Rollout, base: Rollout, view: View) -> Iterator[Line]:
    """The completion with the words that another one has and it lacks, and those that only it has."""
    difference = word_diff(base.completion, rollout.completion)
    told = f"▾ against #{base.sample} of step {base.step}: " + (
        f"[-{difference.gone} gone-] {{+{difference.new} new+}}" if difference.gone or difference.new else "same words"
    )
    yield fitted((Span(INDENT), Span(told, Role.MUTED)), view.width)
    for line in difference.lines(max(1, view.width - len(INDENT) * 2)):
        yield (Span(INDENT * 2), *line)
    if difference.left_out:
        said = f"{difference.left_out:,} more words are not compared"
        yield fitted((Span(INDENT), Span(said, Role.WARNING)), view.width)


def _fact(label: str, value: str, role: Role = Role.PLAIN) -> Line:
    return Span(f"{label} ", Role.MUTED), Span(value, role)


def _numbers(rollout: Rollout, view: View) -> Iterator[Line]:
    verdict = _verdict(rollout)
    name = Span(f"#{rollout.sample}", Role.MATCH if rollout.sample in view.found else Role.STRONG)
    marks = [Span("★", Role.STRONG)] if rollout.sample in view.marked else []
    yield (name, *marks, Span(" "), verdict) if verdict else (name, *marks)
    if is_base(rollout, view.comparison):
        yield (Span("others are compared with it", Role.MATCH),)
    yield Span("reward ", Role.MUTED), Span(number(rollout.reward), Role.STRONG)
    advantage = rollout.advantage
    role = Role.PLAIN if not advantage else Role.RIGHT if advantage > 0 else Role.WRONG
    yield Span("adv ", Role.MUTED), Span("—" if advantage is None else f"{advantage:+.2f}", role)
    yield (Span(f"{rollout.tokens} tok", Role.MUTED),)
    stop = drawable_line(rollout.stop)
    yield (Span("clipped", Role.WARNING) if rollout.stop == CLIPPED else Span(stop, Role.MUTED),)
    if rollout.malformed:
        yield (Span(f"malformed: {drawable_line(rollout.malformed)}", Role.WARNING),)


def _verdict(rollout: Rollout) -> Span | None:
    verdict = is_right(rollout.rewards.get("accuracy"))
    if verdict is None:
        return None
    return Span("✓", Role.RIGHT) if verdict else Span("✗", Role.WRONG)


def _part(name: str, value: float | None, largest: float) -> Line:
    label = Span(f"{drawable_line(name)} ", Role.MUTED)
    if value is None:
        return label, Span("—", Role.MUTED)
    share = abs(value) / largest if abs(value) < float("inf") else 1.0
    role = Role.WRONG if value < 0 else Role.BAR
    return label, Span(bar(share, width=BAR_WIDTH, is_ascii=False), role), Span(f" {number(value, digits=3)}")


def _formed(rollout: Rollout, view: View, *, is_open: bool) -> Iterator[Line]:
    """Reasoning and answer of a completion that has the form that was asked for."""
    if rollout.think is not None:
        thought = drawable(rollout.think)
        title = f"think  {rollout.think_tokens} tok"
        if is_open:
            yield fitted((Span(INDENT), Span(f"▾ {title}", Role.MUTED)), view.width)
            yield from _text(thought, view, indent=INDENT * 2)
        else:
            yield _folded_thought(thought, title, view)
    answer = drawable_line(str(rollout.answer)) if rollout.answer is not None else ""
    verdict = _verdict(rollout)
    label: Line = (Span(f"{INDENT}answer ", Role.MUTED),)
    places = phrase_places(answer, view.phrases)
    role = verdict.role if verdict else Role.PLAIN
    mark: Line = (Span(" "), verdict) if verdict else ()
    yield fitted((*label, *marked(answer, 0, len(answer), places, role), *mark), view.width)
    yield from _left_out(drawable(rollout.completion), view)


def _folded_thought(thought: Drawable, title: str, view: View) -> Line:
    hits = sum(len(phrase_places(text, view.phrases)) for text in thought.paragraphs)
    count: Line = (Span(f"  {hits} found", Role.MATCH),) if hits else ()
    # more than a line of it is never seen
    preview = " ".join(thought.paragraphs)[: view.width]
    places = phrase_places(preview, view.phrases)
    head: Line = (Span(INDENT), Span(f"▸ {title}", Role.MUTED), *count, Span("  "))
    return fitted((*head, *marked(preview, 0, len(preview), places, Role.PLAIN)), view.width)


def _malformed(rollout: Rollout, view: View, *, is_open: bool) -> Iterator[Line]:
    """The whole completion as it came, tags and all."""
    raw = drawable(rollout.completion)
    if is_open:
        yield Span(INDENT), Span("▾ as it came", Role.MUTED)
        yield from _text(raw, view, indent=INDENT * 2, marks_tags=True)
    else:
        yield Span(INDENT), Span("▸ as it came", Role.MUTED)
        # a few lines of it are seen; laying out the rest would cost a second for a megabyte
        start = raw._replace(
            paragraphs=tuple(text[: FOLDED_LINES * view.width] for text in raw.paragraphs[:FOLDED_LINES])
        )
        lines = list(_text(start, view, indent=INDENT * 2, marks_tags=True))
        yield from lines[:FOLDED_LINES]
        if len(lines) > FOLDED_LINES or start.paragraphs != raw.paragraphs:
            yield Span(INDENT * 2), Span("…", Role.MUTED)
    yield from _left_out(raw, view)


def _text(text: Drawable, view: View, *, indent: str, marks_tags: bool = False) -> Iterator[Line]:
    width = max(1, view.width - len(indent))
    for paragraph in text.paragraphs:
        painted = Painted(paragraph)
        if marks_tags:
            painted.paint((match.span() for match in _TAG.finditer(paragraph)), Role.WARNING)
        painted.paint(phrase_places(paragraph, view.phrases), Role.MATCH)
        for line in painted.wrapped(width):
            yield (Span(indent), *line)


def _left_out(text: Drawable, view: View) -> Iterator[Line]:
    if text.hidden:
        said = f"{text.hidden:,} characters cannot be seen and are not shown"
        yield fitted((Span(INDENT), Span(said, Role.WARNING)), view.width)
    if text.left_out:
        said = f"{text.left_out:,} more characters; y copies all"
        yield fitted((Span(INDENT), Span(said, Role.WARNING)), view.width)
