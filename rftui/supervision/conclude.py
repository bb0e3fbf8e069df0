"""Writes down how an attempt ended: gathers the evidence, judges it, records it. Only under the run's lock."""

from __future__ import annotations

from typing import NamedTuple

from rftui.supervision.control import read_request
from rftui.supervision.endings import Evidence, Verdict, judge, last_traceback, rank_signal
from rftui.supervision.facts import RunFacts
from rftui.supervision.keeper import Keeper
from rftui.supervision.oom import memory_evidence
from rftui.supervision.processes import boot_id, is_here
from rftui.supervision.tail import AttemptTail
from store.layout import RunDir

OUTPUT_BYTES = 256 << 10


class Exit(NamedTuple):
    """What the trainer's parent was told. Both None where another process was the parent."""

    code: int | None = None
    signal_name: str | None = None


def conclude(
    run_dir: RunDir, facts: RunFacts, keeper: Keeper, *, attempt: int, ended: Exit, was_watched: bool
) -> Verdict:
    """Records the attempt's end and the run's final state, and returns it."""
    recorded = keeper.ledger.attempt(attempt)
    tail = AttemptTail(run_dir, attempt=attempt, stall_after_s=facts.stall_after_s)
    tail.read()
    output = output_of_attempt(run_dir, offset=recorded.output_offset)
    error = tail.progress.error
    traceback = str(error["traceback"]) if error and error.get("traceback") else last_traceback(output)
    signal_name = ended.signal_name or rank_signal(output)
    same_boot = recorded.identity is None or recorded.identity.boot_id == boot_id()
    if request := read_request(run_dir, attempt=attempt):
        keeper.request(request, attempt=attempt)
    may_be_kernel = signal_name == "SIGKILL" or (ended.code is None and tail.progress.end is None)
    oom = memory_evidence(
        traceback=traceback,
        was_sigkilled=may_be_kernel and same_boot and "kill" not in recorded.requests,
        kills_before=recorded.oom_kills,
        pids={recorded.identity.pid} if recorded.identity is not None and is_here(recorded.identity) else set(),
    )
    verdict = judge(
        Evidence(
            method=facts.method,
            max_steps=facts.max_steps,
            progress=tail.progress,
            exit_code=ended.code,
            signal_name=signal_name,
            oom=oom,
            traceback=traceback,
            requests=frozenset(recorded.requests),
            was_watched=was_watched,
            same_boot=same_boot,
            has_spawned=recorded.identity is not None or tail.progress.has_started,
        )
    )
    recorded.has_ended = True
    keeper.write(
        "attempt_end",
        attempt=attempt,
        exit_code=ended.code,
        signal=signal_name,
        oom=oom,
        traceback=traceback,
        last_step=tail.progress.step,
    )
    keeper.state(verdict.state, verdict.reason, attempt=attempt)
    return verdict


def output_of_attempt(run_dir: RunDir, *, offset: int = 0) -> str:
    """The end of what the trainer printed in this attempt."""
    try:
        with run_dir.output.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(offset, size - OUTPUT_BYTES))
            return file.read().decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
