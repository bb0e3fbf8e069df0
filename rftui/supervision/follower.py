"""A live run as somebody who watches it needs it: state, progress, time left, new log lines. Draws nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from rftui.runs.time_left import Evaluations, seconds_left
from rftui.runs.watch import evaluation_every
from rftui.supervision.attend import attend
from rftui.supervision.facts import read_facts
from rftui.supervision.ledger import LedgerReader
from rftui.supervision.tail import AttemptTail, Progress
from rftui.terminal.clean import log_line
from store.layout import RunDir
from store.states import State, is_live

ATTEND_EVERY_S = 2.0


class Glance(NamedTuple):
    """A run at one moment."""

    name: str
    state: str
    reason: str
    step: int
    total_steps: int
    phase: str
    reward: float | None
    loss: float | None
    accuracy: float | None
    """Held-out accuracy of the last evaluation, greedy before sampled and think before direct."""
    accuracy_step: int | None
    length_tokens: float | None
    seconds_left: float | None

    @property
    def has_ended(self) -> bool:
        """Whether no more will come."""
        return not is_live(State(self.state))


class Follower:
    """Follows one run from now on, whichever attempt is the last."""

    def __init__(self, run_dir: RunDir) -> None:
        self.run_dir = run_dir
        self.facts = read_facts(run_dir)
        # an evaluation takes no steps
        self.total_steps = 0 if self.facts.method == "eval" else self.facts.max_steps
        self.every = None if self.facts.method == "suit" else evaluation_every(run_dir.config)
        self.ledger = LedgerReader(run_dir)
        self.tail: AttemptTail | None = None
        self._next_attend_at = time.monotonic() + ATTEND_EVERY_S

    def look(self) -> Glance:
        """The run at this moment; sees to it when its supervisor died."""
        ledger = self.ledger.update()
        if time.monotonic() >= self._next_attend_at:
            self._next_attend_at = time.monotonic() + ATTEND_EVERY_S
            attend(self.run_dir)
            ledger = self.ledger.update()
        attempt = ledger.current_attempt
        if attempt and (self.tail is None or self.tail.attempt != attempt):
            self.tail = AttemptTail(self.run_dir, attempt=attempt, stall_after_s=self.facts.stall_after_s)
        if self.tail is not None:
            self.tail.read()
        state = ledger.state or State.QUEUED
        progress = self.tail.progress if self.tail is not None else Progress()
        # how many steps a sampling takes is known once the data was looked at
        total = progress.total_steps if self.facts.method == "suit" else self.total_steps
        return glance(self.run_dir.name, state.value, ledger.reason, progress, total_steps=total, every=self.every)


def glance(
    name: str, state: str, reason: str, progress: Progress, *, total_steps: int, every: int | None = None
) -> Glance:
    """What an attempt's progress comes to; `every` says after how many steps it evaluates, None that it does not."""
    evaluation = headline(progress.evaluations)
    return Glance(
        name=name,
        state=state,
        reason=reason,
        step=progress.step,
        total_steps=total_steps,
        phase=progress.phase,
        reward=_number(progress.values.get("reward")),
        loss=_number(progress.values.get("loss")),
        accuracy=None if evaluation is None else float(evaluation["accuracy"]),
        accuracy_step=None if evaluation is None else int(evaluation["step"]),
        length_tokens=_number(progress.values.get("completions/mean_length")),
        seconds_left=seconds_left(
            list(progress.step_times),
            # the tail reads one attempt alone
            since=None,
            step=progress.step,
            total=total_steps,
            evaluations=None if every is None else Evaluations(every, progress.evaluations_took_s),
        ),
    )


def headline(evaluations: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The evaluation that speaks for a step: of the last step, greedy before sampled, think before direct."""
    if not evaluations:
        return None
    last_step = max(int(item["step"]) for item in evaluations)
    of_last = [item for item in evaluations if int(item["step"]) == last_step]
    return min(of_last, key=lambda item: (item.get("decoding") != "greedy", item.get("prompt") != "think"))


def _number(value: Any) -> float | None:
    """A metric as a number; the journal writes NaN and infinities as text."""
    return None if value is None else float(value)


class LogTail:
    """New whole lines of a log, cleaned. Starts at the end but for the last `lines`."""

    def __init__(self, path: Path, *, lines: int | None) -> None:
        self.path = path
        self._offset = 0 if lines is None else start_of_last_lines(path, lines)

    def read(self) -> Iterator[str]:
        """Lines that were completed since the last look."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            file.seek(self._offset)
            while line := file.readline():
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield log_line(line.decode("utf-8", "replace"))

    def rest(self) -> str | None:
        """The last line where it was never ended: a killed process leaves one."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            file.seek(self._offset)
            text = file.read().decode("utf-8", "replace")
        return log_line(text) if text else None


def start_of_last_lines(path: Path, lines: int) -> int:
    """Byte offset at which the last `lines` lines begin; reads backwards, so a large log costs nothing."""
    if not path.exists():
        return 0
    block, found = 1 << 16, 0
    with path.open("rb") as file:
        position = file.seek(0, 2)
        while position > 0:
            start = max(0, position - block)
            file.seek(start)
            data = file.read(position - start)
            place = len(data)
            while (place := data.rfind(b"\n", 0, place)) >= 0:
                found += 1
                if found > lines:
                    return start + place + 1
            position = start
    return 0
