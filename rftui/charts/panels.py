"""Which metrics stand on which chart, by training method. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple


class Trace(NamedTuple):
    """One curve of a panel."""

    metric: str
    label: str
    spread: str | None = None
    """A metric that holds the standard deviation around it."""
    is_held_out: bool = False
    """Measured by evaluations, with an interval, rather than at each step."""


class Panel(NamedTuple):
    """One chart."""

    title: str
    traces: tuple[Trace, ...]


REWARD = "reward"
_HELD_OUT = ("heldout/think/greedy", "heldout/direct/greedy", "heldout/think/sampled", "heldout/direct/sampled")
_LENGTHS = (("completions/mean_length", "mean"), ("completions/p95_length", "p95"))
_LONGEST = ("completions/max_length", "max")
"""Stands in for the 95th percentile where a run has none."""
_PLAIN_GRPO = (
    ("clipped", "completions/clipped_ratio", "cut at the limit"),
    ("KL", "kl", "KL"),
    ("entropy", "entropy", "entropy"),
    ("dead groups", "frac_reward_zero_std", "dead groups"),
    ("gradient norm", "grad_norm", "gradient norm"),
    ("step time in s", "step_time", "step time in s"),
)
_PLAIN_SFT = (
    ("loss", "loss", "loss"),
    ("token accuracy", "mean_token_accuracy", "token accuracy"),
    ("learning rate", "learning_rate", "learning rate"),
)
_SAMPLED = (
    ("pass_at_1", "one completion right, so far"),
    ("pass_at_g", "one of a group right, so far"),
    ("mixed", "mixed groups, so far"),
    ("unread", "no answer readable, so far"),
    ("mean_tokens", "length in tokens, so far"),
)
"""The course of the means over all prompts sampled until then."""


def preset(method: str, names: Collection[str]) -> list[Panel]:
    """The charts of a method, those whose metrics the run has written; the first few metrics where it has none."""
    panels = {"sft": _sft, "eval": _evaluated, "suit": _sampled}.get(method, _grpo)(names)
    if panels:
        return panels
    return [single(name) for name in sorted(names)[:6]]


def single(metric: str) -> Panel:
    """A chart of one metric, whatever it is."""
    return Panel(metric, (Trace(metric, metric, is_held_out=_is_accuracy(metric)),))


def matching(text: str, names: Collection[str]) -> list[str]:
    """Names that hold every word of a search in any order, in alphabetical order."""
    words = text.lower().split()
    return [name for name in sorted(names) if all(word in name.lower() for word in words)]


def metrics_of(panels: Collection[Panel]) -> set[str]:
    """Every metric that panels need."""
    needed = {trace.metric for panel in panels for trace in panel.traces}
    return needed | {trace.spread for panel in panels for trace in panel.traces if trace.spread}


def held_out_kind(metric: str) -> tuple[str, str]:
    """Prompt and decoding of a metric such as heldout/think/greedy/accuracy; empty for another."""
    parts = metric.split("/")
    return (parts[1], parts[2]) if _is_accuracy(metric) else ("", "")


def _is_accuracy(metric: str) -> bool:
    parts = metric.split("/")
    return len(parts) == 4 and parts[0] == "heldout" and parts[3] == "accuracy"


def _grpo(names: Collection[str]) -> list[Panel]:
    components = [name for name in sorted(names) if name.startswith("rewards/") and name.endswith("/mean")]
    traces = [Trace(name, name.split("/", 1)[1].removesuffix("/mean")) for name in components]
    panels = []
    if REWARD in names:
        panels.append(Panel("reward", (Trace(REWARD, "reward", "reward_std" if "reward_std" in names else None),)))
    # four curves are as many as can be told apart
    panels += [Panel("reward parts", tuple(traces[first : first + 4])) for first in range(0, len(traces), 4)]
    training = [Trace("rewards/accuracy/mean", "training groups")] if "rewards/accuracy/mean" in names else []
    panels += _accuracy(names, training)
    measures = _LENGTHS if _LENGTHS[1][0] in names else (_LENGTHS[0], _LONGEST)
    lengths = tuple(Trace(metric, label) for metric, label in measures if metric in names)
    if lengths:
        panels.append(Panel("length in tokens", lengths))
    return panels + _plain(_PLAIN_GRPO, names)


def _sft(names: Collection[str]) -> list[Panel]:
    plain = _plain(_PLAIN_SFT, names)
    return plain[:2] + _accuracy(names, []) + plain[2:]


def _evaluated(names: Collection[str]) -> list[Panel]:
    return _accuracy(names, [])


def _sampled(names: Collection[str]) -> list[Panel]:
    """What a sampling before training came to so far, both prompts beside each other."""
    panels = []
    for measure, title in _SAMPLED:
        known = [mode for mode in ("think", "direct") if f"suit/{mode}/{measure}" in names]
        if known:
            panels.append(Panel(title, tuple(Trace(f"suit/{mode}/{measure}", mode) for mode in known)))
    return panels


def _accuracy(names: Collection[str], training: list[Trace]) -> list[Panel]:
    """Held-out accuracy beside that of the training groups, each a curve of its own."""
    kinds = [kind for kind in _HELD_OUT if f"{kind}/accuracy" in names]
    # sampled answers stand in only where nothing was decoded greedily
    shown = [kind for kind in kinds if kind.endswith("greedy")] or kinds
    labels = ["held out"] if len(shown) == 1 else [_held_out_label(kind) for kind in shown]
    held_out = [Trace(f"{kind}/accuracy", label, is_held_out=True) for kind, label in zip(shown, labels, strict=True)]
    traces = tuple(training + held_out)
    return [Panel("accuracy", traces)] if traces else []


def _held_out_label(kind: str) -> str:
    _, prompt, decoding = kind.split("/")
    return f"held out {prompt}" if decoding == "greedy" else f"held out {prompt} {decoding}"


def _plain(table: Collection[tuple[str, str, str]], names: Collection[str]) -> list[Panel]:
    return [Panel(title, (Trace(metric, label),)) for title, metric, label in table if metric in names]
