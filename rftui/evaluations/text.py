"""Held-out evaluations as lines: the list, one evaluation in parts, and how it compares. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size

from evals.statistics import Paired
from rftui.evaluations.parts import forms_text
from rftui.evaluations.reads import EvalDetail
from rftui.evaluations.tables import Flip, KindRow
from rftui.formats import bar, fraction, interval, number
from rftui.rollouts.groups import sparkline
from rftui.terminal.spans import Line, Role, Span, fitted, flowed, line_width
from rftui.terminal.wrapping import drawable_line
from store.evaluations import HeldOut

BAR_WIDTH = 10
KIND_WIDTH = 18
LIST_TITLES = ("step", "prompt", "decoding", "accuracy", "n", "unparsed", "chance", "data")
LEVEL = 0.95


class Form(NamedTuple):
    """One way of asking."""

    prompt: str
    decoding: str
    split: str


def forms_of(evaluations: Sequence[HeldOut]) -> dict[Form, list[HeldOut]]:
    """The evaluations of each way of asking, by step; greedy ones and those with <think> first."""
    found: dict[Form, list[HeldOut]] = {}
    for item in sorted(evaluations, key=lambda item: item.key.step):
        found.setdefault(Form(*item.key[1:]), []).append(item)
    order = sorted(found, key=lambda form: (form.decoding != "greedy", form.prompt != "think", form))
    return {form: found[form] for form in order}


def form_name(form: Form, forms: Sequence[Form]) -> str:
    """`think`, `think sampled`, with the split where there are several; what is not named is greedy."""
    parts = [form.prompt, *([form.decoding] if form.decoding != "greedy" else [])]
    if len({each.split for each in forms}) > 1:
        parts.append(form.split)
    return drawable_line(" ".join(parts))


def list_head(width: int) -> Line:
    """The titles of the list's columns."""
    return fitted(tuple(Span(text, Role.MUTED) for text in _columns(LIST_TITLES, width)), width)


def list_row(item: HeldOut, chance: float | None, width: int) -> Line:
    """One evaluation."""
    data = f"{source_name(item)} {drawable_line(item.key.split)}"
    texts = (
        str(item.key.step),
        drawable_line(item.key.prompt),
        drawable_line(item.key.decoding),
        interval(item.accuracy, item.low, item.high),
        str(item.n),
        str(item.unparsed),
        "—" if chance is None else fraction(chance),
        data,
    )
    roles = [Role.STRONG, Role.PLAIN, Role.MUTED, Role.STRONG, Role.MUTED, Role.MUTED, Role.MUTED, Role.MUTED]
    if item.unparsed:
        roles[5] = Role.WARNING
    columns = _columns(texts, width)
    return fitted(tuple(Span(text, role) for text, role in zip(columns, roles, strict=False)), width)


_WIDTHS = (6, 7, 8, 17, 5, 8, 6)


def _columns(texts: Sequence[str], width: int) -> list[str]:
    """Texts in the columns of the list, those that are left out last first where there is no room."""
    columns = [f"{text:>{_WIDTHS[0]}} " if place == 0 else text for place, text in enumerate(texts[:1])]
    used = len(columns[0])
    for place, text in enumerate(texts[1:], 1):
        fixed = _WIDTHS[place] if place < len(_WIDTHS) else 0
        column = f"{text:>{fixed}} " if place in (4, 5, 6) else f"{text:<{fixed}} "
        # the last column takes what is left, and is cut
        if used + len(column) > width + 1 and not (place == len(texts) - 1 and used + 12 <= width):
            break
        columns.append(column)
        used += len(column)
    return columns


def source_name(item: HeldOut) -> str:
    """Kind and name of the data, or the name alone where it has the kind in it."""
    kind, name = (drawable_line(str(item.source.get(key) or "")) for key in ("kind", "name"))
    return name if kind and kind in name else f"{kind or 'unknown'} {name}".strip()


def trend_lines(evaluations: Sequence[HeldOut], width: int) -> Iterator[Line]:
    """Accuracy over the steps under each way of asking, for where there is no room for a chart."""
    forms = forms_of(evaluations)
    for form, items in forms.items():
        if len(items) < 2:
            continue
        first, last = items[0], items[-1]
        line = (
            Span(f"{form_name(form, list(forms)):<15} ", Role.MUTED),
            Span(sparkline([item.accuracy for item in items], width=24), Role.BAR),
            Span(f" {_share(first.accuracy)} at {first.key.step}, {_share(last.accuracy)} at {last.key.step}"),
        )
        yield fitted(line, width)


def total_lines(detail: EvalDetail, width: int) -> Iterator[Line]:
    """What was asked, of what data, and what came of it."""
    item = detail.totals
    yield fitted((Span(f"step {item.key.step}  {_asked(item)}", Role.STRONG),), width)
    level = f"{100 * (item.level or LEVEL):.0f}% Wilson"
    pieces: list[Line] = [
        (Span("accuracy ", Role.MUTED), Span(interval(item.accuracy, item.low, item.high), Role.STRONG)),
        (Span(level, Role.MUTED),),
        (Span(f"{item.correct} right of {item.n}"),),
    ]
    if detail.chance is not None:
        pieces.append((Span("chance ", Role.MUTED), Span(fraction(detail.chance))))
    if item.unparsed:
        # records of before it was counted do not say, and the answers do
        forms = item.unparsed_by or Counter(a.malformed for a in detail.answers if a.answer is None and a.malformed)
        by = f" ({forms_text(forms)})" if forms else ""
        pieces.append((Span(f"{item.unparsed} unparsed{by}", Role.WARNING),))
    if item.clipped:
        pieces.append((Span(f"{item.clipped} clipped", Role.WARNING),))
    if item.ungradable:
        pieces.append((Span(f"{item.ungradable} not gradable, left out of n", Role.WARNING),))
    if item.unreadable:
        pieces.append((Span(f"{item.unreadable} without a readable image, left out of n", Role.WARNING),))
    if item.mean_tokens is not None:
        of_think = f", {number(item.mean_think_tokens, digits=3)} of <think>" if item.mean_think_tokens else ""
        pieces.append((Span(f"{number(item.mean_tokens, digits=3)} tokens a completion{of_think}", Role.MUTED),))
    yield from flowed(pieces, width)
    said = drawable_line(str(item.source.get("detail") or ""))
    data = f"data: {source_name(item)}, split {drawable_line(item.key.split)}" + (f" ({said})" if said else "")
    yield from flowed([(Span(word, Role.MUTED),) for word in data.split()], width, gap=" ")
    if len(detail.answers) < item.n:
        missing = f"{len(detail.answers)} of its answers are stored, so what follows is of those alone"
        yield fitted((Span(missing, Role.WARNING),), width)


def _asked(item: HeldOut) -> str:
    prompt = {"think": "with <think>", "direct": "without <think>"}.get(item.key.prompt, item.key.prompt)
    decoding = item.key.decoding
    if decoding == "sampled" and item.temperature:
        decoding = f"one sample at temperature {number(item.temperature)}"
    return drawable_line(f"{prompt}, {decoding}")


def kind_lines(detail: EvalDetail, width: int, *, chosen: str | None) -> Iterator[Line]:
    """Accuracy by question type, with what thinking did there where both prompts were asked."""
    if not detail.kinds:
        return
    yield ()
    yield fitted((Span("by question type", Role.STRONG), Span("  with 95% Wilson intervals", Role.MUTED)), width)
    flips = _flips_by_kind(detail)
    names = [drawable_line(row.kind) for row in detail.kinds]
    room = min(KIND_WIDTH, max(map(cell_len, names)))
    for row, name in zip(detail.kinds, names, strict=True):
        yield _kind_line(row, name, room=room, flips=flips.get(row.kind), width=width, is_chosen=row.kind == chosen)


def _kind_line(
    row: KindRow, name: str, *, room: int, flips: dict[Flip, int] | None, width: int, is_chosen: bool
) -> Line:
    mark = Span("▸ " if is_chosen else "  ", Role.BAR)
    label = name if cell_len(name) <= room else set_cell_size(name, room - 1) + "…"
    line: Line = (mark, Span(set_cell_size(label, room)), Span(f" n {row.n:<5}", Role.MUTED))
    pieces: list[Line] = [
        (Span(f"{interval(row.accuracy, row.low, row.high):<17}", Role.STRONG),),
        (Span(bar(row.accuracy or 0.0, width=BAR_WIDTH, is_ascii=False), Role.BAR),),
    ]
    if flips:
        mended, broken = flips.get(Flip.MENDED, 0), flips.get(Flip.BROKEN, 0)
        pieces.append((Span(f"thinking +{mended} -{broken}", Role.MUTED),))
    for count, said in ((row.unparsed, "unparsed"), (row.clipped, "clipped"), (row.ungradable, "not gradable")):
        if count:
            pieces.append((Span(f"{count} {said}", Role.WARNING),))
    for piece in pieces:
        if line_width(line) + 1 + line_width(piece) <= width:
            line = (*line, Span(" "), *piece)
    return fitted(line, width)


def _flips_by_kind(detail: EvalDetail) -> dict[str, dict[Flip, int]]:
    found: dict[str, dict[Flip, int]] = {}
    for answer in detail.answers:
        if (flip := detail.flips.get(answer.uid)) is not None:
            counts = found.setdefault(answer.kind, {})
            counts[flip] = counts.get(flip, 0) + 1
    return found


def paired_lines(detail: EvalDetail, width: int) -> Iterator[Line]:
    """With against without <think> at this step, and this step against the first."""
    step = detail.totals.key.step
    if not detail.is_whole:
        yield ()
        yield fitted((Span("working out tests and intervals", Role.MUTED),), width)
        return
    if detail.thinking is None:
        if detail.answers:
            other = "without" if detail.totals.key.prompt == "think" else "with"
            yield ()
            said = f"step {step} was not evaluated {other} <think>, so nothing is said about thinking"
            yield fitted((Span(said, Role.MUTED),), width)
    else:
        yield ()
        yield fitted((Span(f"with against without <think>, step {step}", Role.STRONG),), width)
        yield from _paired(detail.thinking, "think", "direct", "thinking", width)
    if detail.since_first is not None:
        yield ()
        yield fitted((Span(f"against step {detail.since_first.step}, asked in the same way", Role.STRONG),), width)
        before = f"step {detail.since_first.step}"
        yield from _paired(detail.since_first.change, f"step {step}", before, "training", width)


def _paired(change: Paired, after: str, before: str, what: str, width: int) -> list[Line]:
    points = [f"{100 * value:+.1f}" for value in (change.difference, change.low, change.high)]
    is_clear = change.low > 0 or change.high < 0
    role = Role.PLAIN if not is_clear else Role.RIGHT if change.difference > 0 else Role.WRONG
    pieces: list[Line] = [
        (Span(f"{after} {fraction(change.after)}, {before} {fraction(change.before)}"),),
        (Span("difference ", Role.MUTED), Span(f"{points[0]} points [{points[1]}, {points[2]}]", role)),
        (Span(f"95% paired bootstrap over the {change.n} examples that both graded", Role.MUTED),),
        (
            Span(f"{what} broke ", Role.MUTED),
            Span(str(change.lost), Role.WRONG),
            Span(", mended ", Role.MUTED),
            Span(str(change.gained), Role.RIGHT),
        ),
        (Span(f"McNemar exact p {p_text(change.p)}"),),
        (Span(f"both right {change.both_right}, both wrong {change.both_wrong}", Role.MUTED),),
    ]
    if change.is_interval_narrow:
        few = change.gained + change.lost
        narrow = f"only {few} flipped: the interval is too narrow, go by the p-value"
        pieces.append(
            (Span(narrow if few else "none flipped: an interval without width bounds nothing", Role.WARNING),)
        )
    return [fitted((Span("  "), *line), width) for line in flowed(pieces, max(1, width - 2))]


def p_text(p: float) -> str:
    """`= 0.031`, `< 0.0001`."""
    return "< 0.0001" if p < 0.0001 else f"= {p:.2g}"


def _share(value: float | None) -> str:
    return "—" if value is None else fraction(value)
