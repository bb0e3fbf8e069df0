"""Why a run ended, in a few lines: state, exit, memory, the traceback's last line, last metrics, what to do. Pure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rftui.formats import SYMBOLS, duration, number, steps
from rftui.terminal.spans import Line, Role, Span, fitted, flowed
from rftui.terminal.wrapping import drawable_line, wrap
from store.attempt_ends import AttemptEnd
from store.states import State

HEADLINES = (
    "reward",
    "reward_std",
    "loss",
    "kl",
    "entropy",
    "grad_norm",
    "learning_rate",
    "mean_token_accuracy",
    "completions/mean_length",
    "completions/clipped_ratio",
    "frac_reward_zero_std",
)
"""Metrics that tell what a run was about when it ended, by TRL's names."""
MOST_REASON = 3
"""Lines that a reason may take."""
_GOOD = frozenset({State.FINISHED, State.STOPPED})
_SMALLER = "per_device_train_batch_size, num_generations or max_completion_length"


class Ending(NamedTuple):
    """A run that has ended, with all that is known of it."""

    name: str
    state: str
    reason: str
    step: int
    total_steps: int
    took_s: float | None
    attempt: AttemptEnd | None
    metrics: Mapping[str, float]
    """Last value of every metric."""
    checkpoint_step: int | None
    """Of the newest complete checkpoint; None where there is none."""


def ending_lines(ending: Ending, width: int) -> list[Line]:
    """All of it; a finished run has no more to explain than how long it took."""
    lines = list(_state_lines(ending, width))
    if ending.state != State.FINISHED:
        lines += _evidence_lines(ending, width)
    if metrics := _metric_pieces(ending):
        lines += flowed(metrics, width, hang="  ")[:2]
    command, does = _advice(ending)
    words: list[Line] = [(Span(word, Role.MUTED),) for word in does.split()]
    return [*lines, *flowed([(Span("next ", Role.MUTED), Span(command, Role.STRONG)), *words], width, gap=" ")]


def _state_lines(ending: Ending, width: int) -> Iterator[Line]:
    role = Role.RIGHT if ending.state == State.FINISHED else Role.PLAIN if ending.state in _GOOD else Role.WRONG
    head = f"{SYMBOLS.get(ending.state, '?')} {ending.state}"
    facts = [f"step {steps(ending.step, ending.total_steps)}"]
    if ending.took_s is not None:
        facts.append(f"took {duration(ending.took_s)}")
    attempt = ending.attempt
    if attempt is not None and attempt.ended_at is not None:
        facts.append(f"ended {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(attempt.ended_at))}")
    if attempt is not None and attempt.number > 1:
        facts.append(f"attempt {attempt.number}")
    yield fitted((Span(head, role), Span(f"  {', '.join(facts)}", Role.MUTED)), width)
    reason = drawable_line(ending.reason)
    places = wrap(reason, max(1, width - 2)) if reason else []
    for start, end in places[:MOST_REASON]:
        yield Span("  "), Span(reason[start:end])


def _evidence_lines(ending: Ending, width: int) -> Iterator[Line]:
    attempt = ending.attempt
    if attempt is None:
        return
    pieces: list[Line] = []
    if attempt.exit_code is not None:
        pieces.append((Span("exit code ", Role.MUTED), Span(str(attempt.exit_code))))
    if attempt.signal:
        pieces.append((Span("signal ", Role.MUTED), Span(drawable_line(attempt.signal))))
    if attempt.oom is not None:
        said = f"{attempt.oom.get('kind', '')}: {attempt.oom.get('detail', '')}"
        pieces.append((Span("memory ran out, by ", Role.MUTED), Span(drawable_line(said), Role.WARNING)))
    elif attempt.signal == "SIGKILL":
        pieces.append((Span("no evidence that memory ran out", Role.MUTED),))
    yield from flowed(pieces, width)
    if attempt.traceback:
        last = drawable_line(attempt.traceback.strip().rpartition("\n")[2])
        line = (Span("traceback (t) ", Role.MUTED), Span(last, Role.WRONG))
        # the reason often is that line already
        if last and last not in drawable_line(ending.reason):
            yield fitted(line, width)


def _metric_pieces(ending: Ending) -> list[Line]:
    known = [name for name in HEADLINES if name in ending.metrics]
    if not known:
        return []
    head: Line = (Span("last metrics", Role.MUTED),)
    return [head, *((Span(f"{name} ", Role.MUTED), Span(number(ending.metrics[name], digits=3))) for name in known)]


def _advice(ending: Ending) -> tuple[str, str]:
    """What to type, with the dashboard's key for it, and what that does."""
    name = drawable_line(ending.name)
    if ending.state == State.FINISHED:
        return f"rftui eval {name}", f"scores its weights again, `rftui clone {name}` starts another like it"
    resume = f"rftui resume {name} (R)"
    does = (
        f"goes on after step {ending.checkpoint_step}, its newest complete checkpoint"
        if ending.checkpoint_step is not None
        else "starts at step 1 again, for it has no complete checkpoint"
    )
    oom = ending.attempt.oom if ending.attempt is not None else None
    if oom is not None and oom.get("kind") == "allocation":
        change = f"rftui clone {name} --set per_device_train_batch_size=N (C)"
        return change, f"with less of {_SMALLER}; resumed, it keeps its settings and {does}"
    if oom is not None:
        return resume, f"{does}; first give the machine more memory, or run less beside it"
    if ending.state == State.FAILED:
        return resume, f"{does}; first mend what the traceback or the log names"
    return resume, does
