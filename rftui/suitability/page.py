"""A forecast as lines of text: what was sampled, the verdicts with their reasons, and the numbers under them. Pure."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rftui.formats import counted
from rftui.terminal.clean import one_line

if TYPE_CHECKING:
    from rftui.suitability.track import Pair

WIDEST = 110
LABEL, NUMBER = 32, 22
"""Columns of the table: what is measured, and each prompt's number."""
TITLES = {
    "sft": "SFT",
    "grpo": "GRPO",
    "length": "Length reward",
    "thinking": "Thinking, of this model as it is",
}
GROUP_LABELS = {
    "mixed": "mixed: some right, some wrong",
    "solved": "dead: all right",
    "missed": "dead: all wrong",
    "unread": "dead: no answer could be read",
}
MODES = {"think": "with <think>", "direct": "without <think>"}
FEW = 5
"""Reasons for unreadable answers that are listed."""


def page_lines(document: Mapping[str, Any], *, width: int, is_written: bool) -> Iterator[str]:
    """The page of a forecast."""
    width = min(width, WIDEST)
    yield from _head(document, width, is_written=is_written)
    for verdict in document["verdicts"]:
        about = str(verdict.get("about"))
        yield ""
        yield one_line(f"{TITLES.get(about, about)}: {verdict.get('outlook')}")
        for sentence in verdict.get("sentences", ()):
            yield from _wrapped(f"- {one_line(sentence)}", width, hang="  ")
    yield from ["", *_table(document.get("measures") or {})]
    yield from ["", *_foot(document, width)]


def _head(document: Mapping[str, Any], width: int, *, is_written: bool) -> Iterator[str]:
    settings, source = document.get("settings") or {}, document.get("source") or {}
    model, task = one_line(settings.get("model")), one_line(settings.get("task"))
    yield f"{one_line(document.get('run'))}: what could training gain? {model} on {task}, before training"
    asked = [
        f"{each.get('prompts')} {MODES.get(mode, mode)}" for mode, each in (document.get("measures") or {}).items()
    ]
    yield from _wrapped(
        f"{document.get('prompts')} prompts of split {one_line(document.get('split'))}, graded: "
        f"{' and '.join(asked) or 'none'}; {settings.get('num_generations')} completions each at temperature "
        f"{settings.get('temperature')}, at most {settings.get('max_completion_length')} tokens",
        width,
    )
    tiny = "; the embedded tiny model" if settings.get("model") == "tiny" else ""
    if source.get("kind") == "generated":
        said = f"GENERATED DATA{tiny}, difficulty {settings.get('difficulty')}: says nothing of any real benchmark"
    else:
        said = f"data: {source.get('kind', 'unknown')} {source.get('name', '')}{tiny}"
    yield from _wrapped(one_line(said), width)
    if not is_written:
        yield from _wrapped(
            "SO FAR: the sampling is not done, so this is no forecast yet and is kept nowhere; `rftui resume` goes on",
            width,
        )


def _table(measures: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    modes = [mode for mode in MODES if mode in measures]
    if not modes:
        yield "no prompt could be graded, so there are no numbers"
        return
    each = [measures[mode] for mode in modes]
    g = each[0]["generations"]
    yield _row("numbers", [MODES[mode] for mode in modes])
    yield _row("one completion right (pass@1)", [_percent(item["pass_at_1"]) for item in each])
    yield _row(f"one of {g} right (pass@{g})", [_percent(item["pass_at_g"]) for item in each])
    yield _row("headroom between them, points", [_points(item["headroom"]) for item in each])
    yield _row(f"most frequent answer of {g} right", [_percent(item["majority"]) for item in each])
    if all(item["guessing"] for item in each):
        yield _row("pass@1 by guessing", [_share(item["guessing"]["pass_at_1"]) for item in each])
        yield _row(f"pass@{g} by guessing", [_share(item["guessing"]["pass_at_g"]) for item in each])
    yield "groups"
    for state, label in GROUP_LABELS.items():
        yield _row(f"  {label}", [_percent(item["groups"][state]) for item in each])
    yield _row("  paid alike by all rewards", [_percent(item["paid_alike"]) for item in each])
    yield "completions"
    yield _row("  no answer could be read", [_percent(item["unread"]) for item in each])
    yield _row("  at the length limit", [_percent(item["clipped"]) for item in each])
    yield _row("  tokens (of them thinking)", [_tokens(item) for item in each])
    yield _row("  s.d. of tokens within prompts", [f"{item['length_spread']:.1f}" for item in each])
    yield _row("  points with one s.d. more", [_effect(item["length_effect"]) for item in each])
    for mode, item in zip(modes, each, strict=True):
        curve = ", ".join(f"{k}: {_share(value)}" for k, value in item["curve"])
        yield f"pass@k {MODES[mode]}  {curve}"
    for mode, item in zip(modes, each, strict=True):
        if item["unread_by"]:
            reasons = ", ".join(f"{one_line(name)} {n}" for name, n in list(item["unread_by"].items())[:FEW])
            yield f"not readable {MODES[mode]}: {reasons}"
        if item["ungraded"]:
            yield f"left out {MODES[mode]}: {counted(item['ungraded'], 'prompt')} whose gold answer cannot be graded"


def _row(label: str, cells: Sequence[str]) -> str:
    return (f"{label:<{LABEL}}" + "".join(f"{cell:>{NUMBER}}" for cell in cells)).rstrip()


def _foot(document: Mapping[str, Any], width: int) -> Iterator[str]:
    made = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(float(document.get("made_at") or 0)))
    commit = f", commit {one_line(document['commit'])[:12]}" if document.get("commit") else ""
    yield from _wrapped(
        "In brackets: 95% intervals over prompts, each by itself, so about one in twenty misses. The prompts are of "
        "the training split; what is learnt on them need not carry over, and no learning rate was tried.",
        width,
    )
    yield from _wrapped(
        f"Rules {document.get('rules')} (docs/suitability.md), made {made} by rftui "
        f"{one_line(document.get('rftui_version'))}{commit}.",
        width,
    )


def _wrapped(text: str, width: int, *, hang: str = "") -> list[str]:
    return textwrap.wrap(text, max(20, width), subsequent_indent=hang, break_on_hyphens=False)


def _percent(estimate: Mapping[str, float]) -> str:
    return f"{100 * estimate['value']:.1f}% [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"


def _points(estimate: Mapping[str, float]) -> str:
    return f"{100 * estimate['value']:.1f} [{100 * estimate['low']:.1f}, {100 * estimate['high']:.1f}]"


def _share(value: float) -> str:
    return f"{100 * value:.1f}%"


def _tokens(item: Mapping[str, Any]) -> str:
    return f"{item['mean_tokens']:.1f} ({item['mean_think_tokens']:.1f})"


def _effect(estimate: Mapping[str, float] | None) -> str:
    if estimate is None:
        return "no mixed prompt"
    parts = [100 * estimate[name] for name in ("value", "low", "high")]
    return f"{parts[0]:+.1f} [{parts[1]:+.1f}, {parts[2]:+.1f}]"


def pair_lines(pairs: Sequence[Pair]) -> Iterator[str]:
    """Each forecast beside what happened, in points."""
    for pair in pairs:
        yield one_line(
            f"{pair.study}, {pair.place}, {pair.about}: forecast {pair.outlook} ({100 * pair.predicted:.1f}), measured "
            f"{100 * pair.measured:+.1f} [{100 * pair.low:+.1f}, {100 * pair.high:+.1f}]; {pair.came_out}"
        )
