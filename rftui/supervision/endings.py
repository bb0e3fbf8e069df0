"""How an attempt ended, judged from evidence. Pure: gathering the evidence is the supervisor's work.

The trainer's own `end` record outranks everything; exit code 0 alone proves nothing.
"""

from __future__ import annotations

import re
import signal
from typing import Any, NamedTuple

from rftui.supervision.tail import Progress
from store.states import State

_TRACEBACK = "Traceback (most recent call last):"
_RANK_SIGNAL = re.compile(r"exitcode\s*:\s*-(\d+)")
_LAUNCHER_ERRORS = ("ChildFailedError", "torch.distributed.elastic")
TRACEBACK_CHARACTERS = 8000
CRASH_SIGNALS = frozenset({"SIGSEGV", "SIGABRT", "SIGBUS", "SIGFPE", "SIGILL", "SIGSYS"})
"""Signals that a program raises by its own fault; the others come from outside."""


class Evidence(NamedTuple):
    """Everything known about an attempt that runs no more."""

    method: str
    max_steps: int
    progress: Progress
    exit_code: int | None
    """None when another process was the parent, or a signal ended it."""
    signal_name: str | None
    oom: dict[str, Any] | None
    traceback: str | None
    requests: frozenset[str]
    was_watched: bool
    """Whether a supervisor was there when it ended."""
    same_boot: bool
    has_spawned: bool = True


class Verdict(NamedTuple):
    """A final state and why."""

    state: State
    reason: str


def signal_name(number: int) -> str:
    """SIGKILL for 9; the number itself where it has no name."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def rank_signal(output: str) -> str | None:
    """The signal that torchrun says ended one of its ranks."""
    matches = _RANK_SIGNAL.findall(output)
    return signal_name(int(matches[-1])) if matches else None


def last_traceback(output: str) -> str | None:
    """The last Python traceback in a log that is not torchrun's own, with its final line."""
    for start in reversed([match.start() for match in re.finditer(re.escape(_TRACEBACK), output)]):
        lines = output[start:].splitlines()
        taken = [lines[0]]
        for line in lines[1:]:
            taken.append(line)
            if line and not line[0].isspace() and not line.startswith(_TRACEBACK):
                break
        text = "\n".join(taken)
        if not any(name in text for name in _LAUNCHER_ERRORS):
            return text[-TRACEBACK_CHARACTERS:]
    return None


def judge(evidence: Evidence) -> Verdict:
    """The final state and its reason."""
    end = evidence.progress.end
    if end is not None:
        return _by_end_record(evidence, end)
    if evidence.oom is not None:
        return Verdict(State.FAILED, f"out of memory: {evidence.oom['detail']}{_at_step(evidence)}")
    if evidence.progress.error is not None:
        return Verdict(State.FAILED, _error_line(evidence.progress.error))
    if "kill" in evidence.requests:
        return Verdict(State.KILLED, f"SIGKILL by rftui kill{_at_step(evidence)}")
    if evidence.signal_name is not None:
        state = State.FAILED if evidence.signal_name in CRASH_SIGNALS else State.KILLED
        return Verdict(state, f"{evidence.signal_name}{_at_step(evidence)}")
    if evidence.exit_code is not None:
        return _by_exit_code(evidence)
    return _unseen(evidence)


def _by_end_record(evidence: Evidence, end: dict[str, Any]) -> Verdict:
    outcome, step = end.get("outcome"), int(end.get("step") or 0)
    if outcome == "finished":
        if evidence.method in ("eval", "suit") or step == evidence.max_steps:
            return Verdict(State.FINISHED, "")
        return Verdict(State.FAILED, f"said finished at step {step} of {evidence.max_steps}")
    if outcome == "stopped":
        by = "on request" if "stop" in evidence.requests else "by SIGTERM"
        return Verdict(State.STOPPED, f"{by}{_at_step(evidence, step=step)}")
    error = end.get("error") or {}
    if evidence.oom is not None:
        return Verdict(State.FAILED, f"out of memory: {evidence.oom['detail']}{_at_step(evidence)}")
    return Verdict(State.FAILED, _error_line(error))


def _error_line(error: dict[str, Any]) -> str:
    message = (str(error.get("message") or "").strip().splitlines() or [""])[0]
    return f"{error.get('type', 'error')}: {message}" if message else str(error.get("type", "error"))


def _by_exit_code(evidence: Evidence) -> Verdict:
    if evidence.exit_code == 0:
        return Verdict(
            State.FAILED,
            f"exit code 0{_at_step(evidence)}, without saying that it finished",
        )
    last_line = evidence.traceback.strip().splitlines()[-1] if evidence.traceback else ""
    said = f": {last_line}" if last_line else f"{_at_step(evidence)}; see its log"
    return Verdict(State.FAILED, f"exit code {evidence.exit_code}{said}")


def _unseen(evidence: Evidence) -> Verdict:
    """No exit status: another process was the parent, or nobody looked."""
    if not evidence.same_boot:
        return Verdict(State.LOST, f"the machine restarted{_at_step(evidence)}")
    if not evidence.has_spawned:
        return Verdict(State.LOST, "its supervisor died before training began")
    if evidence.traceback is not None:
        return Verdict(State.FAILED, evidence.traceback.strip().splitlines()[-1])
    if evidence.was_watched:
        # Python writes an end record on every exception, so only a signal can have ended it
        return Verdict(State.KILLED, f"a signal that nobody saw{_at_step(evidence)}; its first supervisor was gone")
    return Verdict(State.LOST, f"trainer and supervisor both gone{_at_step(evidence)}")


def _at_step(evidence: Evidence, *, step: int | None = None) -> str:
    """Where it was; `step` where the journal's last record says it."""
    has_started = evidence.progress.has_started or step is not None
    if evidence.method == "eval":
        return " in mid-evaluation" if has_started else " before it began"
    step = evidence.progress.step if step is None else step
    if evidence.method == "suit":
        return f" after step {step} of {evidence.progress.total_steps}" if has_started else " before sampling began"
    return f" after step {step} of {evidence.max_steps}" if has_started else " before training began"
